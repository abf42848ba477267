"""Triangulates the posts of a terrain tile: few triangles, none farther from a post than allowed.

Greedy insertion into a Delaunay mesh (Garland & Heckbert, 1995): the post that a triangle misses
by most becomes a vertex, until no triangle misses any post by more than the tolerance. The mesh
begins with all posts of the border, so neighbours share all of them, and the tolerance holds there
as it does inside. Posts are whole numbers, so are the tests of turn and circle: nothing is decided
by rounding.

References:
    Garland, M. & Heckbert, P. (1995). Fast polygonal approximation of terrains and height fields.
    CMU-CS-95-181.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.tiles.terrain.place import POSTS, STEPS

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

MOST = 2 * STEPS * STEPS  # triangles, with every post in the mesh
NOTHING = 1e-9  # m: what a plane through whole multiples of a step may miss its own corners by


def triangulate(heights: Floats, tolerance: float, *, cross: bool = False) -> Numbers:
    """Triangles over the posts, (n, 3) of post numbers (row * 65 + column), counter-clockwise.

    They come as a walk from neighbour to neighbour, so that numbers given by first use stay close.

    Args:
        heights: (65, 65), m, rows from the south; no NaN.
        tolerance: Farthest that a post may lie above or below the mesh, m.
        cross: All posts of the middle row and column are vertices too, and the lines between them
            sides of triangles.
    """
    corners, twins = _beginning(cross=cross)
    return np.asarray(_refine(heights, max(tolerance, NOTHING), corners, twins))


@cache
def _beginning(*, cross: bool) -> tuple[Numbers, Numbers]:
    """Delaunay triangles of the border's 256 posts, and of a cross if wanted, and their twins.

    Two posts next to each other share a side in any Delaunay mesh that has both: the circle over
    it holds no post. So the lines of border and cross stay, whatever is put in later.
    """
    last = POSTS * POSTS - 1
    corners, twins = np.empty(3 * MOST, np.int64), np.full(3 * MOST, -1, np.int64)
    corners[:6] = [0, STEPS, last, 0, last, last - STEPS]
    twins[2], twins[3] = 3, 2
    count, half = 2, STEPS // 2
    for k in _middles_first():  # so that few triangles change with each
        for post in (k, k * POSTS, k * POSTS + STEPS, STEPS * POSTS + k):
            count = _insert_on_border(corners, twins, count, post)
    if cross:
        todo, changed = np.empty(3 * MOST, np.int64), np.empty(3 * MOST, np.int64)
        for post in dict.fromkeys(
            post for k in _middles_first() for post in (k * POSTS + half, half * POSTS + k)
        ):
            t = _holder(corners, count, post)
            count, _ = _insert(corners, twins, count, t, post, todo, changed)
    return corners[: 3 * count].copy(), twins[: 3 * count].copy()


def _middles_first() -> list[int]:
    """The steps between the ends of a line: 32, then 16 and 48, and so on."""
    return [k for n in range(6) for far in (STEPS >> n + 1,) for k in range(far, STEPS, 2 * far)]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _holder(corners: Numbers, count: int, p: int) -> int:
    """A triangle that holds a post within or on its sides."""
    for t in range(count):
        a, b, c = corners[3 * t], corners[3 * t + 1], corners[3 * t + 2]
        if _turn(a, b, p) >= 0 and _turn(b, c, p) >= 0 and _turn(c, a, p) >= 0:
            return t
    return -1  # never: the triangles cover the tile


@njit(cache=True)  # type: ignore[untyped-decorator]
def _turn(a: int, b: int, c: int) -> int:
    """Twice the area of a triangle of posts, positive if it turns counter-clockwise."""
    ay, ax = divmod(a, POSTS)
    by, bx = divmod(b, POSTS)
    cy, cx = divmod(c, POSTS)
    return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _in_circle(a: int, b: int, c: int, d: int) -> bool:
    """Whether d lies within the circle through a, b and c, which turn counter-clockwise."""
    dy, dx = divmod(d, POSTS)
    ay, ax = a // POSTS - dy, a % POSTS - dx
    by, bx = b // POSTS - dy, b % POSTS - dx
    cy, cx = c // POSTS - dy, c % POSTS - dx
    aa, bb, cc = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    return aa * (bx * cy - cx * by) - bb * (ax * cy - cx * ay) + cc * (ax * by - bx * ay) > 0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _put(
    corners: Numbers,
    twins: Numbers,
    t: int,
    posts: tuple[int, int, int],
    sides: tuple[int, int, int],
) -> None:
    """Write triangle t; ``sides`` are the twins of its half-edges, which learn of it."""
    for k in range(3):
        corners[3 * t + k] = posts[k]
        twins[3 * t + k] = sides[k]
        if sides[k] >= 0:
            twins[sides[k]] = 3 * t + k


@njit(cache=True)  # type: ignore[untyped-decorator]
def _insert_on_border(corners: Numbers, twins: Numbers, count: int, p: int) -> int:
    """Split the triangle whose border side holds p; the count of triangles after that."""
    todo = np.empty(3 * MOST, np.int64)
    for e in range(3 * count):
        after = e - e % 3 + (e + 1) % 3
        a, b = corners[e], corners[after]
        between = min(a, b) < p < max(a, b)
        if twins[e] >= 0 or not between or _turn(a, b, p) != 0:
            continue
        before = e - e % 3 + (e + 2) % 3
        c, t = corners[before], e // 3
        outer = twins[after], twins[before]
        _put(corners, twins, t, (p, b, c), (-1, outer[0], -1))
        _put(corners, twins, count, (p, c, a), (3 * t + 2, outer[1], -1))
        todo[0], todo[1] = 3 * t + 1, 3 * count + 1
        _legalize(corners, twins, todo, 2, todo[2:], 0)
        return count + 1
    return count


@njit(cache=True)  # type: ignore[untyped-decorator]
def _legalize(
    corners: Numbers, twins: Numbers, todo: Numbers, left: int, changed: Numbers, many: int
) -> int:
    """Flip edges until the mesh around a new post is Delaunay's again.

    Args:
        corners: Three posts a triangle.
        twins: For each half-edge the one on its other side, or -1.
        todo: Half-edges to look at, each the second of its triangle: the first corner is the post.
        left: How many of them.
        changed: Gets the triangles that were touched from outside.
        many: How many it holds already.

    Returns:
        How many ``changed`` holds.
    """
    while left:
        left -= 1
        a = todo[left]
        b = twins[a]
        if b < 0:
            continue
        t, other = a // 3, b // 3
        after, before = 3 * other + (b + 1) % 3, 3 * other + (b + 2) % 3
        p, right, far, beyond = corners[a - 1], corners[a], corners[a + 1], corners[before]
        if not _in_circle(p, right, far, beyond):
            continue
        one, two, three, four = twins[a - 1], twins[after], twins[before], twins[a + 1]
        _put(corners, twins, t, (p, right, beyond), (one, two, 3 * other))
        _put(corners, twins, other, (p, beyond, far), (3 * t + 2, three, four))
        changed[many] = other
        many += 1
        todo[left], todo[left + 1] = a, 3 * other + 1
        left += 2
    return many


@njit(cache=True)  # type: ignore[untyped-decorator]
def _insert(
    corners: Numbers, twins: Numbers, count: int, t: int, p: int, todo: Numbers, changed: Numbers
) -> tuple[int, int]:
    """Make post p, within triangle t or on its side, a vertex.

    Returns:
        Count of triangles, and how many ``changed`` now holds: all that are new or altered.
    """
    for k in range(3):
        e = 3 * t + k
        after, before = 3 * t + (k + 1) % 3, 3 * t + (k + 2) % 3
        if _turn(corners[e], corners[after], p) == 0:
            break
    else:
        a, b, c = corners[3 * t], corners[3 * t + 1], corners[3 * t + 2]
        ab, bc, ca = twins[3 * t], twins[3 * t + 1], twins[3 * t + 2]
        u, v = count, count + 1
        _put(corners, twins, t, (p, a, b), (-1, ab, -1))
        _put(corners, twins, u, (p, b, c), (3 * t + 2, bc, -1))
        _put(corners, twins, v, (p, c, a), (3 * u + 2, ca, 3 * t))
        todo[0], todo[1], todo[2] = 3 * t + 1, 3 * u + 1, 3 * v + 1
        changed[0], changed[1], changed[2] = t, u, v
        return count + 2, _legalize(corners, twins, todo, 3, changed, 3)
    f = twins[e]  # never -1: the border's posts are all in
    other, u, v = f // 3, count, count + 1
    next_f, last_f = 3 * other + (f + 1) % 3, 3 * other + (f + 2) % 3
    a, b, c, d = corners[e], corners[after], corners[before], corners[last_f]
    bc, ca, ad, db = twins[after], twins[before], twins[next_f], twins[last_f]
    _put(corners, twins, t, (p, b, c), (-1, bc, -1))
    _put(corners, twins, u, (p, c, a), (3 * t + 2, ca, -1))
    _put(corners, twins, other, (p, a, d), (3 * u + 2, ad, -1))
    _put(corners, twins, v, (p, d, b), (3 * other + 2, db, 3 * t))
    todo[0], todo[1], todo[2], todo[3] = 3 * t + 1, 3 * u + 1, 3 * other + 1, 3 * v + 1
    changed[0], changed[1], changed[2], changed[3] = t, u, other, v
    return count + 2, _legalize(corners, twins, todo, 4, changed, 4)


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _lean(px: int, py: int, qx: int, qy: int) -> float:
    """Posts eastward a row northward along a side; 0 for a side along a row."""
    return (qx - px) / (qy - py) if qy != py else 0.0


@njit(cache=True)  # type: ignore[untyped-decorator]
def _between(
    px: int, py: int, qy: int, lean: float, y: int, left: int, right: int
) -> tuple[int, int]:
    """What the side from p to q, which has its triangle on the left hand, leaves of a row.

    Crossings are fractions with denominators up to 64: a millionth tells them from whole posts.
    """
    if qy > py:
        right = min(right, math.floor(px + lean * (y - py) + 1e-6))
    elif qy < py:
        left = max(left, math.ceil(px + lean * (y - py) - 1e-6))
    return left, right


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _worst(heights: Floats, a: int, b: int, c: int) -> tuple[float, int]:
    """How far a triangle misses the posts that it covers at most, m, and which post that is."""
    ay, ax = divmod(a, POSTS)
    by, bx = divmod(b, POSTS)
    cy, cx = divmod(c, POSTS)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if area == 1:  # it covers no post but its own
        return 0.0, -1
    to_b, to_c = heights[by, bx] - heights[ay, ax], heights[cy, cx] - heights[ay, ax]
    east = (to_b * (cy - ay) - to_c * (by - ay)) / area
    north = (to_c * (bx - ax) - to_b * (cx - ax)) / area
    worst, post = 0.0, -1
    leans = (_lean(ax, ay, bx, by), _lean(bx, by, cx, cy), _lean(cx, cy, ax, ay))
    for y in range(min(ay, by, cy), max(ay, by, cy) + 1):
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        left, right = _between(ax, ay, by, leans[0], y, left, right)
        left, right = _between(bx, by, cy, leans[1], y, left, right)
        left, right = _between(cx, cy, ay, leans[2], y, left, right)
        base = heights[ay, ax] + north * (y - ay)
        for x in range(left, right + 1):
            miss = abs(heights[y, x] - (base + east * (x - ax)))
            if miss > worst:
                worst, post = miss, y * POSTS + x
    return worst, post


@njit(cache=True)  # type: ignore[untyped-decorator]
def _sink(heap: Numbers, spot: Numbers, misses: Floats, size: int, at: int) -> None:
    """Move the triangle at a place of the heap to where it belongs, up or down."""
    t = heap[at]
    miss = misses[t]
    while at > 0 and misses[heap[(at - 1) // 2]] < miss:
        heap[at] = heap[(at - 1) // 2]
        spot[heap[at]] = at
        at = (at - 1) // 2
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and misses[heap[child + 1]] > misses[heap[child]]:
            child += 1
        if misses[heap[child]] <= miss:
            break
        heap[at] = heap[child]
        spot[heap[at]] = at
        at = child
    heap[at] = t
    spot[t] = at


@njit(cache=True)  # type: ignore[untyped-decorator]
def _rank(heap: Numbers, spot: Numbers, misses: Floats, size: int, t: int, wanted: bool) -> int:
    """Put a triangle into the heap, to its new place there, or out of it; the heap's new size."""
    at = spot[t]
    if wanted:
        if at < 0:
            at = size
            size += 1
            heap[at] = t
        _sink(heap, spot, misses, size, at)
    elif at >= 0:
        spot[t] = -1
        size -= 1
        if at < size:
            heap[at] = heap[size]
            _sink(heap, spot, misses, size, at)
    return size


@njit(cache=True)  # type: ignore[untyped-decorator]
def _refine(heights: Floats, tolerance: float, first: Numbers, paired: Numbers) -> Numbers:
    """The finished mesh, as a walk; it begins with triangles ``first`` and twins ``paired``."""
    corners, twins = np.empty(3 * MOST, np.int64), np.empty(3 * MOST, np.int64)
    corners[: len(first)] = first
    twins[: len(first)] = paired
    count = len(first) // 3
    misses, posts = np.empty(MOST), np.empty(MOST, np.int64)
    heap, spot = np.empty(MOST, np.int64), np.full(MOST, -1, np.int64)
    todo, changed = np.empty(3 * MOST, np.int64), np.empty(3 * MOST, np.int64)
    many = count
    for t in range(many):
        changed[t] = t
    looked = np.full(MOST, -1, np.int64)  # the turn that looked at a triangle last
    size = turn = 0
    while True:
        turn += 1
        for k in range(many):
            t = changed[k]
            if looked[t] == turn:
                continue
            looked[t] = turn
            a, b, c = corners[3 * t], corners[3 * t + 1], corners[3 * t + 2]
            misses[t], posts[t] = _worst(heights, a, b, c)
            size = _rank(heap, spot, misses, size, t, misses[t] > tolerance)
        if size == 0:
            walked: Numbers = _walk(corners, twins, count)
            return walked
        t = heap[0]
        count, many = _insert(corners, twins, count, t, posts[t], todo, changed)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _walk(corners: Numbers, twins: Numbers, count: int) -> Numbers:
    """Triangles in an order in which most follow a neighbour, each begun at the side it came by."""
    walked = np.empty((count, 3), np.int64)
    seen = np.zeros(count, np.bool_)
    stack = np.empty(count + 1, np.int64)
    stack[0], seen[0] = 0, True
    left, done = 1, 0
    while left:
        left -= 1
        e = stack[left]
        t = e // 3
        for k in range(3):
            walked[done, k] = corners[3 * t + (e + k) % 3]
        done += 1
        for k in range(1, 3):
            f = twins[3 * t + (e + k) % 3]
            if f >= 0 and not seen[f // 3]:
                seen[f // 3] = True
                stack[left] = f
                left += 1
    return walked
