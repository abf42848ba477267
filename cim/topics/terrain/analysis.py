"""The science of heights: values in, values out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely import Polygon, box, contains_xy, get_coordinates, segmentize, transform, union_all
from shapely.geometry.base import BaseGeometry

from cim.errors import ParameterError
from cim.geo.area import distances_along, ellipsoidal_area, polygon
from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]

MOST_PLACES = 4000
MOST_SAMPLES = 2_000_000
LEAST_SAMPLES = 10_000


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Heights over an area, at equal distances in the grid's plane.

    Args:
        shape: The area, degrees.
        area: On the ellipsoid, m².
        heights: (n,) m; NaN where unknown.
        each: Ellipsoidal area that one sample stands for, m².
        step: Between samples, m.
    """

    shape: Polygon
    area: float
    heights: Floats
    each: float
    step: float

    @property
    def known(self) -> Floats:
        """Heights that are known, m."""
        return np.asarray(self.heights[np.isfinite(self.heights)])

    def volume(self, level: float) -> tuple[float, float]:
        """Ground above a level (to cut) and below it (to fill), m³, unknown ground left out."""
        away = self.known - level
        return (
            float(away[away > 0].sum() * self.each),
            float(-away[away < 0].sum() * self.each),
        )


def sampled(grid: Grid, ring: Floats) -> Sample:
    """Heights over the area of a ring of degrees, bilinear.

    The samples lie no farther apart than the grid's cells, and so close that there are ten
    thousand of them.

    Raises:
        ParameterError: the ring is no polygon, or too large for the model.
    """
    shape = polygon(ring)
    outline = get_coordinates(segmentize(shape, 0.0005))
    plane = Polygon(rows(transformer(CGCS2000, grid.crs), outline))
    west, south, east, north = plane.bounds
    step = min(*grid.cell, math.sqrt(plane.area / LEAST_SAMPLES))
    if plane.area / step**2 > MOST_SAMPLES:
        step = math.sqrt(plane.area / MOST_SAMPLES)
    x, y = _middles(west, east, step), _middles(south, north, step)
    flat_x, flat_y = (v.ravel() for v in np.meshgrid(x, y))
    inside = contains_xy(plane, flat_x, flat_y)
    heights = grid.bilinear_at(flat_x[inside], flat_y[inside])
    area = ellipsoidal_area(shape)
    return Sample(
        shape=shape,
        area=area,
        heights=heights,
        each=area / max(len(heights), 1),
        step=step,
    )


def _middles(low: float, high: float, step: float) -> Floats:
    """Middles of equal parts, none wider than a step: a strip is no wider in samples than it is."""
    count = max(1, math.ceil((high - low) / step))
    return np.asarray(low + (np.arange(count) + 0.5) * ((high - low) / count), np.float64)


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
