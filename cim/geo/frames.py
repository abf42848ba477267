"""Frames: from a delivery's local coordinates to geocentric ones (ECEF), one affine per tile.

One plane for a whole city is wrong by metres: map projections turn and stretch with the place, and
the Earth falls away by d²/2R. One affine per tile folder, whose columns are central differences of
the exact transformation at the tile's centre, leaves less than 1 mm within a 100 m tile.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, to_ecef, to_lonlat, transformer
from cim.geo.heights import Geoid, Heights

Floats = npt.NDArray[np.float64]


def ecef(crs: CRS, xyz: Floats, geoid: Geoid, heights: Heights) -> Floats:
    """Exact geocentric coordinates (m) of (n, 3) projected ones with heights of either kind."""
    points = np.array(xyz, dtype=np.float64)
    if heights is Heights.ORTHOMETRIC:
        lonlat = to_lonlat(crs, points[:, :2])
        points[:, 2] += geoid.undulation(lonlat[:, 0], lonlat[:, 1])
    return to_ecef(crs, points)


def tile_affine(crs: CRS, centre: Floats, geoid: Geoid, heights: Heights) -> Floats:
    """The 4 × 4 affine from (x, y, z) - centre to ECEF, exact to first order at the centre.

    Args:
        crs: Projected CRS of the coordinates.
        centre: (3,) x, y, z of the tile's centre in ``crs``, m.
        geoid: The city's geoid.
        heights: What z is measured from.

    Returns:
        Column-vector matrix; a tileset's ``transform`` is ``M.T.ravel()``.
    """
    offsets = np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    placed = ecef(crs, offsets + centre, geoid, heights)
    matrix = np.eye(4)
    matrix[:3, :3] = ((placed[1:4] - placed[4:7]) / 2).T
    matrix[:3, 3] = placed[0]
    return matrix


def enu_matrix(lon: float, lat: float, height: float = 0.0) -> Floats:
    """East-north-up at a place (degrees, ellipsoidal m) as a rigid 4 × 4 matrix to ECEF."""
    lam, phi = np.radians([lon, lat])
    east = [-np.sin(lam), np.cos(lam), 0.0]
    north = [-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)]
    up = [np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([east, north, up]).T
    matrix[:3, 3] = transformer(GEODETIC_3D, GEOCENTRIC).transform(lon, lat, height)
    return matrix


def moved(points: npt.NDArray[Any], matrix: Floats) -> Floats:
    """(n, 3) points moved by a 4 × 4 affine (column vectors), in float64."""
    result: Floats = np.asarray(points, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def lonlat_height(points: Floats) -> Floats:
    """Longitude, latitude (degrees) and ellipsoidal height (m) of (n, 3) geocentric points."""
    return rows(transformer(GEOCENTRIC, GEODETIC_3D), np.asarray(points, dtype=np.float64))
