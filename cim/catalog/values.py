"""Values of a published coverage (slope, aspect, hillshade) at a place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import rasterio
from rasterio.windows import Window

from cim.catalog.registry import Version
from cim.errors import NotFoundError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.store.files import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value and what it is.

    Args:
        value: Of the cell that the place lies in; None where unknown.
        unit: UCUM; empty for none.
        cell: Size of that cell, in units of its raster's CRS.
    """

    value: float | None
    unit: str
    cell: float | None


def value_at(files: Files, version: Version, lon: float, lat: float) -> Value:
    """The value at a place in degrees, from the first of the version's rasters that knows it.

    Raises:
        NotFoundError: the layer has no values.
    """
    names = version.media.get("values")
    if not names:
        raise NotFoundError(
            f"{version.layer.id} has no values: it is a picture",
            remedy="ask a layer that cim derive made",
        )
    unit = str(version.media.get("unit", ""))
    for name in names:
        path = files.held(version.layer.id, version.version, str(name))
        with rasterio.open(path) as image:
            crs = resolve(image.crs.to_wkt()).crs
            x, y = transformer(CGCS2000, crs).transform(lon, lat)
            if not (math.isfinite(x) and math.isfinite(y)):
                continue
            column, row = ~image.transform @ (x, y)
            if not (0 <= column < image.width and 0 <= row < image.height):
                continue
            cell = image.read(1, window=Window(int(column), int(row), 1, 1))
            if math.isfinite(float(cell[0, 0])):
                return Value(value=float(cell[0, 0]), unit=unit, cell=float(image.transform.a))
    return Value(value=None, unit=unit, cell=None)
