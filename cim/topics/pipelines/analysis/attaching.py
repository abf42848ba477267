"""What stands on the pipes: valves, hydrants, sources and users find their link, or are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from cim.topics.pipelines.analysis.assembly import NEAR
from cim.topics.pipelines.analysis.model import Fault, Link, Node, Place

FAR = 20.0  # m: a chamber stands no farther from the pipe that its record names
_BETWEEN = re.compile(r"[,;、，；\s]+")
_YES = {"是", "可", "可用", "完好", "正常", "能", "y", "yes", "true", "1", "t"}
_NO = {"否", "不可", "不可用", "损坏", "锈死", "故障", "不能", "n", "no", "false", "0", "f"}
_SHUT = {"关", "关闭", "常关", "closed", "shut", "0", "否"}
_OPEN = {"开", "开启", "常开", "open", "1", "是"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """A row of a layer of points.

    Args:
        no: Its number; often the number of a point of the network.
        x: Easting, m; y northing.
        segment: Numbers of the segments it stands on, as surveyed; empty where nobody says.
        more: Attributes that the caller reads.
    """

    no: str
    x: float
    y: float
    segment: str = ""
    more: dict[str, Any]


class Pegs:
    """The links of a network, ready to be asked where a point belongs."""

    def __init__(self, nodes: Sequence[Node], links: Sequence[Link]) -> None:
        self.nodes, self.links = nodes, links
        self._numbers = {link.no: i for i, link in enumerate(links) if link.no}
        self._lines = np.array([shapely.LineString(link.line) for link in links])
        self._tree = shapely.STRtree(self._lines)
        self._at: dict[str, list[Place]] = {}
        for i, link in enumerate(links):
            self._at.setdefault(nodes[link.tail].no, []).append(Place(link=i, fraction=0.0))
            self._at.setdefault(nodes[link.head].no, []).append(Place(link=i, fraction=1.0))

    def at_node(self, no: str) -> list[Place]:
        """Link ends that meet at a point of the network."""
        return self._at.get(no, [])

    def named(self, row: PointRow) -> list[Place]:
        """Places on the segments that a row names."""
        found = [self._numbers.get(name) for name in _BETWEEN.split(row.segment) if name]
        return [self._beside(row, link) for link in found if link is not None]

    def nearest(self, row: PointRow, tolerance: float) -> list[Place]:
        """The nearest place within a tolerance; at a node, all link ends that meet there."""
        if not len(self._lines):
            return []
        point = shapely.Point(row.x, row.y)
        near = self._tree.query(point, predicate="dwithin", distance=tolerance)
        if not len(near):
            return []
        link = int(near[np.lexsort((near, shapely.distance(self._lines[near], point)))[0]])
        place = self._beside(row, link)
        if 0.0 < place.fraction < 1.0:
            return [place]
        node = self.links[link].tail if place.fraction == 0.0 else self.links[link].head
        return self.at_node(self.nodes[node].no)

    def away(self, row: PointRow, at: Place) -> float:
        """How far a point is from the link it was given, m."""
        return float(shapely.distance(self._lines[at.link], shapely.Point(row.x, row.y)))

    def _beside(self, row: PointRow, link: int) -> Place:
        line = self._lines[link]
        along = float(shapely.line_locate_point(line, shapely.Point(row.x, row.y)))
        if along < NEAR:
            return Place(link=link, fraction=0.0)
        if along > line.length - NEAR:
            return Place(link=link, fraction=1.0)
        return Place(link=link, fraction=along / float(line.length))


def valve_places(row: PointRow, pegs: Pegs, tolerance: float) -> list[Place] | Fault:
    """Which links a valve shuts, and where; several where a chamber names several.

    One whose record names a segment or point that lies elsewhere shuts nothing: a crew sent to it
    would close another. A valve that stands on a node of two links shuts one from the other. At a
    junction of three or more it could be on any branch: unless it names its segment, it is told and
    shuts nothing.
    """
    named = pegs.named(row)
    told = named or pegs.at_node(row.no)
    if told and min(pegs.away(row, at) for at in told) > FAR:
        names = ", ".join(pegs.links[at.link].no for at in told)
        return Fault(kind="valve_far", no=row.no, x=row.x, y=row.y,
                     detail=f"{names}, {min(pegs.away(row, at) for at in told):.0f} m")  # fmt: skip
    if named:
        return named
    ends = told or pegs.nearest(row, tolerance)
    if not ends:
        return Fault(kind="valve_off", no=row.no, x=row.x, y=row.y)
    if len(ends) > 2:
        return Fault(kind="valve_untold", no=row.no, x=row.x, y=row.y,
                     detail=", ".join(pegs.links[end.link].no for end in ends))  # fmt: skip
    return ends[:1]


def place_of(row: PointRow, pegs: Pegs, tolerance: float, kind: str) -> Place | Fault:
    """Where a hydrant, a source or a user is connected."""
    found = pegs.named(row) or pegs.at_node(row.no) or pegs.nearest(row, tolerance)
    return found[0] if found else Fault(kind=kind, no=row.no, x=row.x, y=row.y)


def operable(value: Any) -> bool | None:
    """Whether a valve turns, as surveys write it; None where nobody says."""
    word = _word(value)
    return True if word in _YES else False if word in _NO else None


def shut(value: Any) -> bool | None:
    """Whether a valve is closed, as surveys write it; None where nobody says."""
    word = _word(value)
    return True if word in _SHUT else False if word in _OPEN else None


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def loose_tees(nodes: Sequence[Node], links: Sequence[Link], tolerance: float) -> list[Fault]:
    """Free ends that stop beside the middle of another pipe without meeting it."""
    if not links:
        return []
    degree = np.bincount(
        np.array([n for link in links for n in (link.tail, link.head)]), minlength=len(nodes)
    )
    free = np.flatnonzero(degree == 1)
    lines = np.array([shapely.LineString(link.line) for link in links])
    points = shapely.points([(nodes[i].x, nodes[i].y) for i in free]) if len(free) else free
    found = []
    if len(free):
        asked, near = shapely.STRtree(lines).query(points, predicate="dwithin", distance=tolerance)
        for i, j in zip(asked.tolist(), near.tolist(), strict=True):
            node, link = int(free[i]), links[j]
            ends = shapely.points(link.line[[0, -1]])
            at_end = shapely.distance(ends, points[i]).min() <= tolerance
            if node not in (link.tail, link.head) and not at_end:
                gap = float(shapely.distance(lines[j], points[i]))
                found.append(Fault(kind="loose_end", no=nodes[node].no, x=nodes[node].x,
                                   y=nodes[node].y, detail=f"{link.no}, {gap:.2f} m"))  # fmt: skip
    return found
