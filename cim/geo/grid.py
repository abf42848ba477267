"""A metric raster: the only kind that slopes, distances and lines of sight may be taken on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

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

    @overload
    def index(self, x: float, y: float) -> tuple[float, float]: ...

    @overload
    def index(self, x: Floats, y: Floats) -> tuple[Floats, Floats]: ...

    def index(self, x: float | Floats, y: float | Floats) -> tuple[Any, Any]:
        """Row and column of a place, counted from the first cell's centre."""
        return (self.north - y) / self.cell[1] - 0.5, (x - self.west) / self.cell[0] - 0.5

    def bilinear(self, x: float, y: float) -> float:
        """Height at a place, m; NaN beyond the cell centres or beside an unknown cell."""
        return float(self.bilinear_at(np.array([x]), np.array([y]))[0])

    def bilinear_at(self, x: Floats, y: Floats) -> Floats:
        """Heights at places, m; NaN beyond the cell centres or beside an unknown cell.

        A cell that has no weight, for the place lies on the line of its neighbours, does not
        matter.
        """
        h = self.heights
        rows, columns = h.shape
        row, column = self.index(np.asarray(x), np.asarray(y))
        row, column = _snapped(row), _snapped(column)
        inside = (row >= 0) & (row <= rows - 1) & (column >= 0) & (column <= columns - 1)
        r = np.clip(np.floor(np.where(inside, row, 0)).astype(int), 0, max(rows - 2, 0))
        c = np.clip(np.floor(np.where(inside, column, 0)).astype(int), 0, max(columns - 2, 0))
        fr, fc = row - r, column - c
        total = np.zeros(r.shape)
        for dr in (0, 1):
            for dc in (0, 1):
                weight = (fr if dr else 1 - fr) * (fc if dc else 1 - fc)
                height = h[np.minimum(r + dr, rows - 1), np.minimum(c + dc, columns - 1)]
                total += np.where(weight == 0.0, 0.0, weight * height)
        return np.asarray(np.where(inside, total, np.nan))


def _snapped(index: Floats) -> Floats:
    """Indices that are whole but for rounding are whole: a place on a line is on it."""
    whole = np.round(index)
    return np.asarray(np.where(np.abs(index - whole) < 1e-7, whole, index))
