"""What elevation and imagery GeoTIFFs have in common: opened safely, placed or refused."""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rasterio
import rasterio.errors
from pyproj import CRS
from rasterio._err import CPLE_BaseError

from cim.city import Bounds, City
from cim.errors import CrsError, FormatError, OutsideCityError, StorageError
from cim.geo.crs import ResolvedCrs, lonlat_bounds, resolve
from cim.store.files import disk_errors, free

SUFFIXES = frozenset({".tif", ".tiff", ".img", ".asc", ".vrt"})
BYTES = frozenset({"uint8", "int8"})
CACHE = 256  # MB of blocks that GDAL keeps in a worker; its own choice is a share of the machine
SWAPPED = (
    "its axes look swapped: with x and y exchanged it lies in the city; export it again with "
    "east before north"
)
_JPEG = "JPEGLib:"
_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def files(paths: Sequence[Path]) -> list[Path]:
    """The rasters among files and directly in folders, by name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES))
        else:
            found.append(path)
    return found


def _quietly_open(path: Path) -> rasterio.DatasetReader:
    """Open a raster; one without georeference is told of in our words, not in a warning's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        return rasterio.open(path)


@contextmanager
def opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """A raster, open; whatever GDAL says of a bad one becomes one sentence.

    Raises:
        FormatError: GDAL cannot open or read it.
    """
    with readable(path), _quietly_open(path) as image:
        yield image


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever GDAL says of a bad raster becomes one sentence, inside ``written`` too.

    Raises:
        FormatError: GDAL cannot open or read it.
    """
    try:
        yield
    except (rasterio.errors.RasterioError, CPLE_BaseError) as error:
        raise FormatError(
            f"GDAL cannot read it: {reason_of(error)}",
            path=path,
            remedy="export it again from the program that made it",
        ) from error


def reason_of(error: BaseException) -> str:
    """What GDAL says, in one line: a read that failed tells its reason only in its cause."""
    return str(error.__cause__ or error).splitlines()[0][:200]


class _Ear(logging.Handler):
    """Keeps what GDAL complains of, for one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if _JPEG in text and record.thread == self._thread:
            self.heard.append(text[text.index(_JPEG) + len(_JPEG) :].strip()[:200])


@contextmanager
def jpeg_complaints() -> Iterator[list[str]]:
    """What the JPEG decoder complains of meanwhile: it warns of damage, and draws something."""
    ear = _Ear()
    log = logging.getLogger("rasterio")
    log.addHandler(ear)
    try:
        yield ear.heard
    finally:
        log.removeHandler(ear)


@contextmanager
def written(path: Path) -> Iterator[None]:
    """What GDAL says when a raster cannot be written becomes one sentence; it gives no errno.

    Raises:
        StorageError: the disk takes no more.
    """
    with disk_errors(path):
        try:
            yield
        except (rasterio.errors.RasterioError, CPLE_BaseError) as error:
            raise StorageError(
                f"cannot write: {reason_of(error)} ({free(path)} free)",
                path=path,
                remedy="free some room or give another CIM_DATA_DIR; a second run goes on where "
                "this one stopped",
            ) from error


def placed(image: rasterio.DatasetReader, path: Path, given: str | None) -> ResolvedCrs:
    """The CRS of a raster that says where it is.

    Raises:
        CrsError: no CRS, ground control points only, or no georeference at all.
        FormatError: its cells have no size.
    """
    if image.transform.is_identity:
        points, _ = image.gcps
        if points:
            raise CrsError(
                f"it has {len(points)} ground control points but no georeference",
                path=path,
                remedy="rectify it first, for example: gdalwarp -t_srs EPSG:4545 in.tif out.tif",
            )
        raise CrsError(
            "it has no georeference: neither origin nor cell size",
            path=path,
            remedy="deliver it as GeoTIFF or with its .tfw world file",
        )
    size = image.transform.determinant
    if not math.isfinite(size) or size == 0:
        raise FormatError(
            "its cells have no size", path=path, remedy="check its georeference with gdalinfo"
        )
    if given:
        return resolve(given)
    if image.crs is None:
        raise CrsError(
            "it does not say its coordinate reference system",
            path=path,
            remedy="give the CRS with --crs, such as --crs EPSG:4545",
        )
    return resolve(image.crs.to_wkt())


def extent(image: rasterio.DatasetReader, crs: CRS, path: Path) -> Bounds:
    """Where a raster lies, degrees; a rotated or upside-down one by its corners.

    Raises:
        CrsError: its corners lie nowhere on Earth, or on both sides of the 180° meridian.
    """
    try:
        return Bounds(*lonlat_bounds(crs, span(image)))
    except CrsError as error:
        raise CrsError(error.reason, path=path, remedy=error.remedy) from error


def within_city(image: rasterio.DatasetReader, crs: CRS, path: Path, city: City) -> Bounds:
    """Where a raster lies, degrees, held against the city.

    Raises:
        CrsError: it lies nowhere on Earth; the remedy says so where its axes look swapped.
        OutsideCityError: its axes look swapped. Others that lie outside are let through: whoever
            reads them refuses them with both extents.
    """
    try:
        box = extent(image, crs, path)
    except CrsError as error:
        if not _swapped(image, crs, city):
            raise
        raise CrsError(error.reason, path=path, remedy=SWAPPED) from error
    if not city.bounds.touches(box) and _swapped(image, crs, city):
        raise OutsideCityError(
            f"the data lie at {box}, outside {city.name} at {city.bounds}",
            path=path,
            remedy=SWAPPED,
        )
    return box


def _swapped(image: rasterio.DatasetReader, crs: CRS, city: City) -> bool:
    """Whether the raster would lie in the city if x were y and y were x."""
    left, bottom, right, top = span(image)
    try:
        return city.bounds.touches(Bounds(*lonlat_bounds(crs, (bottom, left, top, right))))
    except CrsError:
        return False


def span(image: rasterio.DatasetReader) -> tuple[float, float, float, float]:
    """Smallest and largest coordinates in the raster's CRS; its rows may go up or askew."""
    t = image.transform
    corners = [(x, y) for x in (0, image.width) for y in (0, image.height)]
    xs = [t.c + t.a * x + t.b * y for x, y in corners]
    ys = [t.f + t.d * x + t.e * y for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def ground_cell(image: rasterio.DatasetReader, crs: CRS, box: Bounds) -> float:
    """Cell size on the ground at the raster's middle, m: the geometric mean of both sides."""
    a, b, d, e = image.transform.a, image.transform.b, image.transform.d, image.transform.e
    area = abs(a * e - b * d)
    if crs.is_geographic:
        lat = math.radians((box.south + box.north) / 2)
        return math.sqrt(area) * 111_320.0 * math.sqrt(max(math.cos(lat), 1e-6))
    factor = float(crs.axis_info[0].unit_conversion_factor or 1.0)
    scale = 1.0
    if "Mercator" in crs.name and "Transverse" not in crs.name:
        scale = math.cos(math.radians((box.south + box.north) / 2))
    return math.sqrt(area) * factor * scale


def is_elevation(path: Path) -> bool:
    """One band of numbers that are no byte: a height model rather than a picture."""
    if path.suffix.lower() not in SUFFIXES or not _looks_like(path):
        return False
    try:
        with _quietly_open(path) as image:
            return image.count == 1 and image.dtypes[0] not in BYTES
    except rasterio.errors.RasterioError:
        return False


def is_picture(path: Path) -> bool:
    """Any raster, and what only claims to be one: the reader says what is wrong."""
    return path.suffix.lower() in SUFFIXES


def _looks_like(path: Path) -> bool:
    if path.suffix.lower() not in {".tif", ".tiff"}:
        return True
    with path.open("rb") as file:
        return file.read(4) in _HEADS
