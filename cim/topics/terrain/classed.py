"""What answers that cover the map, class by class, have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pydantic import Field

from cim.catalog.elevation import Ground
from cim.city import Bounds
from cim.geo.crs import CGCS2000, lonlat_bounds, transformer
from cim.geo.grid import Grid
from cim.topic import Context, Coverage, LegendEntry
from cim.topics.terrain.asked import (
    OnModel,
    Point,
    english,
    ground_of,
    point_field,
)

NOTHING = 255


def coverage(
    grid: Grid, classes: npt.NDArray[np.uint8], context: Context, legend: tuple[LegendEntry, ...]
) -> Coverage:
    """Write classes beside the answer."""
    path = context.folder / "classes.tif"
    rows, columns = classes.shape
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, nodata=NOTHING, width=columns,
        height=rows, crs=grid.crs.to_wkt(), tiled=True, blockxsize=256, blockysize=256,
        compress="deflate",
        transform=Affine(grid.cell[0], 0, grid.west, 0, -grid.cell[1], grid.north),
    ) as image:  # fmt: skip
        image.write(classes, 1)
    box = (grid.west, grid.north - rows * grid.cell[1],
           grid.west + columns * grid.cell[0], grid.north)  # fmt: skip
    return Coverage(path=path, bounds=Bounds(*lonlat_bounds(grid.crs, box)), legend=legend)


def disc(grid: Grid, x: float, y: float, reach: float) -> npt.NDArray[np.bool_]:
    """Cells whose centres lie within reach of a place."""
    rows, columns = grid.heights.shape
    row, column = grid.index(x, y)
    away_x = (np.arange(columns) - column) * grid.cell[0]
    away_y = (np.arange(rows) - row) * grid.cell[1]
    return np.asarray(np.hypot(away_y[:, None], away_x[None, :]) <= reach)


class AroundParameters(OnModel):
    """A place and how far around it."""

    centre: Point = point_field(
        "中心点", "分析范围中心的经纬度（度）。", "Centre", "Longitude and latitude, degrees."
    )
    range: float = Field(
        default=2000.0,
        ge=50,
        le=20_000,
        title="半径",
        description="分析范围半径。",
        json_schema_extra=english("Radius", "Of the area looked at.", "m"),
    )


def placed(asked: AroundParameters, context: Context, margin: float) -> tuple[Ground, float, float]:
    """The ground around the place asked for, and the place in its plane, m."""
    ground = ground_of(context, asked, (asked.centre,), asked.range + margin)
    x, y = transformer(CGCS2000, ground.grid.crs).transform(*asked.centre)
    return ground, float(x), float(y)


def cell_area(grid: Grid) -> float:
    """Of a cell on the ellipsoid, m²."""
    meridian, parallel = grid.scale
    return grid.cell[0] * grid.cell[1] / (meridian * parallel)
