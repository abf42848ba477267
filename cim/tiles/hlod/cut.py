"""Cuts triangles exactly at the lines of a quadtree.

Where a line crosses an edge, the new vertex is computed from the end that comes first by its
coordinates to the other one. The triangles on both sides of an edge, and the cells on both sides
of a line, so get the same vertex to the last bit: there is nothing to crack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from cim.tiles.hlod.quadtree import Tree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_MOST = 48  # corners of a triangle that 9 levels of lines have cut: 3 + 2 a level, and room
_STACK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What triangles were cut into.

    Args:
        origin: (n,) triangle that each piece is of.
        leaf: (n,) cell it lies in.
        corners: (n, 3, 3) places, m.
        shares: (n, 3, 3) of the triangle's three corners in each of the piece's.
    """

    origin: Ints
    leaf: Ints
    corners: Floats
    shares: Floats


def leaves(corners: Floats, tree: Tree) -> Ints:
    """The cell of each of (n, 3, 3) triangles; -1 where a line runs through it."""
    found = np.empty(len(corners), np.int32)
    _leaves(corners, tree.middles, tree.children, tree.leaf, found)
    return found


def cut(corners: Floats, tree: Tree) -> Pieces:
    """Cut (n, 3, 3) triangles at all lines that run through them."""
    room = 8 * len(corners) + 64
    while True:
        origin, leaf = np.empty(room, np.int32), np.empty(room, np.int32)
        out = np.empty((room, 3, 6))
        made = _cut(corners, tree.middles, tree.children, tree.leaf, origin, leaf, out)
        if made <= room:
            break
        room = made
    return Pieces(origin[:made], leaf[:made], out[:made, :, :3].copy(), out[:made, :, 3:].copy())


@numba.njit(cache=True)
def _side(polygon, n, axis, line):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """-1: below the line, 1: above or on it, 0: on both sides."""
    below, above = False, False
    for i in range(n):
        below |= polygon[i, axis] < line
        above |= polygon[i, axis] > line
    if below and above:
        return 0
    return -1 if below else 1


@numba.njit(cache=True)
def _leaves(corners, middles, children, leaf, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(corners)):
        node = 0
        while children[node, 0] >= 0:
            x = _side(corners[i], 3, 0, middles[node, 0])
            y = _side(corners[i], 3, 1, middles[node, 1])
            if x == 0 or y == 0:
                node = -1
                break
            node = children[node, (x > 0) + 2 * (y > 0)]
        found[i] = leaf[node] if node >= 0 else -1


@numba.njit(cache=True)
def _before(p, q):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for axis in range(3):
        if p[axis] != q[axis]:
            return p[axis] < q[axis]
    return True


@numba.njit(cache=True)
def _cross(p, q, axis, line, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Where the line crosses an edge, from the end that comes first."""
    first, last = (p, q) if _before(p, q) else (q, p)
    t = (line - first[axis]) / (last[axis] - first[axis])
    for j in range(6):
        out[j] = first[j] + t * (last[j] - first[j])
    out[axis] = line


@numba.njit(cache=True)
def _clip(polygon, n, axis, line, sign, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The part of a convex polygon on one side of a line; its number of corners."""
    m = 0
    for i in range(n):
        p, q = polygon[i], polygon[(i + 1) % n]
        dp, dq = sign * (p[axis] - line), sign * (q[axis] - line)
        if dp >= 0:
            out[m] = p
            m += 1
        if (dp > 0 and dq < 0) or (dp < 0 and dq > 0):
            _cross(p, q, axis, line, out[m])
            m += 1
    return m


@numba.njit(cache=True)
def _halves(polygon, n, axis, line, parts, sizes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """A polygon's parts on both sides of a line; size 0 where there is none."""
    side = _side(polygon, n, axis, line)
    for half in range(2):
        sign = 2 * half - 1
        if side == sign:
            parts[half, :n] = polygon[:n]
            sizes[half] = n
        elif side == 0:
            sizes[half] = _clip(polygon, n, axis, line, sign, parts[half])
        else:
            sizes[half] = 0


@numba.njit(cache=True)
def _fan(polygon, n, triangle, cell, made, origin, leaf, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for k in range(1, n - 1):
        if made < len(origin):
            origin[made] = triangle
            leaf[made] = cell
            out[made, 0] = polygon[0]
            out[made, 1] = polygon[k]
            out[made, 2] = polygon[k + 1]
        made += 1
    return made


@numba.njit(cache=True)
def _cut(corners, middles, children, leaf_of, origin, leaf, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cut all; how many pieces there are, even where there is no room for them."""
    stack = np.empty((_STACK, _MOST, 6))
    sizes = np.empty(_STACK, np.int64)
    nodes = np.empty(_STACK, np.int64)
    parts, quarter = np.empty((2, _MOST, 6)), np.empty((2, _MOST, 6))
    halves, ends = np.zeros(2, np.int64), np.zeros(2, np.int64)
    polygon = np.empty((_MOST, 6))
    made = 0
    for i in range(len(corners)):
        stack[0, :3] = 0.0
        for j in range(3):
            stack[0, j, :3] = corners[i, j]
            stack[0, j, 3 + j] = 1.0
        sizes[0], nodes[0], top = 3, 0, 1
        while top > 0:
            top -= 1
            node, n = nodes[top], sizes[top]
            polygon[:n] = stack[top, :n]
            if children[node, 0] < 0:
                made = _fan(polygon, n, i, leaf_of[node], made, origin, leaf, out)
                continue
            _halves(polygon, n, 0, middles[node, 0], parts, halves)
            for x in range(2):
                if halves[x] < 3:
                    continue
                _halves(parts[x], halves[x], 1, middles[node, 1], quarter, ends)
                for y in range(2):
                    if ends[y] >= 3:
                        stack[top, : ends[y]] = quarter[y, : ends[y]]
                        sizes[top], nodes[top] = ends[y], children[node, x + 2 * y]
                        top += 1
    return made
