"""metadata.xml: where on Earth the local coordinates of a delivery lie."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from cim.errors import CrsError, FormatError, InputError
from cim.geo.crs import ResolvedCrs, resolve

REMEDY = "say where the delivery lies: --crs EPSG:4545 --origin x,y,z (--crs ENU:lat,lon works too)"
LARGEST = 1 << 22
_ENU = re.compile(r"ENU\s*:\s*([-+0-9.eE]+)\s*,\s*([-+0-9.eE]+)\s*$", re.IGNORECASE)
_CHINESE = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']gb[\w-]*[\"'][^>]*\?>", re.IGNORECASE)

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Georeference:
    """Where local coordinates lie.

    Args:
        resolved: Projected CRS of local coordinates + origin; None for an ENU delivery.
        enu: Latitude and longitude (degrees) of the tangent plane of an ENU delivery, else None.
        origin: Added to local coordinates, m.
    """

    resolved: ResolvedCrs | None
    enu: tuple[float, float] | None
    origin: Point


def find(folder: Path) -> Path | None:
    """The metadata.xml in a folder, in any case."""
    exact = folder / "metadata.xml"
    if exact.is_file():
        return exact
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return None
    return next((e for e in entries if e.name.lower() == "metadata.xml" and e.is_file()), None)


def georeference(
    path: Path | None, delivery: Path, crs: str | None, origin: Point | None
) -> Georeference:
    """Place a delivery: by what the user says, else by its metadata.xml.

    Args:
        path: The metadata.xml, if there is one.
        delivery: What is being placed, for messages.
        crs: ``--crs``: overrides the SRS of the file.
        origin: ``--origin``: overrides the SRSOrigin of the file.

    Raises:
        FormatError: the file is needed and malformed.
        CrsError: no SRS, an unknown one, or no origin.
    """
    given, offset = crs, origin
    if given is None or offset is None:
        if path is None:
            missing = "--crs" if given is None else "--origin"
            raise CrsError(
                f"there is no metadata.xml, and no {missing} was given",
                path=delivery,
                remedy=REMEDY,
            )
        srs, stored = read(path)
        given = srs if given is None else given
        offset = stored if offset is None else offset
    if not given:
        raise CrsError("the metadata give no SRS", path=path, remedy=REMEDY)
    if offset is None:
        raise CrsError("the metadata give no SRSOrigin", path=path, remedy=REMEDY)
    return _placed(given, offset, path or delivery)


def _placed(given: str, origin: Point, path: Path) -> Georeference:
    tangent = _ENU.match(given.strip())
    if tangent:
        return Georeference(resolved=None, enu=_latlon(tangent, path), origin=origin)
    try:
        resolved = resolve(given, near=origin[:2])
    except InputError as error:
        raise CrsError(error.reason, path=path, remedy=REMEDY) from error
    if not resolved.crs.is_projected:
        raise CrsError(
            f"{resolved.crs.name} counts in degrees, but a mesh is measured in metres",
            path=path,
            remedy=REMEDY,
        )
    return Georeference(resolved=resolved, enu=None, origin=origin)


def _latlon(tangent: re.Match[str], path: Path) -> tuple[float, float]:
    """Latitude first, as every reader of this form agrees."""
    try:
        lat, lon = float(tangent.group(1)), float(tangent.group(2))
    except ValueError as error:
        raise CrsError(f"{tangent.group(0)!r} is no latitude,longitude", path=path) from error
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise CrsError(
            f"ENU:{lat},{lon} is no latitude,longitude",
            path=path,
            remedy="latitude comes first: ENU:35.22,106.65",
        )
    return lat, lon


def read(path: Path) -> tuple[str, Point | None]:
    """SRS and SRSOrigin of a metadata.xml; "" and None where they are missing.

    Raises:
        FormatError: not XML, not a ModelMetadata, or an origin that is no two or three numbers.
    """
    root = _parse(path)
    if not root.tag.endswith("ModelMetadata"):
        raise FormatError(
            f"not a ModelMetadata but a {root.tag[:40]!r} document", path=path, remedy=REMEDY
        )
    srs = (root.findtext("SRS") or "").strip()
    text = (root.findtext("SRSOrigin") or "").strip()
    return srs, _origin(text, path) if text else None


def _parse(path: Path) -> ET.Element:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"cannot be read: {error.strerror or error}", path=path, remedy="check its permissions"
        ) from error
    if len(raw) > LARGEST or b"<!ENTITY" in raw.upper():
        raise FormatError("too large or with entities: no metadata", path=path, remedy=REMEDY)
    try:
        announced = _CHINESE.match(raw)
        if announced:  # expat knows no encodings of several bytes
            return ET.fromstring(raw[announced.end() :].decode("gb18030"))  # noqa: S314
        return ET.fromstring(raw)  # noqa: S314 - entities are refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FormatError(f"not well-formed XML: {error}", path=path, remedy=REMEDY) from error


def _origin(text: str, path: Path) -> Point:
    parts = [p for p in re.split(r"[,\s]+", text) if p]
    try:
        numbers = [float(p) for p in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in {2, 3} or not all(abs(n) < 1e9 for n in numbers):
        raise FormatError(
            f"SRSOrigin {text[:60]!r} is no two or three numbers", path=path, remedy=REMEDY
        )
    x, y, z = (*numbers, 0.0)[:3]
    return x, y, z
