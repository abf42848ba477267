"""Quantized-mesh-1.0 terrain tiles: written so that neighbours share their border to the bit.

Format: CesiumGS/quantized-mesh. Everything is float64 until it is quantized; heights of a level
are rounded to one power-of-two step before meshing, all posts of the border are kept, normals come
from the elevation model and not from the tile's own triangles. So two neighbours decode to equal
positions and are lit alike.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import orjson
from numba import njit

from cim.tiles.terrain.horizon import horizon
from cim.tiles.terrain.mesh import triangulate
from cim.tiles.terrain.normal import normals
from cim.tiles.terrain.place import POSTS, STEPS, Place

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint16]
Water = npt.NDArray[np.uint8]
Children = Sequence[Sequence[Mapping[str, int]]]

FULL = 32767
FINEST_STEP = 2.0**-12
NORMALS, WATER, METADATA = 1, 2, 4
WATER_POSTS = 256  # a side of the mask
_QUANTA: Numbers = np.round(np.arange(POSTS) / STEPS * FULL).astype(np.int64)  # of the posts


def level_step(relief: float) -> float:
    """Height step of a level, a power of two: 1/64 m where no tile has more than 512 m relief."""
    step = 1 / 64
    while relief > step * FULL - 2 * step:
        step *= 2
    return step


def encode(
    place: Place,
    heights: Floats,
    step: float,
    tolerance: float,
    *,
    water: Water | None = None,
    children: Children | None = None,
    rim: Floats | None = None,
    cross: bool = False,
) -> bytes:
    """One tile, not compressed.

    Args:
        place: Where it lies.
        heights: (67, 67) ellipsoidal heights, m, rows from the south, with one post of halo; no
            NaN.
        step: The level's height step, m.
        tolerance: Largest distance of the mesh from any post, m; half a step where that is more.
        water: (256, 256), 0 land to 255 water, first row north; None leaves it out.
        children: ``available`` of the levels below, the next one first; None leaves it out.
        rim: (4, 65) heights of the west, south, east and north border, which hold there instead
            of ``heights`` and are not rounded to the step (see ``cim.tiles.terrain.rim``).
        cross: Keep all posts of the middle row and column, for children that come not all four.
    """
    level = np.round(heights[1:-1, 1:-1] / step) * step
    if rim is not None:
        level[:, 0], level[0], level[:, -1], level[-1] = rim
    triangles = triangulate(level, tolerance - step / 2, cross=cross)
    posts, codes = _numbered(triangles)
    low, quantum = _range(level, step)
    header = _header(place, posts, level, low, low + FULL * quantum)
    vertices, edges = _packed(posts, level, low, quantum, _QUANTA)
    body = [header, struct.pack("<I", len(posts)), vertices.tobytes()]
    body += [struct.pack("<I", len(triangles)), codes.tobytes()]
    for edge in edges:
        body += [struct.pack("<I", POSTS), edge.tobytes()]
    body.append(_extension(NORMALS, normals(place, heights, posts).tobytes()))
    if water is not None:
        body.append(_extension(WATER, _mask(water)))
    if children is not None:
        told = orjson.dumps({"available": children})
        body.append(_extension(METADATA, struct.pack("<I", len(told)) + told))
    return b"".join(body)


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack("<BI", number, len(data)) + data


def _mask(water: Water) -> bytes:
    """The mask's bytes; a single one where it is the same all over."""
    if water.shape != (WATER_POSTS, WATER_POSTS) or water.dtype != np.uint8:
        raise ValueError(f"a water mask is {WATER_POSTS} bytes square, not {water.shape}")
    uniform = water.min() == water.max()
    return bytes([water[0, 0]]) if uniform else water.tobytes()


def _range(level: Floats, step: float) -> tuple[float, float]:
    """The lowest height and the height quantum of a tile.

    Lowest is a multiple of the level's step and the quantum a power of two not above it, and so
    large that the header's float32 holds the highest height exactly too (above 4096 m it has no
    room for the finest quantum): every tile decodes equal heights to equal numbers.
    """
    low = math.floor(level.min() / step) * step
    relief = float(level.max()) - low
    quantum = FINEST_STEP
    while quantum < step and (quantum * FULL < relief or not _is_float32(low + FULL * quantum)):
        quantum *= 2
    return low, quantum


def _is_float32(value: float) -> bool:
    """Whether a float32 holds a number exactly."""
    return float(np.float32(value)) == value


def _header(place: Place, posts: Numbers, level: Floats, low: float, high: float) -> bytes:
    far = horizon(place, posts, level)
    return struct.pack("<3d2f4d3d", *far.centre, low, high, *far.centre, far.radius, *far.point)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _numbered(triangles: Numbers) -> tuple[Numbers, Codes]:
    """Posts in the order of their first use, and the triangles' high-water-mark codes.

    A code is the next new number minus the vertex's: 0 is a vertex not used before.
    """
    number = np.full(POSTS * POSTS, -1, np.int64)
    posts = np.empty(POSTS * POSTS, np.int64)
    codes = np.empty(triangles.size, np.uint16)
    count = at = 0
    for t in range(len(triangles)):
        for k in range(3):
            post = triangles[t, k]
            if number[post] < 0:
                number[post] = count
                posts[count] = post
                codes[at] = 0
                count += 1
            else:
                codes[at] = count - number[post]
            at += 1
    return posts[:count].copy(), codes


@njit(cache=True)  # type: ignore[untyped-decorator]
def _packed(
    posts: Numbers, level: Floats, low: float, quantum: float, quanta: Numbers
) -> tuple[Codes, Codes]:
    """Vertices, (3, n): u, v, height as zig-zag coded steps; and the four lists of edges, (4, 65).

    Lists: west, south, east, north, each from its south or west end; corners are in two of them.
    """
    vertices, edges = np.empty((3, len(posts)), np.uint16), np.empty((4, POSTS), np.uint16)
    before = np.zeros(3, np.int64)
    for i in range(len(posts)):
        row, column = divmod(posts[i], POSTS)
        height = int(np.rint((level[row, column] - low) / quantum))
        now = (quanta[column], quanta[row], height)
        for k in range(3):
            change = now[k] - before[k]
            vertices[k, i] = (change << 1) ^ (change >> 63)
            before[k] = now[k]
        if column == 0:
            edges[0, row] = i
        if row == 0:
            edges[1, column] = i
        if column == STEPS:
            edges[2, row] = i
        if row == STEPS:
            edges[3, column] = i
    return vertices, edges
