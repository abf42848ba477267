"""Normals of terrain, two bytes each, from the elevation model and not from a tile's triangles.

Two neighbours know the same posts on both sides of their border, so both light it alike.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.geo.ellipsoid import A
from cim.tiles.terrain.place import POSTS, STEPS, Place

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


def normals(place: Place, heights: Floats, posts: Numbers) -> Bytes:
    """Oct-encoded ECEF unit normals at posts, (n, 2), from central differences.

    Args:
        place: The tile.
        heights: (67, 67) with one post of halo, m, rows from the south.
        posts: (n,) post numbers, row * 65 + column.
    """
    spacing = math.radians(place.width / STEPS) * A
    lon, lat = np.radians(place.longitudes()), np.radians(place.latitudes())
    return np.asarray(_normals(heights, posts, spacing, lon, lat))


def oct_encode(vectors: Floats) -> Bytes:
    """Unit vectors, (n, 3), as two bytes each, (n, 2).

    References:
        Meyer, Q. et al. (2010). On floating-point normal vectors. Computer Graphics Forum 29(4).
    """
    return np.asarray(_all_octs(np.ascontiguousarray(vectors)))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _oct(x: float, y: float, z: float) -> tuple[int, int]:
    """A vector's fold onto the octahedron: both coordinates as 0 to 255."""
    size = abs(x) + abs(y) + abs(z)
    u, v = x / size, y / size
    if z < 0:
        u, v = (1 - abs(v)) * (-1.0 if x < 0 else 1.0), (1 - abs(u)) * (-1.0 if y < 0 else 1.0)
    return int(np.rint((u * 0.5 + 0.5) * 255)), int(np.rint((v * 0.5 + 0.5) * 255))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _all_octs(vectors: Floats) -> Bytes:
    coded = np.empty((len(vectors), 2), np.uint8)
    for i in range(len(vectors)):
        coded[i] = _oct(vectors[i, 0], vectors[i, 1], vectors[i, 2])
    return coded


@njit(cache=True)  # type: ignore[untyped-decorator]
def _normals(
    heights: Floats, posts: Numbers, spacing: float, longitudes: Floats, latitudes: Floats
) -> Bytes:
    """As ``normals``; spacing of posts on a meridian in m, places of posts in radians."""
    coded = np.empty((len(posts), 2), np.uint8)
    sin_lon, cos_lon = np.sin(longitudes), np.cos(longitudes)
    sin_lat, cos_lat = np.sin(latitudes), np.cos(latitudes)
    for i in range(len(posts)):
        row, column = divmod(posts[i], POSTS)
        wide = 2 * spacing * max(cos_lat[row], 1e-6)
        e = -(heights[row + 1, column + 2] - heights[row + 1, column]) / wide
        n = -(heights[row + 2, column + 1] - heights[row, column + 1]) / (2 * spacing)
        out = cos_lat[row] - sin_lat[row] * n  # away from the axis of the Earth
        coded[i] = _oct(
            -sin_lon[column] * e + cos_lon[column] * out,
            cos_lon[column] * e + sin_lon[column] * out,
            cos_lat[row] * n + sin_lat[row],
        )
    return coded
