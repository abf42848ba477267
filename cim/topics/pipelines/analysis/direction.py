"""Which way each pipe flows: by its inverts, as drawn, or as simulated; and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.geo.network import BOTH, UNTOLD, Trace
from cim.topics.pipelines.analysis.model import Link, Network, Place

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FLAT = 0.001  # of fall, below which a survey cannot tell the way, m
STILL = 0.01  # of flow, below which a simulation cannot tell the way, m³/h


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ways:
    """Directions of all links.

    Args:
        directions: (links,) 1 as drawn, -1 against, 2 both, 0 where it cannot be told.
        times: (links,) s that the water takes; inf where it cannot be told.
        adverse: Indices of links drawn to flow uphill.
    """

    directions: Ints
    times: Floats
    adverse: tuple[int, ...] = ()


def by_invert(network: Network, roughness: float) -> Ways:
    """Gravity: from the higher end to the lower one, at the velocity of the full pipe.

    Velocity after Manning, v = R^(2/3) S^(1/2) / n with R = D/4; a real sewer is seldom full, and
    between a third and full it runs about as fast.

    Args:
        network: With elevations at both ends of its links, of the same part of the pipe.
        roughness: Manning's n.
    """
    count = len(network.links)
    directions, times = np.zeros(count, np.int64), np.full(count, np.inf)
    adverse = []
    for i, link in enumerate(network.links):
        tail, head = link.elevations
        if tail is None or head is None or abs(tail - head) < FLAT:
            continue
        directions[i] = 1 if tail > head else -1
        if link.direction in {1, -1} and link.direction != directions[i]:
            adverse.append(i)
        speed = full_velocity(link, abs(tail - head), roughness)
        if speed:
            times[i] = link.length / speed
    return Ways(directions=directions, times=times, adverse=tuple(adverse))


def full_velocity(link: Link, fall: float, roughness: float) -> float | None:
    """Velocity of a full pipe after Manning, m/s; None without a diameter."""
    if link.diameter is None or link.length <= 0:
        return None
    radius = link.diameter / 1000 / 4
    return float(radius ** (2 / 3) * np.sqrt(fall / link.length) / roughness)


def as_drawn(network: Network) -> Ways:
    """As the survey wrote it; without a word it cannot be told."""
    directions = np.array([link.direction or UNTOLD for link in network.links], np.int64)
    return Ways(directions=directions, times=np.full(len(network.links), np.inf))


def as_simulated(network: Network, flow: dict[int, float], velocity: dict[int, float]) -> Ways:
    """As the water runs in a simulation.

    Args:
        network: Its links.
        flow: m³/h by index of the link, positive from tail to head.
        velocity: m/s by index.
    """
    count = len(network.links)
    directions, times = np.zeros(count, np.int64), np.full(count, np.inf)
    for i, value in flow.items():
        if abs(value) >= STILL:
            directions[i] = 1 if value > 0 else -1
            if velocity[i]:
                times[i] = network.links[i].length / abs(velocity[i])
    return Ways(directions=directions, times=times)


def traced_length(
    network: Network, found: Trace, ways: Ways, place: Place, *, upstream: bool
) -> float:
    """Pipe that a trace passes, m; of the one it starts on only the part that lies ahead."""
    lengths = network.graph.lengths
    others = float(lengths[found.links].sum() - lengths[place.link])
    way = int(ways.directions[place.link])
    if way == BOTH:
        return others + float(lengths[place.link])
    if way == UNTOLD:
        return others
    to_head = (way == 1) != upstream
    ahead = 1 - place.fraction if to_head else place.fraction
    loops = _comes_back(network, found, place, to_head=to_head)
    return others + float(lengths[place.link]) * (1.0 if loops else ahead)


def _comes_back(network: Network, found: Trace, place: Place, *, to_head: bool) -> bool:
    """Whether the trace comes round a loop into the pipe it started on."""
    link = network.links[place.link]
    return bool(found.nodes[link.tail if to_head else link.head])
