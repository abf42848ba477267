"""Pits: a level floor inside an outline, upright or sloping sides up to the ground, their volume.

The ground is the polyhedron over an elevation model's cell centres, each square of four split from
north-west to south-east. Above the floor it is cut exactly into prismatoids with the outline. The
sloping sides stand at one grade everywhere, rounded at convex corners: beyond the outline the
pit's surface rises with the distance from it. They are followed along rays square to the outline,
on which volumes are exact wherever the ground is even between two stations; a ray ends where
another side of the outline is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from cim.errors import ParameterError
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_TRIANGLES = 2_000_000
UPRIGHT = 1e-3  # grade below which sides count as upright
STATION = 0.25  # m between rays
ALONG = 0.1  # m between places on a ray
TURN = np.radians(3.0)  # between rays at a corner
FARTHEST = 300.0  # m: a side that has not met the ground by then never will
_MOST_RAYS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pit:
    """What is dug.

    Args:
        floor: Outline of the floor in a projected plane, m.
        level: Height of the floor, m.
        grade: Horizontal metres to one metre of rise of the sides; 0 for upright ones.
        scale: Metres of the plane to a metre on Earth.
    """

    floor: BaseGeometry
    level: float
    grade: float
    scale: float = 1.0

    def surface(self, places: Floats) -> Floats:
        """(k,) height of the pit's surface at (k, 2) places, m; endless beside upright sides."""
        away = shapely.distance(shapely.points(places[:, :2]), self.floor) / self.scale
        if self.grade < UPRIGHT:
            return np.where(away > 0, np.inf, self.level)
        return np.asarray(self.level + away / self.grade)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dug:
    """What a pit takes out of the ground.

    Args:
        core: Above the floor, m³.
        sides: Above the sloping sides, m³.
        unknown: Area of the floor whose ground is not known, m².
        frayed: Whether a side ran into ground that is not known, where it is taken to end.
        top: Where the pit meets the ground, in the plane.
        lowest: Lowest ground inside the floor's outline, m; NaN where none is known.
        highest: Highest, m.
    """

    core: float
    sides: float
    unknown: float
    frayed: bool
    top: BaseGeometry
    lowest: float
    highest: float

    @property
    def volume(self) -> float:
        """Of all that is dug, m³."""
        return self.core + self.sides


def dig(grid: Grid, pit: Pit) -> Dug:
    """Volume and upper outline of a pit.

    Args:
        grid: The ground.
        pit: In the grid's plane.

    Raises:
        ParameterError: the outline holds too many cells, or the sides never meet the ground.
    """
    faces = _faces(grid, pit.floor)
    core, unknown, low, high = _core(faces, pit)
    sides, frayed, top = (0.0, False, pit.floor) if pit.grade < UPRIGHT else _sides(grid, pit)
    return Dug(core=core, sides=sides, unknown=unknown, frayed=frayed, top=top, lowest=low,
               highest=high)  # fmt: skip


def lowest_ground(grid: Grid, outline: BaseGeometry) -> float:
    """Lowest known ground inside an outline of the grid's plane, m; NaN where none is."""
    return _core(_faces(grid, outline), Pit(floor=outline, level=0.0, grade=0.0))[2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Faces:
    """(t, 3, 3) triangles of the ground that touch an outline, those inside, and pieces."""

    corners: Floats
    whole: Flags
    pieces: npt.NDArray[np.object_]


def _faces(grid: Grid, outline: BaseGeometry) -> _Faces:
    west, south, east, north = outline.bounds
    rows, columns = grid.heights.shape
    top, left = (int(np.floor(v)) for v in grid.index(west, north))
    bottom, right = (int(np.ceil(v)) for v in grid.index(east, south))
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(bottom, rows - 1), min(right, columns - 1)
    if bottom <= top or right <= left:
        return _Faces(corners=np.zeros((0, 3, 3)), whole=np.zeros(0, bool),
                      pieces=np.zeros(0, object))  # fmt: skip
    if 2 * (bottom - top) * (right - left) > MOST_TRIANGLES:
        raise ParameterError(
            "the outline holds more cells of the elevation model than are summed at once",
            remedy="ask of a smaller area",
        )
    r, c = (v.ravel() for v in np.mgrid[top:bottom, left:right])
    corner = [_posts(grid, r + dr, c + dc) for dr, dc in ((0, 0), (1, 0), (1, 1), (0, 1))]
    nw, sw, se, ne = corner
    corners = np.concatenate([np.stack([nw, sw, se], 1), np.stack([nw, se, ne], 1)])
    shapes = shapely.polygons(corners[:, :, :2])
    shapely.prepare(outline)
    touched = shapely.intersects(outline, shapes)
    corners, shapes = corners[touched], shapes[touched]
    whole = shapely.contains_properly(outline, shapes)
    pieces = shapes.copy()
    pieces[~whole] = shapely.intersection(shapes[~whole], outline)
    return _Faces(corners=corners, whole=whole, pieces=pieces)


def _posts(grid: Grid, row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> Floats:
    return np.column_stack([
        grid.west + (column + 0.5) * grid.cell[0], grid.north - (row + 0.5) * grid.cell[1],
        grid.heights[row, column],
    ])  # fmt: skip


def _core(faces: _Faces, pit: Pit) -> tuple[float, float, float, float]:
    """Volume above the floor, area without ground, lowest and highest ground inside."""
    area = shapely.area(faces.pieces) / pit.scale**2
    known = np.isfinite(faces.corners[:, :, 2]).all(axis=1)
    covered = float(area.sum())
    unknown = float(area[~known].sum()) + max(pit.floor.area / pit.scale**2 - covered, 0.0)
    corners, pieces = faces.corners[known], faces.pieces[known]
    real = area[known] > 0
    corners, pieces, area = corners[real], pieces[real], area[known][real]
    if not len(corners):
        return 0.0, unknown, np.nan, np.nan
    over = corners[:, :, 2] - pit.level
    above, below = (over >= 0).all(axis=1), (over <= 0).all(axis=1)
    middle = shapely.get_coordinates(shapely.centroid(pieces))
    total = float((area * _plane(corners, middle) - area * pit.level)[above].sum())
    for i in np.flatnonzero(~above & ~below).tolist():
        part = shapely.intersection(pieces[i], Polygon(_above(corners[i], pit.level)))
        if part.area > 0:
            at = np.array([[part.centroid.x, part.centroid.y]])
            height = float(_plane(corners[i : i + 1], at)[0]) - pit.level
            total += part.area / pit.scale**2 * height
    places, whose = shapely.get_coordinates(pieces, return_index=True)
    heights = _plane(corners[whose], places)
    return total, unknown, float(heights.min()), float(heights.max())


def _plane(corners: Floats, places: Floats) -> Floats:
    """(k,) heights of the planes of (k, 3, 3) triangles at (k, 2) places."""
    a, u, v = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    away = places - a[:, :2]
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    s = (away[:, 0] * v[:, 1] - away[:, 1] * v[:, 0]) / cross
    t = (u[:, 0] * away[:, 1] - u[:, 1] * away[:, 0]) / cross
    return np.asarray(a[:, 2] + s * u[:, 2] + t * v[:, 2])


def _above(corners: Floats, level: float) -> list[tuple[float, float]]:
    """The part of a triangle that stands above a level, some of whose corners do."""
    found: list[tuple[float, float]] = []
    for p, q in pairwise([*corners, corners[0]]):
        if p[2] >= level:
            found.append((p[0], p[1]))
        if (p[2] - level) * (q[2] - level) < 0:
            share = (level - p[2]) / (q[2] - p[2])
            found.append((p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1])))
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rays:
    """Rays square to an outline.

    Args:
        foot: (k, 2) where they begin.
        way: (k, 2) unit vectors outwards.
        width: (k,) of the strip that a ray at an edge stands for, m; 0 at a corner.
        turn: (k,) angle of the sector that a ray at a corner stands for; 0 at an edge.
        part: (k,) edge or corner a ray belongs to.
    """

    foot: Floats
    way: Floats
    width: Floats
    turn: Floats
    part: npt.NDArray[np.int64]


def _rays(outline: BaseGeometry) -> _Rays:
    foot, way, width, turn, part = [], [], [], [], []
    number = 0
    for polygon in getattr(outline, "geoms", [outline]):
        whole = orient(polygon)
        for ring in (whole.exterior, *whole.interiors):
            at = np.asarray(ring.coords)[:-1, :2]
            ahead = np.roll(at, -1, axis=0) - at
            length = np.hypot(*ahead.T)
            at, ahead, length = at[length > 0], ahead[length > 0], length[length > 0]
            out = np.column_stack([ahead[:, 1], -ahead[:, 0]]) / length[:, None]
            for i in range(len(at)):
                count = max(int(np.ceil(length[i] / STATION)), 2)
                share = (np.arange(count) + 0.5) / count
                foot.append(at[i] + share[:, None] * ahead[i])
                way.append(np.repeat(out[i][None], count, axis=0))
                width.append(np.full(count, length[i] / count))
                turn.append(np.zeros(count))
                part.append(np.full(count, number))
                number += 1
                before = out[i - 1]
                angle = np.arctan2(before[0] * out[i][1] - before[1] * out[i][0],
                                   before @ out[i])  # fmt: skip
                if angle > 1e-9:  # convex: a sector between the two edges' strips
                    many = max(int(np.ceil(angle / TURN)), 2)
                    share = (np.arange(many) + 0.5) / many
                    begin = np.arctan2(before[1], before[0])
                    a = begin + share * angle
                    foot.append(np.repeat(at[i][None], many, axis=0))
                    way.append(np.column_stack([np.cos(a), np.sin(a)]))
                    width.append(np.zeros(many))
                    turn.append(np.full(many, angle / many))
                    part.append(np.full(many, number))
                    number += 1
    return _Rays(
        foot=np.concatenate(foot), way=np.concatenate(way), width=np.concatenate(width),
        turn=np.concatenate(turn), part=np.concatenate(part).astype(np.int64),
    )  # fmt: skip


def _sides(grid: Grid, pit: Pit) -> tuple[float, bool, BaseGeometry]:
    """Volume above the sloping sides, whether one frayed, and where they meet the ground."""
    rays = _rays(pit.floor)
    if len(rays.foot) > _MOST_RAYS:
        raise ParameterError("the outline is too long", remedy="ask of a smaller area")
    reach = _reach(grid, pit, rays)
    count = max(int(np.ceil(reach / ALONG)), 4)
    total, frayed = 0.0, False
    meets = np.zeros(len(rays.foot))
    block = max(2_000_000 // count, 1)
    for low in range(0, len(rays.foot), block):
        mine = slice(low, low + block)
        t = np.linspace(0.0, reach, count + 1)
        at = rays.foot[mine, None] + pit.scale * t[None, :, None] * rays.way[mine, None]
        ground = grid.bilinear_at(at[..., 0].ravel(), at[..., 1].ravel()).reshape(at.shape[:2])
        over = ground - pit.level - t / pit.grade
        own = shapely.distance(shapely.points(at.reshape(-1, 2)), pit.floor).reshape(over.shape)
        nearer = own < pit.scale * t - 1e-6  # another side of the outline is nearer
        lost = np.isnan(over)
        over, met = _until_ground(np.where(lost, -1.0, over), t)
        frayed |= bool((lost & (t[None] <= met[:, None] + ALONG)).any())
        meets[mine] = met
        over[nearer] = 0.0
        strip, sector = _integrals(over, t)
        total += float((strip * rays.width[mine] / pit.scale + sector * rays.turn[mine]).sum())
    return total, frayed, _top(pit, rays, meets)


def _reach(grid: Grid, pit: Pit, rays: _Rays) -> float:
    """How far the sides go at most, m."""
    reach = 1.0
    while True:
        t = np.linspace(0.0, reach, max(int(np.ceil(reach / min(grid.cell))) * 2, 8))
        at = rays.foot[:, None] + pit.scale * t[None, :, None] * rays.way[:, None]
        ground = grid.bilinear_at(at[..., 0].ravel(), at[..., 1].ravel()).reshape(at.shape[:2])
        over = np.nan_to_num(ground, nan=pit.level) - pit.level - t / pit.grade
        if (over <= 0).any(axis=1).all():
            return reach
        reach *= 1.5
        if reach > FARTHEST:
            raise ParameterError(
                f"the sides do not meet the ground within {FARTHEST:g} m",
                remedy="make them steeper, or the floor higher",
            )


def _until_ground(over: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Heights of ground above the side as far as the first place where they meet, and that place.

    Between two places of a ray the ground is even.
    """
    out = over <= 0
    first = np.where(out.any(axis=1), out.argmax(axis=1), over.shape[1] - 1)
    rows = np.arange(len(over))
    before = np.maximum(first - 1, 0)
    a, b = over[rows, before], over[rows, first]
    share = np.where((first > 0) & (a > 0), a / np.where(a > b, a - b, 1.0), 0.0)
    met = np.where(first > 0, t[before] + share * (t[first] - t[before]), 0.0)
    kept = np.where(np.arange(over.shape[1])[None] <= first[:, None], over, 0.0)
    kept[(np.arange(over.shape[1])[None] > 0) & (first == 0)[:, None]] = 0.0
    return kept, met


def _integrals(over: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Of max(0, f) and of t max(0, f) along rays; f is even between places."""
    f0, f1 = over[:, :-1], over[:, 1:]
    t0, step = t[:-1][None], np.diff(t)[None]
    fall = np.where(f0 != f1, f0 - f1, 1.0)
    share = np.where(f1 < 0, np.clip(f0 / fall, 0.0, 1.0), 1.0)  # of the step that lies above
    share = np.where(f0 <= 0, 0.0, share)
    end = np.maximum(f1, 0.0)
    long_ = share * step
    strip = long_ * (f0 + end) / 2
    sector = t0 * strip + long_**2 * (f0 / 6 + end / 3)
    return np.asarray(strip.sum(axis=1)), np.asarray(sector.sum(axis=1))


def _top(pit: Pit, rays: _Rays, meets: Floats) -> BaseGeometry:
    """The outline where the sides meet the ground: all strips and sectors, joined."""
    ends = rays.foot + pit.scale * meets[:, None] * rays.way
    parts: list[BaseGeometry] = [pit.floor]
    for number in range(int(rays.part.max()) + 1):
        mine = np.flatnonzero(rays.part == number)
        corner = rays.turn[mine[0]] > 0
        back = rays.foot[mine[:1]] if corner else rays.foot[mine][::-1]
        ring = np.concatenate([ends[mine], back])
        if meets[mine].max() > 0 and len(ring) > 3:
            parts.append(shapely.make_valid(Polygon(ring)))
    whole = shapely.union_all(parts).buffer(STATION * pit.scale, join_style="mitre")
    return shapely.union_all([whole.buffer(-STATION * pit.scale, join_style="mitre"), pit.floor])
