"""Faces of buildings and trees: polygons in space, each with its place in a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely

from sample_city.buildings import Building, Rect
from sample_city.frame import place
from sample_city.terrain import height_at, river_axis
from sample_city.town import BRIDGE_HALF
from sample_city.trees import Tree

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

PARAPET = 0.6  # from the roof's surface to the top of its parapet, m
HUT = 2.6  # height of stair and lift heads, m


@dataclass(frozen=True, eq=False)
class Picture:
    """Which picture a face shows: a wall of a building."""

    building: Building
    length: float
    tall: float
    azimuth: float


@dataclass(frozen=True, eq=False)
class Face:
    """A plane convex polygon, anticlockwise from outside.

    Args:
        xyz: (k, 3) in EPSG:4545 and metres above the 1985 datum.
        st: (k, 2) metres along and up the wall's picture, or where the picture from above is
            looked at (easting, northing); None: straight above.
        picture: The wall's picture; None: the picture from above.
    """

    xyz: Floats
    st: Floats | None = None
    picture: Picture | None = None

    def clip(self, box: Box) -> Face | None:
        """The part inside a box in plan; None if nothing of it has an area."""
        points = self.xyz if self.st is None else np.hstack([self.xyz, self.st])
        for axis, limit, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
            points = _cut(points, axis, limit, sign)
            if len(points) < 3:
                return None
        if _area(points[:, :3]) < 1e-4:
            return None
        return Face(points[:, :3], None if self.st is None else points[:, 3:], self.picture)


def _cut(points: Floats, axis: int, limit: float, sign: int) -> Floats:
    """Sutherland and Hodgman's step: keep what lies on one side of a line in plan."""
    inside = sign * (points[:, axis] - limit)
    if (inside >= 0).all():
        return points
    kept = []
    for index in range(len(points)):
        here, there = inside[index - 1], inside[index]
        if (here < 0) != (there < 0):
            # From the lower to the higher end, so that both sides cut at the same place.
            share = here / (here - there)
            new = points[index - 1] + share * (points[index] - points[index - 1])
            new[axis] = limit
            kept.append(new)
        if there >= 0:
            kept.append(points[index])
    return np.array(kept) if kept else np.zeros((0, points.shape[1]))


def _area(xyz: Floats) -> float:
    total = np.zeros(3)
    for index in range(1, len(xyz) - 1):
        total += np.cross(xyz[index] - xyz[0], xyz[index + 1] - xyz[0])
    return float(np.linalg.norm(total)) / 2


def of_building(building: Building, *, fine: bool, huts: bool) -> Iterator[Face]:
    """Walls and roof of a building.

    Args:
        building: Which.
        fine: With its parapet; else the roof lies on top of the walls.
        huts: With the stair and lift heads.
    """
    yield from _walls(building)
    if building.roof == "gable":
        yield from _gable_roof(building)
        return
    parapet = fine and building.roof == "flat"
    yield from _flat_roof(building, parapet=parapet)
    if huts:
        surface = building.top - (PARAPET if parapet else 0.0)
        for hut in building.huts:
            yield from _hut(hut, surface)


def _walls(building: Building) -> Iterator[Face]:
    ring = np.array(building.footprint.exterior.coords)
    for start, end in pairwise(ring):
        along = end - start
        length = float(np.hypot(*along))
        azimuth = float(np.arctan2(along[1], -along[0]))  # of the outward normal (y, -x)
        ridge = _on_gable(building, start, end)
        tall = building.tall if ridge else building.eaves
        low, high = building.foot, building.ground + building.eaves
        xyz = [(*start, low), (*end, low), (*end, high)]
        st = [(0.0, low), (length, low), (length, high)]
        if ridge:
            middle = (start + end) / 2
            xyz.append((*middle, building.top))
            st.append((length / 2, building.top))
        xyz.append((*start, high))
        st.append((0.0, high))
        flat = np.array(st) - (0.0, building.ground)
        yield Face(np.array(xyz), flat, Picture(building, length, tall, azimuth))


def _on_gable(building: Building, start: Floats, end: Floats) -> bool:
    """Whether a wall is one of the two below the ends of the ridge."""
    if building.roof != "gable":
        return False
    part = building.parts[0]
    p, _ = part.local(np.array([start[0], end[0]]), np.array([start[1], end[1]]))
    return bool(np.abs(p[0] - p[1]) < part.a)


def _gable_roof(building: Building) -> Iterator[Face]:
    part = building.parts[0]
    eaves = building.ground + building.eaves
    for sign in (-1, 1):
        a, b = part.a, part.b
        corners = [part.world(-sign * a, sign * b), part.world(-sign * a, 0.0),
                   part.world(sign * a, 0.0), part.world(sign * a, sign * b)]  # fmt: skip
        heights = (eaves, building.top, building.top, eaves)
        yield Face(np.array([(*c, z) for c, z in zip(corners, heights, strict=True)]))


def _flat_roof(building: Building, *, parapet: bool) -> Iterator[Face]:
    if not parapet:
        yield from _cap(building.footprint, building.top)
        return
    inner = building.footprint.buffer(-0.3, join_style=2)
    yield from _cap(building.footprint.difference(inner), building.top)
    yield from _cap(inner, building.top - PARAPET)
    ring = np.array(inner.exterior.coords)[::-1]  # seen from inside
    if shapely.is_ccw(inner.exterior):
        yield from _sides(ring, building.top - PARAPET, building.top, 0.5)
    else:
        yield from _sides(ring[::-1], building.top - PARAPET, building.top, 0.5)


def _cap(area: shapely.Polygon, z: float) -> Iterator[Face]:
    for triangle in shapely.constrained_delaunay_triangles(area).geoms:
        ring = np.array(shapely.geometry.polygon.orient(triangle, 1.0).exterior.coords)[:3]
        yield Face(np.column_stack([ring, np.full(3, z)]))


def _sides(ring: Floats, low: float, high: float, aside: float) -> Iterator[Face]:
    """Small upright faces; they show what the picture from above shows ``aside`` m before them."""
    for start, end in pairwise(ring):
        along = (end - start) / np.hypot(*(end - start))
        seen = np.array([along[1], -along[0]]) * aside
        xyz = np.array([(*start, low), (*end, low), (*end, high), (*start, high)])
        yield Face(xyz, xyz[:, :2] + seen)


def _hut(hut: Rect, surface: float) -> Iterator[Face]:
    ring = np.array(hut.polygon.exterior.coords)
    yield from _sides(ring, surface, surface + HUT, -0.9)
    yield Face(np.column_stack([ring[:4], np.full(4, surface + HUT)]))


def of_bridge() -> Iterator[Face]:
    """The deck over the river with its parapets; its picture is the one from above."""
    axis = float(river_axis(np.array([0.0]))[0])
    ends = (axis - BRIDGE_HALF, axis + BRIDGE_HALF)
    half = 9.5
    z = [height_at(*place(0.0, v)) + 0.12 for v in ends]
    corners = [(-half, 0), (half, 0), (half, 1), (-half, 1)]
    deck = np.array([(*place(u, ends[e]), z[e]) for u, e in corners])
    yield Face(deck)
    for first, second in ((1, 2), (3, 0)):
        a, b = deck[first], deck[second]
        low, high = np.array((0, 0, -1.5)), np.array((0, 0, 0.9))
        yield Face(np.array([a + low, b + low, b + high, a + high]))
        yield Face(np.array([b, a, a + high, b + high]))


def of_tree(
    tree: Tree, segments: int, rings: tuple[tuple[float, float], ...]
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """A crown as a closed body of rings between a foot and a top.

    Args:
        tree: Which.
        segments: Points in each ring.
        rings: Radius (of the crown's) and height (of the tree's) of each ring, from below.

    Returns:
        Vertices (n, 3), places in the crown's picture in radii (n, 2), triangles (m, 3).
    """
    turn = (tree.x * 7.0 + tree.y * 3.0) % 6.28
    angles = turn + np.arange(segments) * (2.0 * np.pi / segments)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    shape = [circle * radius for radius, _ in rings]
    heights = [np.full(segments, share) for _, share in rings]
    plan = np.vstack([np.zeros((1, 2)), *shape, np.zeros((1, 2))])
    up = np.concatenate([[0.0], *heights, [1.0]])
    xyz = np.column_stack([tree.x + plan[:, 0] * tree.radius, tree.y + plan[:, 1] * tree.radius,
                           tree.ground - 0.2 + up * (tree.tall + 0.2)])  # fmt: skip
    picture = plan * 0.86
    picture[0] = -0.8 * np.array((0.7, -0.7))  # the foot is dark
    last = len(xyz) - 1
    triangles = []
    for i in range(segments):
        j = (i + 1) % segments
        triangles.append((0, 1 + j, 1 + i))
        for ring in range(len(rings) - 1):
            low, high = 1 + ring * segments, 1 + (ring + 1) * segments
            triangles += [(low + i, low + j, high + j), (low + i, high + j, high + i)]
        top = 1 + (len(rings) - 1) * segments
        triangles.append((top + i, top + j, last))
    return xyz, picture, np.array(triangles)
