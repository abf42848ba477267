"""Which triangle of a mesh is nearest to a point: a grid of boxes, searched from the inside out."""

# ruff: noqa: ANN001, ANN202 - numba reads no annotations

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

MOST_BOXES = 1 << 21
PER_BOX = 2.0  # boxes a triangle


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Triangles by the boxes that they touch.

    Args:
        corners: (m, 3, 3) m.
        low: Lowest corner of the grid.
        side: Of a box, m.
        shape: Boxes along each axis.
        starts: Where each box's triangles begin in ``members``, and where the last ones end.
        members: Triangles.
    """

    corners: Floats
    low: Floats
    side: float
    shape: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    members: Ints

    @classmethod
    def over(cls, corners: Floats) -> Grid:
        """The grid of (m, 3, 3) triangles, at least one."""
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        extent = np.maximum(high - low, 1e-6)
        wanted = min(max(PER_BOX * len(corners), 1.0), float(MOST_BOXES))
        # a surface fills few boxes of its bounds: as many as lie along it
        side = float(np.sqrt(max(extent[0] * extent[1], extent.max() ** 2 / 16) / wanted))
        while np.prod(np.floor(extent / side) + 1) > MOST_BOXES:
            side *= 1.25
        shape = (np.floor(extent / side) + 1).astype(np.int64)
        counts = np.zeros(int(shape.prod()) + 1, np.int64)
        _spread(corners, low, side, shape, counts, np.empty(0, np.int32), False)
        starts = np.concatenate([[0], np.cumsum(counts[:-1])])
        members = np.empty(int(starts[-1]), np.int32)
        _spread(corners, low, side, shape, starts.copy(), members, True)
        return cls(corners, low, side, shape, starts, members)

    def nearest(self, points: Floats) -> tuple[Ints, Floats, Floats]:
        """The nearest triangle of each of (n, 3) points.

        Returns:
            (n,) triangles, (n, 3) shares of its corners in the nearest place on it, (n,) distances.
        """
        found = np.empty(len(points), np.int32)
        shares, distances = np.empty((len(points), 3)), np.empty(len(points))
        _search(
            points, self.corners, self.low, self.side, self.shape, self.starts, self.members,
            found, shares, distances,
        )  # fmt: skip
        return found, shares, distances


@numba.njit(cache=True)
def _spread(corners, low, side, shape, at, members, fill):  # type: ignore[no-untyped-def]
    """Count the triangles of each box, or put them there."""
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for i in range(len(corners)):
        for k in range(3):
            lowest = min(corners[i, 0, k], corners[i, 1, k], corners[i, 2, k])
            highest = max(corners[i, 0, k], corners[i, 1, k], corners[i, 2, k])
            first[k] = min(max(int((lowest - low[k]) / side), 0), shape[k] - 1)
            last[k] = min(max(int((highest - low[k]) / side), 0), shape[k] - 1)
        for x in range(first[0], last[0] + 1):
            for y in range(first[1], last[1] + 1):
                for z in range(first[2], last[2] + 1):
                    box = (x * shape[1] + y) * shape[2] + z
                    if fill:
                        members[at[box]] = i
                    at[box] += 1


@numba.njit(cache=True)
def _dot(a, b, p, q):  # type: ignore[no-untyped-def]
    """(b - a) · (q - p), without an array between."""
    return (
        (b[0] - a[0]) * (q[0] - p[0])
        + (b[1] - a[1]) * (q[1] - p[1])
        + (b[2] - a[2]) * (q[2] - p[2])
    )


@numba.njit(cache=True)
def _on_edge(first, second):  # type: ignore[no-untyped-def]
    total = first + second
    return first / total if total > 0 else 0.0


@numba.njit(cache=True)
def _closest(p, a, b, c, out):  # type: ignore[no-untyped-def]
    """Shares of the corners in the place of a triangle that is nearest to a point.

    By the regions of Voronoi: Ericson, Real-Time Collision Detection (2005), section 5.1.5.
    """
    d1, d2 = _dot(a, b, a, p), _dot(a, c, a, p)
    d3, d4 = _dot(a, b, b, p), _dot(a, c, b, p)
    d5, d6 = _dot(a, b, c, p), _dot(a, c, c, p)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    v, w = 0.0, 0.0
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        v = 1.0
    elif d6 >= 0 and d5 <= d6:
        w = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v = _on_edge(d1, -d3)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = _on_edge(d2, -d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = _on_edge(d4 - d3, d5 - d6)
        v = 1.0 - w
    else:
        total = va + vb + vc
        v, w = vb / total, vc / total
    out[0], out[1], out[2] = 1.0 - v - w, v, w


@numba.njit(cache=True)
def _look(p, box, corners, starts, members, trial, best, share):  # type: ignore[no-untyped-def]
    """The nearest triangle of one box where it is nearer than the best so far: it, its square."""
    found = -1
    for j in range(starts[box], starts[box + 1]):
        i = members[j]
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        _closest(p, a, b, c, trial)
        square = 0.0
        for k in range(3):
            away = p[k] - (a[k] * trial[0] + b[k] * trial[1] + c[k] * trial[2])
            square += away * away
        if square < best:
            best, found = square, i
            share[:] = trial
    return found, best


@numba.njit(cache=True)
def _search(  # type: ignore[no-untyped-def]
    points,
    corners,
    low,
    side,
    shape,
    starts,
    members,
    found,
    shares,
    distances,
):
    trial, at = np.empty(3), np.empty(3, np.int64)
    farthest = shape.max()
    for n in range(len(points)):
        p = points[n]
        beyond = 0.0
        for k in range(3):
            at[k] = min(max(int(np.floor((p[k] - low[k]) / side)), 0), shape[k] - 1)
            beyond = max(beyond, low[k] - p[k], p[k] - (low[k] + side * shape[k]))
        best, found[n] = np.inf, -1
        for ring in range(farthest + 1):
            reached = (ring - 1) * side - beyond if ring > 0 else -1.0
            if reached > 0 and best <= reached * reached:
                break
            for x in range(max(at[0] - ring, 0), min(at[0] + ring, shape[0] - 1) + 1):
                for y in range(max(at[1] - ring, 0), min(at[1] + ring, shape[1] - 1) + 1):
                    rim = abs(x - at[0]) == ring or abs(y - at[1]) == ring
                    step = 1 if rim or ring == 0 else 2 * ring
                    for z in range(at[2] - ring, at[2] + ring + 1, step):
                        if 0 <= z < shape[2]:
                            box = (x * shape[1] + y) * shape[2] + z
                            i, best = _look(
                                p, box, corners, starts, members, trial, best, shares[n]
                            )
                            if i >= 0:
                                found[n] = i
        distances[n] = np.sqrt(best)
