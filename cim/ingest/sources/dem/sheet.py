"""One sheet of a DEM, cleaned: gaps marked as NaN, heights orthometric and in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import calculate_default_transform, reproject

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.crs import to_lonlat
from cim.geo.heights import Heights
from cim.ingest.source import Problem, Request
from cim.ingest.sources import raster

LOWEST, HIGHEST = -500.0, 9000.0  # no ground on Earth lies beyond
_FEET = {"ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "us survey foot": 1200 / 3937}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A cleaned sheet.

    Args:
        heights: (rows from the north, columns) orthometric, m; NaN where unknown.
        transform: Of its cells.
        crs: Projected, in metres.
        extent: Degrees.
        ground_cell: Cell size on the ground, m.
        gaps: Cells without height.
        warnings: What was repaired.
    """

    heights: npt.NDArray[np.float32]
    transform: Affine
    crs: CRS
    extent: Bounds
    ground_cell: float
    gaps: int
    warnings: tuple[Problem, ...]

    def write(self, path: Path) -> None:
        """Keep it as a tiled GeoTIFF."""
        write_heights(path, self.heights, self.transform, self.crs)


def write_heights(
    path: Path, heights: npt.NDArray[np.float32], transform: Affine, crs: CRS
) -> None:
    """Write heights as a tiled, compressed GeoTIFF with NaN where unknown, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with raster.written(path), rasterio.open(
        part, "w", driver="GTiff", dtype="float32", count=1, nodata=math.nan,
        width=heights.shape[1], height=heights.shape[0], transform=transform,
        crs=crs.to_wkt(), tiled=True, blockxsize=256, blockysize=256,
        compress="deflate", predictor=3, zlevel=6, bigtiff="if_safer",
    ) as image:  # fmt: skip
        image.write(heights, 1)
    part.replace(path)


def read_sheet(path: Path, request: Request) -> Sheet:
    """Read and clean one sheet.

    Raises:
        FormatError: it has no height at all.
        OutsideCityError: it lies outside the city.
    """
    with raster.opened(path) as image:
        resolved = raster.placed(image, path, request.crs)
        box = raster.extent(image, resolved.crs, path)
        request.city.require_inside(box, path)
        band = image.read(1, masked=True)
        scale, offset = image.scales[0], image.offsets[0]
        unit = (image.units[0] or "").lower()
        transform, cell = image.transform, raster.ground_cell(image, resolved.crs, box)
        notes = _Notes(path)
        heights = _cleaned(band, scale, offset, unit, notes)
    if not np.isfinite(heights).any():
        why = "".join(f"; {p.reason}" for p in notes.problems)
        raise FormatError(
            f"no cell of it has a height{why}",
            path=path,
            remedy="check its nodata value and the unit of its heights",
        )
    crs = resolved.crs
    if not _is_metric_upright(crs, transform):
        heights, transform, crs = _warped(heights, transform, crs, request, cell, notes)
    if request.heights is Heights.ELLIPSOIDAL:
        lift = _undulation(heights.shape, transform, crs, request)
        heights = (heights - lift).astype(np.float32)
    west, south, east, north = array_bounds(*heights.shape, transform)
    corners = to_lonlat(crs, np.array([[west, south], [west, north], [east, south], [east, north]]))
    extent = Bounds(*(float(v) for v in (*corners.min(axis=0), *corners.max(axis=0))))
    return Sheet(
        heights=heights.astype(np.float32),
        transform=transform,
        crs=crs,
        extent=extent if resolved.crs.is_projected else box,
        ground_cell=cell,
        gaps=int(np.isnan(heights).sum()),
        warnings=tuple(notes.problems),
    )


class _Notes:
    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self.problems: list[Problem] = []

    def add(self, reason: str, remedy: str = "") -> None:
        self.problems.append(Problem(path=self._path, reason=reason, remedy=remedy))


def _cleaned(
    band: Any,
    scale: float,
    offset: float,
    unit: str,
    notes: _Notes,
) -> npt.NDArray[np.float32]:
    """Heights in metres with NaN for every way of saying "unknown"."""
    heights: npt.NDArray[np.float64] = band.astype(np.float64).filled(np.nan) * scale + offset
    declared = int(np.isnan(heights).sum())
    if declared:
        notes.add(f"{declared} cells are nodata or NaN")
    if unit in _FEET:
        heights = heights * _FEET[unit]
        notes.add(f"heights were given in {unit} and converted to metres")
    with np.errstate(invalid="ignore"):
        absurd = (heights < LOWEST) | (heights > HIGHEST)
    if absurd.any():
        values = ", ".join(f"{v:g}" for v in np.unique(heights[absurd])[:3])
        notes.add(
            f"{int(absurd.sum())} cells hold heights that do not exist ({values}): taken as nodata",
            "declare the nodata value in the file",
        )
        heights[absurd] = np.nan
    _drop_zero(heights, notes)
    return heights.astype(np.float32)


def _drop_zero(heights: npt.NDArray[np.float64], notes: _Notes) -> None:
    """0 among mountains is an undeclared nodata value."""
    zero = heights == 0.0
    others = heights[np.isfinite(heights) & ~zero]
    if zero.any() and others.size and float(np.percentile(others, 1)) > 200.0:
        notes.add(
            f"{int(zero.sum())} cells are exactly 0 m among heights above "
            f"{float(np.percentile(others, 1)):.0f} m: taken as nodata",
            "declare 0 as nodata in the file",
        )
        heights[zero] = np.nan


def _is_metric_upright(crs: CRS, transform: Affine) -> bool:
    return bool(
        crs.is_projected
        and all(axis.unit_name == "metre" for axis in crs.axis_info[:2])
        and transform.b == 0
        and transform.d == 0
        and transform.a > 0
        and transform.e < 0
        and not ("Mercator" in crs.name and "Transverse" not in crs.name)
    )


def _warped(
    heights: npt.NDArray[np.float32],
    transform: Affine,
    crs: CRS,
    request: Request,
    cell: float,
    notes: _Notes,
) -> tuple[npt.NDArray[np.float32], Affine, CRS]:
    """Bring a sheet in degrees, feet or Mercator, rotated or upside down, into the compute CRS."""
    target = request.city.compute_crs
    source_wkt, target_wkt = crs.to_wkt(), target.to_wkt()
    size = round(cell, 3)
    bounds = array_bounds(*heights.shape, transform)
    box = (min(bounds[0], bounds[2]), min(bounds[1], bounds[3]),
           max(bounds[0], bounds[2]), max(bounds[1], bounds[3]))  # fmt: skip
    new, width, height = calculate_default_transform(
        source_wkt, target_wkt, heights.shape[1], heights.shape[0], *box, resolution=size
    )
    result = np.full((height, width), np.nan, np.float32)
    reproject(
        heights, result, src_transform=transform, src_crs=source_wkt, src_nodata=np.nan,
        dst_transform=new, dst_crs=target_wkt, dst_nodata=np.nan, resampling=Resampling.bilinear,
    )  # fmt: skip
    notes.add(
        f"it is in {crs.name}: resampled (bilinear) to {target.name} at {size} m, in which slopes "
        "and distances can be taken"
    )
    return result, new, target


def _undulation(
    shape: tuple[int, ...], transform: Affine, crs: CRS, request: Request
) -> npt.NDArray[np.float64]:
    """Geoid heights at the cells, from a node every 32 cells (N changes by cm over a kilometre)."""
    rows, columns = shape
    at_row = np.unique(np.append(np.arange(0, rows, 32), rows - 1))
    at_column = np.unique(np.append(np.arange(0, columns, 32), columns - 1))
    grid_column, grid_row = np.meshgrid(at_column + 0.5, at_row + 0.5)
    x = transform.c + transform.a * grid_column + transform.b * grid_row
    y = transform.f + transform.d * grid_column + transform.e * grid_row
    lonlat = to_lonlat(crs, np.stack([x.ravel(), y.ravel()], axis=1))
    nodes = request.city.geoid.undulation(lonlat[:, 0], lonlat[:, 1]).reshape(grid_row.shape)
    along = np.stack([np.interp(np.arange(columns), at_column, line) for line in nodes])
    return np.stack([np.interp(np.arange(rows), at_row, line) for line in along.T], axis=1)
