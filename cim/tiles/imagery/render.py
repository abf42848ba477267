"""Pictures out of the serving COG: copied where a tile is a block, drawn where it is not.

A block of a JPEG COG is a JPEG without its tables; put together they are a tile, for some
microseconds instead of a decode, a warp and an encode. At the rim, where part of a block holds no
picture, beyond the finest level, and in every other grid or CRS the picture is drawn. Where colours
name classes a block is a lossless WebP, a tile as it stands, and whatever is drawn has the colour
of the nearest pixel.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from affine import Affine
from PIL import Image
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject

from cim.errors import NotFoundError
from cim.geo.crs import transformer
from cim.tiles.imagery.block import Pixels, Seen, carry_over_rim
from cim.tiles.imagery.cog import Cog, opened
from cim.tiles.imagery.grid import HALF, MAX_ZOOM, SIZE, is_place, zoom_resolution

FORMATS = frozenset({"jpg", "png", "auto"})
QUALITY = 85
MERCATOR = CRS.from_epsg(3857)
Box = tuple[float, float, float, float]
_MARGIN = 2  # pixels around a window, for the resampling at its sides
_EVEN = 0.05  # pixels
_STRAIGHT = 17  # points along each way by which a box is followed into another CRS
_MOST_PIXELS = 4  # of the source, for each pixel that is drawn


@dataclass(frozen=True, slots=True)
class Tile:
    """An encoded picture."""

    content: bytes
    media_type: str


def tile(path: Path, place: tuple[int, int, int], suffix: str) -> Tile | None:
    """One tile; None where there is no picture.

    Args:
        path: COG in Web Mercator.
        place: z, x, y of the XYZ grid.
        suffix: ``jpg`` (black where there is no picture), ``png`` (clear there), or ``auto``: JPEG
            where the picture fills the tile, PNG elsewhere; of classes lossless WebP.

    Raises:
        NotFoundError: the grid has no such tile, or classes are asked for as JPEG.
        FormatError: the file is no COG of ours, or damaged.
    """
    z, x, y = place
    if not is_place(z, x, y):
        raise NotFoundError(f"there is no tile {z}/{x}/{y}")
    cog = opened(path)
    level = cog.levels.get(z)
    if cog.classed:
        suffix = _lossless(suffix)
    if level is not None and suffix != "png":
        copied = cog.copied(level, x, y)
        if copied is not None:
            return Tile(copied, "image/webp" if cog.classed else "image/jpeg")
    if z > cog.maxzoom:
        colours, seen = _enlarged(cog, place)
    else:
        colours, seen = cog.window(z, x * SIZE, y * SIZE, SIZE, SIZE)
    return encoded(colours, seen, suffix)


def encoded(
    colours: Pixels, seen: Seen | Pixels, suffix: str, *, opaque: bool = False
) -> Tile | None:
    """A picture as JPEG, PNG or lossless WebP; None where nothing of it is seen.

    Args:
        colours: (rows, columns, 3).
        seen: (rows, columns), or how much of it is seen, 0 to 255.
        suffix: As of ``tile``, or ``webp``.
        opaque: Whether PNG needs no alpha, for all of it is seen.
    """
    alpha = np.where(seen, 255, 0).astype(np.uint8) if seen.dtype == bool else seen
    if not alpha.any():
        return None
    if suffix == "jpg" or (suffix == "auto" and alpha.min() == 255):
        shown = np.where(alpha[..., None] >= 128, colours, 0).astype(np.uint8)
        return Tile(_saved(Image.fromarray(shown), "JPEG"), "image/jpeg")
    form = "WEBP" if suffix == "webp" else "PNG"
    media_type = f"image/{form.lower()}"
    if opaque:
        return Tile(_saved(Image.fromarray(colours), form), media_type)
    colours = np.array(colours)
    carry_over_rim(colours, alpha > 0, SIZE)
    clear = np.dstack([colours, alpha])
    return Tile(_saved(Image.fromarray(clear), form), media_type)


def _lossless(suffix: str) -> str:
    """The kind of tile that classes are drawn as.

    Raises:
        NotFoundError: they would be mixed by it.
    """
    if suffix == "jpg":
        raise NotFoundError(
            "this layer's colours name classes, which JPEG would mix", remedy="ask for .png"
        )
    return "webp" if suffix == "auto" else suffix


@lru_cache(maxsize=8)
def blank(suffix: str, shape: tuple[int, int] = (SIZE, SIZE)) -> Tile:
    """Nothing as a picture: clear PNG, black JPEG."""
    if suffix == "jpg":
        return Tile(_saved(Image.new("RGB", shape[::-1]), "JPEG"), "image/jpeg")
    return Tile(_saved(Image.new("RGBA", shape[::-1]), "PNG"), "image/png")


def _saved(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    if form == "JPEG":
        picture.save(out, form, quality=QUALITY)
    elif form == "WEBP":
        picture.save(out, form, lossless=True, exact=True)
    else:
        picture.save(out, form, compress_level=3)
    return out.getvalue()


def _enlarged(cog: Cog, place: tuple[int, int, int]) -> tuple[Pixels, Seen]:
    """A tile below the finest level: bilinear between its pixels, mask and classes the nearest."""
    z, x, y = place
    share = 2.0 ** (cog.maxzoom - z)
    west, north, side = x * SIZE * share, y * SIZE * share, SIZE * share
    left, top = math.floor(west) - _MARGIN, math.floor(north) - _MARGIN
    width = math.ceil(west + side) - left + _MARGIN
    height = math.ceil(north + side) - top + _MARGIN
    colours, seen = cog.window(cog.maxzoom, left, top, width, height)
    if not seen.any():
        return np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), bool)
    carry_over_rim(colours, seen, _MARGIN + 1)
    box = (west - left, north - top, west - left + side, north - top + side)
    large = Image.fromarray(colours).resize((SIZE, SIZE), _between(cog), box)
    mask = Image.fromarray(seen.astype(np.uint8)).resize(
        (SIZE, SIZE), Image.Resampling.NEAREST, box
    )
    return np.asarray(large), np.asarray(mask) > 0


def _between(cog: Cog) -> Image.Resampling:
    return Image.Resampling.NEAREST if cog.classed else Image.Resampling.BILINEAR


def picture(path: Path, crs: CRS, box: Box, shape: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """Any window in any CRS, resampled from the level whose pixels fit.

    Args:
        path: COG in Web Mercator.
        crs: Of the box; x is east, y is north, whatever its authority says.
        box: West, south, east, north in the CRS.
        shape: Rows and columns of the picture.

    Returns:
        Colours (rows, columns, 3) and how much is seen (rows, columns), 0 to 255; all zero where
        there is no picture or the CRS has no place for it.

    Raises:
        FormatError: the file is no COG of ours, or damaged.
    """
    cog = opened(path)
    rows, columns = shape
    nothing = np.zeros((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8)
    around = _mercator_box(crs, box)
    if around is None:
        return nothing
    zoom = _fitting(cog, around, shape)
    window = _window(cog, zoom, around)
    if window is None:
        return nothing
    colours, seen = cog.window(zoom, *window)
    if not seen.any():
        return nothing
    carry_over_rim(colours, seen, _MARGIN + 1)
    source = np.concatenate([colours, np.where(seen, 255, 0).astype(np.uint8)[..., None]], axis=2)
    straight = _straight(crs, box, rows, around, zoom, window)
    if straight is not None:
        scaled = Image.fromarray(source).resize((columns, rows), _between(cog), straight)
        found = np.asarray(scaled)
        return found[..., :3], found[..., 3]
    return _warped(source, zoom, window, crs, box, shape, cog.classed)


def _straight(
    crs: CRS, box: Box, rows: int, around: Box, zoom: int, window: tuple[int, int, int, int]
) -> Box | None:
    """The box in pixels of the window, where scaling alone brings it there; else None.

    Latitudes are not evenly spread in Web Mercator: over an angle d the middle is missed by
    d/8 · tan φ of the height, from the second derivative of the projection.
    """
    even = crs == MERCATOR
    if crs.is_geographic:
        tangent = math.tan(math.radians(min(85.1, max(abs(box[1]), abs(box[3])))))
        even = rows * math.radians(box[3] - box[1]) / 8 * tangent < _EVEN
    size = zoom_resolution(zoom)
    left, right = ((x + HALF) / size - window[0] for x in (around[0], around[2]))
    top, bottom = ((HALF - y) / size - window[1] for y in (around[3], around[1]))
    inside = 0 <= left < right <= window[2] and 0 <= top < bottom <= window[3]
    return (left, top, right, bottom) if even and inside else None


def _warped(
    source: Pixels, zoom: int, window: tuple[int, int, int, int], crs: CRS, box: Box,
    shape: tuple[int, int], classed: bool,
) -> tuple[Pixels, Pixels]:  # fmt: skip
    """The window (rows, columns, 4) in another CRS."""
    rows, columns = shape
    size = zoom_resolution(zoom)
    drawn = np.zeros((4, rows, columns), np.uint8)
    reproject(
        np.ascontiguousarray(np.moveaxis(source, -1, 0)), drawn,
        src_transform=Affine(size, 0, window[0] * size - HALF, 0, -size, HALF - window[1] * size),
        src_crs=MERCATOR.to_wkt(), dst_crs=crs.to_wkt(), src_alpha=4, dst_alpha=4,
        dst_transform=Affine(
            (box[2] - box[0]) / columns, 0, box[0], 0, (box[1] - box[3]) / rows, box[3]
        ),
        resampling=Resampling.nearest if classed else Resampling.bilinear, tolerance=0.01,
    )  # fmt: skip
    return np.ascontiguousarray(np.moveaxis(drawn[:3], 0, -1)), drawn[3]


def _mercator_box(crs: CRS, box: Box) -> Box | None:
    """The box in Web Mercator, its inside followed too; None where it has no place there."""
    xs, ys = np.meshgrid(
        np.linspace(box[0], box[2], _STRAIGHT), np.linspace(box[1], box[3], _STRAIGHT)
    )
    east, north = transformer(crs, MERCATOR).transform(xs.ravel(), ys.ravel(), errcheck=False)
    placed = np.isfinite(east) & np.isfinite(north)
    if not placed.any():
        return None
    east, north = np.clip(east[placed], -HALF, HALF), np.clip(north[placed], -HALF, HALF)
    return float(east.min()), float(north.min()), float(east.max()), float(north.max())


def _fitting(cog: Cog, around: Box, shape: tuple[int, int]) -> int:
    """The coarsest zoom that has a pixel for each one drawn, and not many times as many."""
    rows, columns = shape
    fine = min((around[2] - around[0]) / columns, (around[3] - around[1]) / rows)
    fine = max(fine, zoom_resolution(MAX_ZOOM))
    zoom = max(0, min(cog.maxzoom, math.ceil(math.log2(zoom_resolution(0) / fine) - 1e-6)))
    most = _MOST_PIXELS * max(rows * columns, SIZE * SIZE)
    left, top, right, bottom = cog.extent(zoom)
    while zoom > 0:
        size = zoom_resolution(zoom)
        width = min((around[2] - around[0]) / size, right - left)
        height = min((around[3] - around[1]) / size, bottom - top)
        if width * height <= most:
            break
        zoom -= 1
        left, top, right, bottom = cog.extent(zoom)
    return zoom


def _window(cog: Cog, zoom: int, around: Box) -> tuple[int, int, int, int] | None:
    """Left, top, width, height in pixels of the zoom's grid, no larger than the picture."""
    size = zoom_resolution(zoom)
    left, top, right, bottom = cog.extent(zoom)
    left = max(left, math.floor((around[0] + HALF) / size) - _MARGIN)
    right = min(right, math.ceil((around[2] + HALF) / size) + _MARGIN)
    top = max(top, math.floor((HALF - around[3]) / size) - _MARGIN)
    bottom = min(bottom, math.ceil((HALF - around[1]) / size) + _MARGIN)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None
