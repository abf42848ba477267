"""Slope, aspect, curvature, hillshade and roughness from the eight neighbours of each cell.

All of them take a ``Grid``, which refuses degrees and Web Mercator, and give NaN where the cell or
one of its neighbours is unknown: on the rim of the model too, for half a neighbourhood is no
slope.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.errors import ParameterError
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]


def slope(grid: Grid) -> Floats:
    """Steepest slope, degrees, (rows, columns).

    References:
        Horn, B. K. P. (1981). Hill shading and the reflectance map. Proc. IEEE 69(1), 14-47.
    """
    return np.asarray(_slope(np.ascontiguousarray(grid.heights), *grid.cell))


def aspect(grid: Grid) -> Floats:
    """Direction that the slope faces, downhill, degrees clockwise from grid north.

    NaN on level ground, which faces nowhere. True azimuth = this + ``grid.convergence``.
    """
    east, north = gradient(grid)
    level = (east == 0) & (north == 0)
    facing = np.degrees(np.arctan2(-east, -north)) % 360.0
    return np.asarray(np.where(level, np.nan, facing))


def gradient(grid: Grid) -> tuple[Floats, Floats]:
    """Rise towards east and towards north, m per m (Horn 1981)."""
    east, north = _gradient(np.ascontiguousarray(grid.heights), *grid.cell)
    return east, north


def curvature(grid: Grid) -> tuple[Floats, Floats]:
    """Profile and tangential curvature, 1/m; positive where the ground is convex.

    Profile curvature bends along the line of steepest slope: where it is positive, water speeds
    up. Tangential curvature bends across it: where it is positive, water spreads. A cell's
    quadratic surface is fitted to its nine heights. Level ground has none: NaN.

    References:
        Evans, I. S. (1979). An integrated system of terrain analysis and slope mapping.
        Krcho, J. (1991). Georelief as a subsystem of landscape. GeoJournal 25(2), 169-187.
    """
    profile, tangential = _curvature(np.ascontiguousarray(grid.heights), *grid.cell)
    return profile, tangential


def hillshade(grid: Grid, *, azimuth: float = 315.0, elevation: float = 45.0) -> Floats:
    """Light on the ground from a lamp at infinity, 0 (turned away) to 1 (facing it).

    Args:
        grid: The ground.
        azimuth: Of the lamp, degrees clockwise from grid north.
        elevation: Of the lamp above the horizon, degrees.

    Raises:
        ParameterError: the lamp stands below the horizon.
    """
    if not 0.0 <= elevation <= 90.0:
        raise ParameterError(
            f"a lamp {elevation:g}° above the horizon lights nothing",
            remedy="give an elevation from 0 to 90 degrees",
        )
    turn, rise = math.radians(azimuth), math.radians(elevation)
    lamp = (math.sin(turn) * math.cos(rise), math.cos(turn) * math.cos(rise), math.sin(rise))
    return np.asarray(_shade(np.ascontiguousarray(grid.heights), *grid.cell, lamp))


def roughness(grid: Grid) -> Floats:
    """Largest difference of height among a cell and its neighbours, m."""
    return np.asarray(_relief(np.ascontiguousarray(grid.heights), 0))


def position_index(grid: Grid) -> Floats:
    """Height above the mean of the eight neighbours, m: ridges positive, valleys negative (TPI).

    References:
        Weiss, A. (2001). Topographic position and landforms analysis. ESRI user conference.
    """
    return np.asarray(_relief(np.ascontiguousarray(grid.heights), 1))


def ruggedness(grid: Grid) -> Floats:
    """Root of the summed squares of the differences to the eight neighbours, m (TRI).

    References:
        Riley, S. J., DeGloria, S. D. & Elliot, R. (1999). A terrain ruggedness index that
        quantifies topographic heterogeneity. Intermountain J. of Sciences 5, 23-27.
    """
    return np.asarray(_relief(np.ascontiguousarray(grid.heights), 2))


def wetness(grid: Grid, upslope: Floats) -> Floats:
    """Topographic wetness index ln(a / tan b), a the upslope area per metre of contour.

    Ground flatter than 0.1 % counts as that, for level ground has no finite index.

    Args:
        grid: The ground.
        upslope: Upslope area of each cell, itself included, m² (``Flow.upslope``).

    References:
        Beven, K. J. & Kirkby, M. J. (1979). A physically based, variable contributing area model
        of basin hydrology. Hydrological Sciences Bulletin 24(1), 43-69.
    """
    east, north = gradient(grid)
    tangent = np.maximum(np.hypot(east, north), 1e-3)
    width = math.sqrt(grid.cell[0] * grid.cell[1])
    return np.asarray(np.log(upslope / width / tangent))


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _rise(heights: Floats, row: int, column: int, wide: float, high: float) -> tuple[float, float]:
    """Rise to the east and to the north after Horn."""
    a, b, c = heights[row - 1, column - 1], heights[row - 1, column], heights[row - 1, column + 1]
    d, f = heights[row, column - 1], heights[row, column + 1]
    g, h, i = heights[row + 1, column - 1], heights[row + 1, column], heights[row + 1, column + 1]
    if math.isnan(heights[row, column]):
        return math.nan, math.nan
    east = ((c + 2 * f + i) - (a + 2 * d + g)) / (8 * wide)
    north = ((a + 2 * b + c) - (g + 2 * h + i)) / (8 * high)
    return east, north


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _slope(heights: Floats, wide: float, high: float) -> Floats:
    out = np.full(heights.shape, np.nan)
    for row in prange(1, heights.shape[0] - 1):
        for column in range(1, heights.shape[1] - 1):
            east, north = _rise(heights, row, column, wide, high)
            out[row, column] = math.degrees(math.atan(math.sqrt(east * east + north * north)))
    return out


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _gradient(heights: Floats, wide: float, high: float) -> tuple[Floats, Floats]:
    easts, norths = np.full(heights.shape, np.nan), np.full(heights.shape, np.nan)
    for row in prange(1, heights.shape[0] - 1):
        for column in range(1, heights.shape[1] - 1):
            east, north = _rise(heights, row, column, wide, high)
            known = not math.isnan(east + north)
            easts[row, column] = east if known else math.nan
            norths[row, column] = north if known else math.nan
    return easts, norths


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _shade(heights: Floats, wide: float, high: float, lamp: tuple[float, float, float]) -> Floats:
    out = np.full(heights.shape, np.nan)
    for row in prange(1, heights.shape[0] - 1):
        for column in range(1, heights.shape[1] - 1):
            east, north = _rise(heights, row, column, wide, high)
            size = math.sqrt(1 + east * east + north * north)
            light = (lamp[2] - lamp[0] * east - lamp[1] * north) / size
            out[row, column] = light if light > 0 or math.isnan(light) else 0.0
    return out


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _curvature(heights: Floats, wide: float, high: float) -> tuple[Floats, Floats]:
    profile, tangential = np.full(heights.shape, np.nan), np.full(heights.shape, np.nan)
    for row in prange(1, heights.shape[0] - 1):
        for column in range(1, heights.shape[1] - 1):
            part = heights[row - 1 : row + 2, column - 1 : column + 2]
            west, mid, east = part[:, 0].sum(), part[:, 1].sum(), part[:, 2].sum()
            north, line, south = part[0].sum(), part[1].sum(), part[2].sum()
            p = (east - west) / (6 * wide)
            q = (north - south) / (6 * high)
            r = (east + west - 2 * mid) / (3 * wide * wide)
            t = (north + south - 2 * line) / (3 * high * high)
            s = (part[0, 2] + part[2, 0] - part[0, 0] - part[2, 2]) / (4 * wide * high)
            steep = p * p + q * q
            if not steep > 0:
                continue
            bent = 1 + steep
            down = p * p * r + 2 * p * q * s + q * q * t
            across = q * q * r - 2 * p * q * s + p * p * t
            profile[row, column] = -down / (steep * bent * math.sqrt(bent))
            tangential[row, column] = -across / (steep * math.sqrt(bent))
    return profile, tangential


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _relief(heights: Floats, what: int) -> Floats:
    """0: highest minus lowest; 1: above the neighbours' mean; 2: root of the squares."""
    out = np.full(heights.shape, np.nan)
    for row in prange(1, heights.shape[0] - 1):
        for column in range(1, heights.shape[1] - 1):
            middle = heights[row, column]
            low, top, total, squares = middle, middle, 0.0, 0.0
            for i in range(row - 1, row + 2):
                for j in range(column - 1, column + 2):
                    height = heights[i, j]
                    low, top = min(low, height), max(top, height)
                    total += height
                    squares += (height - middle) ** 2
            if math.isnan(total):
                continue
            if what == 0:
                out[row, column] = top - low
            elif what == 1:
                out[row, column] = middle - (total - middle) / 8
            else:
                out[row, column] = math.sqrt(squares)
    return out
