"""Where the sun stands, and when it reaches the ground.

The position is that of the Astronomical Almanac's low-precision formulas as worked out by Meeus and
used by NOAA: within 0.01° for the years 1950 to 2050. Shadows are exact in the sense of
``cim.geo.visibility``: a cell is lit when the line from it to the sun's centre rises over every
crossing with the lines that join cell centres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.visibility.crossing import between

Floats = npt.NDArray[np.float64]
Light = npt.NDArray[np.uint8]

SHADE, LIT, UNKNOWN = 0, 1, 2
BLOCK = 8  # cells a side, of the ceilings that let a ray pass over much ground at once
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun's centre stands.

    Args:
        azimuth: Degrees clockwise from true north.
        elevation: Above the horizon, without refraction, degrees.
        equation_of_time: Apparent minus mean solar time, minutes.
    """

    azimuth: float
    elevation: float
    equation_of_time: float

    @property
    def refracted(self) -> float:
        """Elevation as it is seen through the air at sea level, degrees (Saemundsson 1986).

        Below -1° the formula ends, and the elevation is given as it is.
        """
        if self.elevation < -1.0:
            return self.elevation
        angle = math.radians(self.elevation + 10.3 / (self.elevation + 5.11))
        return self.elevation + 1.02 / 60 / math.tan(angle)


def sun_at(moment: datetime, lon: float, lat: float) -> Sun:
    """Where the sun stands.

    Args:
        moment: With its time zone.
        lon: Degrees.
        lat: Degrees.

    Raises:
        ParameterError: the moment has no time zone.

    References:
        Meeus, J. (1998). Astronomical Algorithms, 2nd ed., chapters 22, 25, 28.
    """
    if moment.tzinfo is None:
        raise ParameterError(
            "a moment without time zone is none",
            remedy="give it with its offset, such as 2026-01-20T12:00:00+08:00",
        )
    days = (moment - _J2000) / timedelta(days=1)
    century = days / 36525
    mean_longitude = (280.46646 + century * (36000.76983 + century * 0.0003032)) % 360
    anomaly = math.radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    centre = (
        math.sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + math.sin(3 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * century)
    longitude = math.radians(mean_longitude + centre - 0.00569 - 0.00478 * math.sin(node))
    tilt = math.radians(
        23.439291 - century * (0.0130042 + 1.6e-7 * century) + 0.00256 * math.cos(node)
    )
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    ascension = math.degrees(math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude)))
    equation = ((mean_longitude - 0.0057183 - ascension + 180) % 360 - 180) * 4
    minutes = moment - moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    solar = minutes / timedelta(minutes=1) + 4 * lon + equation
    hour_angle = math.radians(solar / 4 - 180)
    phi = math.radians(lat)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        hour_angle
    )
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(
        declination
    ) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    return Sun(
        azimuth=math.degrees(math.atan2(east, north)) % 360,
        elevation=math.degrees(math.asin(max(-1.0, min(1.0, up)))),
        equation_of_time=equation,
    )


def true_solar(day: date, hours: float, lon: float) -> datetime:
    """The moment of a true solar time: noon is when the sun stands due south.

    Args:
        day: Of the place's own calendar.
        hours: True solar time, 0 to 24.
        lon: Degrees.
    """
    mean = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours - lon / 15)
    moment = mean
    for _ in range(2):  # the equation of time changes by seconds over an hour
        moment = mean - timedelta(minutes=sun_at(moment, lon, 0.0).equation_of_time)
    return moment


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
    turn = math.radians(azimuth)
    toward = (-math.cos(turn) / grid.cell[1], math.sin(turn) / grid.cell[0])
    fine = ceilings(heights, BLOCK)
    coarse = ceilings(heights, BLOCK * BLOCK)
    _cast(heights, fine, coarse, toward, math.tan(math.radians(elevation)), bend, light)
    return light


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sunlight:
    """Hours of sun on the ground.

    Args:
        hours: (rows, columns), known light; NaN where the ground itself is unknown.
        unknown: (rows, columns), hours of which it cannot be told.
        possible: Hours that the sun was up on a level plain.
    """

    hours: Floats
    unknown: Floats
    possible: float


def sunlight(
    grid: Grid, suns: Sequence[Sun], *, step: float, convergence: float, bend: float = 0.0
) -> Sunlight:
    """Hours of sun over a span of time, each position standing for ``step`` hours.

    Args:
        grid: The ground.
        suns: Positions at the middles of the steps.
        step: Hours.
        convergence: From true north to grid north, degrees clockwise (``grid.convergence``).
        bend: As in ``shadows``.
    """
    hours, unknown = np.zeros(grid.heights.shape), np.zeros(grid.heights.shape)
    up = [sun for sun in suns if sun.elevation > 0.0]
    for sun in up:
        light = shadows(grid, azimuth=sun.azimuth - convergence, elevation=sun.elevation, bend=bend)
        hours += step * (light == LIT)
        unknown += step * (light == UNKNOWN)
    hours[np.isnan(grid.heights)] = np.nan
    return Sunlight(hours=hours, unknown=unknown, possible=step * len(up))


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def ceilings(heights: Floats, block: int) -> Floats:
    """Highest height of each block and the cells next to it; infinite where one is unknown."""
    rows, columns = heights.shape
    high = np.full((rows // block + 1, columns // block + 1), -np.inf)
    for i in prange(high.shape[0]):
        for j in range(high.shape[1]):
            best = -np.inf
            for row in range(max(0, i * block - 1), min(rows, (i + 1) * block + 1)):
                for column in range(max(0, j * block - 1), min(columns, (j + 1) * block + 1)):
                    height = heights[row, column]
                    if not height <= best:
                        best = np.inf if math.isnan(height) else height
            high[i, j] = best
    return high


@njit(cache=True, nogil=True, parallel=True)  # type: ignore[untyped-decorator]
def _cast(
    heights: Floats,
    fine: Floats,
    coarse: Floats,
    toward: tuple[float, float],
    tangent: float,
    bend: float,
    light: Light,
) -> None:
    """Follow the ray from every cell to the sun; ``toward`` is rows and columns a metre."""
    rows, columns = heights.shape
    top = coarse.max()
    piece = BLOCK / max(abs(toward[0]), abs(toward[1]))  # m
    for row in prange(rows):
        for column in range(columns):
            if light[row, column] == UNKNOWN:
                continue
            start = heights[row, column]
            away, state = 0.0, LIT
            while True:
                line = start + tangent * away
                if line + bend * away * away > top:
                    break
                i, j = row + toward[0] * away, column + toward[1] * away
                if not (0 <= i <= rows - 1 and 0 <= j <= columns - 1):
                    break
                far = BLOCK * piece
                if _free(coarse, BLOCK * BLOCK, (i, j), toward, far, line + bend * away * away):
                    away += far
                    continue
                level = line + bend * away * away
                if not _free(fine, BLOCK, (i, j), toward, piece, level):
                    found = _hit(
                        heights, (row, column), toward, (away, away + piece), start, tangent, bend
                    )
                    if found == SHADE:
                        state = SHADE
                        break
                    state = max(state, found)
                away += piece
            light[row, column] = state


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _free(
    high: Floats, block: int, at: tuple[float, float], toward: tuple[float, float],
    length: float, level: float,
) -> bool:  # fmt: skip
    """Whether a stretch of ray that begins at a level stays above all blocks that it crosses."""
    end = (at[0] + toward[0] * length, at[1] + toward[1] * length)
    top = max(0, int(min(at[0], end[0])) // block)
    bottom = min(high.shape[0] - 1, int(max(at[0], end[0])) // block)
    left = max(0, int(min(at[1], end[1])) // block)
    right = min(high.shape[1] - 1, int(max(at[1], end[1])) // block)
    for i in range(top, bottom + 1):
        for j in range(left, right + 1):
            if high[i, j] > level:
                return False
    return True


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hit(
    heights: Floats, cell: tuple[int, int], toward: tuple[float, float],
    stretch: tuple[float, float], start: float, tangent: float, bend: float,
) -> int:  # fmt: skip
    """Look at every crossing of a stretch of ray: SHADE, LIT, or UNKNOWN."""
    rows, columns = heights.shape
    state = LIT
    for across in (False, True):
        step = toward[0] if across else toward[1]
        aside = toward[1] if across else toward[0]
        first, beside = (cell[0], cell[1]) if across else (cell[1], cell[0])
        if abs(step) < 1e-15:
            continue
        one, two = first + step * stretch[0], first + step * stretch[1]
        most, widest = (rows, columns) if across else (columns, rows)
        low = max(0, math.ceil(min(one, two) - 1e-9))
        high = min(most - 1, math.floor(max(one, two) + 1e-9))
        for line in range(low, high + 1):
            away = (line - first) / step
            place = beside + aside * away
            if away <= 0.0 or not 0 <= place <= widest - 1:
                continue
            height = between(heights, place, line, across)
            if math.isnan(height):
                state = UNKNOWN
            elif height - bend * away * away > start + tangent * away + 1e-9:
                return SHADE
    return state
