"""The elevation model around pipes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.catalog.elevation import Ground
from cim.errors import NotFoundError, ParameterError
from cim.evidence import ground_around
from cim.geo.crs import lonlat_bounds, rows, transformer
from cim.topic import Context

Floats = npt.NDArray[np.float64]


def terrain_around(context: Context, layer: str, frame: gpd.GeoDataFrame) -> Ground | None:
    """The elevation model around all pipes, if there is one."""
    west, south, east, north = lonlat_bounds(frame.crs, tuple(frame.total_bounds))
    try:
        return ground_around(context, layer, [(west, south), (east, north)], 100.0)
    except (NotFoundError, ParameterError):
        return None  # heights that need it are then unknown, and counted


def ground_at(terrain: Ground | None, crs: CRS, places: Floats) -> Floats:
    """(k,) height of the model's ground at (k, 2) places of a CRS, m; NaN where unknown."""
    if terrain is None or not len(places):
        return np.full(len(places), np.nan)
    at = rows(transformer(crs, terrain.grid.crs), places[:, :2])
    return terrain.grid.bilinear_at(at[:, 0], at[:, 1])
