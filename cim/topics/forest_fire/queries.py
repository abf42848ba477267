"""What the topic reads: the ground around a place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.windows import Window

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.errors import ParameterError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.grid import Grid
from cim.layers import Kind
from cim.store.database import ready
from cim.topic import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A cut of an elevation model around a place.

    Args:
        grid: The cut.
        x: Of the place in the grid's CRS, m.
        y: Of the place, m.
        version: Where the heights come from.
    """

    grid: Grid
    x: float
    y: float
    version: Version


def ground_around(context: Context, layer: str, lon: float, lat: float, reach: float) -> Ground:
    """Heights within ``reach`` metres of a place, from a published terrain layer.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no terrain, or does not cover the place.
    """
    with ready(context.engine) as connection:
        version = registry.published(connection, layer)
    if version.layer.kind is not Kind.TERRAIN:
        raise ParameterError(f"{layer} is no terrain layer", remedy="name one, such as base.dem")
    path = context.files.version(layer, version.version) / str(version.media["dem"])
    with rasterio.open(path) as model:
        crs = resolve(model.crs.to_wkt()).crs
        x, y = transformer(CGCS2000, crs).transform(lon, lat)
        window = _window(model, x, y, reach)
        if window is None:
            raise ParameterError(
                f"{layer} version {version.version} does not cover {lon:.5f}, {lat:.5f}",
                remedy=f"it covers {version.extent}; choose a place inside",
            )
        heights = model.read(1, window=window, masked=True).astype(np.float64).filled(np.nan)
        west, north = model.transform @ (window.col_off, window.row_off)
        grid = Grid(
            heights=heights,
            west=west,
            north=north,
            cell=(model.transform.a, -model.transform.e),
            crs=CRS.from_user_input(crs),
        )
    return Ground(grid=grid, x=float(x), y=float(y), version=version)


def _window(model: rasterio.DatasetReader, x: float, y: float, reach: float) -> Window | None:
    column, row = ~model.transform @ (x, y)
    if not (0 <= column < model.width and 0 <= row < model.height):
        return None
    wide = reach / model.transform.a + 2
    high = reach / -model.transform.e + 2
    left, right = max(0, math.floor(column - wide)), min(model.width, math.ceil(column + wide))
    top, bottom = max(0, math.floor(row - high)), min(model.height, math.ceil(row + high))
    return Window(left, top, right - left, bottom - top)
