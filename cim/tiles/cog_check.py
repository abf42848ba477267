"""Checks a cloud-optimised GeoTIFF: layout, place, overviews, gaps, and that its blocks decode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from cim.city import Bounds
from cim.errors import FormatError
from cim.tiles.look import Look

COARSEST = 1024  # pixels: a picture wider than this needs an overview
GEODETIC = CRS.from_epsg(4326)


def check_cog(path: Path, bounds: Bounds | None = None) -> tuple[Look, ...]:
    """Look at one file.

    Args:
        path: A GeoTIFF.
        bounds: Where it must lie, degrees; None where it does not matter.

    Raises:
        FormatError: GDAL cannot read it.
    """
    layout, place, blocks = Look("cog.layout", 1), Look("cog.place", 1), Look("cog.blocks")
    try:
        with rasterio.open(path) as image:
            for fault in _layout_faults(image):
                layout.fail(f"{path.name}: {fault}")
            _place(image, bounds, place, path.name)
            layout.figures |= {
                "width": image.width, "height": image.height, "bands": image.count,
                "overviews": len(image.overviews(1)),
            }  # fmt: skip
            if not _tells_gaps(image):
                layout.note(f"{path.name}: neither nodata, mask nor alpha: gaps cannot be told")
            overviews = len(image.overviews(1))
        for overview in (None, *range(overviews)):
            _blocks(path, overview, blocks)
    except RasterioError as error:
        raise FormatError(f"GDAL cannot read it: {error}", path=path) from error
    return (layout, place, blocks)


def _layout_faults(image: rasterio.DatasetReader) -> Iterator[str]:
    if image.driver != "GTiff":
        yield f"it is a {image.driver}, not a GeoTIFF"
        return
    if (image.tags(ns="IMAGE_STRUCTURE") or {}).get("LAYOUT") != "COG":
        yield "it is not laid out as a COG: clients must read it whole to find its parts"
    rows, columns = image.block_shapes[0]
    if columns == image.width and rows < image.height and image.width > COARSEST:
        yield f"it is stored in strips of {rows} rows, not in tiles"
    factors = image.overviews(1)
    if max(image.width, image.height) > COARSEST and not factors:
        yield "it has no overviews"
    if any(later <= sooner for sooner, later in pairwise(factors)):
        yield f"its overviews do not shrink: {factors}"
    if factors and max(image.width, image.height) / factors[-1] > 2 * COARSEST:
        yield f"its coarsest overview, 1:{factors[-1]}, is still wider than {2 * COARSEST} pixels"


def _place(image: rasterio.DatasetReader, bounds: Bounds | None, look: Look, name: str) -> None:
    if image.crs is None:
        look.fail(f"{name}: it has no CRS")
        return
    numbers = list(image.transform)[:6]
    if not np.isfinite(numbers).all() or image.transform.determinant == 0:
        look.fail(f"{name}: its transformation is not finite, or flattens it")
        return
    try:
        extent = Bounds(*transform_bounds(image.crs, GEODETIC, *image.bounds))
    except (RasterioError, ValueError) as error:
        look.fail(f"{name}: it lies nowhere on Earth: {error}")
        return
    if not all(map(math.isfinite, extent)):
        look.fail(f"{name}: it lies nowhere on Earth")
        return
    look.figures |= dict(zip(("west", "south", "east", "north"), extent, strict=True))
    if bounds is not None and not bounds.touches(extent):
        look.fail(f"{name}: lies at {extent}, outside of {bounds}")


def _tells_gaps(image: rasterio.DatasetReader) -> bool:
    flags = {flag.name for band in image.mask_flag_enums for flag in band}
    return bool(flags & {"per_dataset", "alpha", "nodata"})


def _blocks(path: Path, overview: int | None, look: Look) -> None:
    """Decode the blocks at the corners and in the middle of one resolution."""
    options = {} if overview is None else {"OVERVIEW_LEVEL": overview}
    with rasterio.open(path, **options) as image:
        rows, columns = image.block_shapes[0]
        last = (-(-image.height // rows) - 1, -(-image.width // columns) - 1)
        corners = {(r, c) for r in (0, last[0] // 2, last[0]) for c in (0, last[1] // 2, last[1])}
        for row, column in sorted(corners):
            look.looked_at += 1
            window = Window(column * columns, row * rows, columns, rows).intersection(
                Window(0, 0, image.width, image.height)
            )
            where = f"{path.name}, 1:{2 ** (0 if overview is None else overview + 1)}"
            try:
                values = image.read(window=window, masked=True)
            except RasterioError as error:
                look.fail(f"{where}: block {column}/{row} does not decode: {error}")
                continue
            if values.dtype.kind == "f" and np.isinf(values.compressed()).any():
                look.fail(f"{where}: block {column}/{row} holds infinite numbers")
