"""Roads as a graph: where lines meet, how long each piece takes, the quickest way.

Lines are cut wherever they meet or cross, so a survey that draws streets through their crossings
still gives a network. Bridges over roads are therefore taken for crossings: what is not known as
two levels cannot be told from one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree
from shapely import STRtree
from shapely.ops import substring

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NONE = -9999  # scipy's word for "nobody before"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roads:
    """Pieces of roads between nodes.

    Args:
        nodes: (n, 2) x, y, m.
        ends: (e, 2) nodes at which each piece begins and ends.
        line: (e,) which of the given lines a piece is of.
        length: (e,) m along the piece.
        paths: The course of each piece, (k, 2) m.
        stops: (m,) the node at which each stop joins its nearest road.
        away: (m,) how far each stop lies from it, m.
    """

    nodes: Floats
    ends: Ints
    line: Ints
    length: Floats
    paths: tuple[Floats, ...]
    stops: Ints
    away: Floats

    def pieces(self) -> int:
        """How many parts of the network are not connected with each other."""
        count, _ = connected_components(self.graph(self.length), directed=False)
        return int(count)

    def graph(self, cost: Floats) -> csr_matrix:
        """Costs both ways; of parallel pieces the cheapest."""
        kept = np.isfinite(cost)
        begin, end = self.ends[kept].T
        cost = np.maximum(cost[kept], 1e-9)  # scipy takes a zero for no edge
        row, column = np.concatenate([begin, end]), np.concatenate([end, begin])
        value = np.concatenate([cost, cost])
        order = np.lexsort((value, column, row))
        row, column, value = row[order], column[order], value[order]
        first = np.ones(len(row), bool)
        first[1:] = (np.diff(row) != 0) | (np.diff(column) != 0)
        size = len(self.nodes)
        return csr_matrix((value[first], (row[first], column[first])), shape=(size, size))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Travel:
    """The quickest ways from a set of nodes.

    Args:
        cost: (n,) to each node; infinite where there is no way or it costs more than the limit.
        before: (n,) the node before it on the way; -9999 at a source.
        source: (n,) the node where its way begins.
    """

    cost: Floats
    before: Ints
    source: Ints


def roads(lines: Sequence[Floats], stops: Floats, *, snap: float = 0.5) -> Roads:
    """The network of some lines, with nodes where stops join it.

    Args:
        lines: (k, 2) m each, k at least 2.
        stops: (m, 2) m; each joins the nearest place of the nearest line.
        snap: Ends nearer to each other than this are one node, m.

    Raises:
        ParameterError: there are no lines of any length.
    """
    shapes = [shapely.LineString(path) for path in lines]
    usable = [i for i, shape in enumerate(shapes) if shape.length > snap]
    if not usable:
        raise ParameterError("there are no roads here", remedy="publish a road layer: base.road")
    known = np.array([shapes[i] for i in usable])
    cuts = _cuts(known, stops, snap)
    parts, owner = [], []
    for number, (shape, where) in enumerate(zip(known, cuts.along, strict=True)):
        for begin, end in pairwise(where):
            parts.append(substring(shape, begin, end))
            owner.append(usable[number])
    paths = [shapely.get_coordinates(part) for part in parts]
    tips = np.concatenate([[p[0] for p in paths], [p[-1] for p in paths], cuts.joints])
    node, places = _merged(tips, snap)
    count = len(paths)
    return Roads(
        nodes=places,
        ends=np.stack([node[:count], node[count : 2 * count]], axis=1),
        line=np.array(owner, np.int64),
        length=np.array([part.length for part in parts]),
        paths=tuple(paths),
        stops=node[2 * count :],
        away=cuts.away,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cuts:
    """Distances along each line at which it is cut; where stops join, and how far they are."""

    along: list[Floats]
    joints: Floats
    away: Floats


def _cuts(lines: npt.NDArray[np.object_], stops: Floats, snap: float) -> _Cuts:
    tree = STRtree(lines)
    near = tree.query(lines, predicate="dwithin", distance=snap)
    first, second = near[:, near[0] < near[1]]
    where: list[list[float]] = [[0.0, float(line.length)] for line in lines]
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        met = shapely.get_coordinates(shapely.intersection(lines[one], lines[other]))
        tips = [shapely.get_coordinates(lines[i])[[0, -1]] for i in (one, other)]
        for place in shapely.points(np.concatenate([met, *tips])):
            if max(place.distance(lines[one]), place.distance(lines[other])) <= snap:
                where[one].append(float(lines[one].project(place)))
                where[other].append(float(lines[other].project(place)))
    stops = np.asarray(stops, np.float64).reshape(-1, 2)
    points = shapely.points(stops)
    nearest = np.asarray(tree.nearest(points), np.int64) if len(stops) else np.zeros(0, np.int64)
    joints = np.zeros((len(stops), 2))
    for i, line in enumerate(nearest.tolist()):
        distance = float(lines[line].project(points[i]))
        where[line].append(distance)
        joints[i] = shapely.get_coordinates(lines[line].interpolate(distance))[0]
    return _Cuts(
        along=[_apart(np.array(sorted(at)), snap) for at in where],
        joints=joints,
        away=np.hypot(*(stops - joints).T) if len(stops) else np.zeros(0),
    )


def _apart(places: Floats, snap: float) -> Floats:
    """Rising distances, those too near to the one before left out; first and last stay."""
    kept = [places[0]]
    for place in places[1:-1]:
        if place - kept[-1] > snap and places[-1] - place > snap:
            kept.append(place)
    return np.array([*kept, places[-1]])


def _merged(points: Floats, snap: float) -> tuple[Ints, Floats]:
    """The node of each point, and the nodes' places: points within reach of each other are one."""
    pairs = cKDTree(points).query_pairs(2 * snap, output_type="ndarray")
    size = len(points)
    near = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    count, label = connected_components(near, directed=False)
    places = np.stack(
        [np.bincount(label, points[:, i], count) / np.bincount(label, minlength=count)
         for i in (0, 1)], axis=1,
    )  # fmt: skip
    return label.astype(np.int64), places


def travel(network: Roads, cost: Floats, sources: Ints, *, limit: float = np.inf) -> Travel:
    """The cheapest way from the nearest of some nodes to every node.

    Args:
        network: The roads.
        cost: (e,) of each piece, both ways, such as seconds; infinite where it is closed.
        sources: Nodes to begin at.
        limit: Ways that cost more are not looked for.
    """
    found, before, source = dijkstra(
        network.graph(np.asarray(cost, np.float64)), indices=np.asarray(sources),
        min_only=True, return_predecessors=True, limit=limit,
    )  # fmt: skip
    return Travel(cost=found, before=before.astype(np.int64), source=source.astype(np.int64))


def way(network: Roads, cost: Floats, found: Travel, node: int) -> tuple[Floats, Ints]:
    """The course (k, 2) m from the source to a node, and the pieces on it in that order.

    Empty where there is no way.
    """
    if not np.isfinite(found.cost[node]):
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    pieces: list[int] = []
    steps: list[Floats] = []
    here = node
    while found.before[here] != NONE:
        before = int(found.before[here])
        forward = (network.ends[:, 0] == before) & (network.ends[:, 1] == here)
        back = (network.ends[:, 1] == before) & (network.ends[:, 0] == here)
        fitting = np.flatnonzero(forward | back)
        piece = int(fitting[np.argmin(cost[fitting])])
        path = network.paths[piece]
        steps.append(path if network.ends[piece, 0] == before and forward[piece] else path[::-1])
        pieces.append(piece)
        here = before
    if not steps:
        return network.nodes[[node]], np.zeros(0, np.int64)
    return np.concatenate(steps[::-1]), np.array(pieces[::-1], np.int64)
