"""A pipe network: points, segments between them, and what stands on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cim.geo.network import Elements, Graph, elements

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A survey point.

    Args:
        no: Its number in the survey.
        x: Easting, m; y northing.
        elevation: Of the pipes that meet there, as surveyed (1985), m; None where nobody says.
        ground: Of the ground above, m.
    """

    no: str
    x: float
    y: float
    elevation: float | None = None
    ground: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """A segment of pipe.

    Args:
        no: Its number.
        tail: Index of the node it is drawn from; head likewise to.
        length: m; on the ellipsoid where it comes from a layer, as stated in a model.
        line: (n, 2) easting and northing, m.
        diameter: mm; None where nobody says.
        material: As surveyed; empty where nobody says.
        elevations: At tail and head, as surveyed, m.
        reference: Of what they are: top, invert or centre.
        direction: Drawn flow: 1 from tail to head, -1 against, 2 both; None where nobody says.
    """

    no: str
    tail: int
    head: int
    length: float
    line: Floats
    diameter: float | None = None
    material: str = ""
    elevations: tuple[float | None, float | None] = (None, None)
    reference: str = ""
    direction: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place on a link: 0 at its tail, 1 at its head."""

    link: int
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Valve:
    """A valve on a link.

    Args:
        no: Its number.
        at: Where it shuts the link.
        x: Easting, m; y northing: where the crew finds it.
        operable: Whether it turns; None where nobody says.
        closed: Whether it is closed; None where nobody says.
    """

    no: str
    at: Place
    x: float
    y: float
    operable: bool | None = None
    closed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hydrant:
    """A fire hydrant, and where it takes its water."""

    no: str
    at: Place
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What feeds the network at a node.

    Args:
        no: Its number.
        name: What people call it.
        kind: ``reservoir`` (a head that stays), ``tank`` or ``pump``; empty where nobody says.
        node: Index of the node it feeds.
        head: Level of its water (of a pump, on its suction side), 1985, m.
        bottom: Of a tank, m; lowest, highest: water levels above it, m.
        diameter: Of a tank, m.
        flow: Of a pump at its design point, m³/h; lift: there, m.
    """

    no: str
    name: str
    kind: str
    node: int
    head: float | None = None
    bottom: float | None = None
    lowest: float | None = None
    highest: float | None = None
    diameter: float | None = None
    flow: float | None = None
    lift: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who takes water.

    Args:
        no: Number.
        name: What people call them.
        at: Where they are connected.
        x: Easting, m; y northing.
        demand: Mean, m³/d; None where nobody says.
        people: How many they are; None where nobody says.
        critical: Why they must not be without water (hospital, school); empty for none.
    """

    no: str
    name: str
    at: Place
    x: float
    y: float
    demand: float | None = None
    people: int | None = None
    critical: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with the rows a network was made of.

    Args:
        kind: One of ``FAULTS`` of ``assembly``.
        no: Number of the row.
        x: Easting of the place, m; y northing.
        detail: What more there is to say.
    """

    kind: str
    no: str
    x: float
    y: float
    detail: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A network of pipes, and the rows that found no place in it."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    valves: tuple[Valve, ...] = ()
    hydrants: tuple[Hydrant, ...] = ()
    sources: tuple[Source, ...] = ()
    users: tuple[User, ...] = ()
    faults: tuple[Fault, ...] = ()
    counted: dict[str, int] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Graph:
        """Its nodes and links as arrays."""
        return Graph(
            len(self.nodes),
            np.array([link.tail for link in self.links], np.int64),
            np.array([link.head for link in self.links], np.int64),
            np.array([link.length for link in self.links], np.float64),
        )

    @cached_property
    def elements(self) -> Elements:
        """The same, cut at its valves."""
        return elements(
            self.graph,
            np.array([valve.at.link for valve in self.valves], np.int64),
            np.array([valve.at.fraction for valve in self.valves], np.float64),
        )

    def element(self, at: Place) -> int:
        """Element that holds a place: the node where it stands on one, else a piece of the link."""
        link = self.links[at.link]
        if at.fraction <= 0.0:
            return link.tail
        return link.head if at.fraction >= 1.0 else self.elements.piece(at.link, at.fraction)

    def faults_of(self, kind: str) -> int:
        """How many faults of one kind there are."""
        return sum(fault.kind == kind for fault in self.faults)
