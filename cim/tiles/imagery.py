"""Imagery: one web-mercator COG whose blocks are the tiles, served by copying where they coincide.

A block of a JPEG COG is a JPEG without its tables; put together they are a tile, for some
microseconds instead of a decode, a warp and an encode. At the rim, where part of a block holds no
picture, and beyond the aligned levels the tile is rendered.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.enums import MaskFlags, Resampling
from rasterio.windows import Window
from scipy.ndimage import distance_transform_edt

from cim.errors import NotFoundError

SIZE = 256
MAX_ZOOM = 24
Pixels = npt.NDArray[np.uint8]
FORMATS = frozenset({"jpg", "png", "auto"})
HALF = math.pi * 6378137.0  # half the width of the mercator square, m


@dataclass(frozen=True, slots=True)
class Tile:
    """An encoded picture."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution of a COG whose blocks lie on the grid.

    Args:
        zoom: Its zoom.
        left: x of the tile that block column 0 is.
        top: y of the tile that block row 0 is.
        overview: Index of the overview, None for full resolution.
        tables: Common JPEG tables, without end marker.
    """

    zoom: int
    left: int
    top: int
    overview: int | None
    tables: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cog:
    """What serving a COG needs to know of it."""

    path: Path
    levels: dict[int, Level]
    maxzoom: int
    origin: tuple[float, float]
    resolution: float
    shape: tuple[int, int]
    masked: bool


def zoom_resolution(zoom: int) -> float:
    """Metres of the mercator plane per pixel of 256-pixel tiles."""
    return 2 * HALF / SIZE / float(2**zoom)


@lru_cache(maxsize=64)
def describe(path: Path) -> Cog:
    """Read the layout of a COG; kept, for a published file never changes."""
    with rasterio.open(path) as image:
        maxzoom = round(math.log2(zoom_resolution(0) / image.res[0]))
        overviews = image.overviews(1)
        masked = MaskFlags.per_dataset in image.mask_flag_enums[0]
        origin = (image.transform.c, image.transform.f)
        shape = image.shape
        resolution = image.res[0]
    levels: dict[int, Level] = {}
    for overview in (None, *range(len(overviews))):
        level = _level(path, overview, maxzoom)
        if level is not None:
            levels[level.zoom] = level
    return Cog(
        path=path, levels=levels, maxzoom=maxzoom, origin=origin, resolution=resolution,
        shape=shape, masked=masked,
    )  # fmt: skip


def _level(path: Path, overview: int | None, maxzoom: int) -> Level | None:
    options = {} if overview is None else {"OVERVIEW_LEVEL": overview}
    with rasterio.open(path, **options) as image:
        zoom = maxzoom if overview is None else maxzoom - overview - 1
        side = zoom_resolution(zoom) * SIZE
        left = (image.transform.c + HALF) / side
        top = (HALF - image.transform.f) / side
        tables = image.get_tag_item("JPEGTABLES", "TIFF", bidx=1)
        plain = (
            image.block_shapes[0] == (SIZE, SIZE)
            and image.count == 3
            and tables is not None
            and math.isclose(image.res[0], zoom_resolution(zoom), rel_tol=1e-9)
        )
        if not plain or abs(left - round(left)) > 1e-6 or abs(top - round(top)) > 1e-6:
            return None
        return Level(
            zoom=zoom, left=round(left), top=round(top), overview=overview,
            tables=bytes.fromhex(tables)[:-2],
        )  # fmt: skip


def tile(path: Path, place: tuple[int, int, int], suffix: str) -> Tile | None:
    """One tile; None where there is no picture.

    Args:
        path: COG in Web Mercator.
        place: z, x, y of the XYZ grid.
        suffix: ``jpg`` (black where there is no picture), ``png`` (clear there), or ``auto``: JPEG
            where the picture fills the tile, PNG elsewhere.

    Raises:
        NotFoundError: the grid has no such tile.
    """
    z, x, y = place
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(f"there is no tile {z}/{x}/{y}")
    cog = describe(path)
    if suffix != "png" and z in cog.levels:
        copied = _copy(cog, cog.levels[z], x, y)
        if copied is not None:
            return Tile(copied, "image/jpeg")
    return _render(cog, place, suffix)


def _copy(cog: Cog, level: Level, x: int, y: int) -> bytes | None:
    """The block as it stands in the file; None where it is absent or not full of picture."""
    column, row = x - level.left, y - level.top
    options = {} if level.overview is None else {"OVERVIEW_LEVEL": level.overview}
    with rasterio.open(cog.path, **options) as image:
        if not (0 <= (column + 1) * SIZE <= image.width and 0 <= (row + 1) * SIZE <= image.height):
            return None
        if column < 0 or row < 0:
            return None
        offset = image.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
        size = image.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
        if offset is None or size is None:
            return None
        if cog.masked:
            window = Window(column * SIZE, row * SIZE, SIZE, SIZE)
            if not image.dataset_mask(window=window).all():
                return None
    handle = os.open(cog.path, os.O_RDONLY)
    try:
        scan = os.pread(handle, int(size), int(offset))
    finally:
        os.close(handle)
    return level.tables + scan[2:]


def _render(cog: Cog, place: tuple[int, int, int], suffix: str) -> Tile | None:
    """Read, shrink or enlarge the window under the tile and encode it."""
    z, x, y = place
    side = zoom_resolution(z) * SIZE
    west, north = x * side - HALF, HALF - y * side
    scale = side / cog.resolution
    window = Window(
        (west - cog.origin[0]) / cog.resolution, (cog.origin[1] - north) / cog.resolution,
        scale, scale,
    )  # fmt: skip
    rows, columns = cog.shape
    if (
        window.col_off >= columns
        or window.row_off >= rows
        or window.col_off + scale <= 0
        or window.row_off + scale <= 0
    ):
        return None
    beyond = window.col_off < 0 or window.row_off < 0 or (
        window.col_off + scale > columns or window.row_off + scale > rows
    )  # fmt: skip
    with rasterio.open(cog.path) as image:
        mask = _mask(image, window, beyond=beyond)
        if not mask.any():
            return None
        pixels = image.read(
            (1, 2, 3), window=window, out_shape=(3, SIZE, SIZE), boundless=beyond, fill_value=0,
            resampling=Resampling.average if scale > SIZE else Resampling.bilinear,
        )  # fmt: skip
    picture = np.moveaxis(pixels, 0, -1)
    out = io.BytesIO()
    if suffix == "jpg" or (suffix == "auto" and mask.all()):
        Image.fromarray(np.where(mask[..., None], picture, 0).astype(np.uint8), "RGB").save(
            out, "JPEG", quality=85
        )
        return Tile(out.getvalue(), "image/jpeg")
    carry_over_rim(pixels, mask, SIZE)
    clear = np.dstack([picture, np.where(mask, 255, 0)]).astype(np.uint8)
    Image.fromarray(clear, "RGBA").save(out, "PNG", compress_level=3)
    return Tile(out.getvalue(), "image/png")


def carry_over_rim(colours: Pixels, seen: npt.NDArray[np.bool_], reach: float) -> None:
    """Let colours go on beyond the rim of a picture, unseen behind its mask; in place.

    Else compression and every later resampling, the last of them in the viewer's own texture, mix
    the black out there into the last pixels, and a dark line runs around the picture.

    Args:
        colours: (3, rows, columns).
        seen: (rows, columns), where there is picture; somewhere there must be.
        reach: How far, pixels.
    """
    if seen.all():
        return
    rows, columns = seen.shape
    halo = math.ceil(reach)
    for top in range(0, rows, SIZE):
        for left in range(0, columns, SIZE):
            # Only what lies within reach of a rim is worth the distances.
            y0, x0 = max(0, top - halo), max(0, left - halo)
            around = seen[y0 : top + SIZE + halo, x0 : left + SIZE + halo]
            if seen[top : top + SIZE, left : left + SIZE].all() or not around.any():
                continue
            away, (row, column) = distance_transform_edt(~around, return_indices=True)
            inner = (slice(top - y0, top - y0 + SIZE), slice(left - x0, left - x0 + SIZE))
            near = (~around & (away <= reach))[inner]
            source = colours[:, y0 + row[inner][near], x0 + column[inner][near]]
            colours[:, top : top + SIZE, left : left + SIZE][:, near] = source


def _mask(
    image: rasterio.DatasetReader, window: Window, *, beyond: bool
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the tile has picture: the file's mask, and nothing beyond the file's rim.

    Reading beyond the rim costs a virtual raster of GDAL's, so it is done only where there is one.
    """
    values = image.read_masks(
        1, window=window, out_shape=(SIZE, SIZE), boundless=beyond, resampling=Resampling.nearest
    )
    if not beyond:
        return np.asarray(values > 0)
    step = window.width / SIZE
    columns = window.col_off + (np.arange(SIZE) + 0.5) * step
    rows = window.row_off + (np.arange(SIZE) + 0.5) * step
    inside = ((rows >= 0) & (rows < image.height))[:, None] & (
        (columns >= 0) & (columns < image.width)
    )[None, :]
    return np.asarray((values > 0) & inside)
