"""From rows of a survey to a network: who meets whom, and what fits nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from cim.geo.network import parts
from cim.topics.pipelines.analysis.model import Fault, Link, Node

Floats = npt.NDArray[np.float64]

NEAR = 0.01  # what lies closer is one place, m
DIRECTIONS = {1: 1, -1: -1, 0: 2}  # of the survey: from start to end, against, both

FAULTS = {
    "zero_length": ("零长或自环管段（未参与计算）", "Segments without length, left out"),
    "duplicate": ("重复管段（只计一次）", "Segments delivered twice, counted once"),
    "no_diameter": ("缺管径的管段", "Segments without diameter"),
    "no_number": ("缺点号的管段端点（按坐标相接）", "Ends without point number, joined by place"),
    "loose_end": ("与邻近端点未相接的悬空端", "Loose ends beside another network end"),
    "two_places": ("同一点号位于两处", "One point number at two places"),
    "broken_line": ("几何不连续的管段", "Segments drawn in several pieces"),
    "valve_off": ("未落在管段上的阀门", "Valves on no pipe"),
    "valve_far": ("位置与所注管段不符的阀门（未采用）", "Valves far from what they name, not used"),
    "valve_untold": ("交汇点上未注明所在管段的阀门", "Valves at a junction that name no branch"),
    "hydrant_off": ("未落在管段上的消火栓", "Hydrants on no pipe"),
    "source_off": ("未接入管网的水源", "Sources on no pipe"),
    "user_off": ("未接入管网的用户", "Users on no pipe"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PipeRow:
    """A row of a layer of pipes.

    Args:
        no: Number of the segment.
        ends: Numbers of the points it runs from and to; empty where missing.
        line: (n, 2) easting and northing, m.
        length: On the ellipsoid, m.
        whole: Whether it is drawn in one piece.
        depths: Of the pipe below the ground at both ends, m.
    """

    no: str
    ends: tuple[str, str]
    line: Floats
    length: float
    whole: bool = True
    diameter: float | None = None
    material: str = ""
    elevations: tuple[float | None, float | None] = (None, None)
    depths: tuple[float | None, float | None] = (None, None)
    reference: str = ""
    direction: int | None = None


@dataclass(slots=True)
class _Desk:
    """What is being put together."""

    faults: list[Fault] = field(default_factory=list)
    seen: dict[tuple[int, int], list[PipeRow]] = field(default_factory=dict)

    def note(self, kind: str, row: PipeRow, detail: str = "") -> None:
        x, y = row.line[len(row.line) // 2]
        self.faults.append(Fault(kind=kind, no=row.no, x=float(x), y=float(y), detail=detail))


def join(
    rows: Sequence[PipeRow], tolerance: float
) -> tuple[tuple[Node, ...], tuple[Link, ...], tuple[Fault, ...]]:
    """Nodes and links of a layer of pipes.

    Ends meet where they bear the same point number; ends without one meet where they lie within
    the tolerance. Ends of different numbers are never joined, only told: whether two pipes meet is
    for the surveyor to say.

    Args:
        rows: The segments.
        tolerance: Between ends that are one place, m.
    """
    desk = _Desk()
    names = _name_ends(rows, tolerance, desk)
    numbers: dict[str, int] = {}
    for name in (name for pair in names for name in pair):
        numbers.setdefault(name, len(numbers))
    links = []
    for row, pair in zip(rows, names, strict=True):
        tail, head = numbers[pair[0]], numbers[pair[1]]
        if tail == head or row.length < NEAR:
            desk.note("zero_length", row, f"{row.length:.3f} m")
            continue
        if _known(row, (tail, head), desk):
            desk.note("duplicate", row, "-".join(pair))
            continue
        links.append(_link(row, tail, head, desk))
    nodes = _nodes(rows, names, numbers, tolerance, desk)
    _tell_loose_ends(nodes, links, tolerance, desk)
    return nodes, tuple(links), tuple(desk.faults)


def _link(row: PipeRow, tail: int, head: int, desk: _Desk) -> Link:
    if row.diameter is None:
        desk.note("no_diameter", row)
    if not row.whole:
        desk.note("broken_line", row)
    return Link(
        no=row.no, tail=tail, head=head, length=row.length, line=row.line, diameter=row.diameter,
        material=row.material, elevations=row.elevations, reference=row.reference,
        direction=None if row.direction is None else DIRECTIONS.get(row.direction),
    )  # fmt: skip


def _name_ends(
    rows: Sequence[PipeRow], tolerance: float, desk: _Desk
) -> list[tuple[str, str]]:  # fmt: skip
    """Number of both ends of each row; made up from the place where there is none."""
    places = np.array([row.line[i] for row in rows for i in (0, -1)]).reshape(-1, 2)
    given = [name for row in rows for name in row.ends]
    bare = np.array([not name for name in given])
    if not bare.any():
        return [row.ends for row in rows]
    for row in rows:
        for _ in range(row.ends.count("")):
            desk.note("no_number", row)
    pairs = np.array(sorted(KDTree(places).query_pairs(tolerance)), np.int64).reshape(-1, 2)
    pairs = pairs[bare[pairs].any(axis=1)]
    together = parts(len(places), pairs[:, 0], pairs[:, 1])
    named = {int(together[i]): name for i, name in enumerate(given) if name}
    found = [name or named.get(int(together[i]), f"@{together[i]}") for i, name in enumerate(given)]
    return list(zip(found[::2], found[1::2], strict=True))


def _known(row: PipeRow, pair: tuple[int, int], desk: _Desk) -> bool:
    """Whether the same segment was there before, drawn either way."""
    key = (min(pair), max(pair))
    others = desk.seen.setdefault(key, [])
    for other in others:
        a, b = _middle(row.line), _middle(other.line)
        if abs(row.length - other.length) < 0.1 and np.hypot(*(a - b)) < 0.1:
            return True
    others.append(row)
    return False


def _middle(line: Floats) -> Floats:
    return place_on(line, 0.5)


def place_on(line: Floats, fraction: float) -> Floats:
    """Easting and northing of a place on a line."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = fraction * along[-1]
    return np.array([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])


def _nodes(
    rows: Sequence[PipeRow], names: Sequence[tuple[str, str]], numbers: dict[str, int],
    tolerance: float, desk: _Desk,
) -> tuple[Node, ...]:  # fmt: skip
    places: list[Floats | None] = [None] * len(numbers)
    elevations: list[float | None] = [None] * len(numbers)
    grounds: list[float | None] = [None] * len(numbers)
    told: set[str] = set()
    for row, pair in zip(rows, names, strict=True):
        for side, name in enumerate(pair):
            at, place = numbers[name], row.line[-side]
            before = places[at]
            if before is None:
                places[at] = place
            elif float(np.hypot(*(place - before))) > tolerance and name not in told:
                told.add(name)
                desk.faults.append(
                    Fault(kind="two_places", no=name, x=float(place[0]), y=float(place[1]),
                          detail=f"{float(np.hypot(*(place - before))):.2f} m")
                )  # fmt: skip
            level, depth = row.elevations[side], row.depths[side]
            elevations[at] = level if elevations[at] is None else elevations[at]
            if grounds[at] is None and level is not None and depth is not None:
                grounds[at] = level + depth
    return tuple(
        Node(no=name, x=float(place[0]), y=float(place[1]), elevation=elevations[i],
             ground=grounds[i])
        for (name, i), place in zip(numbers.items(), places, strict=True) if place is not None
    )  # fmt: skip


def _tell_loose_ends(
    nodes: Sequence[Node], links: Sequence[Link], tolerance: float, desk: _Desk
) -> None:  # fmt: skip
    """Ends of one link that lie beside another node without meeting it."""
    if not links:
        return
    ends = np.array([n for link in links for n in (link.tail, link.head)])
    degree = np.bincount(ends, minlength=len(nodes))
    places = np.array([(node.x, node.y) for node in nodes])
    met = np.flatnonzero(degree > 0)
    for i, j in sorted(KDTree(places[met]).query_pairs(tolerance)):
        a, b = int(met[i]), int(met[j])
        if degree[a] > 1 and degree[b] > 1:
            continue
        loose, other = (a, b) if degree[a] == 1 else (b, a)
        gap = float(np.hypot(*(places[a] - places[b])))
        desk.faults.append(
            Fault(kind="loose_end", no=nodes[loose].no, x=nodes[loose].x, y=nodes[loose].y,
                  detail=f"{nodes[other].no}, {gap:.2f} m")
        )  # fmt: skip
