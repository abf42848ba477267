"""Features of one part: repaired, of one kind, reprojected, typed, written as GeoParquet."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from cim.city import Bounds
from cim.errors import FormatError, OutsideCityError
from cim.geo.crs import CGCS2000, rows, transformer
from cim.ingest.source import WORK, Built, Check, Parcel, Problem, Product, Request
from cim.ingest.sources.columns import Columns
from cim.ingest.sources.vector_file import read
from cim.layers import Field, FieldType, Geometry, Layer

BATCH = 50_000
_ARROW = {
    FieldType.TEXT: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.REAL: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
}
_DIMENSION = {Geometry.POINT: 0, Geometry.LINE: 1, Geometry.POLYGON: 2}
_SINGLE = {  # type of a geometry that is of the kind as it stands
    0: shapely.GeometryType.POINT,
    1: shapely.GeometryType.LINESTRING,
    2: shapely.GeometryType.POLYGON,
}
Shapes = npt.NDArray[np.object_]


def convert(
    parcel: Parcel,
    layer: Layer,
    columns: Columns,
    crs: pyproj.CRS,
    request: Request,
    staging: Path,
    srid: int,
) -> Built:
    """Write the features of one part below staging, in batches of bounded size.

    Raises:
        FormatError: unreadable, or nothing usable in it.
        OutsideCityError: all of it lies outside the city.
    """
    path, name, encoding = parcel.payload
    faults: Counter[str] = Counter()
    files: list[str] = []
    extent: Bounds | None = None
    has_z, total = True, 0
    first_outside: Bounds | None = None
    while True:
        frame = _read(path, name, encoding, columns, len(files))
        if frame is None:
            break
        total += len(frame)
        shapes, keep, z = usable(frame, layer.geometry, crs, srid, request, faults)
        table = _table(frame, layer, columns, shapes, keep, srid, faults)
        if len(shapes):
            part = f"{WORK}/{parcel.id}_{len(files):05d}.parquet"
            _write(staging / part, table)
            box = degrees(shapes, srid)
            extent = box if extent is None else extent.union(box)
            has_z = has_z and z
        elif first_outside is None and len(frame):
            first_outside = outside_extent(frame, crs)
            part = ""
        else:
            part = ""
        files.append(part)
        if len(frame) < BATCH:
            break
    kept = [f for f in files if f]
    if extent is None:
        raise refusal(parcel, faults, total, first_outside, request)
    return Built(
        parcel=parcel.id,
        facts={"files": kept, "z": has_z},
        counts={"features": total - lost_count(faults), "features_read": total},
        extent=extent,
        refused=problems(parcel, faults, lost=True),
        warnings=(*problems(parcel, faults, lost=False), *_dropped(parcel, columns)),
    )


LOST = "lost: "


def lost_count(faults: Counter[str]) -> int:
    """How many features are lost."""
    return sum(n for text, n in faults.items() if text.startswith(LOST))


def problems(parcel: Parcel, faults: Counter[str], *, lost: bool) -> tuple[Problem, ...]:
    """Lines for the report: of the features that are lost, or of those with a fault."""
    return tuple(
        Problem(path=str(parcel.path), reason=f"{number} features: {text.removeprefix(LOST)}")
        for text, number in sorted(faults.items())
        if text.startswith(LOST) is lost
    )


def _dropped(parcel: Parcel, columns: Columns) -> tuple[Problem, ...]:
    if not columns.dropped:
        return ()
    return (
        Problem(
            path=str(parcel.path),
            reason=f"columns without a field were left out: {', '.join(columns.dropped)}",
            remedy="declare fields for them, or ignore this",
        ),
    )


def refusal(
    parcel: Parcel, faults: Counter[str], total: int, outside: Bounds | None, request: Request
) -> Exception:
    """Why nothing of a part is left."""
    if total and outside is not None and any("outside" in text for text in faults):
        return OutsideCityError(
            f"all {total} features lie outside {request.city.name}: at {outside}, the city is at "
            f"{request.city.bounds}",
            path=parcel.path,
            remedy="check --crs, or widen `bounds` in city.toml",
        )
    why = "; ".join(f"{n} {t.removeprefix(LOST)}" for t, n in sorted(faults.items()))
    return FormatError(
        f"no usable feature among {total}{': ' + why if why else ''}",
        path=parcel.path,
        remedy="check the geometry type that the layer declares",
    )


def _read(
    path: Path, name: str, encoding: str | None, columns: Columns, batch: int
) -> pd.DataFrame | None:
    names = sorted(set(columns.source.values()))
    frame = read(path, name, encoding, names, batch * BATCH, BATCH)
    return frame if len(frame) or batch == 0 else None


def usable(
    frame: pd.DataFrame,
    geometry: Geometry | None,
    crs: pyproj.CRS,
    srid: int,
    request: Request,
    faults: Counter[str],
) -> tuple[Shapes, npt.NDArray[np.bool_], bool]:
    """Usable geometries in the storage CRS, which rows they are, and whether they have heights.

    What is repaired or lost is counted in ``faults``.
    """
    shapes: Shapes = np.asarray(frame.geometry.array, dtype=object)
    keep = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    faults[f"{LOST}without geometry"] += int((~keep).sum())
    broken = keep & _broken(shapes)
    faults[f"{LOST}with coordinates that are no numbers"] += int(broken.sum())
    keep &= ~broken
    invalid = keep & ~shapely.is_valid(shapes)
    faults["invalid geometry repaired (ST_MakeValid's structure method)"] += int(invalid.sum())
    if invalid.any():
        shapes = shapes.copy()
        shapes[invalid] = shapely.make_valid(
            shapes[invalid], method="structure", keep_collapsed=False
        )
    shapes, fits = _of_kind(shapes, keep, geometry)
    faults[f"{LOST}not of the declared geometry {geometry}"] += int((keep & ~fits).sum())
    keep &= fits
    z = bool(keep.any() and shapely.has_z(shapes[keep]).all())
    placed = _reproject(shapes[keep], crs, srid, z=z)
    finite = np.isfinite(shapely.bounds(placed)).all(axis=1)
    inside = finite.copy()
    if finite.any():
        inside[finite] = _inside(placed[finite], srid, request)
    faults[f"{LOST}outside the city's bounds or not placeable"] += int((~inside).sum())
    keep[np.flatnonzero(keep)[~inside]] = False
    for text in [t for t, n in faults.items() if n == 0]:
        del faults[text]
    return placed[inside], keep, z


def _broken(shapes: Shapes) -> npt.NDArray[np.bool_]:
    """Which geometries have a coordinate that is NaN or infinite: a repair would drop it."""
    places, whose = shapely.get_coordinates(shapes, return_index=True)
    broken = np.zeros(len(shapes), dtype=bool)
    broken[whose[~np.isfinite(places).all(axis=1)]] = True
    return broken


def _of_kind(
    shapes: Shapes, keep: npt.NDArray[np.bool_], geometry: Geometry | None
) -> tuple[Shapes, npt.NDArray[np.bool_]]:
    """Bring geometries to the declared kind: parts of a collection that fit are kept."""
    result = shapes.copy()
    if geometry is None or geometry is Geometry.ANY:
        return result, keep.copy()
    wanted = _DIMENSION[geometry]
    fits = keep & (shapely.get_type_id(shapes) == _SINGLE[wanted])
    if wanted:
        single = np.flatnonzero(fits)
        gather = shapely.multipolygons if wanted == 2 else shapely.multilinestrings
        result[single] = gather(shapes[single], indices=np.arange(len(single)))
    for index in np.flatnonzero(keep & ~fits):
        parts = [
            p
            for p in shapely.get_parts(_flat(shapes[index]))
            if shapely.get_dimensions(p) == wanted and not p.is_empty
        ]
        if not parts or (wanted == 0 and len(parts) > 1):
            continue
        fits[index] = True
        if wanted == 0:
            result[index] = parts[0]
        elif wanted == 1:
            result[index] = shapely.multilinestrings(parts)
        else:
            result[index] = shapely.multipolygons(parts)
    return result, fits


def _flat(shape: Any) -> Any:
    """A collection's parts, and theirs, as one collection."""
    if shapely.get_type_id(shape) != shapely.GeometryType.GEOMETRYCOLLECTION:
        return shape
    parts = [q for p in shapely.get_parts(shape) for q in shapely.get_parts(_flat(p))]
    return shapely.geometrycollections(parts)


def _reproject(shapes: Shapes, crs: pyproj.CRS, srid: int, *, z: bool) -> Shapes:
    target = pyproj.CRS.from_epsg(srid)
    flat = shapes if z else shapely.force_2d(shapes)
    if crs == target:
        return np.asarray(flat, dtype=object)
    step = transformer(crs, target)

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.concatenate([rows(step, xy[:, :2]), xy[:, 2:]], axis=1)

    return np.asarray(shapely.transform(flat, move, include_z=z), dtype=object)


def _inside(shapes: Shapes, srid: int, request: Request) -> npt.NDArray[np.bool_]:
    boxes = shapely.bounds(shapes)
    step = transformer(pyproj.CRS.from_epsg(srid), CGCS2000)
    inside = np.ones(len(shapes), dtype=bool)
    city = request.city.bounds
    for x, y in ((0, 1), (0, 3), (2, 1), (2, 3)):
        lon, lat = rows(step, boxes[:, [x, y]]).T
        inside &= (
            (lon >= city.west) & (lon <= city.east) & (lat >= city.south) & (lat <= city.north)
        )
    return inside


def degrees(shapes: Shapes, srid: int) -> Bounds:
    """Where geometries of a CRS lie."""
    west, south, east, north = shapely.total_bounds(shapes)
    box = transformer(pyproj.CRS.from_epsg(srid), CGCS2000).transform_bounds(
        west, south, east, north
    )
    return Bounds(*(float(v) for v in box))


def outside_extent(frame: pd.DataFrame, crs: pyproj.CRS) -> Bounds | None:
    """Where a batch says that it lies; None where that is nowhere."""
    west, south, east, north = frame.total_bounds
    if not np.isfinite([west, south, east, north]).all():
        return None
    box = transformer(crs, CGCS2000).transform_bounds(west, south, east, north)
    return Bounds(*(float(v) for v in box))


def _table(
    frame: pd.DataFrame,
    layer: Layer,
    columns: Columns,
    shapes: Shapes,
    keep: npt.NDArray[np.bool_],
    srid: int,
    faults: Counter[str],
) -> pa.Table:
    arrays: dict[str, pa.Array] = {}
    kept = frame[keep]
    for field in layer.fields:
        column = columns.source.get(field.name)
        values = pd.Series([None] * len(kept), dtype=object) if column is None else kept[column]
        typed, bad = typed_values(values, field)
        if bad:
            faults[f"{field.title}（{field.name}）holds no {field.type}: left empty"] += bad
        empty = int(typed.isna().sum()) - bad
        if field.required and empty > 0:
            faults[f"required {field.title}（{field.name}）is empty"] += empty
        arrays[field.name] = pa.array(typed, type=_ARROW[field.type], from_pandas=True)
    wkb = shapely.to_wkb(shapely.set_srid(shapes, srid), hex=True, include_srid=True)
    arrays["geom"] = pa.array(wkb, type=pa.string())
    return pa.table(arrays)


def typed_values(values: pd.Series[Any], field: Field) -> tuple[pd.Series[Any], int]:
    """Values as the field's type, and how many were there but could not be read as it."""
    typed: pd.Series[Any]
    present = values.notna() & (values.astype("string").str.strip().fillna("") != "")
    if field.type is FieldType.TEXT:
        text = values.astype("string").where(present)
        return text.str.strip().astype(object), 0
    if field.type is FieldType.DATE:
        typed = pd.to_datetime(values.where(present), errors="coerce", format="mixed")
        typed = typed.dt.date
    elif field.type is FieldType.BOOLEAN:
        words = values.where(present).astype("string").str.strip().str.casefold()
        typed = words.map(_WORDS).astype(object)
    else:
        numbers = pd.to_numeric(values.where(present), errors="coerce")
        numbers = numbers.where(np.isfinite(numbers.astype("float64")))
        typed = numbers.astype("float64")
        if field.type is FieldType.INTEGER:
            typed = typed.where(typed == typed.round()).astype("Int64").astype(object)
    return typed, int((present & typed.isna()).sum())


_WORDS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "是", "有"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", "否", "无"), False),
}


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    pq.write_table(table, part)
    part.replace(path)


def verify(product: Product, staging: Path) -> Check:
    """Read the staged rows back: a geometry of the declared kind in every one."""
    errors: list[str] = []
    looked = 0
    wanted = str(product.media["geometry"]).split(",")[0].removesuffix("Z")
    for name in product.features:
        table = pq.read_table(staging / name, columns=["geom"])
        looked += table.num_rows
        shapes = shapely.from_wkb(table["geom"].to_numpy(zero_copy_only=False))
        kinds = {shapely.GeometryType(t).name for t in np.unique(shapely.get_type_id(shapes))}
        if wanted != "Geometry" and kinds != {wanted.upper()}:
            errors.append(f"{name}: {sorted(kinds)} among {wanted}")
        if not shapely.is_valid(shapes).all():
            errors.append(f"{name}: invalid geometry was left")
    if looked == 0:
        errors.append("no rows")
    return Check(name="vector rows", looked_at=looked, errors=tuple(errors))
