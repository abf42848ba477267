"""One layer of pipes, or of points with chambers, as tubes in the city's compute CRS."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS

from cim.geo.laid import FAULTS, Laid, lay, nodes_of
from cim.geo.tube import Tube, capacity, mitre, tube
from cim.ingest.sources.heights import heights_at
from cim.layers import Field, FieldType
from cim.pipe_rows import courses, grounds_of, number, pair, records_of, text
from cim.walls import Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHAMBER = 0.35  # m: radius of a chamber whose size is not recorded
DEEPEST = 60.0  # m: a chamber that is said to be deeper is a slip of the pen
_REAL, _INTEGER = FieldType.REAL, FieldType.INTEGER
FIELDS = (
    Field(name="number", title="编号", title_en="Number"),
    Field(name="network", title="管类", title_en="Network"),
    Field(name="what", title="类别", title_en="Kind"),
    Field(name="dn", title="管径", title_en="Nominal diameter", type=_INTEGER, unit="mm"),
    Field(name="outer", title="外径", title_en="Outer diameter", type=_REAL, unit="m"),
    Field(name="material", title="材质", title_en="Material"),
    Field(name="length", title="长度（三维）", title_en="Length in space", type=_REAL, unit="m"),
    Field(name="start_centre", title="起端中心高程", title_en="Centre at start", type=_REAL,
          unit="m"),
    Field(name="end_centre", title="止端中心高程", title_en="Centre at end", type=_REAL,
          unit="m"),
    Field(name="depth", title="井深", title_en="Depth of the chamber", type=_REAL, unit="m"),
    Field(name="size_by", title="尺寸依据", title_en="Size told by"),
    Field(name="owner", title="权属单位", title_en="Owner"),
    Field(name="built_year", title="建设年代", title_en="Year built", type=_INTEGER, unit="a"),
    Field(name="status", title="使用状况", title_en="Status"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """A published layer that tubes are made of.

    Args:
        path: GeoParquet of its rows, degrees.
        layer: Its id.
        version: Its number.
        title: What users read, Chinese.
        color: #rrggbb of its style: CJJ 61 annex B for networks.
        points: Whether it is a layer of points.
    """

    path: Path
    layer: str
    version: int
    title: str
    color: str
    points: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shaped:
    """Features with their surfaces.

    Args:
        tubes: x, y, z in the compute CRS, heights 1985, m.
        volume: (n,) what each holds in that plane, m³.
        columns: Of each of ``FIELDS``: (n,) Python values.
        total: Rows that were read.
        faults: What kept how many of them from being drawn, or was assumed.
    """

    tubes: list[Tube]
    volume: Floats
    columns: dict[str, npt.NDArray[np.object_]]
    total: int
    faults: Counter[str] = field(default_factory=Counter)


def shaped(
    lent: Lent, grounds: Sequence[Lent], crs: CRS, models: Sequence[Path], sides: int,
    walls: Walls,
) -> Shaped:  # fmt: skip
    """Read one layer and sweep what is known well enough.

    Args:
        lent: The layer.
        grounds: Layers of points that tell the ground at pipes' ends.
        crs: The city's compute CRS.
        models: Elevation models, the finest first.
        sides: Of a tube.
        walls: How diameters are read.
    """
    frame = _frame(lent, crs)
    if lent.points:
        return _chambers(frame, lent, crs, models, sides)
    return _pipes(frame, lent, [_frame(g, crs) for g in grounds], models, sides, walls)


def _frame(lent: Lent, crs: CRS) -> gpd.GeoDataFrame:
    return gpd.read_parquet(lent.path).rename_geometry("geometry").to_crs(crs)


def _pipes(
    frame: gpd.GeoDataFrame, lent: Lent, points: Sequence[gpd.GeoDataFrame],
    models: Sequence[Path], sides: int, walls: Walls,
) -> Shaped:  # fmt: skip
    row = frame.drop(columns="geometry").to_dict("records")
    lines = courses(frame.geometry.to_numpy())
    numbers = [(text(r.get("from_no")), text(r.get("to_no"))) for r in row]
    grounds = grounds_of(
        lines, numbers, points, pair(row, "elev") + pair(row, "depth"),
        lambda at: heights_at(at, frame.crs, models),
    )  # fmt: skip
    laid = lay(records_of(row, lines, grounds, walls, widest=True))
    faults: Counter[str] = Counter()
    for key, (zh, en) in FAULTS.items():
        faults[f"{zh} {en}"] = int(laid.faults[key].sum())
    kept = np.flatnonzero(laid.known)
    nodes = nodes_of(np.zeros(len(row), np.int64), numbers, laid)
    planes = _planes(laid, nodes, kept)
    chains = {int(i): _chain(laid, int(i)) for i in kept}
    length = np.array([np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in chains.values()])
    made = [tube(chain, float(laid.radius[i]), sides, begin=planes.get((i, 0)),
                 end=planes.get((i, 1))) for i, chain in chains.items()]  # fmt: skip
    volume = np.array([capacity(float(laid.radius[i]), float(long_), sides)
                       for i, long_ in zip(kept, length, strict=True)])  # fmt: skip
    own = [row[i] for i in kept]
    columns = {
        "number": [text(r.get("seg_id")) or f"#{r['fid']}" for r in own],
        "network": [lent.title] * len(own), "what": ["管段"] * len(own),
        "dn": [_whole(r.get("dn")) for r in own],
        "outer": (2 * laid.radius[kept]).round(4).tolist(),
        "material": [text(r.get("material")) or None for r in own],
        "length": length.round(3).tolist(),
        "start_centre": laid.ends[kept, 0].round(3).tolist(),
        "end_centre": laid.ends[kept, 1].round(3).tolist(),
        "size_by": ["公称直径" if walls == "none" else "壁厚表（未核实）"] * len(own),
        **_shared(own),
    }  # fmt: skip
    return Shaped(tubes=made, volume=volume, columns=_columns(columns, len(own)), total=len(row),
                  faults=+faults)  # fmt: skip


def _chain(laid: Laid, pipe: int) -> Floats:
    legs = laid.legs_of(pipe)
    return np.concatenate([laid.a[legs], laid.b[legs][-1:]])


def _planes(laid: Laid, nodes: Ints, kept: Ints) -> dict[tuple[int, int], Floats]:
    """Planes in which pipes of one width meet where just two of them are joined."""
    ends: dict[int, list[tuple[int, int]]] = {}
    for pipe in kept.tolist():
        for end in (0, 1):
            ends.setdefault(int(nodes[pipe, end]), []).append((pipe, end))
    found: dict[tuple[int, int], Floats] = {}
    for at in ends.values():
        if len(at) != 2 or at[0][0] == at[1][0]:
            continue
        (one, e), (other, f) = at
        here, there = _tip(laid, one, e), _tip(laid, other, f)
        same = abs(laid.radius[one] - laid.radius[other]) < 1e-6
        if not same or np.linalg.norm(here.place - there.place) > 0.002:
            continue
        plane = mitre(here.outwards, -there.outwards, float(laid.radius[one]),
                      (here.length, there.length))  # fmt: skip
        if plane is not None:
            found[one, e] = found[other, f] = plane
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Tip:
    place: Floats
    outwards: Floats
    length: float


def _tip(laid: Laid, pipe: int, end: int) -> _Tip:
    """The end of a pipe and the leg that leads to it."""
    legs = laid.legs_of(pipe)
    leg = legs.stop - 1 if end else legs.start
    way = (laid.b[leg] - laid.a[leg]) * (1 if end else -1)
    length = float(np.linalg.norm(way))
    return _Tip(laid.b[leg] if end else laid.a[leg], way / length, length)


def _chambers(
    frame: gpd.GeoDataFrame, lent: Lent, crs: CRS, models: Sequence[Path], sides: int
) -> Shaped:
    """Chambers as upright cylinders from the ground to their bottom."""
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    row = frame.drop(columns="geometry").to_dict("records")
    at = shapely.get_coordinates(frame.geometry.representative_point()).reshape(-1, 2)
    ground = np.array([_real(r.get("ground_elev")) for r in row]).reshape(-1)
    open_ = np.isnan(ground)
    if open_.any():
        ground[open_] = heights_at(at[open_], crs, models)
    depth = np.array([_real(r.get("well_depth")) for r in row]).reshape(-1)
    fine = np.isfinite(ground) & (depth > 0) & (depth <= DEEPEST)
    sizes = [chamber_radius(text(r.get("size"))) for r in row]
    kept = np.flatnonzero(fine)
    radius = np.array([CHAMBER if size is None else size for size in sizes])
    made = [
        tube(np.array([[*at[i], ground[i]], [*at[i], ground[i] - depth[i]]]), radius[i], sides)
        for i in kept
    ]
    own = [row[i] for i in kept]
    told = ["井规格" if sizes[i] is not None else f"未记录，取 {2 * CHAMBER:g} m" for i in kept]
    columns = {
        "number": [text(r.get("point_no")) or f"#{r['fid']}" for r in own],
        "network": [lent.title] * len(own),
        "what": [text(r.get("appurtenance")) or "井" for r in own],
        "outer": (2 * radius[kept]).round(3).tolist(), "depth": depth[kept].round(3).tolist(),
        "size_by": told, **_shared(own),
    }  # fmt: skip
    volume = np.array([capacity(float(radius[i]), float(depth[i]), sides) for i in kept])
    faults = Counter({
        "无井深或地面高程 neither depth of the chamber nor the ground": int((~fine).sum()),
    })  # fmt: skip
    return Shaped(tubes=made, volume=volume, columns=_columns(columns, len(own)), total=len(row),
                  faults=+faults)  # fmt: skip


def chamber_radius(size: str) -> float | None:
    """Radius of a chamber's recorded size, m: Φ700, 700 or 700x700 (mm), the larger side halved.

    Example:
        >>> chamber_radius("Φ700"), chamber_radius("1000×800"), chamber_radius("大")
        (0.35, 0.5, None)
    """
    found = [float(v) for v in re.findall(r"\d+(?:\.\d+)?", size)]
    widest = max(found, default=0.0)
    metres = widest / 1000 if widest >= 100 else widest
    return metres / 2 if 0.2 <= metres <= 20 else None


def _shared(row: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {
        "owner": [text(r.get("owner")) or None for r in row],
        "built_year": [_whole(r.get("built_year")) for r in row],
        "status": [text(r.get("status")) or None for r in row],
    }


def _columns(given: dict[str, list[Any]], count: int) -> dict[str, npt.NDArray[np.object_]]:
    found = {}
    for one in FIELDS:
        found[one.name] = np.empty(count, object)
        found[one.name][:] = given.get(one.name, [None] * count)
    return found


def _real(value: Any) -> float:
    found = number(value)
    return np.nan if found is None else found


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else round(found)
