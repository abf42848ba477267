"""Nodes and links as arrays: parts that hang together, what is reached, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Links between numbered nodes; loops and parallel links are allowed.

    Args:
        count: Number of nodes.
        tails: (links,) node at which each link is drawn from.
        heads: (links,) node to which it is drawn.
        lengths: (links,) m, none negative.
    """

    count: int
    tails: Ints
    heads: Ints
    lengths: Floats

    @property
    def degrees(self) -> Ints:
        """Link ends at each node."""
        ends = np.concatenate([self.tails, self.heads])
        return np.bincount(ends, minlength=self.count)


def matrix(count: int, starts: Ints, ends: Ints, weights: Floats) -> csr_array:
    """Directed edges as a sparse matrix; of parallel edges the lightest stays.

    A sparse matrix adds up what stands twice, and takes a zero for no edge at all: equal edges are
    thinned out first, and zero weights become the smallest number there is.
    """
    order = np.lexsort((weights, ends, starts))
    starts, ends, weights = starts[order], ends[order], weights[order]
    first = np.ones(len(starts), bool)
    first[1:] = (np.diff(starts) != 0) | (np.diff(ends) != 0)
    kept = np.maximum(weights[first], np.finfo(np.float64).tiny)
    return csr_array((kept, (starts[first], ends[first])), shape=(count, count))


def parts(count: int, starts: Ints, ends: Ints) -> Ints:
    """Number of the part of each node; nodes joined by any chain of edges share one."""
    _, labels = connected_components(
        matrix(count, starts, ends, np.ones(len(starts))), directed=False
    )
    return np.asarray(labels, np.int64)


def distances(
    count: int, starts: Ints, ends: Ints, weights: Floats, origins: Ints, *, directed: bool = False
) -> Floats:
    """Least sum of weights from the nearest origin to each node; inf where none leads there."""
    if len(origins) == 0:
        return np.full(count, np.inf)
    edges = matrix(count, starts, ends, weights)
    found = dijkstra(edges, directed=directed, indices=np.unique(origins), min_only=True)
    return np.asarray(found, np.float64)


def reached(count: int, starts: Ints, ends: Ints, origins: Ints) -> Flags:
    """Nodes that some chain of edges, walked either way, leads to from an origin."""
    if len(origins) == 0:
        return np.zeros(count, bool)
    labels = parts(count, starts, ends)
    fed = np.zeros(count, bool)
    fed[labels[origins]] = True
    return np.asarray(fed[labels])
