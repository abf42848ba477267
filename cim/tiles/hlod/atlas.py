"""One picture out of the parts of many that a tile shows, without resampling them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cim.tiles.glb import Texture

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

PAD = 4  # real pixels around every part: two levels of mipmaps without a stranger's colour
TOUCH = 16  # texture coordinates are one where they agree to this part of a pixel


@dataclass(frozen=True, slots=True, eq=False)
class Islands:
    """Parts of pictures.

    Args:
        number: (m,) island of each triangle.
        picture: (k,) picture of each island.
        low: (k, 2) its first pixel, x and y; beyond the picture where that repeats.
        size: (k, 2) pixels.
    """

    number: Array
    picture: Array
    low: Array
    size: Array


def islands(uv: Floats, picture: Array, sizes: Array) -> Islands:
    """Connected parts of pictures.

    Args:
        uv: (m, 3, 2) texture coordinates.
        picture: (m,) picture of each triangle.
        sizes: (p, 2) width and height of pictures, pixels.
    """
    spots = uv * sizes[picture][:, None]
    key = np.empty((len(uv), 3, 3), np.int64)
    key[..., :2] = np.round(spots * TOUCH)
    key[..., 2] = picture[:, None]
    packed = np.ascontiguousarray(key).view(np.dtype((np.void, 24))).ravel()
    _, vertex = np.unique(packed, return_inverse=True)
    vertex = vertex.reshape(-1, 3)
    ends = np.concatenate([vertex[:, [0, 1]], vertex[:, [1, 2]]])
    n = int(vertex.max()) + 1
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    _, of_vertex = connected_components(graph, directed=False)
    _, number = np.unique(of_vertex[vertex[:, 0]], return_inverse=True)
    count = int(number.max()) + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, number, spots.min(axis=1))
    np.maximum.at(high, number, spots.max(axis=1))
    owner = np.empty(count, np.int64)
    owner[number] = picture
    first = np.floor(low).astype(np.int64)
    return Islands(number, owner, first, np.ceil(high).astype(np.int64) - first)


def pack(sizes: Array) -> tuple[Array, int, int]:
    """Put rectangles on shelves, the tallest first.

    Args:
        sizes: (k, 2) widths and heights.

    Returns:
        (k, 2) their lowest corners, width and height of all.
    """
    area = float((sizes[:, 0] * sizes[:, 1]).sum())
    width = max(int(np.ceil(np.sqrt(area * 1.08))), int(sizes[:, 0].max()))
    places = np.zeros_like(sizes)
    x = y = tall = 0
    for i in np.lexsort((-sizes[:, 0], -sizes[:, 1])):
        wide, high = int(sizes[i, 0]), int(sizes[i, 1])
        if x + wide > width:
            x, y, tall = 0, y + tall, 0
        places[i] = x, y
        x, tall = x + wide, max(tall, high)
    return places, width, y + tall


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Parts of pictures in one.

    Args:
        pixels: (height, width, 3).
        uv: (m, 3, 2) where the triangles are now.
        factor: Pixels of the sources along one of these.
    """

    pixels: Pixels
    uv: npt.NDArray[np.float32]
    factor: int


def repacked(
    uv: Floats, picture: Array, pictures: Sequence[Array], found: Islands, most: int
) -> Atlas:
    """Gather what triangles show.

    Pixels keep their places on the grid, so nothing is resampled, unless all would be more than
    ``most`` × ``most`` pixels: then whole blocks become one.

    Args:
        uv: (m, 3, 2).
        picture: (m,).
        pictures: (height, width, 3) each.
        found: Of ``islands``.
        most: Pixels along a side of the square that must hold them.
    """
    factor = 1
    bare = 2 * len(found.low) * (2 * PAD + 1) ** 2  # what thousands of specks need for their rims
    limit = max(most * most, bare)
    while True:
        low = found.low // factor * factor - PAD * factor
        size = -(-(found.low + found.size - low) // factor) + PAD
        if float((size[:, 0] * size[:, 1]).sum()) <= limit:
            break
        factor += 1
    places, width, height = pack(size)
    pixels = np.zeros((height, width, 3), np.uint8)
    for i in range(len(low)):
        (x, y), (wide, high) = places[i], size[i]
        part = _part(pictures[found.picture[i]], low[i], size[i] * factor)
        pixels[y : y + high, x : x + wide] = _blocks(part, factor)
    sizes = np.array([p.shape[1::-1] for p in pictures])[picture]
    spots = (uv * sizes[:, None] - low[found.number][:, None]) / factor
    moved = (spots + places[found.number][:, None]) / (width, height)
    return Atlas(pixels, moved.astype(np.float32), factor)


def _part(pixels: Array, low: Array, size: Array) -> Pixels:
    """A rectangle of a picture: beyond its border the border goes on, or it repeats."""
    height, width = pixels.shape[:2]
    columns = _line(int(low[0]), int(size[0]), width)
    rows = _line(int(low[1]), int(size[1]), height)
    if isinstance(columns, slice) and isinstance(rows, slice):
        return np.asarray(pixels[rows, columns])
    band = pixels[rows] if isinstance(rows, slice) else np.asarray(pixels[rows])
    return np.asarray(band[:, columns])


def _line(start: int, count: int, total: int) -> slice | Array:
    if start >= 0 and start + count <= total:
        return slice(start, start + count)
    along = np.arange(start, start + count)
    if start >= -2 * PAD and start + count <= total + 2 * PAD:
        return np.clip(along, 0, total - 1)
    return along % total


def _blocks(pixels: Pixels, factor: int) -> Pixels:
    if factor == 1:
        return pixels
    rows, columns = pixels.shape[0] // factor, pixels.shape[1] // factor
    total = pixels.reshape(rows, factor, columns, factor, 3).sum(axis=(1, 3), dtype=np.uint32)
    share = np.uint32(factor * factor)
    mean: Pixels = ((total + share // 2) // share).astype(np.uint8)
    return mean


def encoded(pixels: Pixels, quality: int, wrap: int) -> Texture:
    """A picture as JPEG."""
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "JPEG", quality=quality, optimize=True)
    return Texture(buffer.getvalue(), "image/jpeg", (wrap, wrap))


def decoded(texture: Texture) -> Pixels:
    """The pixels of a texture that was written here."""
    with Pillow.open(io.BytesIO(texture.data)) as image:
        return np.asarray(image.convert("RGB"))
