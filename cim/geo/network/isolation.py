"""Which valves shut off a burst, and what loses its supply with it.

A link is cut into pieces by the valves on it. Nodes and pieces are the elements; two elements are
connected by a valve, or freely where a link meets its node. What stays connected when all usable
valves are shut is a segment, the smallest part of a network that can be shut off (Walski 1993,
Water distribution valve topology for reliability analysis, Reliab. Eng. Syst. Saf. 42, 21-27).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cim.geo.network.graph import Flags, Floats, Graph, Ints, distances, parts, reached

FREE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """A network cut at its valves.

    Args:
        nodes: Number of nodes; elements from there on are pieces of links.
        count: Number of elements.
        first: (links,) element of each link's first piece; its pieces follow it.
        link: (pieces,) link of each piece.
        fractions: (valves,) where each stands on its link, 0 at its tail.
        valve_links: (valves,) the link of each valve.
        starts: (connections,) one element of each connection.
        ends: (connections,) the other.
        valve: (connections,) number of the valve between them, or FREE.
        weights: (connections,) m from middle of piece, or node, to the same.
        sizes: (pieces,) m of pipe.
    """

    nodes: int
    count: int
    first: Ints
    link: Ints
    fractions: Floats
    valve_links: Ints
    starts: Ints
    ends: Ints
    valve: Ints
    weights: Floats
    sizes: Floats

    def piece(self, link: int, fraction: float) -> int:
        """Element of the piece that holds a place; at a valve, the piece towards the tail."""
        before = (self.valve_links == link) & (self.fractions < fraction)
        return int(self.first[link] + before.sum())


def elements(graph: Graph, valve_links: Ints, fractions: Floats) -> Elements:
    """Cut links at their valves.

    Args:
        graph: The network.
        valve_links: (valves,) the link each valve stands on.
        fractions: (valves,) where on it: 0 at the tail, which stays on the tail's side.
    """
    links = len(graph.tails)
    counts = np.bincount(valve_links, minlength=links) + 1
    first = graph.count + np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    if links == 0:
        first = np.zeros(0, np.int64)
    link = np.repeat(np.arange(links), counts)
    order = np.lexsort((np.arange(len(valve_links)), fractions, valve_links))
    rank = np.arange(len(order)) - np.searchsorted(valve_links[order], valve_links[order])
    before = first[valve_links[order]] + rank
    sizes = _sizes(graph, counts, valve_links[order], fractions[order])
    last = first + counts - 1
    starts = np.concatenate([graph.tails, last, before])
    ends = np.concatenate([first, graph.heads, before + 1])
    at = graph.count
    weights = np.concatenate([
        sizes[first - at] / 2, sizes[last - at] / 2,
        (sizes[before - at] + sizes[before + 1 - at]) / 2,
    ])  # fmt: skip
    return Elements(
        nodes=graph.count, count=graph.count + int(counts.sum()), first=first, link=link,
        fractions=fractions, valve_links=valve_links, starts=starts, ends=ends,
        valve=np.concatenate([np.full(2 * links, FREE), order]), weights=weights,
        sizes=sizes,
    )  # fmt: skip


def _sizes(graph: Graph, counts: Ints, valve_links: Ints, fractions: Floats) -> Floats:
    """Length of every piece, m: valves come sorted along their links."""
    links = np.arange(len(counts))
    bounds = np.concatenate([valve_links, links, links])
    at = np.concatenate([fractions, np.zeros(len(links)), np.ones(len(links))])
    kind = np.repeat([1, 0, 2], [len(fractions), len(links), len(links)])  # tail, valves, head
    order = np.lexsort((at, kind, bounds))
    owner, cut = bounds[order], at[order]
    same = np.diff(owner) == 0
    return np.asarray((np.diff(cut) * graph.lengths[owner[:-1]])[same])


def segments(network: Elements, usable: Flags) -> Ints:
    """Segment of every element when all usable valves are shut."""
    passed = (network.valve == FREE) | ~np.append(usable, False)[network.valve]
    return parts(network.count, network.starts[passed], network.ends[passed])


@dataclass(frozen=True, slots=True, eq=False)
class Isolation:
    """What shutting off a burst does.

    Args:
        close: Valves to close, those nearest to a source along the pipes first.
        supply: m along the pipes from the nearest source to each of them; inf: none leads there.
        shut: Valves at the border of the segment that are closed already.
        segment: (elements,) what is shut off.
        cut: (elements,) what lies beyond and loses every source.
        unfed: (elements,) what no source reached before.
        origins: Elements of sources within the segment: they must be stopped themselves.
    """

    close: Ints
    supply: Floats
    shut: Ints
    segment: Flags
    cut: Flags
    unfed: Flags
    origins: Ints


def isolate(
    network: Elements, burst: int, *, usable: Flags, closed: Flags, sources: Ints
) -> Isolation:
    """Shut off a burst with the fewest, nearest valves: those around its segment.

    Args:
        network: The network, cut at its valves.
        burst: Element that bursts.
        usable: (valves,) turn and hold when they are told to.
        closed: (valves,) are closed already.
        sources: Elements that give water.
    """
    barrier = np.append(usable | closed, False)[network.valve] & (network.valve != FREE)
    labels = parts(network.count, network.starts[~barrier], network.ends[~barrier])
    segment = labels == labels[burst]
    border = barrier & (segment[network.starts] != segment[network.ends])
    shut_now = np.append(closed, False)[network.valve] & (network.valve != FREE)
    before = reached(network.count, network.starts[~shut_now], network.ends[~shut_now], sources)
    passed = ~shut_now & ~border
    starts, ends = network.starts[passed], network.ends[passed]
    alive = sources[~segment[sources]]
    away = distances(network.count, starts, ends, network.weights[passed], alive)
    turned = border & ~shut_now
    outside = np.where(segment[network.starts], network.ends, network.starts)[turned]
    supply = away[outside] + network.sizes[outside - network.nodes] / 2  # valves end pieces
    order = np.lexsort((network.valve[turned], supply))
    return Isolation(
        close=network.valve[turned][order], supply=supply[order],
        shut=network.valve[border & shut_now], segment=segment,
        cut=before & ~np.isfinite(away) & ~segment, unfed=~before,
        origins=sources[segment[sources]],
    )  # fmt: skip
