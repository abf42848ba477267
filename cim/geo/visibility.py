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
BLOCK = 8  # cells a side


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
    classes: Classes = _viewshed(
        grid.heights,
        _ceilings(grid.heights),
        (row, column, ground + eye.height),
        (grid.cell[0], grid.cell[1]),
        (reach, math.radians(eye.azimuth % 360.0), half),
        target_height,
        bend,
    )
    return classes


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _ceilings(heights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Highest height of each block and the cells next to it; infinite where one is unknown."""
    rows, columns = heights.shape
    high = np.full((rows // BLOCK + 1, columns // BLOCK + 1), -np.inf)
    for i in prange(high.shape[0]):
        for j in range(high.shape[1]):
            best = -np.inf
            for row in range(max(0, i * BLOCK - 1), min(rows, (i + 1) * BLOCK + 1)):
                for column in range(max(0, j * BLOCK - 1), min(columns, (j + 1) * BLOCK + 1)):
                    height = heights[row, column]
                    if math.isnan(height):
                        best = np.inf
                    elif height > best:
                        best = height
            high[i, j] = best
    return high


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _viewshed(
    heights: npt.NDArray[np.float64],
    ceilings: npt.NDArray[np.float64],
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    look: tuple[float, float, float],
    target: float,
    bend: float,
) -> npt.NDArray[np.uint8]:
    """Classes of all cells; ``eye`` is row, column, height, ``look`` reach, azimuth, half angle."""
    rows, columns = heights.shape
    reach, azimuth, half = look
    classes = np.full((rows, columns), 255, np.uint8)
    for row in prange(rows):
        ridge = -1.0  # how far off the cell before was hidden: there the next is hidden, mostly
        for column in range(columns):
            dx = (column - eye[1]) * cell[0]
            dy = (eye[0] - row) * cell[1]
            distance = math.sqrt(dx * dx + dy * dy)
            if distance > reach:
                continue
            if half < math.pi and distance > 0:
                turn = math.atan2(dx, dy) - azimuth
                turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
                if abs(turn) > half:
                    continue
            height = heights[row, column]
            if math.isnan(height):
                classes[row, column] = 2
            elif distance == 0.0:
                classes[row, column] = 1
            else:
                slope = (height + target - bend * distance * distance - eye[2]) / distance
                delta = (row - eye[0], column - eye[1])
                found, ridge = _sight(heights, ceilings, eye, delta, distance, slope, bend, ridge)
                classes[row, column] = found
    return classes


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sight(
    heights: npt.NDArray[np.float64],
    ceilings: npt.NDArray[np.float64],
    eye: tuple[float, float, float],
    delta: tuple[float, float],
    distance: float,
    slope: float,
    bend: float,
    ridge: float,
) -> tuple[int, float]:
    """Class of one cell, and how far from the eye the ground rises that hides it.

    The line from eye to cell is followed in pieces of a block each. A piece below whose line even
    the highest ground of the blocks that it crosses stays is passed over; in every other piece
    each crossing is looked at. The piece at ``ridge`` comes first. So nothing is lost, only work is
    saved.
    """
    pieces = int(max(abs(delta[0]), abs(delta[1])) / BLOCK) + 1
    first = int(ridge / distance * pieces) if 0 <= ridge < distance else -1
    unknown = False
    for turn in range(-1, pieces):
        piece = first if turn == -1 else turn
        if piece < 0:
            continue
        begin, stop = piece / pieces, (piece + 1) / pieces
        if _clear(ceilings, eye, delta, begin, stop, distance, slope, bend):
            continue
        for across in range(2):
            found = _blocked(heights, eye, delta, across, begin, stop, distance, slope, bend)
            if found == 0:
                return 0, (piece + 0.5) / pieces * distance
            unknown = unknown or found == 2
    return (2 if unknown else 1), ridge


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _clear(
    ceilings: npt.NDArray[np.float64],
    eye: tuple[float, float, float],
    delta: tuple[float, float],
    begin: float,
    stop: float,
    distance: float,
    slope: float,
    bend: float,
) -> bool:
    """Whether the line passes above all ground that a piece of it could cross."""
    near = begin * distance
    lowest = min(slope * near, slope * stop * distance) + eye[2] + bend * near * near
    first, last = eye[0] + begin * delta[0], eye[0] + stop * delta[0]
    top, bottom = int(min(first, last)) // BLOCK, int(max(first, last)) // BLOCK
    first, last = eye[1] + begin * delta[1], eye[1] + stop * delta[1]
    left, right = int(min(first, last)) // BLOCK, int(max(first, last)) // BLOCK
    for i in range(top, bottom + 1):
        for j in range(left, right + 1):
            if ceilings[i, j] > lowest:
                return False
    return True


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _blocked(
    heights: npt.NDArray[np.float64],
    eye: tuple[float, float, float],
    delta: tuple[float, float],
    across: int,
    begin: float,
    stop: float,
    distance: float,
    slope: float,
    bend: float,
) -> int:
    """0 if the ground rises above a piece of the line, 2 if a height is missing on it, else 1.

    Args:
        heights: The ground.
        eye: Row, column, height.
        delta: Rows and columns to the cell.
        across: 0 looks at crossings of columns of cell centres, 1 at those of rows.
        begin: Where the piece begins, 0 at the eye.
        stop: Where it ends, 1 at the cell.
        distance: From eye to cell, m.
        slope: Of the line.
        bend: As in ``viewshed``.
    """
    start, step = (eye[1], delta[1]) if across == 0 else (eye[0], delta[0])
    other, sidestep = (eye[0], delta[0]) if across == 0 else (eye[1], delta[1])
    if step == 0.0:
        return 1
    one, two = start + begin * step, start + stop * step
    state = 1
    for line in range(math.ceil(min(one, two)), math.floor(max(one, two)) + 1):
        part = (line - start) / step
        if not 0.0 < part < 1.0:
            continue
        at = other + part * sidestep
        first = math.floor(at)
        rest = at - first
        height = heights[first, line] if across == 0 else heights[line, first]
        if rest > 1e-9:
            beside = heights[first + 1, line] if across == 0 else heights[line, first + 1]
            height = height * (1 - rest) + beside * rest
        away = part * distance
        if math.isnan(height):
            state = 2
        elif height - bend * away * away - eye[2] > slope * away + 1e-9:
            return 0
    return state
