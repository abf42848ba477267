"""A coarser mesh: fewer triangles, the same outer border, and how far the surface has moved."""

from __future__ import annotations

import meshoptimizer as codec  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from cim.tiles.hlod.nearest import Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

SAMPLES = 20_000  # points of each surface from which the other is measured


def simplified(points: Floats, triangles: Ints, most: int) -> Ints:
    """About ``most`` triangles of the same points; borders stay as they are.

    What has a border is locked by the simplifier (meshopt_SimplifyLockBorder): the ring that a
    tile shares with its neighbours keeps every vertex, inner seams that were welded are free.

    Args:
        points: (n, 3) m.
        triangles: (m, 3).
        most: Triangles wanted.
    """
    if len(triangles) <= most:
        return triangles
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    local = np.ascontiguousarray(points - middle, np.float32)
    source = np.ascontiguousarray(triangles, np.uint32).ravel()
    target = np.zeros_like(source)
    count = codec.simplify(
        target,
        source,
        local,
        target_index_count=3 * most,
        target_error=1.0,
        options=codec.SIMPLIFY_LOCK_BORDER,
    )
    return target[:count].reshape(-1, 3).astype(np.int32)


def deviation(fine: Floats, coarse: Floats, seed: int = 0) -> float:
    """How far two surfaces are apart at most, from points on each to the other, m.

    All vertices and middles of edges are asked, and points spread evenly over both.

    Args:
        fine: (n, 3, 3) triangles.
        coarse: (m, 3, 3) triangles.
        seed: Of the spread points.
    """
    there = _apart(fine, coarse, seed)
    back = _apart(coarse, fine, seed + 1)
    return max(there, back)


def _apart(surface: Floats, other: Floats, seed: int) -> float:
    vertices = np.unique(surface.reshape(-1, 3), axis=0)
    middles = ((surface + np.roll(surface, 1, axis=1)) / 2).reshape(-1, 3)
    points = np.concatenate([vertices, middles, spread(surface, SAMPLES, seed)])
    _, _, distances = Grid.over(other).nearest(points)
    return float(distances.max())


def spread(corners: Floats, count: int, seed: int) -> Floats:
    """(count, 3) points spread evenly over (m, 3, 3) triangles."""
    random = np.random.default_rng(seed)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    if not area.sum():
        return np.empty((0, 3))
    which = random.choice(len(corners), count, p=area / area.sum())
    u, v = random.random((2, count))
    swap = u + v > 1
    u, v = np.where(swap, 1 - u, u), np.where(swap, 1 - v, v)
    a, b, c = np.moveaxis(corners[which], 1, 0)
    points: Floats = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    return points
