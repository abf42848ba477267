"""A metric raster: the only kind that slopes, distances and lines of sight may be taken on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Proj
from pyproj.exceptions import ProjError

from cim.errors import CrsError
from cim.geo.crs import to_lonlat

Floats = npt.NDArray[np.float64]
LARGEST_DISTORTION = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Heights at cell centres in a projected CRS in metres.

    A slope taken in degrees is 90°, one in Web Mercator 5° too flat at 35° north, and both look
    plausible. So the CRS must be projected, in metres, and true to length within a thousandth at
    the grid's middle.

    Args:
        heights: (rows from the north, columns from the west), m; NaN where unknown.
        west: x of the left side of the first column, m.
        north: y of the upper side of the first row, m.
        cell: Side of a cell (x, y), m, both positive.
        crs: Projected CRS.

    Raises:
        CrsError: the CRS is not one to measure in.
    """

    heights: Floats
    west: float
    north: float
    cell: tuple[float, float]
    crs: CRS

    def __post_init__(self) -> None:
        axes = [axis.unit_name for axis in self.crs.axis_info[:2]]
        if not self.crs.is_projected or axes != ["metre", "metre"]:
            raise CrsError(
                f"{self.crs.name} is not projected in metres: slopes and distances would be wrong",
                remedy="reproject the raster to the city's compute CRS",
            )
        worst = max(abs(k - 1) for k in self.scale)
        if worst > LARGEST_DISTORTION:
            raise CrsError(
                f"{self.crs.name} stretches lengths by {worst:.1%} here",
                remedy="reproject the raster to the zone of the place",
            )

    @property
    def middle(self) -> tuple[float, float]:
        """x, y of the middle, m."""
        rows, columns = self.heights.shape
        return (
            self.west + columns * self.cell[0] / 2,
            self.north - rows * self.cell[1] / 2,
        )

    @property
    def scale(self) -> tuple[float, float]:
        """Length on the plane for a metre on the ellipsoid, along meridian and parallel."""
        lon, lat = to_lonlat(self.crs, np.array([self.middle]))[0]
        try:
            factors = Proj(self.crs).get_factors(float(lon), float(lat))
        except ProjError as error:
            raise CrsError(f"{self.crs.name} cannot be measured in: {error}") from error
        return float(factors.meridional_scale), float(factors.parallel_scale)

    def convergence(self, x: float, y: float) -> float:
        """Angle from true north to grid north at a place, degrees, clockwise."""
        lon, lat = to_lonlat(self.crs, np.array([[x, y]]))[0]
        return float(Proj(self.crs).get_factors(float(lon), float(lat)).meridian_convergence)

    def index(self, x: float, y: float) -> tuple[float, float]:
        """Row and column of a place, counted from the first cell's centre."""
        return (self.north - y) / self.cell[1] - 0.5, (x - self.west) / self.cell[0] - 0.5

    def bilinear(self, x: float, y: float) -> float:
        """Height at a place, m; NaN beyond the cell centres or beside an unknown cell."""
        row, column = self.index(x, y)
        rows, columns = self.heights.shape
        if not (0 <= row <= rows - 1 and 0 <= column <= columns - 1):
            return float("nan")
        r, c = min(int(row), rows - 2), min(int(column), columns - 2)
        fr, fc = row - r, column - c
        h = self.heights
        upper = h[r, c] * (1 - fc) + h[r, c + 1] * fc
        lower = h[r + 1, c] * (1 - fc) + h[r + 1, c + 1] * fc
        return float(upper * (1 - fr) + lower * fr)
