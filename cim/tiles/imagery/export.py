"""Tiles in one file, for places without a server: MBTiles 1.3 and PMTiles v3.

Tiles that are blocks are copied. Either file is there whole or not at all.
"""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from pmtiles import writer as pmtiles_writer
from pmtiles.tile import Compression, TileType, zxy_to_tileid

from cim.errors import ParameterError
from cim.store.files import disk_errors
from cim.tiles.imagery.cog import Cog, opened
from cim.tiles.imagery.grid import HALF, SIZE, zoom_resolution
from cim.tiles.imagery.render import tile

Degrees = tuple[float, float, float, float]
Place = tuple[int, int, int]
_WRITER: Any = pmtiles_writer.Writer  # it has no types
_MBTILES = 0x4D504258  # SQLite's application_id of MBTiles
_PER_COMMIT = 2000
_TYPES = {"png": TileType.PNG, "jpg": TileType.JPEG, "webp": TileType.WEBP}
_RADIUS = HALF / math.pi


class Form(StrEnum):
    """What the tiles are."""

    AUTO = "auto"
    JPG = "jpg"
    PNG = "png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What goes into the file.

    Args:
        cog: The picture.
        title: For people.
        bounds: West, south, east, north, degrees.
        zooms: First and last, both included.
        form: ``auto``: JPEG, and PNG at the rim, or of classes WebP; or all of one kind.
        about: More of it, such as the layer, its version and its day.
    """

    cog: Path
    title: str
    bounds: Degrees
    zooms: tuple[int, int]
    form: Form
    about: Mapping[str, str]

    @property
    def kind(self) -> str:
        """What readers are told that the tiles are; at the rim of ``auto`` some are PNG."""
        if self.form == Form.AUTO and opened(self.cog).classed:
            return "webp"
        return "png" if self.form == Form.PNG else "jpg"


def write(export: Export, target: Path) -> int:
    """Write the file; the number of tiles.

    Raises:
        ParameterError: its name says no format, it would hold no tile, or classes as JPEG.
        StorageError: the disk takes no more.
    """
    if export.form == Form.JPG and opened(export.cog).classed:
        raise ParameterError(
            "the layer's colours name classes, which JPEG would mix",
            remedy="leave --format out, or give png",
        )
    writers = {".mbtiles": _mbtiles, ".pmtiles": _pmtiles}
    writer = writers.get(target.suffix.lower())
    if writer is None:
        raise ParameterError(
            f"{target.name} is neither .mbtiles nor .pmtiles", remedy="give such a name with --to"
        )
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        try:
            count = writer(export, part)
            if count == 0:
                raise ParameterError(
                    "there is no tile in this box at these zooms",
                    remedy="`cim layers show` tells where the layer lies",
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return count


def places(export: Export) -> Iterator[Place]:
    """Tiles that may hold picture, in no special order."""
    cog = opened(export.cog)
    for zoom in range(export.zooms[0], export.zooms[1] + 1):
        left, top, right, bottom = _range(cog, zoom, export.bounds)
        level = cog.levels.get(zoom)
        if level is None:
            yield from (
                (zoom, x, y) for y in range(top, bottom + 1) for x in range(left, right + 1)
            )
            continue
        for index in np.flatnonzero(level.counts):
            row, column = divmod(int(index), level.columns)
            x, y = level.left + column, level.top + row
            if left <= x <= right and top <= y <= bottom:
                yield zoom, x, y


def _range(cog: Cog, zoom: int, bounds: Degrees) -> tuple[int, int, int, int]:
    """First and last column and row of the tiles under both the picture and a box."""
    side = zoom_resolution(zoom) * SIZE
    left, top, right, bottom = cog.extent(zoom)
    west, south, east, north = bounds

    def row(latitude: float) -> float:
        clipped = math.radians(min(max(latitude, -85.05), 85.05))
        return (HALF - _RADIUS * math.asinh(math.tan(clipped))) / side

    def column(longitude: float) -> float:
        return (_RADIUS * math.radians(longitude) + HALF) / side

    return (
        max(left // SIZE, math.floor(column(west))), max(top // SIZE, math.floor(row(north))),
        min((right - 1) // SIZE, math.floor(column(east))),
        min((bottom - 1) // SIZE, math.floor(row(south))),
    )  # fmt: skip


def _metadata(export: Export) -> dict[str, str]:
    west, south, east, north = export.bounds
    return {
        "name": export.title,
        "format": export.kind,
        "type": "baselayer",
        "version": "1",
        "bounds": f"{west:.7f},{south:.7f},{east:.7f},{north:.7f}",
        "center": f"{(west + east) / 2:.7f},{(south + north) / 2:.7f},{export.zooms[0]}",
        "minzoom": str(export.zooms[0]),
        "maxzoom": str(export.zooms[1]),
        **export.about,
    }


def _mbtiles(export: Export, part: Path) -> int:
    """MBTiles 1.3: SQLite, rows counted from the south."""
    count = 0
    with closing(sqlite3.connect(part, isolation_level=None)) as base:
        base.execute("pragma journal_mode = off")  # a file that is not finished is not kept
        base.execute("pragma synchronous = off")
        base.execute(f"pragma application_id = {_MBTILES}")
        base.execute("create table metadata (name text primary key, value text)")
        base.execute(
            "create table tiles (zoom_level integer, tile_column integer, tile_row integer, "
            "tile_data blob, primary key (zoom_level, tile_column, tile_row)) without rowid"
        )
        base.executemany("insert into metadata values (?, ?)", _metadata(export).items())
        base.execute("begin")
        for z, x, y in places(export):
            found = tile(export.cog, (z, x, y), export.form)
            if found is None:
                continue
            row = (z, x, 2**z - 1 - y, found.content)
            base.execute("insert into tiles values (?, ?, ?, ?)", row)
            count += 1
            if count % _PER_COMMIT == 0:
                base.execute("commit")
                base.execute("begin")
        base.execute("commit")
    return count


def _pmtiles(export: Export, part: Path) -> int:
    """PMTiles v3, its tiles along the Hilbert curve."""
    ordered = sorted(places(export), key=lambda place: zxy_to_tileid(*place))
    with part.open("wb") as file, tempfile.TemporaryFile(dir=part.parent) as spool:
        writer = _WRITER(file)
        writer.tile_f.close()  # it would fill the system's temporary folder
        writer.tile_f = spool
        for place in ordered:
            found = tile(export.cog, place, export.form)
            if found is not None:
                writer.write_tile(zxy_to_tileid(*place), found.content)
        if writer.tile_entries:
            writer.finalize(_header(export), _metadata(export))
    return int(writer.addressed_tiles)


def _header(export: Export) -> dict[str, Any]:
    west, south, east, north = export.bounds
    return {
        "tile_type": _TYPES[export.kind],
        "tile_compression": Compression.NONE,
        "min_lon_e7": round(west * 1e7),
        "min_lat_e7": round(south * 1e7),
        "max_lon_e7": round(east * 1e7),
        "max_lat_e7": round(north * 1e7),
        "center_zoom": export.zooms[0],
        "center_lon_e7": round((west + east) / 2 * 1e7),
        "center_lat_e7": round((south + north) / 2 * 1e7),
    }
