"""Which place on Earth coordinates mean: resolved from parameters, never from a name tag."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from cim.errors import CrsError, InputError

Floats = npt.NDArray[np.float64]

CGCS2000 = CRS.from_epsg(4490)
GEODETIC_3D = CRS.from_epsg(4979)
GEOCENTRIC = CRS.from_epsg(4978)

_AUTHORITY = re.compile(r'AUTHORITY\s*\[\s*"EPSG"\s*,\s*"?(\d+)"?\s*\]\s*\]\s*$', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedCrs:
    """A horizontal CRS and how we came to it.

    Args:
        crs: Horizontal CRS; use it with ``always_xy`` only.
        given: The text as it was given.
        how: One sentence: which parameters decided.
        warnings: Disagreements inside the given text.
    """

    crs: CRS
    given: str
    how: str
    warnings: tuple[str, ...] = ()


def resolve(given: str, near: tuple[float, float] | None = None) -> ResolvedCrs:
    """Resolve EPSG:n, WKT or a PROJ string into a horizontal CRS.

    A WKT is taken at its parameters. Where its own AUTHORITY tag names another CRS (a city's own
    central meridian under the tag of the standard zone is common in China) the parameters win and
    a warning says how far apart the two are at ``near`` (x, y in this CRS), else at 35° north.

    Raises:
        CrsError: the text is no CRS, or one without a horizontal part.

    Example:
        >>> resolve("EPSG:4545").crs.to_epsg()
        4545
    """
    text = given.strip()
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise CrsError(
            f"{text[:80]!r} is not a coordinate reference system",
            remedy="give one with --crs, such as --crs EPSG:4545, or a WKT",
        ) from error
    horizontal = _horizontal(crs)
    if not horizontal.is_projected and not horizontal.is_geographic:
        raise CrsError(
            f"{crs.name} is neither projected nor geographic ({crs.type_name})",
            remedy="give the true one with --crs",
        )
    warnings: list[str] = []
    how = f"taken at its own parameters: {crs.name}"
    tag = _AUTHORITY.search(text)
    if tag:
        warning = _disagreement(horizontal, int(tag.group(1)), near)
        if warning:
            warnings.append(warning)
            how = f"parameters of the WKT ({crs.name}), its AUTHORITY tag set aside"
    if crs.is_compound:
        warnings.append(
            f"the vertical part of {crs.name} was set aside: heights follow the --heights switch"
        )
    return ResolvedCrs(crs=horizontal, given=given, how=how, warnings=tuple(warnings))


def _horizontal(crs: CRS) -> CRS:
    if crs.is_compound:
        return crs.sub_crs_list[0]
    if crs.is_bound and crs.source_crs is not None:
        return crs.source_crs
    return crs


def _disagreement(crs: CRS, code: int, near: tuple[float, float] | None) -> str | None:
    """Say how far the CRS lies from the one its tag names; None where they agree."""
    try:
        tagged = CRS.from_epsg(code)
    except CRSError:
        return f"the AUTHORITY tag EPSG:{code} is unknown; the WKT's parameters were used"
    if tagged.is_projected != crs.is_projected:
        return f"the AUTHORITY tag EPSG:{code} names a CRS of another kind; the WKT's were used"
    metres = _distance_between(crs, tagged, near)
    if metres < 0.001:
        return None
    return (
        f"the AUTHORITY tag says EPSG:{code} ({tagged.name}), the WKT's own parameters lie "
        f"{metres / 1000:.1f} km from it; the parameters were used"
    )


def _distance_between(a: CRS, b: CRS, near: tuple[float, float] | None) -> float:
    """Metres between what the two make of one coordinate of ``a``."""
    if a.is_geographic:
        return 0.0
    x, y = near or _on_meridian(a, 35.0)
    place = np.array([[x, y, 0.0], [x, y, 0.0]])
    return float(np.linalg.norm(to_ecef(a, place)[0] - to_ecef(b, place)[0]))


def _on_meridian(crs: CRS, latitude: float) -> tuple[float, float]:
    """A coordinate on the central meridian of a projected CRS."""
    meridian = next(
        (
            p["value"]
            for p in crs.to_json_dict()["conversion"]["parameters"]
            if p["name"] == "Longitude of natural origin"
        ),
        0.0,
    )
    step = Transformer.from_crs(crs.geodetic_crs or CGCS2000, crs, always_xy=True)
    x, y = step.transform(meridian, latitude)
    return float(x), float(y)


@lru_cache(maxsize=128)
def transformer(source: CRS, target: CRS) -> Transformer:
    """Transformer in x, y (east, north) order, cached; see the axis trap in docs/crs.md."""
    return Transformer.from_crs(source, target, always_xy=True)


def rows(step: Transformer, points: Floats) -> Floats:
    """Transform the rows of an (n, k) array.

    A single row goes in twice: pyproj takes arrays of one element for plain numbers, by a
    conversion that NumPy has deprecated.
    """
    several = np.repeat(points, 2, axis=0) if len(points) == 1 else points
    return np.stack(step.transform(*several.T), axis=1)[: len(points)]


def to_lonlat(crs: CRS, xy: Floats) -> Floats:
    """Longitude and latitude in degrees (CGCS2000, equal to WGS 84 here) of (n, 2) coordinates.

    Raises:
        CrsError: a coordinate cannot be placed (a zone-prefixed easting, for example).
    """
    points = np.asarray(xy, dtype=np.float64)
    try:
        result = rows(transformer(crs, CGCS2000), points[:, :2])
    except ProjError as error:
        raise CrsError(f"coordinates cannot be transformed from {crs.name}: {error}") from error
    if not np.isfinite(result).all():
        raise _unplaceable(crs, points[~np.isfinite(result).all(axis=1)][0])
    return result


def to_ecef(crs: CRS, xyh: Floats) -> Floats:
    """Geocentric x, y, z (m, EPSG:4978) of (n, 3) coordinates with **ellipsoidal** heights, m.

    Raises:
        CrsError: a coordinate cannot be placed.
    """
    points = np.asarray(xyh, dtype=np.float64)
    lonlat = rows(transformer(crs, CGCS2000), points[:, :2])
    placed = np.concatenate([lonlat, points[:, 2:3]], axis=1)
    result = rows(transformer(GEODETIC_3D, GEOCENTRIC), placed)
    if not np.isfinite(result).all():
        raise _unplaceable(crs, points[~np.isfinite(result).all(axis=1)][0])
    return result


def _unplaceable(crs: CRS, point: Floats) -> InputError:
    hint = "check --crs"
    if crs.is_projected and abs(point[0]) > 1e7:
        hint = (
            f"an easting of {point[0]:.0f} carries a zone number in front; "
            "give the zone-prefixed CRS (EPSG:4513 to EPSG:4533) with --crs"
        )
    return CrsError(
        f"({point[0]:.1f}, {point[1]:.1f}) lies nowhere on Earth in {crs.name}", remedy=hint
    )


def lonlat_bounds(
    crs: CRS, box: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of a box in a CRS, its sides followed at 21 points.

    Raises:
        CrsError: it lies nowhere on Earth, or on both sides of the 180° meridian.
    """
    shown = ", ".join(f"{v:.1f}" for v in box)
    radius = crs.ellipsoid.semi_major_metre if crs.ellipsoid else 0.0
    if not 6.3e6 < radius < 6.45e6:
        raise CrsError(
            f"{crs.name} lies on another celestial body (radius {radius / 1000:.0f} km)",
            remedy="this is a platform for cities on Earth; check the CRS",
        )
    if crs.is_geographic and not (
        box[0] >= -360 and box[2] <= 360 and box[1] > -91 and box[3] < 91
    ):
        raise CrsError(f"({shown}) are no degrees of {crs.name}", remedy="give the CRS with --crs")
    try:
        found = transformer(crs, CGCS2000).transform_bounds(*box, densify_pts=21)
    except ProjError as error:
        raise CrsError(f"({shown}) cannot be placed from {crs.name}: {error}") from error
    west, south, east, north = (float(v) for v in found)
    if not np.isfinite([west, south, east, north]).all() or not -90 <= south <= north <= 90:
        raise CrsError(
            f"({shown}) lies nowhere on Earth in {crs.name}", remedy="give the right CRS with --crs"
        )
    turns = 360.0 * np.floor((west + 180.0) / 360.0)  # longitudes of 0..360 are a delivery's right
    west, east = west - turns, east - turns
    if west > east or east > 180.0 + 1e-9:
        raise CrsError(
            "it lies on both sides of the 180° meridian, which is not supported",
            remedy="cut it there and ingest the parts into layers of their own",
        )
    return float(west), max(south, -90.0), float(min(east, 180.0)), min(north, 90.0)
