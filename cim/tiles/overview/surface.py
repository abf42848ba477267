"""A raster as a light mesh: a regular grid with one picture, and a skirt around its borders."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cim.tiles.overview.raster import Raster, coarser, even, fewer, filled

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.uint32]

QUALITY = 75
SKIRT = 3.0  # texels: about as many pixels when the node is replaced by finer ones
BLEED = 4  # texels by which colours are spread beyond what is covered


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A mesh in the plane of the lattice.

    Args:
        points: (n, 3), m; x and y from the lattice's origin.
        triangles: (m, 3), counter-clockwise from above.
        uv: (n, 2) from the upper left corner of the picture.
        jpeg: The picture.
        deviation: Root mean square and largest distance of heights to those of the source, m.
        quads: Quads of the grid, without the skirt.
    """

    points: Floats
    triangles: Indices
    uv: npt.NDArray[np.float32]
    jpeg: bytes
    deviation: tuple[float, float]
    quads: int


def surface(raster: Raster, quad: int) -> Surface | None:
    """The mesh of a raster; None where nothing is covered.

    A quad is drawn where any of its texels is covered, so that nothing opens which was closed;
    a hole of the source stays where it is as large as a quad.

    Args:
        raster: What to show.
        quad: Texels along a quad, a power of two.
    """
    whole = even(raster, quad)
    rows, columns = (n // quad for n in whole.cover.shape)
    drawn = np.asarray(whole.cover.reshape(rows, quad, columns, quad).any(axis=(1, 3)))
    if not drawn.any():
        return None
    height = whole.height
    for _ in range(quad.bit_length() - 1):
        height = fewer(height)
    height, known = filled(height, np.isfinite(height), 2)
    if not known.all():
        typical = float(np.nanmedian(whole.height)) if np.isfinite(whole.height).any() else 0.0
        height = np.where(known, height, typical)
    step = raster.texel * quad
    used = np.zeros((rows + 1, columns + 1), bool)
    for dy in (0, 1):
        for dx in (0, 1):
            used[dy : rows + dy, dx : columns + dx] |= drawn
    index = np.cumsum(used).reshape(used.shape) - 1
    y, x = np.nonzero(used)
    flat = np.stack([x * step, y * step, height[used]], axis=1)
    uv = np.stack([x / columns, 1 - y / rows], axis=1)
    triangles = _triangles(drawn, index, height)
    walls = _skirt(drawn, index)
    points, uv, triangles = _lowered(flat, uv, triangles, walls, SKIRT * raster.texel)
    points[:, :2] += np.array([whole.column, whole.row]) * raster.texel
    return Surface(
        points,
        triangles.astype(np.uint32),
        uv.astype(np.float32),
        _jpeg(whole),
        deviation(whole, height.astype(np.float32), quad),
        int(drawn.sum()),
    )


def _triangles(drawn: npt.NDArray[np.bool_], index: Any, height: Any) -> Any:
    """Two triangles a quad, cut along the diagonal whose ends differ less in height."""
    y, x = np.nonzero(drawn)
    a, b = index[y, x], index[y, x + 1]
    c, d = index[y + 1, x + 1], index[y + 1, x]
    falls = np.abs(height[y, x] - height[y + 1, x + 1])
    rises = np.abs(height[y, x + 1] - height[y + 1, x])
    one = np.stack([a, b, c, a, c, d], axis=1)
    other = np.stack([a, b, d, b, c, d], axis=1)
    return np.where((falls <= rises)[:, None], one, other).reshape(-1, 3)


def _skirt(drawn: npt.NDArray[np.bool_], index: Any) -> Any:
    """(n, 2) posts along every outer edge of a quad, the surface to the left of the way."""
    framed = np.pad(drawn, 1)
    edges = []
    for (dy, dx), (ay, ax), (by, bx) in _SIDES:
        beside = framed[1 + dy : framed.shape[0] - 1 + dy, 1 + dx : framed.shape[1] - 1 + dx]
        y, x = np.nonzero(drawn & ~beside)
        edges.append(np.stack([index[y + ay, x + ax], index[y + by, x + bx]], axis=1))
    return np.concatenate(edges)


_SIDES = (
    ((-1, 0), (0, 0), (0, 1)),  # south, eastward
    ((0, 1), (0, 1), (1, 1)),  # east, northward
    ((1, 0), (1, 1), (1, 0)),  # north, westward
    ((0, -1), (1, 0), (0, 0)),  # west, southward
)


def _lowered(flat: Any, uv: Any, triangles: Any, edges: Any, depth: float) -> Any:
    """Points, uv and triangles with walls hung below the edges."""
    rim, place = np.unique(edges, return_inverse=True)
    below = place.reshape(edges.shape) + len(flat)
    low = flat[rim].copy()
    low[:, 2] -= depth
    a, b = edges[:, 0], edges[:, 1]
    walls = np.stack([a, below[:, 0], below[:, 1], a, below[:, 1], b], axis=1).reshape(-1, 3)
    return (
        np.concatenate([flat, low]),
        np.concatenate([uv, uv[rim]]),
        np.concatenate([triangles, walls]),
    )


def _jpeg(raster: Raster) -> bytes:
    colour, known = filled(raster.colour, raster.cover, BLEED)
    colour[~known] = colour[known].mean(axis=0)
    picture = Image.fromarray(np.ascontiguousarray(colour[::-1].round().astype(np.uint8)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def deviation(raster: Raster, height: npt.NDArray[np.float32], quad: int) -> tuple[float, float]:
    """How far the grid's heights lie from the raster's, with the raster's own deviation, m.

    Args:
        raster: With posts at every texel.
        height: Posts at every ``quad`` texels.
        quad: Texels along a quad.

    Returns:
        Root mean square and largest difference.
    """
    rows, columns = raster.height.shape
    y, x = np.arange(rows) / quad, np.arange(columns) / quad
    i = np.minimum(y.astype(int), height.shape[0] - 2)
    j = np.minimum(x.astype(int), height.shape[1] - 2)
    fy, fx = (y - i)[:, None], (x - j)[None, :]
    low = height[i][:, j] * (1 - fx) + height[i][:, j + 1] * fx
    high = height[i + 1][:, j] * (1 - fx) + height[i + 1][:, j + 1] * fx
    away = low * (1 - fy) + high * fy - raster.height
    away = away[np.isfinite(away)]  # beside a gap neither may be known
    if not len(away):
        return raster.deviation
    typical = float(np.sqrt(np.mean(np.square(away, dtype=np.float64))))
    return (
        float(np.hypot(typical, raster.deviation[0])),
        float(np.abs(away).max()) + raster.deviation[1],
    )


def passed_on(raster: Raster) -> Raster:
    """The raster of texels twice as wide, which carries how far its heights are off."""
    own = coarser(raster)
    return replace(own, deviation=deviation(even(raster, 2), own.height, 2))
