"""One sheet of an orthophoto as its header tells it, and its place on the grid of tiles."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.crs import ResolvedCrs
from cim.ingest.source import Built, Parcel, Problem, Request
from cim.ingest.sources import raster
from cim.ingest.sources.ortho.options import OrthoOptions
from cim.ingest.sources.ortho.stretch import NOTHING, Stretch, patches, stretch_of
from cim.tiles.imagery import HALF, zoom_resolution

FINEST_ZOOM = 23
_BLOCK = 2048
_LAST_LATITUDE = 85.0511287798  # degrees, of the mercator square
_MANY = 10**10  # pixels: a sheet of more than that must hold something for them
_HOLLOW = 20_000  # bytes of pixels for one of the file: hardly more than holes
Window4 = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet that can be placed.

    Args:
        id: Of its part.
        path: The file.
        crs: How its CRS was found.
        box: Where it lies, degrees.
        cell: Cell on the ground, m.
        stretch: How it is shown.
        date: Day of its survey, as far as known.
    """

    id: str
    path: Path
    crs: ResolvedCrs
    box: Bounds
    cell: float
    stretch: Stretch
    date: dt.date | None

    @property
    def mercator_cell(self) -> float:
        """Its cell on the mercator plane, m."""
        return self.cell / math.cos(math.radians((self.box.south + self.box.north) / 2))


def look(
    image: rasterio.DatasetReader, name: str, path: Path, request: Request, options: OrthoOptions
) -> Sheet:
    """Read a sheet's header.

    Raises:
        CimError: it cannot be placed, is no picture, or lies outside the city.
    """
    found = raster.placed(image, path, request.crs)
    box = raster.within_city(image, found.crs, path, request.city)
    cell = raster.ground_cell(image, found.crs, box)
    if not request.city.bounds.touches(box):
        request.city.require_inside(box, path)
    _require_substance(image, path)
    sheet = Sheet(
        id=name, path=path, crs=found, box=box, cell=cell,
        stretch=stretch_of(image, path, options), date=options.date or _date(image),
    )  # fmt: skip
    zoom_of(sheet.mercator_cell, path)
    return sheet


def zoom_of(metres: float, path: Path | None = None) -> int:
    """The zoom whose pixels (on the mercator plane) are not wider than the sheet's, nearly."""
    zoom = math.ceil(math.log2(zoom_resolution(0) / metres) - 0.25)
    if not 0 <= zoom <= FINEST_ZOOM:
        raise FormatError(
            f"pixels of {metres:g} m are no orthophoto's",
            path=path,
            remedy="check the file's cell size",
        )
    return zoom


def _require_substance(image: rasterio.DatasetReader, path: Path) -> None:
    """Refuse a sheet that announces a continent and holds nothing of it."""
    pixels = image.width * image.height
    raw = pixels * sum(np.dtype(d).itemsize for d in image.dtypes)
    size = path.stat().st_size
    if image.driver == "GTiff" and pixels > _MANY and raw > _HOLLOW * size:
        raise FormatError(
            f"it announces {image.width} × {image.height} pixels in {size} bytes: there is next to "
            "nothing in it",
            path=path,
            remedy="deliver the part with the picture: gdalwarp -te ... cuts it out",
        )


def _date(image: rasterio.DatasetReader) -> dt.date | None:
    """``TIFFTAG_DATETIME``, as far as it is a day that has been."""
    text = str(image.tags().get("TIFFTAG_DATETIME", ""))[:10].replace("-", ":")
    try:
        found = dt.datetime.strptime(text, "%Y:%m:%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        return None
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)  # it may be there already
    return found if dt.date(1900, 1, 1) < found <= tomorrow else None


def placed_sheet(parcel: Parcel, zoom: int, request: Request) -> Built:
    """Make sure that a sheet lies in the city, on the grid, and shows something.

    Raises:
        OutsideCityError: it lies outside the city.
        FormatError: it lies beyond the grid, or is nothing but nodata.
    """
    sheet: Sheet = parcel.payload
    request.city.require_inside(sheet.box, sheet.path)
    with raster.opened(sheet.path) as image:
        window(image, sheet.crs.crs, zoom, sheet.path)
        if _is_empty(image):
            raise FormatError("it is nothing but nodata", path=sheet.path, remedy=NOTHING)
    note = sheet.stretch.note
    return Built(
        parcel=parcel.id,
        facts={"date": None if sheet.date is None else sheet.date.isoformat()},
        extent=sheet.box,
        warnings=(Problem(path=str(sheet.path), reason=note),) if note else (),
    )


def _is_empty(image: rasterio.DatasetReader) -> bool:
    """Whether no pixel of a sheet is one; what cannot be read might be."""
    if MaskFlags.all_valid in image.mask_flag_enums[0]:
        return False
    rows, columns = image.shape
    everything = (
        Window(left, top, min(_BLOCK, columns - left), min(_BLOCK, rows - top))
        for top in range(0, rows, _BLOCK)
        for left in range(0, columns, _BLOCK)
    )
    try:
        return not any(
            image.read_masks(window=part).any() for some in (patches(image), everything)
            for part in some
        )  # fmt: skip
    except RasterioError:
        return False


def window(image: rasterio.DatasetReader, crs: CRS, zoom: int, path: Path) -> Window4:
    """A sheet's bounding box in whole pixels of the grid, which ends at 85° north and south.

    Returns:
        Left, top, width, height, counted from the grid's north-west corner.

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
