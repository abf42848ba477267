"""A small street whose pipes, ground and buildings are known, published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from shapely import LineString, Point, Polygon

from cim.catalog import registry
from cim.geo.crs import to_lonlat
from cim.installation import Installation
from cim.store.database import ready
from cim.topic import Analysis, Context, Result
from tests.delivered import ZONE, deliver, raster
from tests.topics.pipelines.towns import at

SLOPE = 0.02  # of the ground eastwards
GROUND = 1400.0  # at x = 0, m


def ground(x: float) -> float:
    return GROUND + SLOPE * x


def segments(rows: list[dict[str, Any]], **more: Any) -> gpd.GeoDataFrame:
    """Segments: ``line`` (m) and attributes as given; what is not given is not recorded."""
    known = {
        "seg_id": "", "from_no": "", "to_no": "", "start_depth": None, "end_depth": None,
        "start_elev": None, "end_elev": None, "elev_ref": "top", "dn": None, "material": "",
        "pressure_class": "", "embedding": "直埋",
    }  # fmt: skip
    plain = [{**known, **more, **{k: v for k, v in r.items() if k != "line"}} for r in rows]
    frame = gpd.GeoDataFrame(
        plain, geometry=[LineString([at(*p[:2]) for p in r["line"]]) for r in rows], crs=ZONE
    )
    for name in ("start_depth", "end_depth", "start_elev", "end_elev", "dn"):
        frame[name] = frame[name].astype(float)
    return frame


def street() -> dict[str, gpd.GeoDataFrame]:
    """Water along y = 0, sewage along y = 2, gas across at x = 30, and what lacks something."""
    water = segments([
        {"seg_id": "W1", "from_no": "A", "to_no": "B", "line": [(0, 0), (60, 0)], "dn": 300,
         "start_elev": 1398.0, "end_elev": 1398.0},
        {"seg_id": "W2", "from_no": "B", "to_no": "C", "line": [(60, 0), (120, 0)], "dn": 300,
         "start_elev": 1398.0, "end_elev": 1398.0},
        {"seg_id": "W3", "line": [(0, -5), (60, -5)], "start_elev": 1398.0, "end_elev": 1398.0},
        {"seg_id": "W4", "line": [(0, -9), (60, -9)], "dn": 100, "start_depth": 1.5,
         "end_depth": 1.5},
        {"seg_id": "W5", "line": [(0, -12), (60, -12)], "dn": 100, "start_elev": 1398.0},
    ])  # fmt: skip
    sewage = segments([
        {"seg_id": "S1", "from_no": "P", "to_no": "Q", "line": [(0, 2), (60, 2)], "dn": 400,
         "start_elev": 1396.6, "end_elev": 1396.5},
        {"seg_id": "S2", "from_no": "Q", "to_no": "R", "line": [(60, 2), (120, 1.5)], "dn": 400,
         "start_elev": 1396.5, "end_elev": 1396.4},
    ], elev_ref="invert")  # fmt: skip
    gas = segments([
        {"seg_id": "G1", "from_no": "K", "to_no": "L", "line": [(30, -3), (30, 10)], "dn": 200,
         "start_elev": 1398.4, "end_elev": 1398.4, "pressure_class": "中压B"},
        {"seg_id": "G2", "from_no": "M", "to_no": "N", "line": [(70, 3.2), (110, 3.2)],
         "dn": 200, "start_elev": 1398.4, "end_elev": 1398.4},
    ])  # fmt: skip
    manhole = gpd.GeoDataFrame(
        {"point_no": ["P", "Q", "R"], "ground_elev": [1400.05, 1401.2, 1402.4],
         "well_depth": [3.5, 4.7, 6.0], "kind": "WS", "appurtenance": "检查井"},
        geometry=[Point(at(0, 2)), Point(at(60, 2)), Point(at(120, 1.5))], crs=ZONE,
    )  # fmt: skip
    building = gpd.GeoDataFrame(
        {"building_id": ["H1", "H2"], "height": [9.0, 9.0], "use": "住宅", "floors": 3},
        geometry=[Polygon([at(40, 4), at(55, 4), at(55, 12), at(40, 12)]),
                  Polygon([at(0, 30), at(10, 30), at(10, 40), at(0, 40)])], crs=ZONE,
    )  # fmt: skip
    road = gpd.GeoDataFrame(
        {"road_id": ["R1", "R2"], "width": [7.0, None]},
        geometry=[LineString([at(-20, 2), at(200, 2)]), LineString([at(30, -60), at(30, -4)])],
        crs=ZONE,
    )  # fmt: skip
    return {
        "pipelines.water_pipe": water, "pipelines.sewage_pipe": sewage,
        "pipelines.gas_pipe": gas, "pipelines.manhole": manhole, "base.building": building,
        "base.road": road,
    }  # fmt: skip


def publish(
    here: Installation, folder: Path, frames: Mapping[str, gpd.GeoDataFrame], *, dem: bool = True
) -> None:
    """Publish some layers, and the sloping ground below them."""
    folder.mkdir(parents=True, exist_ok=True)
    if dem:
        west, south = at(-150, -150)
        columns = rows = 100
        x = west + (np.arange(columns) + 0.5) * 5 - at(0, 0)[0]
        heights = np.broadcast_to(GROUND + SLOPE * x, (rows, columns)).astype(np.float64)
        path = raster(folder / "dem.tif", heights, cell=5.0, west=west, north=south + rows * 5)
        deliver(here, path, "base.dem", declared(here, "base.dem"))
    for layer, frame in frames.items():
        path = folder / f"{layer}.gpkg"
        frame.to_file(path, driver="GPKG")
        deliver(here, path, layer, declared(here, layer))


def declared(here: Installation, layer: str) -> Any:
    with ready(here.engine) as connection:
        return registry.declaration(connection, layer)


def answer(here: Installation, analysis: Analysis, folder: Path, **asked: Any) -> Result:
    """Ask an analysis."""
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(city=here.city, engine=here.engine, files=here.files, folder=folder)
    return analysis.run(analysis.parse(asked), context)


def degrees(*places: tuple[float, float]) -> list[list[float]]:
    """Places of the street (m) in degrees."""
    found: list[list[float]] = to_lonlat(ZONE, np.array([at(*p) for p in places])).tolist()
    return found


def figures(result: Result) -> dict[str, Any]:
    return {figure.key: figure.value for figure in result.summary}
