"""One sheet of a DEM, cleaned: gaps marked as NaN, heights orthometric and in metres.

Sheets are read and written strip by strip, so that one of a gigabyte needs no gigabyte of memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.crs import to_lonlat
from cim.geo.heights import Heights
from cim.ingest.source import Problem, Request
from cim.ingest.sources import raster
from cim.ingest.sources.dem.cleaning import Cleaning

STRIP = 4_000_000  # cells read at once
MOST = 1 << 31  # cells of a sheet
BOMB = 2000  # cells a byte of a file may unfold to
FINEST = 0.01  # m: cells finer than that are a wrong georeference


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A cleaned sheet.

    Args:
        crs: Projected, in metres.
        transform: Of its cells.
        shape: Rows and columns.
        extent: Of the delivered raster, degrees.
        ground_cell: Cell size on the ground, m.
        gaps: Cells without height.
        floor: Height above which 99 of 100 of its cells lie, m; None where all are exactly 0.
        warnings: What was repaired.
    """

    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    extent: Bounds
    ground_cell: float
    gaps: int
    floor: float | None
    warnings: tuple[Problem, ...]


def require_size(image: rasterio.DatasetReader, path: Path) -> None:
    """Refuse a sheet too large to be one, or larger than its file can hold.

    Raises:
        FormatError: naming its size.
    """
    cells, size = image.width * image.height, path.stat().st_size
    sparse = path.suffix.lower() != ".vrt" and cells > STRIP and cells > BOMB * size
    if cells > MOST or sparse:
        why = f"its {size} bytes cannot hold them" if sparse else f"{MOST} are the most"
        raise FormatError(
            f"it announces {image.width} × {image.height} cells, {why}",
            path=path,
            remedy="cut it into sheets" if not sparse else "export it again, whole",
        )


def require_cell(cell: float, path: Path) -> None:
    """Refuse a sheet whose cells are too fine to be true.

    Raises:
        FormatError: naming their size.
    """
    if cell < FINEST:
        raise FormatError(
            f"its cells are {cell:g} m wide: no elevation model is so fine",
            path=path,
            remedy="check the file's cell size, and the unit of its CRS",
        )


def read_sheet(path: Path, request: Request, target: Path) -> Sheet:
    """Read and clean one sheet, and write it as an uncompressed GeoTIFF.

    Raises:
        FormatError: it has no height at all.
        OutsideCityError: it lies outside the city.
    """
    with raster.opened(path) as image:
        require_size(image, path)
        resolved = raster.placed(image, path, request.crs)
        box = raster.extent(image, resolved.crs, path)
        request.city.require_inside(box, path)
        cell = raster.ground_cell(image, resolved.crs, box)
        raw = target.with_suffix(".raw.tif")
        cleaning = _clean(image, path, raw, resolved.crs, request)
    notes = cleaning.notes(str(path))
    if not cleaning.known:
        raw.unlink()
        why = "".join(f"; {p.reason}" for p in notes)
        raise FormatError(
            f"no cell of it has a height{why}",
            path=path,
            remedy="check its nodata value and the unit of its heights",
        )
    _require_whole(cleaning, raw, path)
    _drop(raw, [*cleaning.apart, *((0.0,) if cleaning.drops_zero else ())])
    if _is_metric(resolved.crs) and _is_upright(_transform(raw)):
        raw.replace(target)
    else:
        notes.append(_warp(raw, target, resolved.crs, request, cell, path))
        raw.unlink()
    if request.heights is Heights.ELLIPSOIDAL:
        _change(target, lambda heights, place: heights - _undulation(heights.shape, place, request))
    floor = None if cleaning.only_zero else cleaning.floor
    return _described(target, box, cell, floor, tuple(notes))


def _require_whole(cleaning: Cleaning, raw: Path, path: Path) -> None:
    """Refuse a sheet whose heights overflowed: where is anyone's guess.

    Raises:
        FormatError: saying so.
    """
    if cleaning.torn:
        raw.unlink()
        raise FormatError(
            "its heights overflowed 16 bits: neighbouring cells differ by the whole range",
            path=path,
            remedy="export it again as 32-bit floating point",
        )


def _drop(raw: Path, values: Sequence[float]) -> None:
    """Make what holds one of some values unknown."""
    if values:
        nothing = np.array(values, np.float32)
        _change(raw, lambda h, _: np.where(np.isin(h, nothing), np.float32(np.nan), h))


def _described(
    target: Path, box: Bounds, cell: float, floor: float | None, notes: tuple[Problem, ...]
) -> Sheet:
    gaps = 0
    with rasterio.open(target) as image:
        for window in strips(image.height, image.width):
            gaps += int(np.isnan(image.read(1, window=window)).sum())
        return Sheet(
            crs=CRS.from_wkt(image.crs.to_wkt()), transform=image.transform, shape=image.shape,
            extent=box, ground_cell=cell, gaps=gaps, floor=floor, warnings=notes,
        )  # fmt: skip


def strips(rows: int, columns: int, cells: int = STRIP) -> Iterator[Window]:
    """Whole rows of so many cells at most, in multiples of 256 rows where that many fit."""
    step = max(1, cells // max(columns, 1))
    step = step // 256 * 256 or step
    for row in range(0, rows, step):
        yield Window(0, row, columns, min(step, rows - row))


@contextmanager
def new_heights(
    path: Path, shape: tuple[int, int], transform: Affine, crs: CRS, **profile: Any
) -> Iterator[rasterio.io.DatasetWriter]:
    """A GeoTIFF of heights, NaN where unknown, to be written strip by strip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with raster.written(path), rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, nodata=math.nan,
        width=shape[1], height=shape[0], transform=transform, crs=crs.to_wkt(),
        tiled=True, blockxsize=256, blockysize=256, bigtiff="if_safer", **profile,
    ) as image:  # fmt: skip
        yield image


def _clean(
    image: rasterio.DatasetReader, path: Path, raw: Path, crs: CRS, request: Request
) -> Cleaning:
    cleaning = Cleaning(image, request.crs)
    with new_heights(raw, image.shape, image.transform, crs) as out:
        for window in strips(image.height, image.width):
            with raster.readable(path):
                band = image.read(1, window=window, masked=True)
            out.write(cleaning.clean(band), 1, window=window)
    return cleaning


def _change(path: Path, change: Any) -> None:
    """Write each strip anew, from its heights and its place (crs, transform)."""
    with raster.written(path), rasterio.open(path, "r+") as image:
        for window in strips(image.height, image.width):
            place = (CRS.from_wkt(image.crs.to_wkt()), image.window_transform(window))
            new = change(image.read(1, window=window), place)
            image.write(new.astype(np.float32), 1, window=window)


def _transform(path: Path) -> Affine:
    with rasterio.open(path) as image:
        found: Affine = image.transform
    return found


def _is_metric(crs: CRS) -> bool:
    return bool(
        crs.is_projected
        and all(axis.unit_name == "metre" for axis in crs.axis_info[:2])
        and not ("Mercator" in crs.name and "Transverse" not in crs.name)
    )


def _is_upright(transform: Affine) -> bool:
    return bool(transform.b == transform.d == 0 and transform.a > 0 and transform.e < 0)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where a sheet is brought to."""

    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    resampling: Resampling
    told: str


def _warp(raw: Path, target: Path, crs: CRS, request: Request, cell: float, path: Path) -> Problem:
    """Bring a sheet in degrees, feet or Mercator, rotated or upside down, upright onto metres."""
    with rasterio.open(raw) as image:
        turned = _is_metric(crs) and image.transform.b == image.transform.d == 0
        grid = _turned(image, crs) if turned else _metric(image, crs, request, cell)
        with WarpedVRT(
            image, crs=grid.crs.to_wkt(), transform=grid.transform, width=grid.shape[1],
            height=grid.shape[0], resampling=grid.resampling, src_nodata=math.nan,
            nodata=math.nan,
        ) as warped, new_heights(target, grid.shape, grid.transform, grid.crs) as out:  # fmt: skip
            for window in strips(*grid.shape):
                out.write(warped.read(1, window=window), 1, window=window)
    return Problem(path=str(path), reason=grid.told)


def _turned(image: rasterio.DatasetReader, crs: CRS) -> _Grid:
    """The same cells, rows from the north."""
    left, _, _, top = raster.span(image)
    grid = Affine(abs(image.transform.a), 0, left, 0, -abs(image.transform.e), top)
    told = "its rows do not go from north to south and from west to east: turned"
    return _Grid(crs, grid, image.shape, Resampling.nearest, told)


def _metric(image: rasterio.DatasetReader, crs: CRS, request: Request, cell: float) -> _Grid:
    """Cells in the compute CRS.

    All such sheets of one resolution come onto one grid, so that neighbours fit without another
    resampling: its cells are as many metres wide, to two digits.
    """
    into = request.city.compute_crs
    digits = 1 - math.floor(math.log10(cell))
    side = math.floor(cell * 10.0**digits * (1 + 1e-9)) / 10.0**digits
    box = transform_bounds(crs.to_wkt(), into.to_wkt(), *raster.span(image), densify_pts=21)
    left, bottom = (math.floor(v / side) for v in box[:2])
    right, top = (math.ceil(v / side) for v in box[2:])
    why = "it is rotated" if _is_metric(crs) else f"it is in {crs.name}"
    told = (
        f"{why}: resampled (bilinear) to {into.name} at {side:g} m, in which slopes and "
        "distances can be taken"
    )
    grid = Affine(side, 0, left * side, 0, -side, top * side)
    return _Grid(into, grid, (top - bottom, right - left), Resampling.bilinear, told)


def _undulation(
    shape: tuple[int, int], place: tuple[CRS, Affine], request: Request
) -> npt.NDArray[np.float64]:
    """Geoid heights at the cells, from a node every 32 cells (N changes by cm over a kilometre)."""
    rows, columns = shape
    crs, transform = place
    at_row = np.unique(np.append(np.arange(0, rows, 32), rows - 1))
    at_column = np.unique(np.append(np.arange(0, columns, 32), columns - 1))
    grid_column, grid_row = np.meshgrid(at_column + 0.5, at_row + 0.5)
    x = transform.c + transform.a * grid_column + transform.b * grid_row
    y = transform.f + transform.d * grid_column + transform.e * grid_row
    lonlat = to_lonlat(crs, np.stack([x.ravel(), y.ravel()], axis=1))
    nodes = request.city.geoid.undulation(lonlat[:, 0], lonlat[:, 1]).reshape(grid_row.shape)
    along = np.stack([np.interp(np.arange(columns), at_column, line) for line in nodes])
    return np.stack([np.interp(np.arange(rows), at_row, line) for line in along.T], axis=1)
