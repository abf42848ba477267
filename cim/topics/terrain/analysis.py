"""The science of heights: values in, values out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely import box, transform, union_all
from shapely.geometry.base import BaseGeometry

from cim.errors import ParameterError
from cim.geo.area import distances_along
from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]

MOST_PLACES = 4000


def stations(line: Floats, step: float) -> tuple[Floats, Floats]:
    """Places along a line of degrees, its corners among them.

    Args:
        line: (n, 2) degrees.
        step: Between two places at most, m; more where the line is so long that there would be
            more than 4,000.

    Returns:
        (m, 2) degrees, and the geodesic distance of each from the first, m.

    Raises:
        ParameterError: the line has no length.
    """
    corners = np.asarray(line, np.float64)
    legs = np.diff(distances_along(corners))
    length = float(legs.sum())
    if len(corners) < 2 or length == 0.0:
        raise ParameterError("the line has no length", remedy="draw at least two points")
    step = max(step, length / MOST_PLACES)
    parts = []
    for begin, end, leg in zip(corners[:-1], corners[1:], legs, strict=True):
        count = max(1, math.ceil(leg / step)) if leg > 0 else 0
        share = np.arange(count)[:, None] / max(count, 1)
        parts.append(begin + share * (end - begin))
    places = np.concatenate([*parts, corners[-1:]])
    return places, distances_along(places)


def heights_at(grid: Grid, lonlat: Floats) -> Floats:
    """Heights of a grid at places in degrees, bilinear, m; NaN where unknown."""
    places = rows(transformer(CGCS2000, grid.crs), lonlat)
    return grid.bilinear_at(places[:, 0], places[:, 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a profile says.

    Args:
        length: Along the line, geodesic, m.
        unknown: Of it, without height, m.
        lowest: Height, m; None where all is unknown.
        highest: Height, m.
        climb: Sum of all rises, m.
        descent: Sum of all falls, m, positive.
        steepest: Steepest leg between two places, per cent, signed.
    """

    length: float
    unknown: float
    lowest: float | None
    highest: float | None
    climb: float
    descent: float
    steepest: float | None


def course(distance: Floats, heights: Floats) -> Course:
    """Sum up a profile; legs with an unknown end count as unknown."""
    legs, rises = np.diff(distance), np.diff(heights)
    known = np.isfinite(rises)
    grades = 100 * rises[known & (legs > 0)] / legs[known & (legs > 0)]
    there = np.isfinite(heights)
    return Course(
        length=float(distance[-1]),
        unknown=float(legs[~known].sum()),
        lowest=float(heights[there].min()) if there.any() else None,
        highest=float(heights[there].max()) if there.any() else None,
        climb=float(rises[known & (rises > 0)].sum()),
        descent=float(-rises[known & (rises < 0)].sum()),
        steepest=float(grades[np.argmax(np.abs(grades))]) if grades.size else None,
    )


def area_of(grid: Grid, mask: npt.NDArray[np.bool_]) -> BaseGeometry:
    """What the cells of a mask cover, degrees."""
    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(padded, axis=1)  # runs of cells along each row
    row, begin = np.nonzero(turns == 1)
    _, end = np.nonzero(turns == -1)
    runs = box(
        grid.west + begin * grid.cell[0],
        grid.north - (row + 1) * grid.cell[1],
        grid.west + end * grid.cell[0],
        grid.north - row * grid.cell[1],
    )
    shape: BaseGeometry = transform(union_all(runs), lambda xy: to_lonlat(grid.crs, xy))
    return shape
