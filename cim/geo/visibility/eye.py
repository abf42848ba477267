"""Who looks, and how the Earth falls away before them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cim.errors import ParameterError
from cim.geo.ellipsoid import E2, A
from cim.geo.grid import Grid


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

    def stand(self, grid: Grid) -> tuple[float, float, float]:
        """Row, column (from the first cell's centre) and height of the eye, m.

        Raises:
            ParameterError: it stands outside the grid or where that has no height.
        """
        ground = grid.bilinear(self.x, self.y)
        if not math.isfinite(ground):
            raise ParameterError(
                "the observer stands where the elevation model has no height",
                remedy="move the observer, or ingest a DEM that covers the place",
            )
        row, column = grid.index(self.x, self.y)
        return row, column, ground + self.height


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
