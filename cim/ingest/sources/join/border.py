"""Where a mesh ends: its footprint on a raster, and how far each cell lies from the border."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from affine import Affine
from pyproj import CRS
from scipy import ndimage

from cim.geo.crs import CGCS2000, rows, transformer

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

CLOSE = 3.0  # m by which the footprint is closed
HOLE = 200.0  # m²: smaller holes of a mesh are faults of the mesh, larger ones are ponds
SPECK = 50.0  # m²: smaller pieces of a mesh stand on the terrain and are none of its ground
LARGEST = HOLE  # m: across a piece of so many m², one m wide


def footprint(there: Flags, cell: float) -> Flags:
    """Where a mesh lies: closed by 3 m, without small holes and specks.

    Args:
        there: (rows, columns) cells with some mesh; pieces that reach the rim count as large.
        cell: Side of a cell, m.
    """
    if not there.any():
        return there
    reach = CLOSE / cell
    grown = ndimage.distance_transform_edt(~np.pad(there, int(reach) + 2)) <= reach
    closed = ndimage.distance_transform_edt(grown) > reach
    cut = int(reach) + 2
    kept = closed[cut:-cut, cut:-cut] | there
    kept &= ~_small(kept, SPECK / cell**2)
    holes: Flags = kept | _small(~kept, HOLE / cell**2)
    return holes


def _small(there: Flags, cells: float) -> Flags:
    """Pieces of fewer cells that do not reach the rim."""
    pieces, count = ndimage.label(there)
    if not count:
        return np.zeros_like(there)
    size = np.bincount(pieces.ravel(), minlength=count + 1)
    few = size < cells
    few[0] = False
    for rim in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
        few[rim] = False
    found: Flags = few[pieces]
    return found


def away(cover: Flags, cell: float) -> Floats:
    """Distance of cell centres from the footprint's border, m: positive outside.

    The border runs between covered and other cells; infinite where there is none.
    """
    found = np.full(cover.shape, np.inf)
    if not cover.any():
        return found
    if cover.all():
        return -found
    outside = ndimage.distance_transform_edt(~cover)
    inside = ndimage.distance_transform_edt(cover)
    signed: Floats = np.where(cover, 0.5 - inside, outside - 0.5) * cell
    return signed


def polygons(
    cover: npt.NDArray[np.uint8], crs: CRS, transform: Affine, about: Mapping[str, Any]
) -> tuple[dict[str, Any], float]:
    """The footprint as GeoJSON in degrees, and its area in the plane, m².

    Lines are simplified so that nothing of the mesh is left out.

    Args:
        cover: (rows from the north, columns), 1 where the mesh lies.
        crs: Of the raster.
        transform: Of its cells.
        about: Properties of the feature.
    """
    found = rasterio.features.shapes(cover, mask=cover == 1, transform=transform)
    shapes = [shapely.geometry.shape(one) for one, _ in found]
    whole = shapely.union_all(shapes)
    slack = abs(transform.a)  # lines move by no more than that, and outward by as much again
    simple = shapely.buffer(shapely.simplify(whole, slack), slack, join_style="mitre")
    step = transformer(crs, CGCS2000)
    degrees = shapely.transform(simple, lambda xy: np.round(rows(step, xy), 8))
    feature = {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(degrees),
        "properties": {**about, "area_m2": round(float(whole.area), 1)},
    }
    return {"type": "FeatureCollection", "features": [feature]}, float(whole.area)


def sector(angle: float) -> str:
    """Name of a direction, degrees clockwise from north.

    Example:
        >>> [sector(a) for a in (0, 44, 100, 350)]
        ['N', 'NE', 'E', 'N']
    """
    names = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
    return names[math.floor((angle + 22.5) / 45) % 8]
