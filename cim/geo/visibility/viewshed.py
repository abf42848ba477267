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
    classes: Classes = np.full(heights.shape, _LEFT, np.uint8)
    levels = _levels(heights, place, grid.cell, bend)
    for along in (1, 0):
        grounds = (heights, levels)
        part, eye_here, cell = classes, place, grid.cell
        if along == 0:  # a sweep walks along columns: to look along rows, swap them
            grounds = (np.ascontiguousarray(heights.T), np.ascontiguousarray(levels.T))
            part = np.full(grounds[0].shape, _LEFT, np.uint8)
            eye_here, cell = (place[1], place[0], place[2]), (cell[1], cell[0])
        for step in (1, -1):
            columns = eye_here[1] if step < 0 else part.shape[1] - 1 - eye_here[1]
            columns = min(columns, reach / cell[0]) + 0.5
            wanted = _wanted(columns, along, step, look, grid.cell)
            sweep(grounds, eye_here, cell, step, columns, wanted, target_height, bend, part)
        if along == 0:
            np.copyto(classes, part.T, where=classes == _LEFT)
    _rest(heights, classes, place, grid.cell, look, target_height, bend)
    return classes


def _wanted(
    columns: float, along: int, step: int, look: tuple[float, float, float],
    cell: tuple[float, float],
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Which sectors of a quarter touch the field of view; as many as keep each two cells wide."""
    count = max(16, math.ceil(columns))
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
    for row in prange(heights.shape[0]):
        aside = ((row - eye[0]) * cell[1]) ** 2
        for column in range(heights.shape[1]):
            square = aside + ((column - eye[1]) * cell[0]) ** 2
            levels[row, column] = heights[row, column] - bend * square - eye[2]
    return levels


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _rest(
    heights: Floats,
    classes: Classes,
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    look: tuple[float, float, float],
    target: float,
    bend: float,
) -> None:
    """Mark what lies beyond, and look at the cells that no sweep met: the diagonals."""
    rows, columns = heights.shape
    reach, azimuth, half = look
    turned = heights.T
    for row in prange(rows):
        for column in range(columns):
            dx, dy = (column - eye[1]) * cell[0], (eye[0] - row) * cell[1]
            away = math.sqrt(dx * dx + dy * dy)
            beyond = away > reach
            if half < math.pi and away > 0 and not beyond:
                turn = math.atan2(dx, dy) - azimuth
                turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
                beyond = abs(turn) > half
            if beyond:
                classes[row, column] = 255
            elif classes[row, column] == 254:
                if math.isnan(heights[row, column]):
                    classes[row, column] = 2
                elif away == 0.0:
                    classes[row, column] = 1
                else:
                    slope = (heights[row, column] + target - bend * away * away - eye[2]) / away
                    if abs(column - eye[1]) >= abs(row - eye[0]):
                        classes[row, column] = blocked(
                            heights, eye, (row, column), cell, 0.0, slope, bend
                        )
                    else:
                        classes[row, column] = blocked(
                            turned, (eye[1], eye[0], eye[2]), (column, row), (cell[1], cell[0]),
                            0.0, slope, bend,
                        )  # fmt: skip
