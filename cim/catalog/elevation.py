"""Heights of the ground, read from the published elevation models: at a place and around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.windows import Window
from sqlalchemy import Engine

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.errors import ParameterError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.grid import Grid
from cim.layers import Kind
from cim.store.database import ready
from cim.store.files import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """An orthometric height and where it comes from.

    Args:
        metres: Height, m, bilinear between cell centres.
        layer: Layer of the model.
        version: Its version.
        resolution: Its cell size, m or degrees as its CRS has it.
    """

    metres: float
    layer: str
    version: int
    resolution: float


def at(files: Files, models: Sequence[Version], lon: float, lat: float) -> Elevation | None:
    """Height at a place, from the finest model that covers it; None where none does."""
    for version in sorted(models, key=lambda v: float(v.media.get("resolution", math.inf))):
        path = files.file(version.layer.id, version.version, str(version.media["dem"]))
        with rasterio.open(path) as model:
            metres = _bilinear(model, lon, lat)
            if metres is not None:
                return Elevation(
                    metres=metres,
                    layer=version.layer.id,
                    version=version.version,
                    resolution=float(version.media["resolution"]),
                )
    return None


def _bilinear(model: rasterio.DatasetReader, lon: float, lat: float) -> float | None:
    crs = resolve(model.crs.to_wkt()).crs
    x, y = transformer(CGCS2000, crs).transform(lon, lat)
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    column, row = ~model.transform @ (x, y)
    column, row = column - 0.5, row - 0.5  # from cell corners to cell centres
    left, top = math.floor(column), math.floor(row)
    if not (-1 <= left < model.width and -1 <= top < model.height):
        return None
    left, top = (min(max(left, 0), model.width - 2), min(max(top, 0), model.height - 2))
    cells = model.read(1, window=Window(left, top, 2, 2), masked=True).astype(np.float64)
    if np.ma.is_masked(cells) or not np.isfinite(cells).all():
        return None
    fx = min(max(column - left, 0.0), 1.0)
    fy = min(max(row - top, 0.0), 1.0)
    (a, b), (c, d) = cells.filled(np.nan)
    return float((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy)


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


def around(
    engine: Engine, files: Files, layer: str, place: tuple[float, float], reach: float
) -> Ground:
    """Heights within ``reach`` metres of a place (degrees), from a published terrain layer.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no terrain, or does not cover the place.
    """
    lon, lat = place
    with ready(engine) as connection:
        version = registry.published(connection, layer)
    if version.layer.kind is not Kind.TERRAIN:
        raise ParameterError(f"{layer} is no terrain layer", remedy="name one, such as base.dem")
    path = files.file(layer, version.version, str(version.media["dem"]))
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
            crs=crs,
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
