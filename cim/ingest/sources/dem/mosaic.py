"""Sheets of a DEM joined into one model: the finest first, overlaps compared before they vanish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import reproject, transform_bounds

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.crs import resolve
from cim.ingest.source import Problem
from cim.ingest.sources.dem.sheet import write_heights

LARGEST = 400_000_000  # cells; beyond that the sheets do not belong together


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What came of joining.

    Args:
        extent: Degrees.
        range: Lowest and highest height, m.
        ground_cell: Cell size, m.
    """

    extent: Bounds
    range: tuple[float, float]
    ground_cell: float


def mosaic(
    sheets: Sequence[Path], names: Sequence[str], target: Path
) -> tuple[Joined, list[Problem]]:
    """Join sheets, the first having priority, on the grid of the first.

    Args:
        sheets: Cleaned sheets.
        names: What the user calls each.
        target: The model to write.

    Returns:
        The model, and a line for each pair of sheets whose heights differ where they overlap.

    Raises:
        FormatError: the sheets lie so far apart that one grid cannot hold them.
    """
    with rasterio.open(sheets[0]) as first:
        crs = resolve(first.crs.to_wkt()).crs
        transform = first.transform
    boxes = [_box(path, crs) for path in sheets]
    grid, shape = _grid(transform, boxes, names)
    heights = np.full(shape, np.nan, np.float32)
    seams: list[Problem] = []
    for path, name, box in zip(sheets, names, boxes, strict=True):
        _lay(path, name, box, heights, grid, crs, seams)
    write_heights(target, heights, grid, crs)
    west, south, east, north = array_bounds(*shape, grid)
    extent = Bounds(
        *transform_bounds(crs.to_wkt(), "EPSG:4326", west, south, east, north, densify_pts=21)
    )
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    cell = math.sqrt(abs(grid.a * grid.e))
    return Joined(extent=extent, range=(low, high), ground_cell=cell), seams


def _box(path: Path, crs: CRS) -> tuple[float, float, float, float]:
    with rasterio.open(path) as sheet:
        if resolve(sheet.crs.to_wkt()).crs == crs:
            return tuple(sheet.bounds)
        return tuple(transform_bounds(sheet.crs, crs.to_wkt(), *sheet.bounds, densify_pts=21))


def _grid(
    transform: Affine, boxes: Sequence[tuple[float, float, float, float]], sheets: Sequence[str]
) -> tuple[Affine, tuple[int, int]]:
    """The first sheet's grid, grown over all."""
    left = math.floor(round((min(b[0] for b in boxes) - transform.c) / transform.a, 6))
    right = math.ceil(round((max(b[2] for b in boxes) - transform.c) / transform.a, 6))
    top = math.floor(round((max(b[3] for b in boxes) - transform.f) / transform.e, 6))
    bottom = math.ceil(round((min(b[1] for b in boxes) - transform.f) / transform.e, 6))
    shape = (bottom - top, right - left)
    if shape[0] * shape[1] > LARGEST:
        raise FormatError(
            f"the sheets span {shape[1]} × {shape[0]} cells: they do not belong together",
            path=sheets[0],
            remedy="ingest sheets that lie far apart into layers of their own",
        )
    return transform @ Affine.translation(left, top), shape


def _lay(
    path: Path,
    name: str,
    box: tuple[float, float, float, float],
    heights: npt.NDArray[np.float32],
    grid: Affine,
    crs: CRS,
    seams: list[Problem],
) -> None:
    """Lay a sheet below those that are there already, and compare it with them."""
    left = max(0, math.floor(round((box[0] - grid.c) / grid.a, 6)))
    right = min(heights.shape[1], math.ceil(round((box[2] - grid.c) / grid.a, 6)))
    top = max(0, math.floor(round((box[3] - grid.f) / grid.e, 6)))
    bottom = min(heights.shape[0], math.ceil(round((box[1] - grid.f) / grid.e, 6)))
    window = heights[top:bottom, left:right]
    part = grid @ Affine.translation(left, top)
    with rasterio.open(path) as sheet:
        same = resolve(sheet.crs.to_wkt()).crs == crs and _on_grid(sheet.transform, part)
        if same and sheet.shape == window.shape:
            new = sheet.read(1)
        else:
            new = np.full(window.shape, np.nan, np.float32)
            reproject(
                sheet.read(1), new, src_transform=sheet.transform, src_crs=sheet.crs,
                src_nodata=np.nan, dst_transform=part, dst_crs=crs.to_wkt(), dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )  # fmt: skip
    both = np.isfinite(window) & np.isfinite(new)
    if both.any():
        difference = (new[both] - window[both]).astype(np.float64)
        worst = float(np.abs(difference).max())
        if worst > 0.0:
            rms = float(np.sqrt((difference**2).mean()))
            seams.append(
                Problem(
                    path=name,
                    reason=f"where it overlaps other sheets ({int(both.sum())} cells) it differs "
                    f"by {difference.mean():+.3f} m in the mean, {rms:.3f} m RMS, {worst:.3f} m "
                    "at most",
                    remedy="a constant difference is a datum or unit error of the sheet",
                )
            )
    empty = ~np.isfinite(window)
    window[empty] = new[empty]


def _on_grid(a: Affine, b: Affine) -> bool:
    return all(abs(p - q) < 1e-6 * max(1.0, abs(p)) for p, q in zip(a[:6], b[:6], strict=True))
