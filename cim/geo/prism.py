"""Cuts triangles at the walls of upright prisms: what lies within a footprint, above its foot.

A footprint is triangulated; each of its triangles stands for a prism without end upwards, whose
three walls and foot are planes. A mesh triangle is clipped plane by plane (Sutherland and Hodgman,
"Reentrant polygon clipping", 1974): what falls outside of a plane is set aside whole and tried
against the next prism, what is inside of all planes carries the footprint's number. Upright mesh
triangles (facades) need no case of their own, for nothing is projected to the plan.

A cut of an edge is reckoned from its lower to its higher vertex number and is therefore the same
point in both triangles that share the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_KEY = numba.types.UniTuple(numba.int64, 3)
# m: a vertex so close to a plane lies on it. Tiles hold 32-bit coordinates, so that what was cut
# once lies up to some 1e-5 m beside the plane when it is cut again.
NEAR = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Prisms:
    """Upright prisms over triangles of the plan.

    Args:
        corners: (k, 3, 2) counter-clockwise triangles, m.
        foot: (k, 3) plane above which they begin: height a·x + b·y + c, m.
        owner: (k,) number of the footprint each belongs to, 0 or more.
    """

    corners: Floats
    foot: Floats
    owner: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Triangles after the cut.

    Args:
        triangles: (m, 3) numbers of vertices, the new ones after the given ones.
        owner: (m,) footprint of each, -1 where none.
        source: (m,) the given triangle that each is a piece of.
        ends: (j, 2) the two vertices that each new vertex lies between, new ones among them.
        share: (j,) how far from the first to the second it lies, 0..1.
    """

    triangles: Ints
    owner: Ints
    source: Ints
    ends: Ints
    share: Floats


def cut(points: Floats, triangles: Ints, pairs: Ints, prisms: Prisms) -> Cut:
    """Cut triangles at prisms.

    Args:
        points: (n, 3) vertices; z is up, m.
        triangles: (m, 3) corners.
        pairs: (p, 2) triangle and prism that may meet, sorted; every other pair is apart.
        prisms: The prisms. Where two overlap, the first wins.

    Returns:
        The pieces: a triangle that meets no prism comes back whole.
    """
    first = np.searchsorted(pairs[:, 0], np.arange(len(triangles) + 1))
    made = _cut(
        np.ascontiguousarray(points, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        np.ascontiguousarray(pairs[:, 1], np.int64),
        first.astype(np.int64),
        np.ascontiguousarray(prisms.corners, np.float64),
        np.ascontiguousarray(prisms.foot, np.float64),
        np.ascontiguousarray(prisms.owner, np.int64),
    )
    return Cut(*made)


def blend(values: npt.NDArray[np.floating], made: Cut) -> npt.NDArray[np.floating]:
    """Values of all vertices, the new ones blended from their ends.

    Args:
        values: (n, c) of the given vertices.
        made: The cut; a new vertex may lie between others that are new, but earlier.
    """
    result = np.empty((len(values) + len(made.share), values.shape[1]), values.dtype)
    result[: len(values)] = values
    _blend(result, len(values), made.ends, made.share)
    return result


@numba.njit(cache=True)
def _blend(result, start, ends, share):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for j in range(len(share)):
        a, b, t = ends[j, 0], ends[j, 1], share[j]
        for c in range(result.shape[1]):
            result[start + j, c] = result[a, c] + (result[b, c] - result[a, c]) * t


@numba.njit(cache=True)
def _away(point, plane, corners, foot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """How far within a plane a point lies, m: walls 0..2, the foot 3."""
    if plane == 3:
        return point[2] - (foot[0] * point[0] + foot[1] * point[1] + foot[2])
    ax, ay = corners[plane, 0], corners[plane, 1]
    bx, by = corners[(plane + 1) % 3, 0], corners[(plane + 1) % 3, 1]
    area = (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
    return area / np.hypot(bx - ax, by - ay)


@numba.njit(cache=True)
def _crossing(v, w, d, e, wall, points, ends, share, known):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The vertex where an edge meets a plane, made once for all triangles of the edge."""
    low, high, dl, dh = (v, w, d, e) if v < w else (w, v, e, d)
    key = (low, high, wall)
    if key in known:
        return known[key]
    t = dl / (dl - dh)
    a, b = points[low], points[high]
    points.append((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t))
    ends.append(low)
    ends.append(high)
    share.append(t)
    known[key] = len(points) - 1
    return known[key]


@numba.njit(cache=True)
def _split(piece, prism, plane, corners, foot, points, ends, share, known):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The parts of a convex polygon within a plane and beyond it; either may be empty."""
    inside, outside = piece[:0], piece[:0]
    within = beyond = False
    for i in range(len(piece)):
        v, w = piece[i], piece[(i + 1) % len(piece)]
        d = _away(points[v], plane, corners[prism], foot[prism])
        e = _away(points[w], plane, corners[prism], foot[prism])
        within |= d > NEAR
        beyond |= d < -NEAR
        if d >= -NEAR:
            inside.append(v)
        if d <= NEAR:
            outside.append(v)
        if (d > NEAR and e < -NEAR) or (d < -NEAR and e > NEAR):
            new = _crossing(v, w, d, e, prism * 4 + plane, points, ends, share, known)
            inside.append(new)
            outside.append(new)
    if not beyond:  # what lies in the plane counts as within
        return inside, outside[:0]
    return (inside if within else inside[:0]), outside


@numba.njit(cache=True)
def _give(piece, to, source, made, owners, sources):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Note the triangles of a convex polygon."""
    for i in range(1, len(piece) - 1):
        made.extend([piece[0], piece[i], piece[i + 1]])
        owners.append(to)
        sources.append(source)


@numba.njit(cache=True)
def _clip(piece, prism, rest, corners, foot, points, ends, share, known):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """What of a convex polygon lies in a prism; all else is put to the rest."""
    inner = piece
    for plane in range(4):
        inner, outer = _split(inner, prism, plane, corners, foot, points, ends, share, known)
        if len(outer) >= 3:
            rest.append(outer)
        if len(inner) < 3:
            break
    return inner


@numba.njit(cache=True)
def _cut(vertices, triangles, candidates, first, corners, foot, owner):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    points = [(v[0], v[1], v[2]) for v in vertices]
    ends = [np.int64(0) for _ in range(0)]
    share = [0.0 for _ in range(0)]
    known = numba.typed.Dict.empty(_KEY, numba.int64)
    made = [np.int64(0) for _ in range(0)]
    owners = [np.int64(0) for _ in range(0)]
    sources = [np.int64(0) for _ in range(0)]
    for t in range(len(triangles)):
        corner = triangles[t]
        pieces = [[corner[0], corner[1], corner[2]]]
        for prism in candidates[first[t] : first[t + 1]]:
            rest = pieces[:0]
            for piece in pieces:
                inner = _clip(piece, prism, rest, corners, foot, points, ends, share, known)
                _give(inner, owner[prism], t, made, owners, sources)
            pieces = rest
        for piece in pieces:
            _give(piece, -1, t, made, owners, sources)
    return (
        np.array(made).reshape(-1, 3), np.array(owners), np.array(sources),
        np.array(ends).reshape(-1, 2), np.array(share),
    )  # fmt: skip
