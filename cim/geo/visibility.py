"""What can be seen from where over a bare ground, by the exact line of sight to every cell.

The line from the eye to a cell's centre crosses the lines that join cell centres; at each crossing
the ground's height is interpolated between the two neighbours (the R3 method of Franklin & Ray,
1994). A cell is seen when the line to its target rises at least as steeply as the line to every
crossing before it. Nothing is approximated by sweeping, so the answer on a plane, a cone or behind
a wall is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.errors import ParameterError
from cim.geo.ellipsoid import E2, A
from cim.geo.grid import Grid

Classes = npt.NDArray[np.uint8]

HIDDEN, SEEN, UNKNOWN, BEYOND = 0, 1, 2, 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """Who looks.

    Args:
        x: Of the observer in the grid's CRS, m.
        y: Of the observer, m.
        height: Above ground, m.
        azimuth: Middle of the field of view, degrees clockwise from grid north.
        field_of_view: Horizontal, degrees; 360 looks all round.
    """

    x: float
    y: float
    height: float
    azimuth: float = 0.0
    field_of_view: float = 360.0


def radius_of_curvature(latitude: float) -> float:
    """Gaussian mean radius of the ellipsoid at a latitude in degrees, m."""
    w = 1 - E2 * math.sin(math.radians(latitude)) ** 2
    return A * math.sqrt(1 - E2) / w


def drop(distance: float, radius: float, refraction: float) -> float:
    """How far the ground falls below the horizontal at a distance, less what light bends, m.

    Example:
        >>> round(drop(10_000.0, 6_371_000.0, 1 / 7), 2)
        6.73
    """
    return (1 - refraction) * distance * distance / (2 * radius)


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
    ground = grid.bilinear(eye.x, eye.y)
    if not math.isfinite(ground):
        raise ParameterError(
            "the observer stands where the elevation model has no height",
            remedy="move the observer, or ingest a DEM that covers the place",
        )
    row, column = grid.index(eye.x, eye.y)
    half = math.radians(min(eye.field_of_view, 360.0) / 2)
    return np.asarray(
        _viewshed(
            grid.heights,
            row,
            column,
            ground + eye.height,
            grid.cell[0],
            grid.cell[1],
            reach,
            target_height,
            bend,
            math.radians(eye.azimuth % 360.0),
            half,
        )
    )


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _viewshed(
    heights: npt.NDArray[np.float64],
    eye_row: float,
    eye_column: float,
    eye_height: float,
    cell_x: float,
    cell_y: float,
    reach: float,
    target: float,
    bend: float,
    azimuth: float,
    half: float,
) -> npt.NDArray[np.uint8]:
    rows, columns = heights.shape
    classes = np.full((rows, columns), 255, np.uint8)
    for row in prange(rows):
        for column in range(columns):
            dx = (column - eye_column) * cell_x
            dy = (eye_row - row) * cell_y
            distance = math.sqrt(dx * dx + dy * dy)
            if distance > reach:
                continue
            if half < math.pi and distance > 0:
                turn = math.atan2(dx, dy) - azimuth
                turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
                if abs(turn) > half:
                    continue
            if math.isnan(heights[row, column]):
                classes[row, column] = 2
                continue
            classes[row, column] = _sight(
                heights, eye_row, eye_column, eye_height, row, column, distance, target, bend
            )
    return classes


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sight(
    heights: npt.NDArray[np.float64],
    eye_row: float,
    eye_column: float,
    eye_height: float,
    row: int,
    column: int,
    distance: float,
    target: float,
    bend: float,
) -> int:
    """Class of one cell: follow the line through all crossings between eye and cell."""
    if distance == 0.0:
        return 1
    rise = heights[row, column] + target - bend * distance * distance - eye_height
    slope = rise / distance
    unknown = False
    for across in range(2):
        start = eye_column if across == 0 else eye_row
        end = float(column) if across == 0 else float(row)
        other = eye_row if across == 0 else eye_column
        delta = (float(row) if across == 0 else float(column)) - other
        low, high = min(start, end), max(start, end)
        line = math.floor(low) + 1
        while line < high:
            part = (line - start) / (end - start)
            at = other + part * delta
            first = math.floor(at)
            rest = at - first
            if across == 0:
                height = heights[first, line]
                if rest > 1e-9:
                    height = height * (1 - rest) + heights[first + 1, line] * rest
            else:
                height = heights[line, first]
                if rest > 1e-9:
                    height = height * (1 - rest) + heights[line, first + 1] * rest
            away = part * distance
            if math.isnan(height):
                unknown = True
            elif height - bend * away * away - eye_height > slope * away + 1e-9:
                return 0
            line += 1
    return 2 if unknown else 1
