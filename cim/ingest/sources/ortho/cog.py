"""Sheets on the tile grid become one COG, padded so that its overviews lie on the grid too."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from PIL import Image
from rasterio.windows import Window

from cim.errors import FormatError
from cim.ingest.source import Check
from cim.ingest.sources import raster
from cim.tiles.imagery import HALF, SIZE, carry_over_rim, describe, tile, zoom_resolution

LEVELS = 6  # overviews that lie on the grid: 64 tiles of padding at most on each side
QUALITY = 85
RIM = 64  # pixels
BLOCK = 2048
PlacedSheet = tuple[Path, Sequence[int]]


def write_cog(sheets: Sequence[PlacedSheet], zoom: int, target: Path, work: Path) -> dict[str, Any]:
    """Join sheets and write the COG, whole or not at all.

    Args:
        sheets: RGBA on the grid at ``zoom``, each with its left, top, width, height in pixels of
            the grid; a later one lies on top.
        zoom: Of full resolution.
        target: The COG: JPEG in YCbCr with a mask.
        work: Folder for the mosaic, which stays there.
    """
    left = min(w[0] for _, w in sheets)
    top = min(w[1] for _, w in sheets)
    right = max(w[0] + w[2] for _, w in sheets)
    bottom = max(w[1] + w[3] for _, w in sheets)
    levels = min(LEVELS, max(1, math.ceil(math.log2(max(right - left, bottom - top) / SIZE))))
    side = SIZE * 2**levels
    left, top = left // side * side, top // side * side
    width = math.ceil((right - left) / side) * side
    height = math.ceil((bottom - top) / side) * side
    mosaic = work / "mosaic.tif"
    _join(sheets, (left, top, width, height), zoom, mosaic)
    part = target.with_suffix(".part.tif")
    with raster.written(target):
        rasterio.shutil.copy(
            mosaic, part, driver="COG", compress="JPEG", quality=QUALITY, blocksize=SIZE,
            overview_resampling="AVERAGE", overview_count=levels, overview_compress="JPEG",
            overview_quality=QUALITY, num_threads="ALL_CPUS", bigtiff="IF_SAFER", sparse_ok="YES",
        )  # fmt: skip
    part.replace(target)
    mosaic.unlink()
    return {
        "levels": levels,
        "pixels": sum(int(w[2]) * int(w[3]) for _, w in sheets),
        "bytes": target.stat().st_size,
    }


def _join(
    sheets: Sequence[PlacedSheet], frame: tuple[int, int, int, int], zoom: int, target: Path
) -> None:
    """Lay the sheets into one sparse raster with a mask."""
    size = zoom_resolution(zoom)
    left, top, width, height = frame
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        raster.written(target),
        rasterio.open(
            target, "w", driver="GTiff", dtype="uint8", count=3, width=width, height=height,
            crs="EPSG:3857", photometric="rgb", tiled=True, blockxsize=512, blockysize=512,
            transform=Affine(size, 0, left * size - HALF, 0, -size, HALF - top * size),
            compress="zstd", zstd_level=1, predictor=2, bigtiff="if_safer", sparse_ok=True,
        ) as image,
    ):  # fmt: skip
        for row in range(0, height, BLOCK):
            for column in range(0, width, BLOCK):
                block = Window(column, row, min(BLOCK, width - column), min(BLOCK, height - row))
                _join_block(sheets, (left + column, top + row), block, image)


def _join_block(
    sheets: Sequence[PlacedSheet], origin: tuple[int, int], block: Window, image: Any
) -> None:
    picture = None
    for path, (left, top, width, height) in sheets:
        x0, y0 = max(origin[0], left), max(origin[1], top)
        x1 = min(origin[0] + block.width, left + width)
        y1 = min(origin[1] + block.height, top + height)
        if x0 >= x1 or y0 >= y1:
            continue
        with rasterio.open(path) as sheet:
            part = sheet.read(window=Window(x0 - left, y0 - top, x1 - x0, y1 - y0))
        if picture is None:
            picture = np.zeros((4, block.height, block.width), np.uint8)
        into = picture[:, y0 - origin[1] : y1 - origin[1], x0 - origin[0] : x1 - origin[0]]
        np.copyto(into, part, where=part[3] > 0)
    if picture is not None and picture[3].any():
        carry_over_rim(picture[:3], picture[3] > 0, RIM)
        image.write(picture[:3], window=block)
        image.write_mask(picture[3], window=block)


def check_cog(path: Path, zoom: int) -> Check:
    """Read a COG back: it is on the grid, masked, with overviews, and its blocks are pictures."""
    errors: list[str] = []
    with rasterio.open(path) as image:
        if image.crs.to_epsg() != 3857:
            errors.append(f"its CRS is {image.crs}")
        layout = (image.tags(ns="IMAGE_STRUCTURE") or {}).get("LAYOUT")
        if layout != "COG":
            errors.append("it is not laid out as a COG")
        width, height = image.width // SIZE, image.height // SIZE
    cog = describe(path)
    if zoom not in cog.levels:
        errors.append("its full resolution does not lie on the tile grid")
    looked = 0
    for level in cog.levels.values():
        shrink = 2 ** (zoom - level.zoom)
        columns, rows = max(1, width // shrink), max(1, height // shrink)
        for column, row in _spread(columns, rows):
            looked += 1
            place = (level.zoom, level.left + column, level.top + row)
            errors += _faults(path, place)
    return Check(name="imagery COG", looked_at=looked, errors=tuple(errors))


def _spread(columns: int, rows: int) -> list[tuple[int, int]]:
    """At most 8 × 8 blocks spread over a level."""
    pick = [sorted({round(i * (n - 1) / 7) for i in range(8)}) for n in (columns, rows)]
    return [(c, r) for c in pick[0] for r in pick[1]]


def _faults(path: Path, place: tuple[int, int, int]) -> list[str]:
    name = "/".join(map(str, place))
    try:
        found = tile(path, place, "auto")
        if found is None:
            return []
        picture = Image.open(io.BytesIO(found.content))
        picture.load()
    except (OSError, FormatError) as error:
        return [f"tile {name}: {error}"]
    return [] if picture.size == (SIZE, SIZE) else [f"tile {name} is {picture.size}"]
