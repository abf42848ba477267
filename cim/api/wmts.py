"""WMTS 1.0.0 for everything that can be drawn: by keys and values, and by address.

``/wmts`` offers all layers at their current versions and, by ``TIME``, at those that know their
day. ``/wmts/{layer}/{version}`` offers one version for ever: ``latest``, ``3``, or ``3.<key>``.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pyproj import CRS

from cim.api import ogc
from cim.api.access import Here
from cim.api.ogc import CURRENT, Parameters, Picture, ServiceError, child
from cim.api.tiles import caching, unchanged
from cim.catalog.registry import Version
from cim.geo.crs import transformer
from cim.installation import Installation
from cim.tiles import imagery
from cim.tiles.imagery.matrix import GOOGLE, MATRIX_SETS, MatrixSet

router = APIRouter(prefix="/wmts", tags=["地图服务"])
WMTS, OWS, XLINK = (
    "http://www.opengis.net/wmts/1.0",
    "http://www.opengis.net/ows/1.1",
    "http://www.w3.org/1999/xlink",
)
for _prefix, _space in (("", WMTS), ("ows", OWS), ("xlink", XLINK)):
    ET.register_namespace(_prefix, _space)
FORMATS = {"image/png": "png", "image/jpeg": "jpg"}
_SUFFIXES = {suffix: form for form, suffix in FORMATS.items()}
_ALIASES = {"w": GOOGLE.id, "EPSG:3857": GOOGLE.id, "EPSG:4490": "c"}
XML = "application/xml"
_w, _o = f"{{{WMTS}}}", f"{{{OWS}}}"


def _report(error: ServiceError) -> bytes:
    root = ET.Element(f"{_o}ExceptionReport", version="1.1.0")
    told = child(root, f"{_o}Exception", exceptionCode=error.code, locator=error.locator)
    child(told, f"{_o}ExceptionText", error.reason)
    return ogc.document(root)


@router.get("")
@ogc.answered(_report, XML)
def service(here: Here, request: Request) -> Response:
    """All layers: GetCapabilities and GetTile by keys and values."""
    return _service(here, request, "", "latest")


@router.get("/1.0.0/WMTSCapabilities.xml")
@ogc.answered(_report, XML)
def capabilities(here: Here, request: Request) -> Response:
    """All layers: the capabilities by address."""
    return _capabilities(here, request, "", "latest")


@router.get("/{layer_id}/{version}")
@ogc.answered(_report, XML)
def pinned(layer_id: str, version: str, here: Here, request: Request) -> Response:
    """One version of one layer: GetCapabilities and GetTile by keys and values."""
    return _service(here, request, layer_id, version)


@router.get("/{layer_id}/{version}/1.0.0/WMTSCapabilities.xml")
@ogc.answered(_report, XML)
def pinned_capabilities(layer_id: str, version: str, here: Here, request: Request) -> Response:
    """One version of one layer: the capabilities by address."""
    return _capabilities(here, request, layer_id, version)


@router.get("/{layer_id}/{version}/{day}/{matrix_set}/{matrix}/{row}/{name}")
@ogc.answered(_report, XML)
def resource(
    layer_id: str, version: str, day: str, matrix_set: str, matrix: str, row: str, name: str,
    here: Here, request: Request,
) -> Response:  # fmt: skip
    """One tile by address; ``day`` is ``current`` or a day."""
    column, _, suffix = name.partition(".")
    if suffix not in _SUFFIXES:
        raise ServiceError(f"there is no format {suffix[:20]}", "InvalidParameterValue", "FORMAT")
    found = ogc.picture(here, layer_id, version)
    place = _place(matrix_set, matrix, row, column)
    return _tile(here, request, found, day, place, _SUFFIXES[suffix])


def _service(here: Installation, request: Request, only: str, version: str) -> Response:
    given = Parameters(request)
    if given.need("SERVICE").upper() != "WMTS":
        raise ServiceError("this is a WMTS", "InvalidParameterValue", "SERVICE")
    asked = given.need("REQUEST").upper()
    if asked == "GETCAPABILITIES":
        return _capabilities(here, request, only, version)
    if asked != "GETTILE":
        raise ServiceError(f"{asked[:40]} is not offered", "OperationNotSupported", "REQUEST")
    if given.get("VERSION", "1.0.0") != "1.0.0":
        raise ServiceError("only version 1.0.0 is offered", "InvalidParameterValue", "VERSION")
    name = given.need("LAYER")
    if only and name != only:
        raise ServiceError(f"there is no layer {name[:60]}", "InvalidParameterValue", "LAYER")
    picture = ogc.picture(here, name, version)
    if given.get("STYLE", "default") != "default":
        raise ServiceError("the only style is default", "InvalidParameterValue", "STYLE")
    form = given.need("FORMAT")
    if form not in FORMATS:
        raise ServiceError(f"there is no format {form[:40]}", "InvalidParameterValue", "FORMAT")
    place = _place(*(given.need(n) for n in ("TILEMATRIXSET", "TILEMATRIX", "TILEROW", "TILECOL")))
    return _tile(here, request, picture, given.get("TIME"), place, form)


Place = tuple[MatrixSet, int, int, int]


def _place(matrix_set: str, matrix: str, row: str, column: str) -> Place:
    """Set, zoom, column and row.

    Raises:
        ServiceError: there is no such tile.
    """
    grid = MATRIX_SETS.get(_ALIASES.get(matrix_set, matrix_set))
    if grid is None:
        known = ", ".join(MATRIX_SETS)
        raise ServiceError(f"the sets are {known}", "InvalidParameterValue", "TILEMATRIXSET")
    zoom = _number(matrix.rpartition(":")[2], "TILEMATRIX")
    if zoom not in grid.zooms:
        raise ServiceError(f"{grid.id} has no such matrix", "InvalidParameterValue", "TILEMATRIX")
    columns, rows = grid.shape(zoom)
    x, y = _number(column, "TILECOL"), _number(row, "TILEROW")
    for value, count, name in ((x, columns, "TILECOL"), (y, rows, "TILEROW")):
        if value >= count:
            raise ServiceError(f"{name} is not below {count}", "TileOutOfRange", name)
    return grid, zoom, x, y


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ServiceError(f"{name} is no whole number", "InvalidParameterValue", name)
    return int(text)


def _tile(
    here: Installation, request: Request, picture: Picture, day: str, place: Place, form: str
) -> Response:
    version = picture.of(day, "InvalidParameterValue")
    ogc.fit(version, form, "InvalidParameterValue")
    grid, zoom, x, y = place
    etag = f'"{version.key}-{grid.id}-{zoom}-{x}-{y}-{FORMATS[form]}"'
    headers = caching(picture.asked, etag)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    drawn = _drawn(here, version, place, FORMATS[form])
    return Response(drawn.content, media_type=drawn.media_type, headers=headers)


def _drawn(here: Installation, version: Version, place: Place, suffix: str) -> imagery.Tile:
    """The tile, empty where there is no picture: clients take an error for a fault."""
    grid, zoom, x, y = place
    path = ogc.cog_of(here, version)
    if grid is GOOGLE:
        found = imagery.tile(path, (zoom, x, y), suffix)
    else:
        shape = (imagery.SIZE, imagery.SIZE)
        found = imagery.encoded(
            *imagery.picture(path, grid.crs, grid.box(zoom, x, y), shape), suffix
        )
    return found or imagery.blank(suffix)


def _capabilities(here: Installation, request: Request, only: str, version: str) -> Response:
    offered = ogc.pictures(here, only, version)
    home = ogc.address(request, "wmts", *((only, version) if only else ()))
    root = ET.Element(f"{_w}Capabilities", version="1.0.0")
    _identification(root, here)
    _operations(root, home)
    contents = child(root, f"{_w}Contents")
    for picture in offered:
        _layer(contents, picture, request)
    finest = max((int(p.version.media["maxzoom"]) for p in offered), default=0)
    for grid in MATRIX_SETS.values():
        _matrix_set(contents, grid, grid.like(finest))
    child(root, f"{_w}ServiceMetadataURL").set(
        f"{{{XLINK}}}href", f"{home}/1.0.0/WMTSCapabilities.xml"
    )
    return Response(ogc.document(root), media_type=XML, headers={"Cache-Control": "no-cache"})


def _identification(root: ET.Element, here: Installation) -> None:
    told = child(root, f"{_o}ServiceIdentification")
    child(told, f"{_o}Title", f"{here.city.name} 时空信息平台 WMTS")
    child(told, f"{_o}ServiceType", "OGC WMTS")
    child(told, f"{_o}ServiceTypeVersion", "1.0.0")


def _operations(root: ET.Element, home: str) -> None:
    metadata = child(root, f"{_o}OperationsMetadata")
    for name in ("GetCapabilities", "GetTile"):
        operation = child(metadata, f"{_o}Operation", name=name)
        get = child(child(child(operation, f"{_o}DCP"), f"{_o}HTTP"), f"{_o}Get")
        get.set(f"{{{XLINK}}}href", f"{home}?")
        allowed = child(child(get, f"{_o}Constraint", name="GetEncoding"), f"{_o}AllowedValues")
        child(allowed, f"{_o}Value", "KVP")


def _layer(contents: ET.Element, picture: Picture, request: Request) -> None:
    version = picture.version
    layer = child(contents, f"{_w}Layer")
    child(layer, f"{_o}Title", version.layer.title)
    if version.layer.abstract:
        child(layer, f"{_o}Abstract", version.layer.abstract)
    box = child(layer, f"{_o}WGS84BoundingBox")
    west, south, east, north = version.extent
    child(box, f"{_o}LowerCorner", f"{west!r} {south!r}")
    child(box, f"{_o}UpperCorner", f"{east!r} {north!r}")
    child(layer, f"{_o}Identifier", picture.id)
    style = child(layer, f"{_w}Style", isDefault="true")
    child(style, f"{_o}Identifier", "default")
    forms = ogc.forms(version, FORMATS)
    ogc.children(layer, f"{_w}Format", forms)
    dated = picture.dated()
    if dated:
        dimension = child(layer, f"{_w}Dimension")
        child(dimension, f"{_o}Identifier", "Time")
        child(dimension, f"{_o}UOM", "ISO8601")
        child(dimension, f"{_w}Default", CURRENT)
        child(dimension, f"{_w}Current", "true")
        ogc.children(dimension, f"{_w}Value", dated)
    for grid in MATRIX_SETS.values():
        _link(layer, grid, version)
    day = "{Time}" if dated else CURRENT
    for form in forms:
        name = f"{{TileCol}}.{FORMATS[form]}"
        template = ogc.address(request, "wmts", picture.id, picture.asked, day, "{TileMatrixSet}",
                               "{TileMatrix}", "{TileRow}", name)  # fmt: skip
        child(layer, f"{_w}ResourceURL", format=form, resourceType="tile", template=template)


def _link(layer: ET.Element, grid: MatrixSet, version: Version) -> None:
    """Which tiles of a set hold picture, down to the finest level that is worth it."""
    step = transformer(CRS.from_epsg(4490), grid.crs)
    box = step.transform_bounds(*version.extent)
    link = child(layer, f"{_w}TileMatrixSetLink")
    child(link, f"{_w}TileMatrixSet", grid.id)
    limits = child(link, f"{_w}TileMatrixSetLimits")
    for zoom in grid.zooms:
        if zoom > grid.like(int(version.media["maxzoom"])):
            break
        told = child(limits, f"{_w}TileMatrixLimits")
        child(told, f"{_w}TileMatrix", zoom)
        left, right, top, bottom = grid.covering(zoom, box)
        for name, value in (("MinTileRow", top), ("MaxTileRow", bottom), ("MinTileCol", left),
                            ("MaxTileCol", right)):  # fmt: skip
            child(told, f"{_w}{name}", value)


def _matrix_set(contents: ET.Element, grid: MatrixSet, finest: int) -> None:
    """A set down to the finest level in use: clients take the last one for the full resolution."""
    told = child(contents, f"{_w}TileMatrixSet")
    child(told, f"{_o}Title", grid.title)
    child(told, f"{_o}Identifier", grid.id)
    child(told, f"{_o}SupportedCRS", grid.urn)
    if grid.well_known:
        child(told, f"{_w}WellKnownScaleSet", grid.well_known)
    corner = (grid.top, grid.left) if grid.northing_first else (grid.left, grid.top)
    for zoom in range(grid.first, finest + 1):
        matrix = child(told, f"{_w}TileMatrix")
        child(matrix, f"{_o}Identifier", zoom)
        child(matrix, f"{_w}ScaleDenominator", repr(grid.denominator(zoom)))
        child(matrix, f"{_w}TopLeftCorner", f"{corner[0]!r} {corner[1]!r}")
        columns, rows = grid.shape(zoom)
        for name, value in (("TileWidth", imagery.SIZE), ("TileHeight", imagery.SIZE),
                            ("MatrixWidth", columns), ("MatrixHeight", rows)):  # fmt: skip
            child(matrix, f"{_w}{name}", value)
