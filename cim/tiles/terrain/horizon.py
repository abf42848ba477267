"""Where a terrain tile lies as seen from space: its sphere, and the point that hides with it.

The client leaves a tile out when its horizon occlusion point is behind the ellipsoid's horizon; so
that point must be seen at least from wherever any vertex is seen.

References:
    Ring, K. (2013). Computing the horizon occlusion point. Cesium blog; ``OcclusionPoint`` there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.geo.ellipsoid import E2, RADII, A
from cim.tiles.terrain.place import POSTS, Place

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Horizon:
    """A tile from afar.

    Args:
        centre: Of the box around the vertices and of the sphere, ECEF, m.
        radius: Of the sphere, m.
        point: Horizon occlusion point, in radii of the ellipsoid.
    """

    centre: Triple
    radius: float
    point: Triple


def horizon(place: Place, posts: Numbers, heights: Floats) -> Horizon:
    """The horizon of vertices at posts.

    Args:
        place: The tile.
        posts: (n,) post numbers, row * 65 + column.
        heights: (65, 65) ellipsoidal heights, m, rows from the south.
    """
    lon, lat = np.radians(place.longitudes()), np.radians(place.latitudes())
    found = _horizon(posts, heights, lon, lat, RADII)
    return Horizon(found[0:3], found[3], found[4:7])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _horizon(
    posts: Numbers, heights: Floats, longitudes: Floats, latitudes: Floats, radii: Floats
) -> tuple[float, float, float, float, float, float, float]:
    """Centre, radius and point."""
    sin_lon, cos_lon = np.sin(longitudes), np.cos(longitudes)
    sin_lat, cos_lat = np.sin(latitudes), np.cos(latitudes)
    prime = A / np.sqrt(1 - E2 * sin_lat**2)
    points = np.empty((len(posts), 3))
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for i in range(len(posts)):
        row, column = divmod(posts[i], POSTS)
        height = heights[row, column]
        points[i, 0] = (prime[row] + height) * cos_lat[row] * cos_lon[column]
        points[i, 1] = (prime[row] + height) * cos_lat[row] * sin_lon[column]
        points[i, 2] = (prime[row] * (1 - E2) + height) * sin_lat[row]
        for k in range(3):
            low[k] = min(low[k], points[i, k])
            high[k] = max(high[k], points[i, k])
    centre = (low + high) / 2
    radius = 0.0
    for i in range(len(posts)):
        radius = max(radius, ((points[i] - centre) ** 2).sum())
    toward = centre / radii
    toward = toward / np.sqrt((toward**2).sum())
    far = _reach(points, toward, radii)
    point = toward * far
    return (
        centre[0], centre[1], centre[2], np.sqrt(radius), point[0], point[1], point[2],
    )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _reach(points: Floats, toward: Floats, radii: Floats) -> float:
    """How far along a direction, in radii, the point lies that is hidden only with all points."""
    far = 0.0
    for i in range(len(points)):
        x, y, z = points[i, 0] / radii[0], points[i, 1] / radii[1], points[i, 2] / radii[2]
        size = np.sqrt(x * x + y * y + z * z)
        x, y, z = x / size, y / size, z / size
        cos_a = x * toward[0] + y * toward[1] + z * toward[2]
        cross_x = y * toward[2] - z * toward[1]
        cross_y = z * toward[0] - x * toward[2]
        cross_z = x * toward[1] - y * toward[0]
        sin_a = np.sqrt(cross_x * cross_x + cross_y * cross_y + cross_z * cross_z)
        size = max(1.0, size)
        cos_b = 1 / size
        sin_b = np.sqrt(size * size - 1) * cos_b
        share = cos_a * cos_b - sin_a * sin_b
        if share <= 1e-3:  # a hemisphere hides nothing of itself
            return 1e3
        far = max(far, 1 / share)
    return far
