"""Where the sun stands, and how long it reaches the ground.

The position is that of the Astronomical Almanac's low-precision formulas as worked out by Meeus and
used by NOAA: within 0.01° for the years 1950 to 2050.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.shadow import LIT, UNKNOWN, shadows

Floats = npt.NDArray[np.float64]

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
