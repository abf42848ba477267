"""Which ground lies in the shadow of other ground, under parallel light.

Exact in the sense of ``cim.geo.visibility``: a cell is lit when the line from it to the light rises
over every crossing with the lines that join cell centres. As there, most cells are decided by
bounds: the ground is cut into strips along the light, a cell wide, and walking each one away from
the light, the highest shadow that any line of it may cast and the highest that every line of it
must cast are kept. Between the two, a cell's own line is looked at, crossing by crossing.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.geo.grid import Grid
from cim.geo.visibility.crossing import TOUCH, between

Floats = npt.NDArray[np.float64]
Light = npt.NDArray[np.uint8]

SHADE, LIT, UNKNOWN = 0, 1, 2
_SURE = 1e-6  # m: what a bound must be passed by
_SLACK = 2e-9  # m: a line clear of a bound by less is looked at


def shadows(grid: Grid, *, azimuth: float, elevation: float, bend: float = 0.0) -> Light:
    """Which cells the sun reaches: SHADE, LIT, or UNKNOWN (no height there or on the way).

    Args:
        grid: The ground.
        azimuth: Of the sun, degrees clockwise from grid north (true azimuth - convergence).
        elevation: Above the horizon, degrees.
        bend: Fall of the ground per square metre of distance, 1/m; 1 / 2R for the round Earth.

    Returns:
        (rows, columns); everything known is in the shade when the sun is not up.
    """
    heights = np.ascontiguousarray(grid.heights)
    light: Light = np.where(np.isnan(heights), UNKNOWN, SHADE).astype(np.uint8)
    if elevation <= 0.0:
        return light
    if elevation >= 90.0 - 1e-9:
        light[light == SHADE] = LIT
        return light
    turn, tangent = math.radians(azimuth), math.tan(math.radians(elevation))
    along, aside = math.sin(turn) / grid.cell[0], -math.cos(turn) / grid.cell[1]
    along, aside = (0.0 if abs(v) < 1e-12 else v for v in (along, aside))  # due south is due south
    if abs(along) >= abs(aside):
        _cast(heights, (along, aside), tangent, bend, light)
        return light
    turned = np.ascontiguousarray(light.T)
    _cast(np.ascontiguousarray(heights.T), (aside, along), tangent, bend, turned)
    return np.ascontiguousarray(turned.T)


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _cast(
    heights: Floats, toward: tuple[float, float], tangent: float, bend: float, light: Light
) -> None:
    """Follow all strips away from the light.

    Args:
        heights: The ground.
        toward: Columns and rows a metre towards the light; more columns than rows.
        tangent: Of the light's elevation.
        bend: As in ``shadows``.
        light: Changed.
    """
    rows, columns = heights.shape
    step = -1 if toward[0] > 0 else 1  # away from the light
    start = columns - 1 if step < 0 else 0
    unit = 1 / abs(toward[0])  # m a column along the light
    aside = -toward[1] * unit  # rows a column, away from the light
    fall = tangent * unit
    lowest = math.floor(min(0.0, -aside * (columns - 1))) - 1
    strips = math.ceil(max(0.0, -aside * (columns - 1))) + rows - lowest + 1
    for strip in prange(strips):
        base = float(lowest + strip)
        ceiling, floor, floor_at = -np.inf, -np.inf, 0
        ceilings = np.empty(columns)
        for count in range(columns):
            column = start + step * count
            near = base + aside * count
            if (near <= -1 and aside <= 0) or (near >= rows and aside >= 0):
                break  # it has left the grid for good
            if count > 0:
                met = _rows_met(heights, base, aside, count, (column - step, column), fall)
                ceiling = max(ceiling, met)
            row = math.ceil(near)
            if 0 <= row < rows and light[row, column] != UNKNOWN:
                level = heights[row, column] + fall * count
                sunk = bend * (unit * (count - floor_at)) ** 2
                if level < floor - sunk - _SURE:
                    light[row, column] = SHADE
                elif level >= ceiling:
                    light[row, column] = LIT
                else:
                    clear = _first_above(ceilings, count, level)
                    light[row, column] = _lit(
                        heights, (row, column), (step, aside, unit), count - clear + 1,
                        tangent, bend,
                    )  # fmt: skip
            low, high = _column_met(heights, column, near, near + 1.0)
            ceiling = max(ceiling, high + fall * count)
            level = low + fall * count
            if level >= floor - bend * (unit * (count - floor_at)) ** 2:
                floor, floor_at = level, count
            ceilings[count] = ceiling


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _column_met(levels: Floats, column: int, near: float, far: float) -> tuple[float, float]:
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
def _first_above(ceilings: Floats, count: int, slope: float) -> int:
    """Index of the first of ``count`` rising values that is above another one, nearly."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if ceilings[middle] > slope - _SLACK:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rows_met(
    heights: Floats, base: float, aside: float, count: int, pair: tuple[int, int], fall: float
) -> float:
    """The highest shadow cast from the lines of rows that a strip crosses between two columns."""
    if aside == 0.0:
        return -np.inf
    before, here = base + aside * (count - 1), base + aside * count
    low = max(math.ceil(min(before, here)), 0)
    high = min(math.floor(max(before, here) + 1), heights.shape[0] - 1)
    worst = -np.inf
    for row in range(low, high + 1):
        one, two = (row - base) / aside, (row - base - 1) / aside
        begin, end = max(count - 1.0, min(one, two)), min(float(count), max(one, two))
        if begin > end:
            continue
        height = heights[row, pair[0]]
        rise = heights[row, pair[1]] - height + fall
        level = height + fall * (count - 1)
        most = max(level + rise * (begin - count + 1), level + rise * (end - count + 1))
        if not most <= worst:
            worst = np.inf if math.isnan(most) else most
    return worst


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lit(
    heights: Floats, cell: tuple[int, int], way: tuple[int, float, float], most: int,
    tangent: float, bend: float,
) -> int:  # fmt: skip
    """Look at a cell's own line towards the light, ``most`` columns far.

    Args:
        heights: The ground.
        cell: Row and column.
        way: Step of columns and rows a column away from the light, and m a column.
        most: Columns to go; farther the line is known to be clear.
        tangent: Of the light's elevation.
        bend: As in ``shadows``.
    """
    rows, columns = heights.shape
    row, column = cell
    step, aside, unit = way
    state, start = LIT, heights[row, column]
    for count in range(1, most + 1):
        at, place = column - step * count, row - aside * count
        if not (0 <= at < columns and 0 <= place <= rows - 1):
            break
        away = unit * count
        height = between(heights, place, at, False)
        if math.isnan(height):
            state = UNKNOWN
        elif height - bend * away * away > start + tangent * away + TOUCH:
            return SHADE
    if aside == 0.0:
        return state
    sign = -1 if aside > 0 else 1  # rows towards the light
    line = row + sign
    while 0 <= line < rows:
        count_here = (row - line) / aside
        place = column - step * count_here
        if count_here > most or not 0 <= place <= columns - 1:
            break
        away = unit * count_here
        height = between(heights, place, line, True)
        if math.isnan(height):
            state = UNKNOWN
        elif height - bend * away * away > start + tangent * away + TOUCH:
            return SHADE
        line += sign
    return state
