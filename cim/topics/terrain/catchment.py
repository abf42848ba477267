"""汇水区: which ground drains through a place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, coverage, disc
from cim.errors import ParameterError
from cim.geo.area import ellipsoidal_area
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.grid import Grid
from cim.geo.terrain import flow, slope, streams, watershed
from cim.question import OnModel, Point, english, point_field
from cim.topic import Analysis, Context, Figure, LegendEntry, Result
from cim.topics.terrain.analysis import Floats, area_of
from cim.topics.terrain.asked import accuracy_of, ground_of, provenance, source_of


class WatershedParameters(OnModel):
    """What a watershed asks for."""

    outlet: Point = point_field(
        "出水口", "汇水出口的经纬度（度）；自动移到附近汇流最大处。",
        "Outlet", "Longitude and latitude; moved to the largest stream near by.",
    )  # fmt: skip
    snap: float = Field(
        default=60.0, ge=0, le=500, title="捕捉半径", description="在此半径内取汇流面积最大处。",
        json_schema_extra=english("Snap", "Within it the largest stream is taken.", "m"),
    )  # fmt: skip
    range: float = Field(
        default=8000.0, ge=200, le=30_000, title="分析半径", description="参与汇流计算的范围。",
        json_schema_extra=english("Radius", "Ground that takes part.", "m"),
    )  # fmt: skip
    stream: float = Field(
        default=0.25, gt=0, le=100, title="河道阈值", description="汇流面积达到该值视为沟道。",
        json_schema_extra=english("Stream from", "Area that makes a stream.", "km2"),
    )  # fmt: skip


def catchment(asked: WatershedParameters, context: Context) -> Result:
    """The ground that drains through a place."""
    ground = ground_of(context, asked, (asked.outlet,), asked.range)
    grid = ground.grid
    drained = flow(grid)
    x, y = transformer(CGCS2000, grid.crs).transform(*asked.outlet)
    near = disc(grid, x, y, max(asked.snap, *grid.cell)) & np.isfinite(drained.upslope)
    if not near.any():
        raise ParameterError(
            "the outlet lies where the ground is unknown",
            remedy="choose a place on the elevation model",
        )
    best = int(np.argmax(np.where(near, drained.upslope, -1.0)))
    row, column = divmod(best, grid.heights.shape[1])
    mask = watershed(drained, [(row, column)]) == 1
    shape = area_of(grid, mask)
    rivers = mask & streams(drained, asked.stream * 1e6)
    classes = np.full(mask.shape, NOTHING, np.uint8)
    classes[mask] = 0
    classes[rivers] = 1
    heights = np.where(mask, grid.heights, np.nan)
    return Result(
        summary=_catchment_figures(ground, asked, shape, heights, rim=_touches_rim(mask)),
        features=_catchment_features(grid, (row, column), shape),
        coverage=coverage(grid, classes, context, _WATER_LEGEND),
        provenance=provenance(
            ground, asked, context,
            "Steepest of eight neighbours on the model with its depressions filled: culverts, "
            "sewers and walls are not in it.",
        ),
    )  # fmt: skip


_WATER_LEGEND = (
    LegendEntry(value=0, color="#29b6f660", title="汇水区", title_en="Catchment"),
    LegendEntry(value=1, color="#0d47a1d0", title="沟道", title_en="Streams"),
)


def _touches_rim(mask: npt.NDArray[np.bool_]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _parts(shape: Any) -> list[Polygon]:
    return list(shape.geoms) if isinstance(shape, MultiPolygon) else [shape]


def _catchment_figures(
    ground: Ground, asked: WatershedParameters, shape: Any, heights: Floats, *, rim: bool
) -> tuple[Figure, ...]:  # fmt: skip
    source = f"{source_of(ground, asked)}，D8，Barnes 等 (2014)"
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    size = sum(ellipsoidal_area(part) for part in _parts(shape))
    steep = slope(ground.grid)
    inner = steep[np.isfinite(heights) & np.isfinite(steep)]
    cut = " 已触及分析边界：面积偏小 cut by the radius: too small" if rim else ""
    return (
        Figure(key="area", title="汇水面积（椭球面）", title_en="Catchment (ellipsoidal)",
               value=size / 1e6, unit="km2", evidence="" if rim else source),
        Figure(key="complete", title="是否完整", title_en="Complete",
               value="否 no" if rim else "是 yes", evidence=f"{source}{cut}"),
        Figure(key="relief", title="高差", title_en="Relief", value=high - low, unit="m",
               evidence=source),
        Figure(key="mean_slope", title="平均坡度", title_en="Mean slope", unit="deg",
               value=float(inner.mean()) if inner.size else None, evidence=source),
        accuracy_of(ground, asked),
    )  # fmt: skip


def _catchment_features(grid: Grid, outlet: tuple[int, int], shape: Any) -> dict[str, Any]:
    x = grid.west + (outlet[1] + 0.5) * grid.cell[0]
    y = grid.north - (outlet[0] + 0.5) * grid.cell[1]
    place = to_lonlat(grid.crs, np.array([[x, y]]))[0].round(8).tolist()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": mapping(shape),
                "properties": {"name": "汇水区", "name_en": "Catchment",
                               "style": {"color": "#0288d1", "width": 2, "fill": "#0288d118"}},
            },
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": place},
                "properties": {"name": "出水口", "name_en": "Outlet",
                               "style": {"color": "#ffd54f", "width": 12}},
            },
        ],
    }  # fmt: skip


CATCHMENT = Analysis(
    id="terrain.catchment",
    title="哪些地方的水会流经这里（汇水区）",
    title_en="Which ground drains through this place",
    summary=(
        "填洼后按最陡方向（D8）汇流，给出流经出水口的汇水区、面积与沟道；不含涵洞、管网与堤防。"
    ),
    summary_en=(
        "The model's depressions are filled and each cell drains to its steepest lower neighbour: "
        "the catchment of a place, its area and its streams. Culverts, sewers and dykes are not in "
        "it."
    ),
    parameters=WatershedParameters,
    run=catchment,
    example={"outlet": [106.6480, 35.2200], "snap": 200, "range": 6000},
    reads=lambda asked: (asked.terrain,),
    references=(
        "Barnes, Lehman & Mulla (2014), Priority-flood, Computers & Geosciences 62, 117-127",
        "O'Callaghan & Mark (1984), CVGIP 28(3), 323-344",
    ),
)
