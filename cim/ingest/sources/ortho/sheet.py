"""One sheet of an orthophoto, warped onto the grid of web-mercator tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
from affine import Affine
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from cim.errors import FormatError
from cim.ingest.source import WORK, Built, Parcel, Problem, Request
from cim.ingest.sources import raster
from cim.tiles.imagery import HALF, zoom_resolution

BLOCK = 2048
HEIGHTS = frozenset({"int16", "int32", "float32", "float64"})
_NOTHING = "deliver a sheet with a picture, or leave this one out"
_LAST_LATITUDE = 85.0511287798  # degrees, of the mercator square
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How a sheet's bands become red, green and blue bytes.

    Args:
        bands: Three band numbers; one thrice for a grey sheet.
        alpha: Number of the band that says where there is picture.
        low: Value that becomes 0, per colour.
        high: Value that becomes 255, per colour.
        note: What was decided, for the report; empty for plain RGB bytes.
    """

    bands: tuple[int, int, int]
    alpha: int | None
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (255.0, 255.0, 255.0)
    note: str = ""


def stretch_of(image: rasterio.DatasetReader, path: Path) -> Stretch:
    """Decide how to show a sheet, from its header and a coarse look at its values.

    Raises:
        FormatError: it has no band that could be shown.
    """
    alpha = next(
        (
            i
            for i, c in zip(image.indexes, image.colorinterp, strict=True)
            if c is ColorInterp.alpha
        ),
        None,
    )
    colours = [i for i in image.indexes if i != alpha]
    if not colours or image.dtypes[0].startswith("complex"):
        raise FormatError(f"{image.count} bands of {image.dtypes[0]} are no picture", path=path)
    if len(colours) == 1 and image.dtypes[0] in HEIGHTS:
        raise FormatError(
            f"one band of {image.dtypes[0]} holds heights, not a picture",
            path=path,
            remedy="ingest it into a terrain layer, or deliver it as bytes or uint16",
        )
    few = len(colours) < 3
    bands = (colours[0],) * 3 if few else (colours[0], colours[1], colours[2])
    notes = []
    if few:
        notes.append(f"shown grey from band {colours[0]}")
    elif len(colours) > 3:
        notes.append(f"bands {bands} of {len(colours)} are shown as red, green, blue")
    if image.dtypes[0] == "uint8":
        return Stretch(bands=bands, alpha=alpha, note="; ".join(notes))
    low, high = _percentiles(image, bands, path)
    notes.append(
        f"{image.dtypes[0]} values were stretched to bytes, 2 % and 98 % at "
        f"{low[0]:g} and {high[0]:g} (band {bands[0]})"
    )
    return Stretch(bands=bands, alpha=alpha, low=low, high=high, note="; ".join(notes))


def _percentiles(
    image: rasterio.DatasetReader, bands: tuple[int, int, int], path: Path
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    scale = max(1.0, max(image.shape) / 1024)
    shape = (3, max(1, int(image.height / scale)), max(1, int(image.width / scale)))
    coarse = image.read(bands, out_shape=shape, masked=True).astype(np.float64)
    lows, highs = [], []
    for band in coarse:
        values = band.compressed()
        values = values[np.isfinite(values)]
        if values.size == 0:
            raise FormatError("it is nothing but nodata", path=path, remedy=_NOTHING)
        low, high = np.percentile(values, (2, 98))
        lows.append(float(low))
        highs.append(float(high) if high > low else float(low) + 1.0)
    return (lows[0], lows[1], lows[2]), (highs[0], highs[1], highs[2])


def place_sheet(
    parcel: Parcel, zoom: int, stretch: Stretch, request: Request, staging: Path
) -> Built:
    """Warp a sheet onto the grid at a zoom, as RGB and alpha.

    Returns:
        ``facts.window``: left, top, width, height in pixels of the grid, counted from its
        north-west corner.

    Raises:
        OutsideCityError: it lies outside the city.
        FormatError: it cannot be read, or is nothing but nodata.
    """
    with raster.opened(parcel.path) as image:
        crs = raster.placed(image, parcel.path, request.crs).crs
        box = raster.extent(image, crs, parcel.path)
        request.city.require_inside(box, parcel.path)
        window = _window(image, crs, zoom, parcel.path)
        name = f"{WORK}/{parcel.id}.tif"
        with _warped(image, crs.to_wkt(), window, zoom, stretch) as warped:
            covered = _copy(warped, staging / name, window, stretch, parcel.path)
    if covered == 0:
        raise FormatError("it is nothing but nodata", path=parcel.path, remedy=_NOTHING)
    warnings: tuple[Problem, ...] = ()
    if stretch.note:
        warnings = (Problem(path=str(parcel.path), reason=stretch.note),)
    return Built(
        parcel=parcel.id,
        facts={"file": name, "window": list(window)},
        counts={"pixels_with_picture": covered},
        extent=box,
        warnings=warnings,
    )


def _window(
    image: rasterio.DatasetReader, crs: CRS, zoom: int, path: Path
) -> tuple[int, int, int, int]:
    """The sheet's bounding box in whole pixels of the grid, which ends at 85° north and south.

    Raises:
        FormatError: it lies beyond.
    """
    west, south, east, north = raster.span(image)
    if crs.is_geographic:
        south, north = max(south, -_LAST_LATITUDE), min(north, _LAST_LATITUDE)
    found = (
        transform_bounds(crs.to_wkt(), "EPSG:3857", west, south, east, north, densify_pts=21)
        if south < north
        else (0.0, 0.0, 0.0, 0.0)
    )
    west, south, east, north = (min(max(v, -HALF), HALF) for v in found)
    size = zoom_resolution(zoom)
    left, right = math.floor((west + HALF) / size), math.ceil((east + HALF) / size)
    top, bottom = math.floor((HALF - north) / size), math.ceil((HALF - south) / size)
    if left >= right or top >= bottom:
        raise FormatError(
            "it lies beyond 85° of latitude, where maps on the web end",
            path=path,
            remedy="check its place with gdalinfo; if it is wrong, give the right --crs",
        )
    return left, top, right - left, bottom - top


def _warped(
    image: rasterio.DatasetReader,
    wkt: str,
    window: tuple[int, int, int, int],
    zoom: int,
    stretch: Stretch,
) -> WarpedVRT:
    size = zoom_resolution(zoom)
    left, top, width, height = window
    has_mask = (
        stretch.alpha is not None
        or image.nodata is not None
        or MaskFlags.per_dataset in image.mask_flag_enums[0]
    )
    return WarpedVRT(
        image,
        src_crs=wkt,
        crs="EPSG:3857",
        transform=Affine(size, 0, left * size - HALF, 0, -size, HALF - top * size),
        width=width,
        height=height,
        resampling=Resampling.bilinear,
        add_alpha=stretch.alpha is None,
        nodata=image.nodata if has_mask and stretch.alpha is None else None,
        warp_mem_limit=256,
    )


def _blocks(width: int, height: int) -> Iterator[Window]:
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            yield Window(left, top, min(BLOCK, width - left), min(BLOCK, height - top))


def _copy(
    warped: WarpedVRT,
    target: Path,
    window: tuple[int, int, int, int],
    stretch: Stretch,
    source: Path,
) -> int:
    """Write the warped sheet block by block; the number of pixels that hold picture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    covered = 0
    with raster.written(target), rasterio.open(
        part, "w", driver="GTiff", dtype="uint8", count=4, width=window[2], height=window[3],
        crs="EPSG:3857", transform=warped.transform, tiled=True, blockxsize=512, blockysize=512,
        compress="zstd", zstd_level=1, predictor=2, bigtiff="if_safer", sparse_ok=True,
        photometric="rgb", alpha="yes",
    ) as image:  # fmt: skip
        for block in _blocks(window[2], window[3]):
            pixels, alpha = _read(warped, block, stretch, source)
            seen = alpha > 0
            if not seen.any():
                continue
            covered += int(seen.sum())
            image.write(np.concatenate([pixels, alpha[None]]), window=block)
    part.replace(target)
    return covered


def _read(
    warped: WarpedVRT, block: Window, stretch: Stretch, source: Path
) -> tuple[Pixels, Pixels]:
    alpha_band = warped.count if stretch.alpha is None else stretch.alpha
    try:
        values = warped.read([*stretch.bands, alpha_band], window=block)
    except rasterio.errors.RasterioError as error:
        raise FormatError(
            f"a part of it cannot be read: {str(error).splitlines()[0][:200]}",
            path=source,
            remedy="the file is damaged or cut short: deliver it again",
        ) from error
    colours, alpha = values[:3], values[3]
    seen = alpha > 0
    if values.dtype == np.uint8:
        return colours, np.where(seen, 255, 0).astype(np.uint8)
    low = np.array(stretch.low)[:, None, None]
    high = np.array(stretch.high)[:, None, None]
    with np.errstate(invalid="ignore"):
        known = seen & np.isfinite(colours).all(axis=0)
        scaled = np.clip((colours - low) / (high - low) * 255, 0, 255)
    pixels = np.where(known, np.nan_to_num(scaled), 0).round().astype(np.uint8)
    return pixels, np.where(known, 255, 0).astype(np.uint8)
