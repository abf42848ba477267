"""Windows on facades, and the stretches of sun they get."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OFF = 0.05  # m: a window stands so far before its wall


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Windows of a building.

    Args:
        left: (n, 3) x, y, height of the sill's left end, m.
        right: (n, 3) of its right end.
        facing: (n,) direction that it looks to, degrees clockwise from grid north.
        floor: (n,) 1 for the lowest.
    """

    left: Floats
    right: Floats
    facing: Floats
    floor: Ints

    @property
    def middle(self) -> Floats:
        """(n, 3) middles of the sills, m."""
        return np.asarray((self.left + self.right) / 2)


def windows(
    outline: BaseGeometry, ground: float, floors: int, *, storey: float, sill: float,
    width: float, apart: float,
) -> Windows:  # fmt: skip
    """Windows at even distances along all walls of a building.

    Args:
        outline: m.
        ground: Height of the lowest floor, m.
        floors: How many there are.
        storey: Height of one, m.
        sill: Above its floor, m.
        width: Of a window, m.
        apart: From middle to middle, m.
    """
    left, right, facing = [], [], []
    for part in getattr(outline, "geoms", [outline]):
        if not isinstance(part, Polygon):
            continue
        ring = shapely.get_coordinates(shapely.force_2d(shapely.orient_polygons(part).exterior))
        for (ax, ay), (bx, by) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            long = math.hypot(bx - ax, by - ay)
            count = int((long - width) // apart) + 1 if long >= width else 0
            if count < 1:
                continue
            ux, uy = (bx - ax) / long, (by - ay) / long
            ox, oy = uy, -ux  # a ring that turns left has its outside on the right
            for i in range(count):
                at = long / 2 + (i - (count - 1) / 2) * apart
                x, y = ax + ux * at + ox * OFF, ay + uy * at + oy * OFF
                left.append((x - ux * width / 2, y - uy * width / 2))
                right.append((x + ux * width / 2, y + uy * width / 2))
                facing.append(math.degrees(math.atan2(ox, oy)) % 360)
    size = len(left)
    level = ground + sill + storey * np.repeat(np.arange(floors), size)
    return Windows(
        left=np.column_stack([np.tile(np.array(left).reshape(-1, 2), (floors, 1)), level]),
        right=np.column_stack([np.tile(np.array(right).reshape(-1, 2), (floors, 1)), level]),
        facing=np.tile(np.array(facing), floors),
        floor=np.repeat(np.arange(1, floors + 1), size),
    )


def in_front(facing: Floats, azimuths: Floats) -> Flags:
    """(n, k) whether a light in a direction shines on the outside of a wall."""
    turn = np.radians(facing[:, None] - azimuths[None, :])
    return np.asarray(np.cos(turn) > 1e-6)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Sun of each window.

    Args:
        total: (n,) hours in all stretches long enough to count.
        longest: (n,) hours of the longest stretch.
    """

    total: Floats
    longest: Floats


def spans(sunny: Flags, step: float, slot: float) -> Spans:
    """Stretches of sun.

    Args:
        sunny: (n, k) whether the sun reaches a window in each step.
        step: Hours.
        slot: Stretches shorter than this do not count, hours.

    Example:
        >>> day = np.array([[1, 1, 1, 0, 1, 0, 1, 1]], bool)
        >>> found = spans(day, 0.5, 1.0)
        >>> found.total.tolist(), found.longest.tolist()
        ([2.5], [1.5])
    """
    padded = np.pad(sunny, ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(padded, axis=1)
    row, begin = np.nonzero(turns == 1)
    _, end = np.nonzero(turns == -1)
    long = (end - begin) * step
    counted = np.where(long >= slot - 1e-9, long, 0.0)
    total = np.zeros(len(sunny))
    np.add.at(total, row, counted)
    longest = np.zeros(len(sunny))
    np.maximum.at(longest, row, counted)
    return Spans(total=total, longest=longest)
