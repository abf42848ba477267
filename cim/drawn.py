"""What an answer draws: features with their style, and rasters of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.features import shapes
from rasterio.transform import from_origin
from shapely import transform, union_all
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from cim.city import Bounds
from cim.geo.crs import lonlat_bounds, to_lonlat
from cim.geo.grid import Grid
from cim.topic import Context, Coverage, LegendEntry

NOTHING = 255


def feature(
    shape: BaseGeometry, name: str, name_en: str, *, crs: CRS | None = None,
    properties: Mapping[str, Any] | None = None, **style: Any,
) -> dict[str, Any]:  # fmt: skip
    """One GeoJSON feature of an answer.

    Args:
        shape: In degrees, or in ``crs``; third coordinates are orthometric heights, m.
        name: What it is, Chinese.
        name_en: The same in English.
        crs: Of the shape, if not degrees.
        properties: What a click shows.
        style: How it is drawn: ``color`` (#rrggbb), ``width`` (pixels), ``fill`` (#rrggbbaa),
            ``dash``, ``label`` (its name is written); ``at_height``: at its own heights instead of
            on the ground; ``bottom`` and ``top``: extruded between two orthometric heights, m;
            ``radius``: a line as a tube of so many metres; ``hole``: ground and mesh are cut open.
    """
    if crs is not None:
        shape = transform(
            shape,
            lambda at: np.column_stack([to_lonlat(crs, at[:, :2]), at[:, 2:]]),
            include_z=shape.has_z,
        )
    return {
        "type": "Feature",
        "geometry": _rounded(mapping(shape)),
        "properties": {"name": name, "name_en": name_en, **(properties or {}), "style": style},
    }


def _rounded(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Eight digits of degrees are a millimetre; heights need three."""

    def walk(values: Any) -> Any:
        if values and isinstance(values[0], float | int):
            return [round(float(v), 8 if i < 2 else 3) for i, v in enumerate(values)]
        return [walk(v) for v in values]

    if "geometries" in geometry:
        return {**geometry, "geometries": [_rounded(g) for g in geometry["geometries"]]}
    return {"type": geometry["type"], "coordinates": walk(geometry["coordinates"])}


def collection(
    features: Iterable[Mapping[str, Any]], legend: Iterable[tuple[str, str, str]] = (),
    *, below: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The features of an answer.

    Args:
        features: As ``feature`` makes them.
        legend: (colour #rrggbb, Chinese, English) of what the colours mean, if they mean anything.
        below: They lie below the ground: the viewer looks through it to show them.
    """
    titles = [
        {"color": color, "title": title, "title_en": english} for color, title, english in legend
    ]
    whole: dict[str, Any] = {"type": "FeatureCollection", "features": list(features)}
    if below:
        whole["below"] = True
    return {**whole, "legend": titles} if titles else whole


def coverage(
    grid: Grid, classes: npt.NDArray[np.uint8], context: Context, legend: tuple[LegendEntry, ...],
    name: str = "classes",
) -> Coverage:  # fmt: skip
    """Write classes beside the answer, as far as there are any; cells of 255 show nothing."""
    path = context.folder / f"{name}.tif"
    there = np.argwhere(classes != NOTHING)
    top, left = there.min(axis=0) if len(there) else (0, 0)
    bottom, right = there.max(axis=0) + 1 if len(there) else classes.shape
    west, north = grid.west + left * grid.cell[0], grid.north - top * grid.cell[1]
    rows, columns = int(bottom - top), int(right - left)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, nodata=NOTHING, width=columns,
        height=rows, crs=grid.crs.to_wkt(), tiled=True, blockxsize=256, blockysize=256,
        compress="deflate", transform=Affine(grid.cell[0], 0, west, 0, -grid.cell[1], north),
    ) as image:  # fmt: skip
        image.write(classes[top:bottom, left:right], 1)
    box = (west, north - rows * grid.cell[1], west + columns * grid.cell[0], north)
    return Coverage(path=path, bounds=Bounds(*lonlat_bounds(grid.crs, box)), legend=legend)


def unstepped(shape: BaseGeometry, grid: Grid) -> BaseGeometry:
    """An outline of cells without their stairs, at most three quarters of a cell off.

    For drawing only: a tenth of the corners, which a browser drapes on the ground ten times faster.
    """
    return shape.simplify(0.75 * max(grid.cell))


def cell_area(grid: Grid) -> float:
    """Of a cell on the ellipsoid, m²."""
    meridian, parallel = grid.scale
    return grid.cell[0] * grid.cell[1] / (meridian * parallel)


def outline(grid: Grid, mask: npt.NDArray[np.bool_]) -> BaseGeometry:
    """What the cells of a mask cover, in the grid's CRS."""
    turn = from_origin(grid.west, grid.north, *grid.cell)
    parts = shapes(mask.astype(np.uint8), mask=mask, transform=turn)
    return union_all([shape(part) for part, _ in parts])


def disc(grid: Grid, x: float, y: float, reach: float) -> npt.NDArray[np.bool_]:
    """Cells whose centres lie within reach (m) of a place."""
    rows, columns = grid.heights.shape
    row, column = grid.index(x, y)
    away_x = (np.arange(columns) - column) * grid.cell[0]
    away_y = (np.arange(rows) - row) * grid.cell[1]
    return np.asarray(np.hypot(away_y[:, None], away_x[None, :]) <= reach)


def listed(values: npt.NDArray[np.float64], digits: int) -> list[float | None]:
    """Numbers for a chart; None where unknown."""
    return [None if not np.isfinite(v) else round(float(v), digits) for v in values]
