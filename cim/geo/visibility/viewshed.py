"""What can be seen from where over a ground, by the exact line of sight to every cell."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.geo.grid import Grid
from cim.geo.visibility.crossing import blocked
from cim.geo.visibility.eye import Eye
from cim.geo.visibility.sweep import sweep

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]

HIDDEN, SEEN, UNKNOWN, BEYOND = 0, 1, 2, 255
_LEFT = 254  # not reached by any sweep


def viewshed(grid: Grid, eye: Eye, *, reach: float, target_height: float, bend: float) -> Classes:
    """Classes of all cells: HIDDEN, SEEN, UNKNOWN (no height there or on the way), BEYOND.

    Args:
        grid: The ground.
        eye: Who looks; must stand on a cell with a height.
        reach: Farthest distance on the plane, m.
        target_height: Of what is looked for above ground, m.
        bend: Fall of the ground per square metre of distance, 1/m: (1 - refraction) / 2R; 0 for a
            flat Earth without refraction.

    Raises:
        ParameterError: the observer stands outside the grid or where it has no height.

    References:
        Franklin, W. R. & Ray, C. (1994). Higher isn't necessarily better: visibility algorithms
        and experiments. Advances in GIS Research, 751-770.
    """
    place = eye.stand(grid)
    half = math.radians(min(eye.field_of_view, 360.0) / 2)
    look = (reach, math.radians(eye.azimuth % 360.0), half)
    heights = np.ascontiguousarray(grid.heights)
    lies = _levels(heights, place, grid.cell, bend)
    parts = []
    for along, levels in ((1, lies), (0, np.ascontiguousarray(lies.T))):
        eye_here, cell = place, grid.cell
        if along == 0:  # a sweep walks along columns: to look along rows, they are swapped
            eye_here, cell = (place[1], place[0], place[2]), (cell[1], cell[0])
        part: Classes = np.full(levels.shape, _LEFT, np.uint8)
        bends = bend * cell[0] ** 2, bend * cell[1] ** 2
        for step in (1, -1):
            columns = eye_here[1] if step < 0 else part.shape[1] - 1 - eye_here[1]
            columns = min(columns, reach / cell[0]) + 0.5
            wanted = _wanted(columns, along, step, look, grid.cell)
            sweep(levels, eye_here, step, columns, wanted, target_height, bends, part)
        parts.append(part)
    _join(heights, parts[0], parts[1], place, grid.cell, look, target_height, bend)
    return parts[0]


def classes_at(
    grid: Grid, eye: Eye, cells: npt.NDArray[np.int64], *, reach: float, target_height: float,
    bend: float,
) -> Classes:  # fmt: skip
    """The classes that ``viewshed`` gives to some cells, each by its own line, all around the eye.

    Faster by far than all of them where few are asked about: the sites of many towers.

    Args:
        grid: The ground.
        eye: Who looks; its field of view is not looked at.
        cells: (n, 2) row and column of each.
        reach: Farthest distance on the plane, m.
        target_height: Of what is looked for above ground, m.
        bend: As for ``viewshed``.

    Raises:
        ParameterError: the observer stands outside the grid or where it has no height.
    """
    found: Classes = np.empty(len(cells), np.uint8)
    heights = np.ascontiguousarray(grid.heights)
    _lines(heights, cells, eye.stand(grid), grid.cell, reach, target_height, bend, found)
    return found


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _lines(
    heights: Floats,
    cells: npt.NDArray[np.int64],
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    reach: float,
    target: float,
    bend: float,
    found: Classes,
) -> None:
    """Fill ``found`` with the class of each cell; the arguments are those of ``_join``."""
    for i in prange(len(cells)):
        row, column = cells[i, 0], cells[i, 1]
        away = math.hypot((column - eye[1]) * cell[0], (row - eye[0]) * cell[1])
        if away > reach:
            found[i] = 255
        else:
            found[i] = _alone(heights, (row, column), eye, cell, target, bend)


def _wanted(
    columns: float, along: int, step: int, look: tuple[float, float, float],
    cell: tuple[float, float],
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Which sectors of a quarter touch the field of view; as many as keep each two cells wide."""
    count = max(16, math.ceil(columns * 0.3))
    aside = -1.0 + (np.arange(count) + 0.5) * (2.0 / count)
    dx, dy = (step, -aside) if along == 1 else (aside, -step)
    _, azimuth, half = look
    turn = np.arctan2(np.asarray(dx) * cell[0], np.asarray(dy) * cell[1]) - azimuth
    turn -= 2 * np.pi * np.floor(turn / (2 * np.pi) + 0.5)
    margin = 2.0 / count * max(cell) / min(cell)
    return np.asarray(np.abs(turn) <= half + margin)


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _levels(
    heights: Floats, eye: tuple[float, float, float], cell: tuple[float, float], bend: float
) -> Floats:
    """Heights above the eye's level, which the Earth's curvature lowers with the distance, m."""
    levels = np.empty(heights.shape)
    fall = bend * ((np.arange(heights.shape[1]) - eye[1]) * cell[0]) ** 2
    for row in prange(heights.shape[0]):
        aside = bend * ((row - eye[0]) * cell[1]) ** 2 + eye[2]
        for column in range(heights.shape[1]):
            levels[row, column] = heights[row, column] - fall[column] - aside
    return levels


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _join(
    heights: Floats,
    classes: Classes,
    turned: Classes,
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    look: tuple[float, float, float],
    target: float,
    bend: float,
) -> None:
    """Put both halves together, mark what lies beyond, look at cells that no sweep met: diagonals.

    Args:
        heights: The ground.
        classes: (rows, columns) of the sweeps along columns; changed.
        turned: (columns, rows) of those along rows.
        eye: Row, column, height.
        cell: Side of a cell along columns, along rows, m.
        look: Reach in m, azimuth and half the field of view in radians.
        target: Height above ground of what is looked for, m.
        bend: Fall of the ground per square metre of distance, 1/m.
    """
    reach, azimuth, half = look
    for row in prange(heights.shape[0]):
        dy = (eye[0] - row) * cell[1]
        for column in range(heights.shape[1]):
            dx = (column - eye[1]) * cell[0]
            beyond = dx * dx + dy * dy > reach * reach
            if half < math.pi and not beyond and (dx != 0.0 or dy != 0.0):
                turn = math.atan2(dx, dy) - azimuth
                turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
                beyond = abs(turn) > half
            if beyond:
                classes[row, column] = 255
            elif classes[row, column] == 254:
                seen = turned[column, row]
                if seen == 254:
                    seen = _alone(heights, (row, column), eye, cell, target, bend)
                classes[row, column] = seen


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alone(
    heights: Floats,
    at: tuple[int, int],
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    target: float,
    bend: float,
) -> int:
    """Class of one cell by its own line; the arguments are those of ``_join``."""
    row, column = at
    if math.isnan(heights[row, column]):
        return 2
    away = math.hypot((column - eye[1]) * cell[0], (row - eye[0]) * cell[1])
    if away == 0.0:
        return 1
    slope = (heights[row, column] + target - bend * away * away - eye[2]) / away
    if abs(column - eye[1]) >= abs(row - eye[0]):
        return int(blocked(heights, eye, at, cell, 0.0, slope, bend))
    return int(
        blocked(
            heights.T, (eye[1], eye[0], eye[2]), (column, row), (cell[1], cell[0]), 0.0, slope, bend
        )
    )
