"""A file of polygons, as an area to ask about: whatever planners hand in, in degrees.

GeoJSON, a zipped shapefile, GeoPackage, KML and the closed lines of a DXF drawing. The CRS is
resolved as at ingest: from the file's own parameters, or as given; a file that does not say is
refused.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyogrio
import pyogrio.errors
import shapely
from pyproj import CRS
from shapely import MultiPolygon

from cim.errors import CrsError, FormatError, TooLargeError
from cim.geo.area import ellipsoidal_area
from cim.geo.crs import CGCS2000, resolve, to_lonlat
from cim.question import MOST_CORNERS
from cim.store.unpack import unpack_shapefile

FORMATS = {
    ".geojson": "GeoJSON", ".json": "GeoJSON", ".zip": "zipped shapefile",
    ".gpkg": "GeoPackage", ".kml": "KML", ".dxf": "DXF",
}  # fmt: skip
MOST_FEATURES = 20_000
_STEP = 200.0  # m: a straight edge in a plane is none in degrees; at this length it is 0.6 mm off
_CLOSED = 0.001  # units of a drawing: ends nearer than this meet
_GRID = 1e-10  # degrees, a hundredth of a millimetre: what touches before does so after
_JSON = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a file of polygons says.

    Args:
        geometry: GeoJSON MultiPolygon, degrees (CGCS2000).
        polygons: How many parts it has.
        area: On the ellipsoid, m².
        crs: How the CRS was come to.
        notes: What was mended or set aside, sentences.
    """

    geometry: dict[str, Any]
    polygons: int
    area: float
    crs: str
    notes: tuple[str, ...]


def read_shape(path: Path, crs: str | None = None) -> Shape:
    """All polygons of a file as one area.

    Args:
        path: Its name's ending tells the format (``FORMATS``).
        crs: EPSG:n, WKT or PROJ text; goes before what the file says.

    Raises:
        FormatError: it is none of the formats, unreadable, or holds no polygon.
        CrsError: it does not say its CRS, or its coordinates are not of it.
        TooLargeError: too many features or corners.
    """
    if path.suffix.lower() not in FORMATS:
        raise FormatError(
            f"{path.suffix or 'a file without ending'} is none of "
            f"{', '.join(dict.fromkeys(FORMATS.values()))}",
            path=path.name,
            remedy="export it as one of these",
        )
    with tempfile.TemporaryDirectory(prefix="cim-shape-") as folder:
        shapes, stated = _opened(path, Path(folder))
    if crs is None and stated is None:
        raise CrsError(
            "it does not say its coordinate reference system",
            path=path.name,
            remedy="give it, such as crs=EPSG:4545, or add the .prj",
        )
    resolved = resolve(crs if crs is not None else str(stated))
    polygons, notes = _polygons(shapes, path)
    placed, mended = _in_degrees(polygons, resolved.crs, path)
    return Shape(
        geometry=shapely.geometry.mapping(placed),
        polygons=len(placed.geoms),
        area=sum(ellipsoidal_area(part) for part in placed.geoms),
        crs=resolved.how,
        notes=(*resolved.warnings, *notes, *mended),
    )


def _opened(path: Path, folder: Path) -> tuple[np.ndarray[Any, Any], str | None]:
    """Geometries of all layers and the CRS stated."""
    ending = path.suffix.lower()
    if ending in {".geojson", ".json"}:
        return _geojson(path)
    if ending == ".zip":
        return _gdal(unpack_shapefile(path, folder), path.name)
    _require_kind(path, ending)
    shapes, stated = _gdal(path, path.name)
    return shapes, CGCS2000.to_wkt() if ending == ".kml" else stated  # KML is degrees by its law


def _require_kind(path: Path, ending: str) -> None:
    """What a file is called it must be: other formats of GDAL may name files and servers.

    Raises:
        FormatError: it is not.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if ending == ".gpkg":
        fits = head.startswith(b"SQLite format 3\x00")
    elif ending == ".dxf":
        fits = head.startswith(b"AutoCAD Binary DXF") or head.split()[:2] in (
            [b"0", b"SECTION"], [b"999", head.split()[1] if len(head.split()) > 1 else b""],
        )  # fmt: skip
    else:
        fits = _root(path).rpartition("}")[2] == "kml" and b"OGRVRT" not in head
    if not fits:
        raise FormatError(
            f"it is called {ending} but is no {FORMATS[ending]}",
            path=path.name,
            remedy="export it again",
        )


def _root(path: Path) -> str:
    """Name of the outermost element of an XML file; empty where it is none."""
    try:
        with path.open("rb") as file:
            for _, element in ET.iterparse(file, events=("start",)):  # noqa: S314
                return str(element.tag)
    except ET.ParseError:
        pass
    return ""


def _geojson(path: Path) -> tuple[np.ndarray[Any, Any], str | None]:
    if path.stat().st_size > _JSON:
        raise TooLargeError(f"it is larger than {_JSON / 1e6:g} MB", path=path.name)
    try:
        said = json.loads(path.read_bytes())
        if not isinstance(said, Mapping):
            raise TypeError("it is no object")  # noqa: TRY301
        shapes = [
            shapely.geometry.shape(geometry)
            for geometry in _geometries(said)
        ]  # fmt: skip
        named = said.get("crs")
        stated = None if named is None else str(named["properties"]["name"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
            shapely.errors.ShapelyError) as error:  # fmt: skip
        raise FormatError(
            f"it is no GeoJSON: {str(error)[:120] or type(error).__name__}",
            path=path.name,
            remedy="export it again",
        ) from error
    if not shapes:
        raise FormatError("it holds no geometry", path=path.name, remedy="export polygons")
    stated = "EPSG:4326" if stated is None or "CRS84" in stated else stated
    return np.array(shapes, dtype=object), stated


def _geometries(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kind = said.get("type")
    if kind == "FeatureCollection":
        return [g for feature in said["features"] for g in _geometries(feature)]
    if kind == "Feature":
        return [] if said.get("geometry") is None else _geometries(said["geometry"])
    return [said]


def _gdal(path: Path, name: str) -> tuple[np.ndarray[Any, Any], str | None]:
    found: list[np.ndarray[Any, Any]] = []
    stated: str | None = None
    try:
        for layer, kind in pyogrio.list_layers(path):
            if kind is None:
                continue
            meta, _, shapes, _ = pyogrio.raw.read(
                path, layer=layer, columns=[], force_2d=True, max_features=MOST_FEATURES + 1
            )
            found.append(shapely.from_wkb(shapes, on_invalid="ignore"))
            if stated is not None and meta["crs"] is not None and meta["crs"] != stated:
                raise CrsError(
                    "its layers are of several coordinate reference systems",
                    path=name,
                    remedy="export one layer alone",
                )
            stated = meta["crs"] or stated
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError,
            pyogrio.errors.FeatureError, pyogrio.errors.GeometryError, ValueError,
            shapely.errors.ShapelyError) as error:  # fmt: skip
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[0].replace(str(path), name)[:200]
        raise FormatError(
            f"it cannot be read: {reason}",
            path=name,
            remedy="open it in the program that made it and export it again",
        ) from error
    return np.concatenate(found) if found else np.empty(0, dtype=object), stated


def _polygons(shapes: np.ndarray[Any, Any], path: Path) -> tuple[list[Any], list[str]]:
    """The polygons among the geometries; closed lines of a drawing count as such."""
    if len(shapes) > MOST_FEATURES:
        raise TooLargeError(
            f"it holds more than {MOST_FEATURES} features",
            path=path.name,
            remedy="export only those that bound the area",
        )
    parts = shapely.get_parts(shapes[~shapely.is_missing(shapes)])
    if (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        parts = shapely.get_parts(parts)
    kinds = shapely.get_type_id(parts)
    polygons = list(parts[kinds == shapely.GeometryType.POLYGON])
    if path.suffix.lower() == ".dxf":
        lines = parts[kinds == shapely.GeometryType.LINESTRING]
        polygons += [ring for ring in map(_ring, lines) if ring is not None]
    polygons = [p for p in polygons if not p.is_empty]
    aside = len(parts) - len(polygons)
    if not polygons:
        raise FormatError(
            f"it holds no polygon among {len(parts)} geometries",
            path=path.name,
            remedy="close the outline, and export it as polygon (in DXF, a closed polyline)",
        )
    corners = int(shapely.get_num_coordinates(np.array(polygons, dtype=object)).sum())
    if corners > MOST_CORNERS:
        raise TooLargeError(
            f"it has {corners} corners, more than {MOST_CORNERS}",
            path=path.name,
            remedy="simplify it",
        )
    return polygons, [f"{aside} geometries that are no polygons were set aside"] if aside else []


def _ring(line: Any) -> Any:
    ends = shapely.get_coordinates(line)[[0, -1]]
    if shapely.get_num_points(line) < 4 or np.hypot(*(ends[1] - ends[0])) > _CLOSED:
        return None
    at = shapely.get_coordinates(line)
    at[-1] = at[0]
    return shapely.Polygon(at)


def _in_degrees(polygons: list[Any], crs: CRS, path: Path) -> tuple[MultiPolygon, list[str]]:
    """One area of degrees, mended where outlines cross themselves or each other."""
    whole = np.array(polygons, dtype=object)
    if not np.isfinite(shapely.get_coordinates(whole)).all():
        raise FormatError("a coordinate is no number", path=path.name, remedy="export it again")
    if crs.is_geographic:
        west, south, east, north = shapely.total_bounds(whole)
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
            raise CrsError(
                f"its coordinates ({west:.1f}..{east:.1f}, {south:.1f}..{north:.1f}) "
                "are no degrees",
                path=path.name,
                remedy="give the CRS they are of, such as crs=EPSG:4545",
            )
    invalid = int((~shapely.is_valid(whole)).sum())
    mended = shapely.make_valid(whole) if invalid else whole
    union = shapely.union_all(mended)
    if not crs.is_geographic:
        union = shapely.segmentize(union, _STEP / float(crs.axis_info[0].unit_conversion_factor))
    placed = shapely.transform(union, lambda at: to_lonlat(crs, at))
    placed = shapely.set_precision(placed, _GRID)
    parts = [p for p in shapely.get_parts(placed) if p.geom_type == "Polygon" and p.area > 0]
    if not parts or not shapely.is_valid(MultiPolygon(parts)):
        raise FormatError(
            "its polygons have no area, or none that holds in degrees",
            path=path.name,
            remedy="draw the outline anew",
        )
    corners = int(shapely.get_num_coordinates(placed))
    if corners > MOST_CORNERS:
        raise TooLargeError(
            f"in degrees it has {corners} corners, more than {MOST_CORNERS}", path=path.name,
            remedy="simplify it, or cut it into parts",
        )  # fmt: skip
    notes = [f"{invalid} outlines that crossed themselves were mended"] if invalid else []
    return MultiPolygon(parts), notes
