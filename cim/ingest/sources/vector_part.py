"""The parts of a vector delivery: its files, their layers, where each says that it lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pyproj

from cim.city import Bounds
from cim.errors import CrsError, InputError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.ingest.source import Parcel
from cim.ingest.sources.encoding import text_encoding
from cim.ingest.sources.vector_file import describe, spatial_layers

SUFFIXES = frozenset(
    {".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gml", ".kml", ".dxf", ".tab", ".mif", ".gdb",
     ".geojsonl", ".parquet"}
)  # fmt: skip


def is_vector(path: Path) -> bool:
    """By suffix; a folder counts when it directly holds a vector file."""
    if path.is_dir() and path.suffix.lower() != ".gdb":
        return any(is_vector(child) for child in path.iterdir() if child.is_file())
    return path.suffix.lower() in SUFFIXES


def files(paths: Sequence[Path]) -> list[Path]:
    """The vector files of a delivery: those given, and those directly in a folder given."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and path.suffix.lower() != ".gdb":
            found.extend(sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES))
        else:
            found.append(path)
    return found


def parcels_of(path: Path, before: int) -> list[Parcel]:
    """The layers of one file.

    Raises:
        FormatError: GDAL cannot read it.
    """
    siblings = [path]
    if path.suffix.lower() in {".shp", ".mif", ".tab"}:
        siblings = sorted(path.parent.glob(f"{path.stem}.*"))
    spatial = spatial_layers(path)
    encoding = text_encoding(path)
    size = sum(p.stat().st_size for p in siblings if p.is_file())
    return [
        Parcel(
            id=f"{before + index:04d}",
            path=path if len(spatial) == 1 else path / name,
            inputs=tuple(p for p in siblings if p.is_file()),
            bytes=size,
            payload=(path, name, encoding),
        )
        for index, name in enumerate(spatial)
    ]


def crs_of(path: Path, stated: str | None, given: str | None) -> pyproj.CRS:
    """The CRS of one file: the one given, else the one that it states.

    Raises:
        CrsError: neither is there, or it is none.
    """
    if given:
        return resolve(given).crs
    if not stated:
        raise CrsError(
            "it does not say its coordinate reference system",
            path=path,
            remedy="add the .prj, or give the CRS with --crs, such as --crs EPSG:4545",
        )
    return resolve(str(stated)).crs


def extent_of(parcels: Sequence[Parcel], given: str | None) -> Bounds | None:
    """Where the files say that they lie; a file that cannot be placed is told of by ``build``."""
    whole: Bounds | None = None
    for parcel in parcels:
        path, name, encoding = parcel.payload
        try:
            info = describe(path, name, encoding, bounds=True)
            crs = crs_of(path, info.get("crs"), given)
        except InputError:
            continue
        box = info.get("total_bounds")
        if box is None:
            continue
        placed = Bounds(*(float(v) for v in transformer(crs, CGCS2000).transform_bounds(*box)))
        if all(math.isfinite(v) for v in placed):
            whole = placed if whole is None else whole.union(placed)
    return whole
