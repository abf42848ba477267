"""A quarter of a viewshed at once: rays spread over it, between which the horizon is bounded.

A quarter looks along the columns of the grid, one way, with rows no farther aside than columns
away. It is cut into sectors so narrow that each holds two cells of a column at most. A line in a
sector is told by ``turn``, its share of the way from one side of the sector to the other; a slope
is metres of height a column, so that slopes along one line compare as tangents do.

Along a line of cell centres the slope of the ground is linear in ``turn``. So the ground that a
sector meets at one column lies below a chord: that between its two sides, raised by what stands
above it in between. Walking a sector away from the eye, the highest chord (``ceiling``) bounds
every line's horizon from above, and the best of the chords lowered by what hangs below them
(``floor``) from below; both are as near to the horizon as the ground between two neighbouring lines
is to a plane. A cell below the floor is hidden and one under no ceiling is seen, for certain.
Between the two, the crossings of its own line are looked at, back to where the ceiling was still
below it and only where a chord is above it. So the answer is that of the exact line of sight to
every cell, for the price of a sweep.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.geo.visibility.crossing import TOUCH, met

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]
SURE = 2e-9  # m a column: what the floor must be passed by, for a nanometre's touch is forgiven
HUGE = 1e300  # a bound where nothing is known; finite, for it is interpolated


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _rows_met(
    levels: Floats,
    inverse: tuple[Floats, Floats],
    eye_row: float,
    sector: tuple[float, float],
    way: tuple[float, float, int, int],
    chord: tuple[float, float],
    extra: float,
) -> float:
    """How far the lines of rows that a sector crosses between two columns rise above a chord.

    A row's line belongs to the lines of the sector that cross it between both columns; it is
    linear there, so its two ends tell.

    Args:
        levels: Heights above the eye's level.
        inverse: Of the distances of rows and of columns from the eye.
        eye_row: Of the eye.
        sector: Rows a column along both sides.
        way: Distance of both columns from the eye, in columns, and their indices.
        chord: Slopes on both sides.
        extra: What the Earth's curvature adds between two cells, m.
    """
    before, here, column_before, column = way
    left, right = sector
    low = math.ceil(eye_row + left * (before if left > 0 else here))
    high = math.floor(eye_row + right * (here if right > 0 else before))
    worst = -HUGE
    for row in range(max(low, 0), min(high, levels.shape[0] - 1) + 1):
        off = row - eye_row
        if off == 0.0:
            continue
        one = off / before if before > 0.0 else math.copysign(2.0, off)
        two = off * inverse[1][column]
        begin, end = max(min(one, two), left), min(max(one, two), right)
        if begin > end:
            continue
        level = levels[row, column_before]
        rise = levels[row, column] - level
        level = (level + extra - rise * (here - 1)) * inverse[0][row]
        share = (chord[1] - chord[0]) / (right - left)
        over = max(
            level * begin - share * (begin - left), level * end - share * (end - left)
        ) + (rise - chord[0])  # fmt: skip
        if not over <= worst:  # an unknown height too
            worst = over if over == over else HUGE  # noqa: PLR0124
    return worst


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _chord(levels: Floats, column: int, first: float, last: float) -> tuple[float, float, bool]:
    """Levels on a column's line at both sides of a sector, and whether both are on the grid.

    Where one is not, the highest of the cells about those on the grid stands for both.
    """
    low, high = math.floor(first), math.floor(last)
    if low >= 0 and high + 1 < levels.shape[0]:
        one, two = levels[low, column], levels[high, column]
        one += (levels[low + 1, column] - one) * (first - low)
        two += (levels[high + 1, column] - two) * (last - high)
        return one, two, True
    most = -HUGE
    for row in range(max(low, 0), min(high + 1, levels.shape[0] - 1) + 1):
        level = levels[row, column]
        if level != level:  # noqa: PLR0124
            return level, level, False
        most = max(most, level)
    return most, most, False


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sector(
    levels: Floats,
    inverse: tuple[Floats, Floats],
    eye: tuple[float, float, float],
    sector: tuple[float, float],
    way: tuple[int, int, float],
    history: Floats,
    target: float,
    bends: tuple[float, float],
    classes: Classes,
) -> None:
    """Class the cells of one sector; the arguments are those of ``sweep``."""
    rows, columns = levels.shape
    step, start, reach = way
    left, right = sector
    width = 1 / (right - left)
    extra = (bends[0] + bends[1]) / 4
    high = (-HUGE, -HUGE)
    low = (-HUGE, -HUGE)
    count, column, before = 0, start, 0.0
    while 0 <= column < columns:
        here = (column - eye[1]) * step
        first, last = eye[0] + left * here, eye[0] + right * here
        if here > reach or last < 0 or first > rows - 1:
            break
        unit = inverse[1][column]
        one, two, inside = _chord(levels, column, first, last)
        up, down = 0.0, 0.0
        for row in range(max(math.ceil(first), 0), min(math.ceil(last), rows)):
            level = levels[row, column]
            turn = ((row - eye[0]) * unit - left) * width
            over = level - one - (two - one) * turn
            up, down = max(up, over), min(down, over)
            slope = (level + target) * unit
            if slope < low[0] + (low[1] - low[0]) * turn - SURE:
                classes[row, column] = 0
            elif high[0] + (high[1] - high[0]) * turn <= slope + TOUCH * unit:
                classes[row, column] = 1
            elif level != level:  # noqa: PLR0124
                classes[row, column] = 2
            else:
                line = (row - eye[0]) * unit, turn, slope, TOUCH * unit
                classes[row, column] = met(levels, eye, (step, start, count), line, history, bends)
        chord = one * unit, two * unit
        if inside and here >= 1.0 and low[0] + low[1] < chord[0] + chord[1] + 2 * down * unit:
            low = chord[0] + down * unit, chord[1] + down * unit
        rise = _rows_met(
            levels, inverse, eye[0], sector, (before, here, column - step, column), chord, extra
        )
        rise = max((up + extra) * unit, rise)
        if not chord[0] + chord[1] + rise < HUGE:  # an unknown height too
            chord, rise = (HUGE, HUGE), 0.0
        chord = chord[0] + rise, chord[1] + rise
        high = max(high[0], chord[0]), max(high[1], chord[1])
        history[count, 0], history[count, 1] = chord
        history[count, 2], history[count, 3] = high
        count, column, before = count + 1, column + step, here


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")  # type: ignore[untyped-decorator]
def sweep(
    levels: Floats,
    eye: tuple[float, float, float],
    step: int,
    reach: float,
    wanted: npt.NDArray[np.bool_],
    target: float,
    bends: tuple[float, float],
    classes: Classes,
) -> None:
    """Class the cells of one quarter.

    Args:
        levels: Heights above the eye's level, m, which falls with the distance.
        eye: Row, column, height.
        step: 1 or -1: which way along the columns.
        reach: Columns to go.
        wanted: For each sector, whether to look there; their number is that of the sectors.
        target: Height above ground of what is looked for, m.
        bends: Fall of the ground over one column and over one row, m.
        classes: (rows, columns), changed.
    """
    rows, columns = levels.shape
    width = 2.0 / len(wanted)
    start = math.floor(eye[1]) + 1 if step > 0 else math.ceil(eye[1]) - 1
    inverse = 1 / (np.arange(rows) - eye[0]), 1 / ((np.arange(columns) - eye[1]) * step)
    for sector in prange(len(wanted)):
        if wanted[sector]:
            history = np.empty((columns, 4))
            sides = -1.0 + sector * width, -1.0 + (sector + 1) * width
            _sector(
                levels, inverse, eye, sides, (step, start, reach), history, target, bends, classes
            )
