"""One part of footprints: read, repaired, put on the ground, raised and written as tiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS

from cim.city import Bounds, City
from cim.errors import FormatError
from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.geo.heights import Heights
from cim.geo.solids import Outline, outline
from cim.ingest.source import Built, Parcel, Problem, Request
from cim.ingest.sources.buildings.attributes import Attributes
from cim.ingest.sources.buildings.ground import lowest
from cim.ingest.sources.buildings.heights import Raised, column_of, numbers, raise_up
from cim.ingest.sources.buildings.prism import Solids
from cim.ingest.sources.buildings.tiles import Stock, write_tiles
from cim.ingest.sources.columns import match, propose
from cim.ingest.sources.features import (
    BATCH,
    LOST,
    lost_count,
    outside_extent,
    problems,
    refusal,
    typed_values,
    usable,
)
from cim.ingest.sources.vector import storage_srid
from cim.ingest.sources.vector_file import describe, read
from cim.ingest.sources.vector_part import crs_of
from cim.layers import Field, FieldType, Geometry

if TYPE_CHECKING:
    from cim.ingest.sources.buildings.footprint_options import FootprintOptions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]

OVERLAP = 1.0  # m² that two footprints must share to be told of
TOGETHER = 64  # footprints that are compared with all others at once
CROWD = 500  # neighbours of one footprint that no town has
NAMED = 5  # buildings named in one line of the report
MODELLED = (
    Field(name="model_height", title="建模高度", title_en="Modelled height",
          type=FieldType.REAL, unit="m"),
    Field(name="model_height_by", title="高度依据", title_en="Height told by"),
    Field(name="model_ground", title="建模地面高程", title_en="Modelled ground elevation",
          type=FieldType.REAL, unit="m"),
)  # fmt: skip
NUMBER = Field(name="row_number", title="序号", title_en="Row number", type=FieldType.INTEGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which column is what, and which are kept.

    Args:
        height: Column of heights, or None.
        floors: Column of storeys, or None.
        base: Column of ground heights, or None.
        kept: Field → its column.
        id: Name of the field that names a building; the row number's where there is none.
    """

    height: str | None
    floors: str | None
    base: str | None
    kept: tuple[tuple[Field, str], ...]
    id: str

    def columns(self) -> list[str]:
        """All columns to be read."""
        named = {self.height, self.floors, self.base, *(column for _, column in self.kept)}
        return sorted(c for c in named if c is not None)


def roles_of(parcel: Parcel, info: Any, options: FootprintOptions, request: Request) -> Roles:
    """Read off names what each column is.

    Raises:
        FormatError: nothing tells of heights, or a column that was asked for is missing.
    """
    path = parcel.path
    names = [str(name) for name in info["fields"]]
    height = column_of("height", options.height, names, path)
    floors = column_of("floors", options.floors, names, path)
    if height is None and floors is None:
        raise FormatError(
            f"no column tells of heights or storeys; it has {', '.join(names) or 'none'}",
            path=path,
            remedy="give -o height=COLUMN or -o floors=COLUMN",
        )
    given = options.base in {"dem", "zero"}
    base = None if given else column_of("base", options.base, names, path)
    proposals = [(f, f.aliases[0]) for f in propose(request.layer_id, path, info).fields]
    if request.layer is not None and request.layer.fields:
        source = match(request.layer, names, path).source
        kept = [(f, source[f.name]) for f in request.layer.fields if f.name in source]
    else:
        asked = [column_of("attributes", w.strip(), names, path)
                 for w in options.attributes.split(",") if w.strip()]  # fmt: skip
        kept = [(f, c) for f, c in proposals if not asked or c in asked]
    named = column_of("id", options.id, names, path)
    if named is not None and named not in {column for _, column in kept}:
        kept.insert(0, next((f, c) for f, c in proposals if c == named))
    own = next((f.name for f, column in kept if column == named), NUMBER.name)
    return Roles(height=height, floors=floors, base=base, kept=tuple(kept), id=own)


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Usable footprints of one batch and what is said of them."""

    shapes: Shapes
    height: Floats
    floors: Floats
    base: Floats
    columns: dict[str, npt.NDArray[np.object_]]


def build_part(parcel: Parcel, options: FootprintOptions, request: Request, staging: Path) -> Built:
    """Raise the footprints of one part; see ``FootprintSource.build``."""
    path, name, encoding = parcel.payload
    info = describe(path, name, encoding)
    crs = crs_of(path, info.get("crs"), request.crs)
    roles = roles_of(parcel, info, options, request)
    faults: Counter[str] = Counter()
    batch, total = _read_all(parcel, roles, crs, request, faults)
    storage = request.city.compute_crs
    plan = outline(batch.shapes)
    ground = _ground(batch, options, storage, request, plan, faults)
    height = batch.height
    if options.roof == "absolute" and request.heights is Heights.ELLIPSOIDAL:
        height = height - _undulation(batch.shapes, storage, request.city)
    raised = raise_up(
        ground, height, batch.floors, storey=options.storey,
        skirt=options.skirt if options.base == "dem" else 0.0,
        absolute=options.roof == "absolute", faults=faults,
    )  # fmt: skip
    keep = ~np.isnan(ground)
    keep[plan.failed] = False
    faults[f"{LOST}its outline cannot be triangulated"] += len(plan.failed)
    faults += Counter()  # drops what was counted zero times
    if not keep.any():
        raise refusal(parcel, faults, total, None, request)
    stock = _stock(batch, raised, plan, keep, roles, storage, request.city)
    facts = write_tiles(
        stock, staging / "tiles" / parcel.id, options.encoding, options.tile_features
    )
    return Built(
        parcel=parcel.id,
        facts=facts | {"id": roles.id},
        counts={
            "features": total - lost_count(faults),
            "features_read": total,
            "triangles": facts["triangles"],
            "tiles": facts["tiles"],
        },
        extent=stock.extent,
        refused=problems(parcel, faults, lost=True),
        warnings=(
            *problems(parcel, faults, lost=False),
            *_doubts(parcel, stock, batch, keep, roles),
        ),
    )


def _read_all(
    parcel: Parcel, roles: Roles, crs: CRS, request: Request, faults: Counter[str]
) -> tuple[_Batch, int]:
    path, name, encoding = parcel.payload
    found: list[_Batch] = []
    total = 0
    outside = None
    while True:
        frame = read(path, name, encoding, roles.columns(), total, BATCH)
        if len(frame):
            batch = _batch(frame, total, roles, crs, request, faults)
            found.append(batch)
            if outside is None and not len(batch.shapes):
                outside = outside_extent(frame, crs)
        total += len(frame)
        if len(frame) < BATCH:
            break
    if not any(len(b.shapes) for b in found):
        raise refusal(parcel, faults, total, outside, request)
    return _joined(found), total


def _batch(
    frame: pd.DataFrame, before: int, roles: Roles, crs: CRS, request: Request,
    faults: Counter[str],
) -> _Batch:  # fmt: skip
    srid = storage_srid(request.city)
    shapes, keep, _ = usable(frame, Geometry.POLYGON, crs, srid, request, faults)
    stored = CRS.from_epsg(srid)
    if not stored.is_projected:  # a city's own projection has no code, and areas need metres
        step = transformer(stored, request.city.compute_crs)
        shapes = shapely.transform(shapes, lambda xy: rows(step, xy))
    kept = frame[keep]
    values: dict[str, npt.NDArray[np.object_]] = {}
    for field, column in roles.kept:
        typed, bad = typed_values(kept[column], field)
        if bad:
            faults[f"{field.title}（{field.name}）holds no {field.type}: left empty"] += bad
        plain = typed.astype(object)
        values[field.name] = plain.where(plain.notna(), None).to_numpy(object)
    if roles.id == NUMBER.name:
        values[NUMBER.name] = (before + 1 + np.flatnonzero(keep)).astype(object)

    def column_numbers(column: str | None) -> Floats:
        return numbers(None if column is None else kept[column], len(kept))

    return _Batch(
        shapes,
        column_numbers(roles.height),
        column_numbers(roles.floors),
        column_numbers(roles.base),
        values,
    )


def _joined(found: list[_Batch]) -> _Batch:
    return _Batch(
        shapes=np.concatenate([b.shapes for b in found]),
        height=np.concatenate([b.height for b in found]),
        floors=np.concatenate([b.floors for b in found]),
        base=np.concatenate([b.base for b in found]),
        columns={k: np.concatenate([b.columns[k] for b in found]) for k in found[0].columns},
    )


def _ground(
    batch: _Batch, options: FootprintOptions, crs: CRS, request: Request, plan: Outline,
    faults: Counter[str],
) -> Floats:  # fmt: skip
    """Orthometric height that each footprint stands on, m; NaN where nobody knows."""
    if options.base == "zero":
        return np.zeros(len(batch.shapes))
    if options.base == "dem":
        ground = lowest(batch.shapes, crs, request.elevation)
    elif request.heights is Heights.ELLIPSOIDAL:
        ground = batch.base - _undulation(batch.shapes, crs, request.city)
    else:
        ground = batch.base
    unknown = np.isnan(ground)
    unknown[plan.failed] = False
    if unknown.any():
        faults[f"{LOST}no ground height is known there"] += int(unknown.sum())
    return ground


def _undulation(shapes: Shapes, crs: CRS, city: City) -> Floats:
    lonlat = to_lonlat(crs, shapely.get_coordinates(shapely.point_on_surface(shapes)))
    return city.geoid.undulation(lonlat[:, 0], lonlat[:, 1])


def _stock(
    batch: _Batch, raised: Raised, plan: Outline, keep: npt.NDArray[np.bool_], roles: Roles,
    crs: CRS, city: City,
) -> Stock:  # fmt: skip
    """What the tiles are filled from: of all footprints, those that are kept."""
    kept = np.flatnonzero(keep)
    shapes, heights = batch.shapes[kept], raised.where(keep)
    box = shapely.bounds(shapes)
    rise = heights.top - heights.bottom
    values = {name: column[kept] for name, column in batch.columns.items()}
    for field, column in zip(
        MODELLED, (heights.top - heights.ground, heights.told_by, heights.ground), strict=True
    ):
        values[field.name] = np.asarray(column, object)
    own = (NUMBER,) if roles.id == NUMBER.name else ()
    solids = Solids(plan, raised, kept, crs, city)
    return Stock(
        centres=(box[:, :2] + box[:, 2:]) / 2,
        sizes=np.sqrt(((box[:, 2:] - box[:, :2]) ** 2).sum(axis=1) + rise**2),
        attributes=Attributes((*own, *(f for f, _ in roles.kept), *MODELLED), values),
        surface=solids.of,
        extent=_degrees(shapes, crs),
        heights=(float(heights.bottom.min()), float(heights.top.max())),
    )


def _degrees(shapes: Shapes, crs: CRS) -> Bounds:
    west, south, east, north = shapely.total_bounds(shapes)
    box = transformer(crs, CGCS2000).transform_bounds(west, south, east, north)
    return Bounds(*(float(v) for v in box))


def _doubts(
    parcel: Parcel, stock: Stock, batch: _Batch, keep: npt.NDArray[np.bool_], roles: Roles
) -> tuple[Problem, ...]:
    """Footprints that overlap, and names that several buildings share."""
    names = stock.attributes.columns[roles.id]
    found = []
    one, other, whole = overlapping(batch.shapes[keep])
    if not whole:
        found.append(
            Problem(
                path=str(parcel.path),
                reason=f"more than {CROWD} footprints lie upon each other: not all overlaps told",
                remedy="check whether the same buildings were delivered many times over",
            )
        )
    if len(one):
        pairs = [f"{names[a]} and {names[b]}" for a, b in zip(one[:NAMED], other, strict=False)]
        found.append(
            Problem(
                path=str(parcel.path),
                reason=f"{len(one)} pairs of footprints overlap by more than {OVERLAP:.0f} m²: "
                f"{', '.join(pairs)}{', …' if len(one) > NAMED else ''}",
                remedy="both are shown; check whether one of them is a building part or a double",
            )
        )
    repeated = [str(n) for n, many in Counter(names.tolist()).items() if many > 1 and n is not None]
    if repeated:
        found.append(
            Problem(
                path=str(parcel.path),
                reason=f"{len(repeated)} values of {roles.id} name several buildings: "
                f"{', '.join(repeated[:NAMED])}{', …' if len(repeated) > NAMED else ''}",
                remedy="give the column that names buildings with -o id=COLUMN",
            )
        )
    return tuple(found)


def overlapping(shapes: Shapes) -> tuple[Ints, Ints, bool]:
    """Pairs (smaller index first) of polygons that share more than a sliver.

    Looked for block by block; where footprints lie upon each other by the thousand the search ends,
    since the pairs of such a heap would fill any memory.

    Returns:
        The first and the second of each pair, and whether all were looked at.
    """
    tree = shapely.STRtree(shapes)
    box = shapely.bounds(shapes)
    found: list[tuple[Ints, Ints]] = []
    for start in range(0, len(shapes), TOGETHER):
        one, other = tree.query(shapes[start : start + TOGETHER])
        if len(one) > TOGETHER * CROWD:
            break
        one = one + start
        first = one < other
        one, other = one[first], other[first]
        wide = np.minimum(box[one, 2], box[other, 2]) - np.maximum(box[one, 0], box[other, 0])
        high = np.minimum(box[one, 3], box[other, 3]) - np.maximum(box[one, 1], box[other, 1])
        maybe = wide * high > OVERLAP
        one, other = one[maybe], other[maybe]
        shared = shapely.area(shapely.intersection(shapes[one], shapes[other])) > OVERLAP
        found.append((one[shared], other[shared]))
    else:
        start = len(shapes)
    ones = np.concatenate([a for a, _ in found]) if found else np.empty(0, np.int64)
    others = np.concatenate([b for _, b in found]) if found else np.empty(0, np.int64)
    return ones, others, start == len(shapes)
