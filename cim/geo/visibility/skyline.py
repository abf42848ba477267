"""The skyline around an eye: how high the ground stands against the sky in every direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.visibility.crossing import between
from cim.geo.visibility.eye import Eye

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skyline:
    """The ground's edge against the sky.

    Args:
        azimuths: (n,) degrees clockwise from grid north.
        elevations: (n,) angle of the horizon above the eye's level, degrees; NaN where the ground
            in that direction is unknown or begins beyond the grid.
        distances: (n,) of the ground that forms it, m; NaN likewise.
    """

    azimuths: Floats
    elevations: Floats
    distances: Floats


def skyline(grid: Grid, eye: Eye, *, count: int, reach: float, bend: float) -> Skyline:
    """The horizon in ``count`` directions, spread over the eye's field of view.

    Every crossing with the grid's lines within reach counts, so the angle is exact for the surface
    of those lines.

    Args:
        grid: The ground.
        eye: Who looks.
        count: Directions; a field of 360 degrees is divided evenly, a narrower one has directions
            on both its sides.
        reach: Farthest distance on the plane, m.
        bend: Fall of the ground per square metre of distance, 1/m: (1 - refraction) / 2R.

    Raises:
        ParameterError: the observer stands outside the grid or where it has no height; or there
            are no directions.
    """
    if count < 1:
        raise ParameterError(f"{count} directions are none", remedy="ask for at least 1")
    place = eye.stand(grid)
    if eye.field_of_view >= 360.0:
        azimuths = eye.azimuth + np.arange(count) * (360.0 / count)
    else:
        half = eye.field_of_view / 2
        azimuths = np.linspace(eye.azimuth - half, eye.azimuth + half, count)
    tangents, distances = _rise(
        np.ascontiguousarray(grid.heights), place, grid.cell, np.radians(azimuths), reach, bend
    )
    return Skyline(
        azimuths=np.mod(azimuths, 360.0),
        elevations=np.degrees(np.arctan(tangents)),
        distances=distances,
    )


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _rise(
    heights: Floats,
    eye: tuple[float, float, float],
    cell: tuple[float, float],
    azimuths: Floats,
    reach: float,
    bend: float,
) -> tuple[Floats, Floats]:
    """Steepest tangent and its distance in each direction."""
    tangents, distances = np.full(len(azimuths), np.nan), np.full(len(azimuths), np.nan)
    for turn in prange(len(azimuths)):
        dx, dy = math.sin(azimuths[turn]), math.cos(azimuths[turn])
        per_metre = (-dy / cell[1], dx / cell[0])  # rows and columns
        best, at = -np.inf, np.nan
        for across in (False, True):
            step = per_metre[0] if across else per_metre[1]
            aside = per_metre[1] if across else per_metre[0]
            start, beside = (eye[0], eye[1]) if across else (eye[1], eye[0])
            most = heights.shape[0 if across else 1] - 1
            widest = heights.shape[1 if across else 0] - 1
            if abs(step) < 1e-12:
                continue
            sign = 1 if step > 0 else -1
            line = math.floor(start) + 1 if sign > 0 else math.ceil(start) - 1
            while 0 <= line <= most:
                away = (line - start) / step
                place = beside + aside * away
                if away > reach or place < 0 or place > widest:
                    break
                height = between(heights, min(place, float(widest)), line, across)
                if math.isnan(height):
                    best = np.nan
                    break
                tangent = (height - bend * away * away - eye[2]) / away
                if tangent > best:
                    best, at = tangent, away
                line += sign
            if math.isnan(best):
                break
        if math.isfinite(best):
            tangents[turn], distances[turn] = best, at
    return tangents, distances
