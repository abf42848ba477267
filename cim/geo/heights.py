"""Heights: orthometric (1985) in the store, ellipsoidal only at the Cesium boundary."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cim.errors import OutsideCityError

Floats = npt.NDArray[np.float64]


class Heights(StrEnum):
    """What the heights of a delivery are measured from."""

    ORTHOMETRIC = "orthometric"  # the 1985 national height datum, H
    ELLIPSOIDAL = "ellipsoidal"  # GNSS heights, h = H + N


class Geoid(Protocol):
    """Height N of the geoid above the ellipsoid."""

    def undulation(self, lon: Floats, lat: Floats) -> Floats:
        """N in metres at longitudes and latitudes in degrees; same shape as given."""


@dataclass(frozen=True, slots=True)
class ConstantGeoid:
    """One N for the whole city: right to a few decimetres over a county.

    Example:
        >>> ConstantGeoid(-36.0).undulation(np.array([106.6]), np.array([35.2]))
        array([-36.])
    """

    metres: float

    def undulation(self, lon: Floats, lat: Floats) -> Floats:
        """N in metres, the same everywhere."""
        return np.full(np.broadcast(lon, lat).shape, self.metres, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class GridGeoid:
    """N on a regular grid in degrees, bilinear between the posts.

    Args:
        west: Longitude of the first column.
        south: Latitude of the first row.
        step: Distance of columns and rows, degrees (lon, lat).
        values: N in metres, (rows from the south, columns from the west).
    """

    west: float
    south: float
    step: tuple[float, float]
    values: Floats

    def undulation(self, lon: Floats, lat: Floats) -> Floats:
        """N in metres by bilinear interpolation.

        Raises:
            OutsideCityError: a point lies off the grid.
        """
        rows, columns = self.values.shape
        span = columns * self.step[0]
        x = (np.asarray(lon, dtype=np.float64) - self.west) / self.step[0]
        if span >= 360.0 - 1e-9:
            x = np.mod(x, columns)
        y = (np.asarray(lat, dtype=np.float64) - self.south) / self.step[1]
        x, y = np.broadcast_arrays(x, y)
        wraps = span >= 360.0 - 1e-9
        if np.any((y < 0) | (y > rows - 1)) or (not wraps and np.any((x < 0) | (x > columns - 1))):
            raise OutsideCityError(
                "a point lies off the geoid grid", remedy="give the city a geoid that covers it"
            )
        column = np.minimum(x.astype(np.int64), columns - 1 if wraps else columns - 2)
        row = np.minimum(y.astype(np.int64), rows - 2)
        right = (column + 1) % columns
        fx, fy = x - column, y - row
        low = self.values[row, column] * (1 - fx) + self.values[row, right] * fx
        high = self.values[row + 1, column] * (1 - fx) + self.values[row + 1, right] * fx
        result: Floats = low * (1 - fy) + high * fy
        return result
