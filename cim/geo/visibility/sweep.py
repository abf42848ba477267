"""A quarter of a viewshed at once: rays spread over it, between which the horizon is bounded.

A quarter looks along the columns of the grid, one way, with rows no farther aside than columns
away. It is cut into sectors so narrow that each holds two cells of a column at most. Walking a
sector away from the eye, the steepest slope that any line in it has met (``ceiling``) and the
steepest that every line must have met (``floor``) are kept. A cell below the floor is hidden and
one above the ceiling is seen, for certain. Between the two only that part of its line is looked at,
crossing by crossing, where the ceiling had already risen above the cell's slope. So the answer is
that of the exact line of sight to every cell, for the price of a sweep.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.geo.visibility.crossing import blocked

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]
SURE = 2e-9  # a tangent: what a bound must be passed by, for `blocked` forgives a nanometre


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def steepest(level: float, near: float, far: float) -> float:
    """The largest slope to a level whose inverse distance lies between ``far`` and ``near``."""
    return level * near if level > 0 else level * far


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _cut(begin: float, end: float, reach: float, first: bool) -> tuple[float, float]:
    """A stretch of way cut where a side of the sector crosses a row: it is the first or last."""
    if first:
        return max(begin, reach), end
    return begin, min(end, reach)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _rows_met(
    levels: Floats,
    eye_row: float,
    sides: tuple[float, float],
    units: tuple[float, float],
    way: tuple[float, float, int, int],
    extra: float,
) -> float:
    """The steepest slope on lines of rows that a sector crosses between two columns.

    Args:
        levels: Heights above the eye's level.
        eye_row: Of the eye.
        sides: Rows per column along both sides of the sector.
        units: Inverse length of a column's step in the sector, largest and smallest, 1/m.
        way: Distance of both columns from the eye, in columns, and their indices.
        extra: What the Earth's curvature adds between two cells, m.
    """
    before, here, column_before, column = way
    left, right = sides
    low = math.ceil(eye_row + left * (before if left > 0 else here))
    high = math.floor(eye_row + right * (here if right > 0 else before))
    worst = -np.inf
    for row in range(max(low, 0), min(high, levels.shape[0] - 1) + 1):
        off = row - eye_row
        if off == 0.0:
            continue
        begin, end = max(before, abs(off)), here  # |rows per column| <= 1
        if off * right > 0:
            begin, end = _cut(begin, end, off / right, off > 0)
        if off * left > 0:
            begin, end = _cut(begin, end, off / left, off < 0)
        if begin > end:
            continue
        level = levels[row, column_before]
        rise = levels[row, column] - level
        level += extra - rise * (here - 1)
        slope = max(
            steepest(level + rise * begin, units[0] / begin, units[1] / begin),
            steepest(level + rise * end, units[0] / end, units[1] / end),
        )
        part = (end - begin) / begin
        slope += abs(slope) * part * part  # a quotient may bulge between its ends, by no more
        if not slope <= worst:  # an unknown height too
            worst = slope if slope == slope else np.inf  # noqa: PLR0124
    return worst


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def column_met(levels: Floats, column: int, near: float, far: float) -> tuple[float, float]:
    """Lowest and highest level on a column's line between two rows; infinite where unknown."""
    rows = levels.shape[0]
    first, last = math.floor(near), math.floor(far)
    if first < 0 or last + 1 >= rows:
        high = -np.inf
        for row in range(max(first, 0), min(last + 1, rows - 1) + 1):
            level = levels[row, column]
            if not level <= high:
                high = level if level == level else np.inf  # noqa: PLR0124
        return -np.inf, high
    level = levels[first, column]
    one = level + (levels[first + 1, column] - level) * (near - first)
    low = high = one
    total = one
    for row in range(first + 1, last + 1):
        level = levels[row, column]
        total += level
        low, high = min(low, level), max(high, level)
    two = level + (levels[last + 1, column] - level) * (far - last)
    total += two
    if total != total:  # noqa: PLR0124
        return -np.inf, np.inf
    return min(low, two), max(high, two)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def first_above(ceilings: Floats, count: int, slope: float) -> int:
    """Index of the first of ``count`` rising values that is above another one, nearly."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if ceilings[middle] > slope - SURE:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")  # type: ignore[untyped-decorator]
def sweep(
    grounds: tuple[Floats, Floats],
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    step: int,
    reach: float,
    wanted: npt.NDArray[np.bool_],
    target: float,
    bend: float,
    classes: Classes,
) -> None:
    """Class the cells of one quarter.

    Args:
        grounds: Heights, m, and heights above the eye's level, m, which falls with the distance.
        eye: Row, column, height.
        cell: Side of a cell along columns, along rows, m.
        step: 1 or -1: which way along the columns.
        reach: Columns to go.
        wanted: For each sector, whether to look there; their number is that of the sectors.
        target: Height above ground of what is looked for, m.
        bend: Fall of the ground per square metre of distance, 1/m.
        classes: (rows, columns), changed.
    """
    heights, levels = grounds
    rows, columns = heights.shape
    width = 2.0 / len(wanted)
    extra = bend * (cell[0] ** 2 + cell[1] ** 2) / 4
    start = math.floor(eye[1]) + 1 if step > 0 else math.ceil(eye[1]) - 1
    for sector in prange(len(wanted)):
        if not wanted[sector]:
            continue
        sides = (-1.0 + sector * width, -1.0 + (sector + 1) * width)
        one = 1 / math.sqrt(cell[0] ** 2 + (sides[0] * cell[1]) ** 2)
        two = 1 / math.sqrt(cell[0] ** 2 + (sides[1] * cell[1]) ** 2)
        near = 1 / cell[0] if sides[0] < 0.0 < sides[1] else max(one, two)
        units = (near, min(one, two))
        ceiling, floor, before = -np.inf, -np.inf, 0.0
        ceilings = np.empty(columns)
        count, column = 0, start
        while 0 <= column < columns:
            here = (column - eye[1]) * step
            first, last = eye[0] + sides[0] * here, eye[0] + sides[1] * here
            if here > reach or last < 0 or first > rows - 1:
                break
            way = (before, here, column - step, column)
            ceiling = max(ceiling, _rows_met(levels, eye[0], sides, units, way, extra))
            near, far = units[0] / here, units[1] / here
            for row in range(max(math.ceil(first), 0), min(math.ceil(last), rows)):
                level = levels[row, column] + target
                if level != level:  # noqa: PLR0124
                    classes[row, column] = 2
                elif steepest(level, near, far) < floor - SURE:
                    classes[row, column] = 0
                elif -steepest(-level, near, far) >= ceiling:
                    classes[row, column] = 1
                else:
                    away = math.hypot(here * cell[0], (row - eye[0]) * cell[1])
                    slope = (heights[row, column] + target - bend * away * away - eye[2]) / away
                    clear = first_above(ceilings, count, slope)
                    begin = (start + step * (clear - 1) - eye[1]) * step if clear else 0.0
                    classes[row, column] = blocked(
                        heights, eye, (row, column), cell, begin, slope, bend
                    )
            low, high = column_met(levels, column, first, last)
            ceiling = max(ceiling, steepest(high + extra, near, far))
            if here * cell[0] >= 1.0:  # nearer, a nanometre is too wide an angle to be sure
                floor = max(floor, -steepest(extra - low, near, far))
            ceilings[count] = ceiling
            count += 1
            before = here
            column += step
