"""Burst: which valves to close, in which order, and what loses its water."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from cim.geo.network import Isolation, isolate
from cim.topics.pipelines.analysis.model import Hydrant, Network, Place, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One valve to close.

    Args:
        valve: Index of the valve.
        supply: m along the pipes from the nearest source; None where no source leads there any
            more: nothing flows through it, it keeps the pipes beyond from running empty.
        walk: m as the crow flies from the valve before; None for the first.
        told: Whether anybody says that it turns.
    """

    valve: int
    supply: float | None
    walk: float | None
    told: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shutdown:
    """What shutting off a burst does.

    Args:
        isolation: By element of the network.
        closings: Valves to close, in order.
        shut: Valves at the border that are closed already.
        failed: Valves that would do but do not turn; for their sake the segment grew.
        grown: m of pipe shut off beyond what working valves would shut off.
        length: m of pipe within the segment.
        inside: Users within the segment.
        beyond: Users outside of it that lose every source.
        unfed: Users that no source reached before.
        hydrants: That run dry: within, or beyond.
        origins: Indices of sources within the segment.
    """

    isolation: Isolation
    closings: tuple[Closing, ...]
    shut: tuple[int, ...]
    failed: tuple[int, ...]
    grown: float
    length: float
    inside: tuple[User, ...]
    beyond: tuple[User, ...]
    unfed: tuple[User, ...]
    hydrants: tuple[Hydrant, ...]
    origins: tuple[int, ...]


def nearest_place(network: Network, x: float, y: float, reach: float) -> tuple[Place, float] | None:
    """The place on a pipe nearest to a point, and how far it is, m; None beyond the reach."""
    lines = np.array([shapely.LineString(link.line) for link in network.links])
    if not len(lines):
        return None
    point = shapely.Point(x, y)
    away = shapely.distance(lines, point)
    link = int(np.argmin(away))
    if away[link] > reach:
        return None
    # A click on a joint is meant for the pipe: what lies within a node would isolate all its pipes.
    along = float(shapely.line_locate_point(lines[link], point, normalized=True))
    return Place(link=link, fraction=min(max(along, 1e-6), 1 - 1e-6)), float(away[link])


def shut_off(
    network: Network, burst: Place, *, stuck: Iterable[str] = (), trust_untold: bool = True
) -> Shutdown:
    """Shut off a burst.

    Args:
        network: With its valves, sources, users and hydrants.
        burst: Where it is.
        stuck: Numbers of valves that were found not to turn.
        trust_untold: Whether valves of which nobody says that they turn are taken to turn.
    """
    parts, valves = network.elements, network.valves
    stuck = set(stuck)
    closed = np.array([valve.closed is True for valve in valves], bool)
    usable = np.array([
        valve.no not in stuck and valve.operable is not False
        and (trust_untold or valve.operable is True)
        for valve in valves
    ], bool)  # fmt: skip
    element = parts.piece(burst.link, burst.fraction)
    sources = np.array([source.node for source in network.sources], np.int64)
    found = isolate(parts, element, usable=usable, closed=closed, sources=sources)
    ideal = isolate(
        parts, element, usable=np.ones(len(valves), bool), closed=closed, sources=sources
    )
    lost = found.segment | found.cut
    at_users = [(user, network.element(user.at)) for user in network.users]
    return Shutdown(
        isolation=found, closings=_closings(network, found), shut=tuple(found.shut.tolist()),
        failed=tuple(int(v) for v in ideal.close if not usable[v]),
        grown=_length(network, found.segment & ~ideal.segment),
        length=_length(network, found.segment),
        inside=tuple(user for user, at in at_users if found.segment[at]),
        beyond=tuple(user for user, at in at_users if found.cut[at]),
        unfed=tuple(u for u, at in at_users if found.unfed[at] and not found.segment[at]),
        hydrants=tuple(h for h in network.hydrants if lost[network.element(h.at)]),
        origins=tuple(
            i for i, source in enumerate(network.sources) if found.segment[source.node]
        ),
    )  # fmt: skip


def _closings(network: Network, found: Isolation) -> tuple[Closing, ...]:
    closings: list[Closing] = []
    for number, supply in zip(found.close.tolist(), found.supply.tolist(), strict=True):
        valve = network.valves[number]
        before = network.valves[closings[-1].valve] if closings else None
        walk = None if before is None else float(np.hypot(valve.x - before.x, valve.y - before.y))
        closings.append(Closing(
            valve=number, supply=supply if np.isfinite(supply) else None, walk=walk,
            told=valve.operable is True,
        ))  # fmt: skip
    return tuple(closings)


def _length(network: Network, flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Pipe among elements, m."""
    parts = network.elements
    return float(parts.sizes[flags[parts.nodes :]].sum())


def stretches(
    network: Network, flags: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[tuple[int, float, float]]:
    """Pieces of links among elements: link, and from where to where on it (0 tail, 1 head)."""
    parts = network.elements
    sizes = parts.sizes
    found = []
    for piece in np.flatnonzero(flags[parts.nodes :]).tolist():
        link = int(parts.link[piece])
        first = int(parts.first[link]) - parts.nodes
        whole = network.links[link].length
        start = float(sizes[first:piece].sum()) / whole
        found.append((link, start, min(start + float(sizes[piece]) / whole, 1.0)))
    return found
