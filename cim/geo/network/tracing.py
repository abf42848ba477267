"""What lies upstream or downstream of a place, along directions that each link has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cim.geo.network.graph import Flags, Floats, Graph, Ints, distances

UNTOLD, BOTH = 0, 2


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What a trace found.

    Args:
        nodes: (nodes,) that it reaches.
        links: (links,) that it passes; the one it starts in too.
        away: (nodes,) least distance from its start, m; inf where it does not come.
        time: (nodes,) least time from its start, s.
        ends: Nodes at which it ends: reached, and nothing leads on.
        untold: Links met whose direction cannot be told; they are not followed.
    """

    nodes: Flags
    links: Flags
    away: Floats
    time: Floats
    ends: Ints
    untold: Ints


def trace(
    graph: Graph, directions: Ints, link: int, fraction: float, *, upstream: bool,
    times: Floats | None = None,
) -> Trace:  # fmt: skip
    """Follow links from a place on one of them.

    Args:
        graph: The network.
        directions: (links,) 1 as drawn, -1 against, BOTH, or UNTOLD.
        link: Where the trace starts.
        fraction: Where on it, 0 at its tail.
        upstream: Whether against the flow.
        times: (links,) s that the flow takes; inf where untold.
    """
    flow = np.where(directions == BOTH, BOTH, -directions if upstream else directions)
    out, back = (flow == 1) | (flow == BOTH), (flow == -1) | (flow == BOTH)
    starts = np.concatenate([graph.tails[out], graph.heads[back]])
    ends = np.concatenate([graph.heads[out], graph.tails[back]])
    first = [n for n, goes in ((graph.heads[link], out[link]), (graph.tails[link], back[link]))
             if goes]  # fmt: skip
    share = {int(graph.heads[link]): 1 - fraction, int(graph.tails[link]): fraction}
    if len(first) == 1:  # a loop of one link ends where it starts
        share[int(first[0])] = 1 - fraction if out[link] else fraction

    def least(weights: Floats) -> Floats:
        """From a node of its own beyond all others, tied to the link's ends."""
        tied = [share[int(n)] * weights[link] for n in first]
        along = np.concatenate([weights[out], weights[back], tied])
        known = np.isfinite(along)
        return distances(
            graph.count + 1,
            np.concatenate([starts, np.full(len(first), graph.count)]).astype(np.int64)[known],
            np.concatenate([ends, first]).astype(np.int64)[known],
            along[known], np.array([graph.count]), directed=True,
        )[: graph.count]  # fmt: skip

    away = least(graph.lengths)
    nodes = np.isfinite(away)
    passed = (nodes[graph.tails] & out) | (nodes[graph.heads] & back)
    passed[link] = True
    leads = np.zeros(graph.count, bool)
    leads[starts] = True
    met = (flow == UNTOLD) & (nodes[graph.tails] | nodes[graph.heads])
    met[link] = flow[link] == UNTOLD
    return Trace(
        nodes=nodes, links=passed, away=away,
        time=np.full(graph.count, np.inf) if times is None else least(times),
        ends=np.flatnonzero(nodes & ~leads), untold=np.flatnonzero(met),
    )  # fmt: skip
