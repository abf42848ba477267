"""From primitive sets to triangles, and what is fit to be drawn of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.ingest.sources.osgb.graph import PrimitiveSet

Indices = npt.NDArray[Any]


def triangles(sets: list[PrimitiveSet], vertices: int) -> Indices:
    """(m, 3) corners of all sets; points and lines are dropped.

    Args:
        sets: Primitive sets of one geometry.
        vertices: How many vertices it has; runs that reach beyond are cut there.
    """
    parts = [t for s in sets for run in _runs(s, vertices) if len(t := _join(run, s.mode))]
    if not parts:
        return np.empty((0, 3), dtype=np.uint32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _runs(primitives: PrimitiveSet, vertices: int) -> Iterator[Indices]:
    if primitives.indices is not None:
        yield primitives.indices
        return
    start = max(primitives.first, 0)
    for length in [] if primitives.lengths is None else primitives.lengths.tolist():
        end = min(start + max(length, 0), vertices)
        yield np.arange(start, max(start, end), dtype=np.uint32)
        start = end


def _list(run: Indices) -> Indices:
    return run[: len(run) // 3 * 3].reshape(-1, 3)


def _strip(run: Indices) -> Indices:
    corners = np.stack([run[:-2], run[1:-1], run[2:]], axis=1)
    corners[1::2] = corners[1::2, [1, 0, 2]]  # every second one is wound the other way
    return corners


def _fan(run: Indices) -> Indices:
    return np.stack([np.full(len(run) - 2, run[0]), run[1:-1], run[2:]], axis=1)


def _quads(run: Indices) -> Indices:
    return _halved(run[: len(run) // 4 * 4].reshape(-1, 4))


def _quad_strip(run: Indices) -> Indices:
    return _halved(np.stack([run[0:-3:2], run[1:-2:2], run[3::2], run[2:-1:2]], axis=1))


def _halved(quads: Indices) -> Indices:
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


# OpenGL's mode: how its runs become triangles, and the shortest run that makes one
_JOINS = {
    4: (_list, 3),
    5: (_strip, 3),
    6: (_fan, 3),
    7: (_quads, 4),
    8: (_quad_strip, 4),
    9: (_fan, 3),
}


def _join(run: Indices, mode: int) -> Indices:
    """Corners of the triangles of one run, wound as the run is; none of points and lines."""
    join, least = _JOINS.get(mode, (_list, 3))
    if mode not in _JOINS or len(run) < least:
        return run[:0].reshape(-1, 3)
    return join(run)


def sound(corners: Indices, finite: Indices | None, vertices: int) -> Indices:
    """The triangles whose corners exist, are finite and differ.

    Args:
        corners: (m, 3).
        finite: Which vertices are finite; None where all are.
        vertices: How many there are.
    """
    if len(corners) and corners.max() >= vertices:
        corners = corners[(corners < vertices).all(axis=1)]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    flat = (a == b) | (b == c) | (a == c)
    if flat.any():
        corners = corners[~flat]
    if finite is not None:
        corners = corners[finite[corners].all(axis=1)]
    return corners
