"""Lengths and areas on the ellipsoid of CGCS2000, whatever plane a shape was drawn on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyproj import Geod
from shapely import Polygon, segmentize

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]

GRS80 = Geod(ellps="GRS80")
_EDGE = 0.001  # degrees: an edge is straight on the map, which a geodesic is not


def distances_along(lonlat: Floats) -> Floats:
    """Distance of each point from the first along the line through all, geodesic, m.

    Args:
        lonlat: (n, 2) degrees.
    """
    lon, lat = np.asarray(lonlat, np.float64).T.tolist()
    _, _, legs = GRS80.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return np.concatenate([[0.0], np.cumsum(legs)])


def polygon(ring: Floats) -> Polygon:
    """The polygon of a ring of degrees.

    Raises:
        ParameterError: fewer than three corners, a ring that crosses itself, or no area.
    """
    corners = np.asarray(ring, np.float64)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise ParameterError("a polygon has at least three corners", remedy="draw one more")
    shape = Polygon(corners)
    if not shape.is_valid or shape.area == 0.0:
        raise ParameterError(
            "the polygon crosses itself or has no area", remedy="draw it along its outline"
        )
    return shape


def ellipsoidal_area(shape: Polygon) -> float:
    """Area of a polygon of degrees on the ellipsoid, m²; its edges are straight on the map.

    Example:
        >>> box = Polygon([(106.5, 35.1), (106.8, 35.1), (106.8, 35.3), (106.5, 35.3)])
        >>> round(ellipsoidal_area(box) / 1e6, 3)
        606.191
    """
    area, _ = GRS80.geometry_area_perimeter(segmentize(shape, _EDGE))
    return abs(float(area))
