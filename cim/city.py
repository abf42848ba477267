"""The city: the one place that says where we are. Read from ``city.toml``."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pyproj import CRS

from cim.errors import DeclarationError, OutsideCityError
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid, Geoid, GridGeoid

EGM96 = Path("/usr/share/proj/egm96_15.gtx")  # Debian's proj-data


MILLIMETRE = 1e-8  # degrees


class Bounds(NamedTuple):
    """West, south, east, north in degrees (CGCS2000)."""

    west: float
    south: float
    east: float
    north: float

    def contains(self, other: Bounds) -> bool:
        """Whether the other lies wholly inside, to a millimetre."""
        e = MILLIMETRE
        return (
            self.west - e <= other.west
            and self.south - e <= other.south
            and other.east <= self.east + e
            and other.north <= self.north + e
        )

    def touches(self, other: Bounds) -> bool:
        """Whether the two have a point in common, to a millimetre."""
        e = MILLIMETRE
        return (
            self.west <= other.east + e
            and other.west <= self.east + e
            and self.south <= other.north + e
            and other.south <= self.north + e
        )

    def intersection(self, other: Bounds) -> Bounds | None:
        """What both cover; None where they have no point in common."""
        if not self.touches(other):
            return None
        return Bounds(
            max(self.west, other.west),
            max(self.south, other.south),
            min(self.east, other.east),
            min(self.north, other.north),
        )

    def union(self, other: Bounds) -> Bounds:
        """The smallest bounds around both."""
        return Bounds(
            min(self.west, other.west),
            min(self.south, other.south),
            max(self.east, other.east),
            max(self.north, other.north),
        )

    def __str__(self) -> str:
        return f"{self.west:.5f}..{self.east:.5f}°E {self.south:.5f}..{self.north:.5f}°N"


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Profile of one city.

    Args:
        name: What users read.
        bounds: All data must lie inside.
        compute_crs: Projected CRS in metres for areas, distances and analyses.
        geoid: N for the step between orthometric and ellipsoidal heights.
        geoid_source: Where N comes from, for reports.
        height_datum: Datum of stored heights.
        climate_zone: Building climate zone of GB 50178, for sunlight rules.
        population: Inhabitants, for size classes.
        home: Camera of the first view: lon, lat, height above ellipsoid, heading, pitch; or None.
    """

    name: str
    name_en: str
    bounds: Bounds
    compute_crs: CRS
    geoid: Geoid = field(default_factory=lambda: ConstantGeoid(0.0))
    geoid_source: str = "constant 0 m (unverified)"
    height_datum: str = "1985国家高程基准"
    climate_zone: str = ""
    population: int | None = None
    home: tuple[float, float, float, float, float] | None = None

    def require_inside(self, extent: Bounds, path: Path | str) -> None:
        """Refuse data that lie outside the city.

        Raises:
            OutsideCityError: with both extents.
        """
        if not all(math.isfinite(v) for v in extent) or not self.bounds.contains(extent):
            raise self._outside(extent, path)

    def require_touching(self, extent: Bounds, path: Path | str) -> None:
        """Refuse a delivery of which nothing at all lies inside the city.

        Raises:
            OutsideCityError: with both extents.
        """
        if not self.bounds.touches(extent):
            raise self._outside(extent, path)

    def _outside(self, extent: Bounds, path: Path | str) -> OutsideCityError:
        return OutsideCityError(
            f"the data lie at {extent}, outside {self.name} at {self.bounds}",
            path=path,
            remedy="check --crs, widen `bounds` in city.toml, or make a profile for this "
            f"delivery with: cim city init --from {path}",
        )

    def undulation(self, lon: float, lat: float) -> float:
        """Geoid height N at one place, m."""
        return float(self.geoid.undulation(np.array([lon]), np.array([lat]))[0])


def load(path: Path) -> City:
    """Read a city profile.

    Raises:
        DeclarationError: naming the file, the key and what is wrong with it.
    """
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError as error:
        raise DeclarationError(
            "there is no city profile",
            path=path,
            remedy="make one with `cim city init` or point CIM_CITY at it",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"not valid TOML: {error}", path=path) from error
    try:
        return _city(data, path.parent)
    except (KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            f"the city profile does not fit: {error}",
            path=path,
            remedy="docs/city.md lists the keys and their values",
        ) from error


def _city(data: Mapping[str, Any], folder: Path) -> City:
    known = {
        "name", "name_en", "bounds", "compute_crs", "geoid", "height_datum",
        "climate_zone", "population", "home",
    }  # fmt: skip
    unknown = set(data) - known
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}")
    bounds = Bounds(*(float(v) for v in data["bounds"]))
    if not (-180 <= bounds.west < bounds.east <= 180 and -90 <= bounds.south < bounds.north <= 90):
        raise ValueError(f"bounds {list(bounds)} are not [west, south, east, north] in degrees")
    crs = resolve(str(data["compute_crs"])).crs
    if not crs.is_projected:
        raise ValueError(f"compute_crs {crs.name} is not projected")
    geoid, source = _geoid(data.get("geoid", "egm96"), bounds, folder)
    home = data.get("home")
    return City(
        name=str(data["name"]),
        name_en=str(data.get("name_en", "")),
        bounds=bounds,
        compute_crs=crs,
        geoid=geoid,
        geoid_source=source,
        height_datum=str(data.get("height_datum", "1985国家高程基准")),
        climate_zone=str(data.get("climate_zone", "")),
        population=data.get("population"),
        home=None if home is None else _five(home),
    )


def _five(values: Any) -> tuple[float, float, float, float, float]:
    lon, lat, height, heading, pitch = (float(v) for v in values)
    return lon, lat, height, heading, pitch


def _geoid(given: float | str, bounds: Bounds, folder: Path) -> tuple[Geoid, str]:
    """A constant in metres, "egm96" (Debian's proj-data), or a .gtx file."""
    if isinstance(given, int | float):
        return ConstantGeoid(float(given)), f"constant {given} m from the city profile"
    path = EGM96 if given == "egm96" else folder / given
    if not path.is_file():
        raise ValueError(
            f"geoid file {path} is missing (install the package proj-data, or give a constant)"
        )
    return _read_gtx(path, bounds), f"grid {path.name}"


def _read_gtx(path: Path, bounds: Bounds) -> GridGeoid:
    """Clip a .gtx grid (big-endian, rows from the south) to the city and one cell around it."""
    raw = path.read_bytes()
    south, west, dlat, dlon = np.frombuffer(raw, ">f8", 4)
    rows, columns = np.frombuffer(raw, ">i4", 2, offset=32)
    if len(raw) != 40 + 4 * int(rows) * int(columns):
        raise ValueError(f"{path} is not a .gtx geoid grid")
    grid = np.frombuffer(raw, ">f4", offset=40).reshape(rows, columns).astype(np.float64)
    if bounds.east - bounds.west > 90:
        return GridGeoid(float(west), float(south), (float(dlon), float(dlat)), grid)
    first = math.floor((bounds.west - west) / dlon) - 1
    last = math.ceil((bounds.east - west) / dlon) + 1
    low = max(0, math.floor((bounds.south - south) / dlat) - 1)
    high = min(int(rows) - 1, math.ceil((bounds.north - south) / dlat) + 1)
    clip = grid[low : high + 1, np.arange(first, last + 1) % columns]
    return GridGeoid(
        float(west + first * dlon), float(south + low * dlat), (float(dlon), float(dlat)), clip
    )
