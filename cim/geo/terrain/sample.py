"""Heights over an area, sampled evenly: means, volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely import MultiPolygon, Polygon, contains_xy, segmentize, transform

from cim.geo.area import ellipsoidal_area, polygon
from cim.geo.crs import CGCS2000, rows, transformer
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]

MOST_SAMPLES = 2_000_000
LEAST_SAMPLES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Heights over an area, at equal distances in the grid's plane.

    Args:
        shape: The area, degrees.
        places: (n, 2) x, y of the samples in the grid's CRS, m.
        area: On the ellipsoid, m².
        heights: (n,) m; NaN where unknown.
        each: Ellipsoidal area that one sample stands for, m².
        step: Between samples, m.
    """

    shape: Polygon | MultiPolygon
    places: Floats
    area: float
    heights: Floats
    each: float
    step: float

    @property
    def known(self) -> Floats:
        """Heights that are known, m."""
        return np.asarray(self.heights[np.isfinite(self.heights)])

    def volume(self, level: float | Floats) -> tuple[float, float]:
        """Ground above a level (to cut) and below it (to fill), m³, unknown ground left out.

        Args:
            level: One height, m, or one for each sample.
        """
        away = (self.heights - level)[np.isfinite(self.heights)]
        return (
            float(away[away > 0].sum() * self.each),
            float(-away[away < 0].sum() * self.each),
        )


def sampled(grid: Grid, ring: Floats) -> Sample:
    """Heights over the area of a ring of degrees, as ``sampled_over``."""
    return sampled_over(grid, polygon(ring))


def sampled_over(grid: Grid, shape: Polygon | MultiPolygon) -> Sample:
    """Heights over an area in degrees, bilinear.

    The samples lie no farther apart than the grid's cells, and so close that there are ten
    thousand of them.

    Raises:
        ParameterError: the ring is no polygon, or too large for the model.
    """
    step_by_step = transformer(CGCS2000, grid.crs)
    plane = transform(segmentize(shape, 0.0005), lambda at: rows(step_by_step, at))
    west, south, east, north = plane.bounds
    step = min(*grid.cell, math.sqrt(plane.area / LEAST_SAMPLES))
    if plane.area / step**2 > MOST_SAMPLES:
        step = math.sqrt(plane.area / MOST_SAMPLES)
    x, y = _middles(west, east, step), _middles(south, north, step)
    flat_x, flat_y = (v.ravel() for v in np.meshgrid(x, y))
    inside = contains_xy(plane, flat_x, flat_y)
    heights = grid.bilinear_at(flat_x[inside], flat_y[inside])
    area = sum(ellipsoidal_area(part) for part in getattr(shape, "geoms", [shape]))
    return Sample(
        shape=shape,
        places=np.column_stack([flat_x[inside], flat_y[inside]]),
        area=area,
        heights=heights,
        each=area / max(len(heights), 1),
        step=step,
    )


def _middles(low: float, high: float, step: float) -> Floats:
    """Middles of equal parts, none wider than a step: a strip is no wider in samples than it is."""
    count = max(1, math.ceil((high - low) / step))
    return np.asarray(low + (np.arange(count) + 0.5) * ((high - low) / count), np.float64)
