"""Trees: along streets, in yards, parks and on the river's banks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from sample_city.buildings import Building
from sample_city.frame import to_uv, to_xy
from sample_city.terrain import height, hill_distance, river_distance
from sample_city.town import SIDEWALK, Block, Street

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

# Trees per square metre that are tried inside a block of each use.
DENSITY = {
    "park": 0.012, "residential": 0.0042, "tower": 0.005, "old": 0.0022, "village": 0.004,
    "school": 0.0018, "government": 0.005, "hospital": 0.004, "commercial": 0.0006,
    "heating": 0.001, "industrial": 0.0012, "treatment": 0.003, "fire": 0.002, "field": 0.0002,
}  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """One tree.

    Args:
        x: Easting, m.
        y: Northing, m.
        ground: Height of the ground, m.
        radius: Of the crown, m.
        tall: Height, m.
        kind: 0 broad-leaved, 1 willow, 2 poplar, 3 conifer.
    """

    x: float
    y: float
    ground: float
    radius: float
    tall: float
    kind: int


def plant(
    box: Box,
    rng: np.random.Generator,
    buildings: list[Building],
    blocks: list[Block],
    streets: list[Street],
) -> list[Tree]:
    """The trees of one cell of the plan, none on a building or a carriageway."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    tries = int(area * 0.022)
    x = rng.uniform(box[0], box[2], tries)
    y = rng.uniform(box[1], box[3], tries)
    lot = rng.random(tries)
    u, v = to_uv(x, y)
    wanted = _wanted(u, v, hill_distance(x, y), blocks) / 0.022
    kind = np.where(river_distance(u, v) < 70.0, 1, np.where(lot * 7 % 1 < 0.18, 3, 0))
    keep = lot < wanted
    rows = _rows(box, streets)
    x = np.concatenate([x[keep], rows[:, 0]])
    y = np.concatenate([y[keep], rows[:, 1]])
    kind = np.concatenate([kind[keep], np.zeros(len(rows), dtype=np.int64)])
    free = ~_on_road(x, y, streets, len(rows)) & _clear(x, y, buildings)
    x, y, kind = x[free], y[free], kind[free]
    size = rng.uniform(0.75, 1.2, len(x))
    radius = np.choose(kind, [2.3, 2.9, 1.6, 1.5]) * size
    tall = np.choose(kind, [6.2, 7.5, 12.0, 7.0]) * size
    ground = height(x, y)
    return [
        Tree(float(a), float(b), float(g), float(r), float(t), int(k))
        for a, b, g, r, t, k in zip(x, y, ground, radius, tall, kind, strict=True)
    ]


def _wanted(u: Floats, v: Floats, beyond: Floats, blocks: list[Block]) -> Floats:
    """Trees per square metre at places."""
    distance = river_distance(u, v)
    bank = (distance > 24.0) & (distance < 62.0)
    wanted = np.where(bank, 0.0075, np.where(beyond < 0.0, 0.00012, 0.0))
    for block in blocks:
        inside = (u > block.west) & (u < block.east) & (v > block.south) & (v < block.north)
        wanted = np.where(inside, DENSITY[block.use], wanted)
        if block.use == "school":  # none on the sports field
            wanted = np.where(inside & (u > block.east - 82.0), 0.0, wanted)
        elif block.use == "government":
            wanted = np.where(inside & (v < block.south + 60.0), 0.001, wanted)
    return wanted


def _rows(box: Box, streets: list[Street]) -> Floats:
    """Street trees of a cell, (n, 2): one every 9 m in the sidewalks of the wider streets."""
    found = [np.zeros((0, 2))]
    corners = np.array([[box[i], box[j]] for i in (0, 2) for j in (1, 3)])
    u, v = to_uv(corners[:, 0], corners[:, 1])
    for street in streets:
        if street.width < 9.0:
            continue
        along, across = (u, v) if street.along else (v, u)
        side = street.width / 2 + 1.3
        if not across.min() - side < street.at < across.max() + side:
            continue
        step = np.arange(max(street.start, along.min() // 9 * 9), min(street.end, along.max()), 9.0)
        step = step[(step // 9 % 13 != 5)] + 4.5
        for edge in (street.at - side, street.at + side):
            line = np.full_like(step, edge)
            x, y = to_xy(step, line) if street.along else to_xy(line, step)
            inside = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
            found.append(np.stack([x, y], axis=1)[inside])
    return np.concatenate(found)


def _on_road(x: Floats, y: Floats, streets: list[Street], rows: int) -> npt.NDArray[np.bool_]:
    """Whether places are on a carriageway, or near one; the last ``rows`` may stand beside it."""
    u, v = to_uv(x, y)
    room = np.full(len(x), SIDEWALK)
    room[len(x) - rows :] = 1.0
    found = river_distance(u, v) < 22.0
    for street in streets:
        along, across = (u, v) if street.along else (v, u)
        near = np.abs(across - street.at) < street.width / 2 + room
        found |= near & (along > street.start - 6.0) & (along < street.end + 6.0)
    return found


def _clear(x: Floats, y: Floats, buildings: list[Building]) -> npt.NDArray[np.bool_]:
    """Whether places keep 2 m from every building."""
    if not buildings:
        return np.ones(len(x), dtype=np.bool_)
    union = shapely.unary_union([b.footprint for b in buildings])
    result: npt.NDArray[np.bool_] = shapely.distance(union, shapely.points(x, y)) > 2.0
    return result
