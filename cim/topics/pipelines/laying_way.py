"""Joints that places on the map mean, and the way along pipes between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from cim.errors import ParameterError
from cim.geo.crs import CGCS2000, rows, transformer
from cim.question import Pair
from cim.topics.pipelines.laying import Bedded

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def places_of(pipes: Bedded, nodes: Ints) -> dict[int, Floats]:
    """Where each joint lies: an end of one of its pipes, m."""
    found: dict[int, Floats] = {}
    for pipe in range(len(pipes.laid)):
        legs = pipes.laid.legs_of(pipe)
        if legs.stop > legs.start:
            found[int(nodes[pipe, 0])] = pipes.laid.a[legs.start, :2]
            found[int(nodes[pipe, 1])] = pipes.laid.b[legs.stop - 1, :2]
    return found


def joint_at(place: Pair, what: str, pipes: Bedded, nodes: Ints, snap: float) -> int:
    """The joint that a place in degrees means.

    Raises:
        ParameterError: none lies within ``snap`` (m).
    """
    known = places_of(pipes, nodes)
    if not known:
        raise ParameterError(
            "none of the pipes has a course", remedy="check the layer: every line is broken"
        )
    at = rows(transformer(CGCS2000, pipes.crs), np.array([place]))[0]
    numbers = list(known)
    away = np.hypot(*(np.array([known[n] for n in numbers]) - at).T) / pipes.scale
    best = int(np.argmin(away))
    if not away[best] <= snap:
        raise ParameterError(
            f"no joint of the pipes lies within {snap:g} m of the {what}; the nearest is "
            f"{away[best]:.0f} m away",
            remedy="click nearer to a point of the network, or choose the network you mean",
        )
    return numbers[best]


def way_between(pipes: Bedded, nodes: Ints, begin: int, end: int) -> list[int]:
    """The pipes of the shortest way between two joints.

    Raises:
        ParameterError: both are one, or no way leads from one to the other.
    """
    if begin == end:
        raise ParameterError(
            "start and end mean the same joint", remedy="choose two places farther apart"
        )
    usable = np.flatnonzero(pipes.laid.length > 0)
    order = usable[np.argsort(-pipes.laid.length[usable], kind="stable")]  # the shortest is last
    by_ends: dict[tuple[int, int], int] = {}
    for pipe in order.tolist():
        a, b = (int(n) for n in nodes[pipe])
        by_ends[min(a, b), max(a, b)] = pipe
    pairs = np.array(list(by_ends))
    lengths = pipes.laid.length[list(by_ends.values())]
    size = int(nodes.max()) + 1
    graph = coo_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(size, size)).tocsr()
    cost, before = dijkstra(graph, directed=False, indices=begin, return_predecessors=True)
    if not np.isfinite(cost[end]):
        raise ParameterError(
            "no way along the pipes leads from start to end",
            remedy="choose two places of one connected part of the network",
        )
    found: list[int] = []
    here = end
    while here != begin:
        back = int(before[here])
        found.append(by_ends[min(here, back), max(here, back)])
        here = back
    return found[::-1]
