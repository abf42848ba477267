"""Buildings as upright blocks: what they hide of sun and sky.

A block is an outline with a top; below the top it reaches down for ever. Light that crosses any of
its walls below the top is stopped, which for rising light is the same as meeting the block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit, prange
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walls:
    """Walls of blocks.

    Args:
        ends: (m, 4) x, y of both ends, m.
        top: (m,) height of the block's top, m; NaN where it is not known.
        block: (m,) which of the blocks a wall is of.
    """

    ends: Floats
    top: Floats
    block: Ints

    def known(self, unknown: float) -> Walls:
        """The same with another top, m, where it is not known: -inf for none, inf for endless."""
        top = np.where(np.isnan(self.top), unknown, self.top)
        return Walls(ends=self.ends, top=top, block=self.block)


def walls(outlines: Sequence[BaseGeometry], tops: Floats) -> Walls:
    """The walls of blocks from their outlines (m) and the heights of their tops (m)."""
    ends, top, block = [np.zeros((0, 4))], [np.zeros(0)], [np.zeros(0, np.int64)]
    for number, (outline, height) in enumerate(zip(outlines, tops, strict=True)):
        for ring in _rings(outline):
            ends.append(np.column_stack([ring[:-1], ring[1:]]))
            top.append(np.full(len(ring) - 1, height))
            block.append(np.full(len(ring) - 1, number, np.int64))
    return Walls(ends=np.concatenate(ends), top=np.concatenate(top), block=np.concatenate(block))


def _rings(outline: BaseGeometry) -> list[Floats]:
    parts = [p for p in getattr(outline, "geoms", [outline]) if isinstance(p, Polygon)]
    rings = [r for p in parts for r in (p.exterior, *p.interiors)]
    return [shapely.get_coordinates(shapely.force_2d(r)) for r in rings]


def lit(eyes: Floats, azimuths: Floats, tangents: Floats, around: Walls) -> Flags:
    """Which lights no wall keeps from which eyes.

    Args:
        eyes: (n, 3) x, y, height, m.
        azimuths: (k,) of the lights, degrees clockwise from grid north.
        tangents: (k,) of their elevations.
        around: Walls with known tops.

    Returns:
        (n, k).
    """
    turn = np.radians(np.asarray(azimuths, np.float64) % 360.0)
    order = np.argsort(turn, kind="stable")
    found = _lit(
        np.ascontiguousarray(eyes, np.float64), turn[order],
        np.asarray(tangents, np.float64)[order], around.ends, around.top,
    )  # fmt: skip
    out: Flags = np.empty(found.shape, np.bool_)
    out[:, order] = found
    return out


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _lit(  # noqa: C901  one loop, of which each part is a line
    eyes: Floats, turn: Floats, tangents: Floats, ends: Floats, top: Floats
) -> Flags:
    count, lights = eyes.shape[0], turn.size
    out = np.ones((count, lights), np.bool_)
    for i in prange(count):
        for m in range(top.size):
            if not top[m] > eyes[i, 2]:
                continue
            ax, ay = ends[m, 0] - eyes[i, 0], ends[m, 1] - eyes[i, 1]
            bx, by = ends[m, 2] - eyes[i, 0], ends[m, 3] - eyes[i, 1]
            first, last = math.atan2(ax, ay), math.atan2(bx, by)
            if first < 0:
                first += 2 * math.pi
            if last < 0:
                last += 2 * math.pi
            low, high = min(first, last), max(first, last)
            through = high - low > math.pi  # it passes north
            begin = 0 if through else np.searchsorted(turn, low)
            end = lights if through else np.searchsorted(turn, high, side="right")
            for k in range(begin, end):
                if through and low < turn[k] < high:
                    continue
                if not out[i, k]:
                    continue
                dx, dy = math.sin(turn[k]), math.cos(turn[k])
                ex, ey = bx - ax, by - ay
                cross = dx * ey - dy * ex
                if abs(cross) < 1e-12:
                    continue
                away = (ax * ey - ay * ex) / cross
                if away > 1e-6 and eyes[i, 2] + away * tangents[k] < top[m]:
                    out[i, k] = False
    return out


def skyline(eye: Floats, azimuths: Floats, around: Walls) -> tuple[Floats, Ints]:
    """How high the blocks stand in some directions.

    Args:
        eye: (3,) x, y, height, m.
        azimuths: (k,) degrees clockwise from grid north.
        around: Walls with known tops.

    Returns:
        (k,) elevation of the highest wall in that direction, degrees, -90 where there is none;
        (k,) its block, -1 where there is none.
    """
    turn = np.radians(np.asarray(azimuths, np.float64) % 360.0)
    angle, which = _skyline(
        np.asarray(eye, np.float64), turn, around.ends, around.top, around.block
    )
    return np.asarray(angle), np.asarray(which)


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _skyline(
    eye: Floats, turn: Floats, ends: Floats, top: Floats, block: Ints
) -> tuple[Floats, Ints]:
    angle = np.full(turn.size, -90.0)
    which = np.full(turn.size, -1, np.int64)
    for k in prange(turn.size):
        dx, dy = math.sin(turn[k]), math.cos(turn[k])
        for m in range(top.size):
            ax, ay = ends[m, 0] - eye[0], ends[m, 1] - eye[1]
            ex, ey = ends[m, 2] - ends[m, 0], ends[m, 3] - ends[m, 1]
            cross = dx * ey - dy * ex
            if abs(cross) < 1e-12:
                continue
            away = (ax * ey - ay * ex) / cross
            share = (ax * dy - ay * dx) / cross
            if away > 1e-6 and 0.0 <= share <= 1.0:
                seen = math.degrees(math.atan2(top[m] - eye[2], away))
                if seen > angle[k]:
                    angle[k] = seen
                    which[k] = block[m]
    return angle, which


def shadow(outline: Polygon, height: float, azimuth: float, elevation: float) -> BaseGeometry:
    """What a block darkens of level ground at its foot, itself included.

    Args:
        outline: m.
        height: Above that ground, m.
        azimuth: Of the light, degrees clockwise from grid north.
        elevation: Of the light, degrees, positive.

    Returns:
        In the outline's plane: the outline swept away from the light by height / tan(elevation).

    Example:
        >>> mast = shapely.box(0, 0, 1, 1)
        >>> round(shadow(mast, 10.0, 180.0, 45.0).area, 6)
        11.0
    """
    far = height / math.tan(math.radians(elevation))
    dx, dy = -far * math.sin(math.radians(azimuth)), -far * math.cos(math.radians(azimuth))
    dx, dy = (0.0 if abs(v) < 1e-9 else v for v in (dx, dy))
    swept = [outline]
    for ring in _rings(outline):
        for (ax, ay), (bx, by) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            face = Polygon([(ax, ay), (bx, by), (bx + dx, by + dy), (ax + dx, ay + dy)])
            if face.is_valid and face.area > 0:
                swept.append(face)
    return shapely.union_all(swept)
