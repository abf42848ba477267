"""WMS 1.3.0 for everything that can be drawn: GetCapabilities and GetMap.

``/wms`` offers all layers at their current versions and, by ``TIME``, at those that know their day;
``/wms/{layer}/{version}`` offers one version for ever. Boxes are in the order of the CRS's
authority, as 1.3.0 wants it: north before east in EPSG:4326, EPSG:4490 and the zones of CGCS2000.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pyproj import CRS

from cim.api import ogc
from cim.api.access import Here
from cim.api.ogc import Parameters, Picture, ServiceError, child
from cim.api.tiles import caching, unchanged
from cim.catalog.registry import Version
from cim.errors import CrsError
from cim.geo.crs import transformer
from cim.installation import Installation
from cim.tiles import imagery
from cim.tiles.imagery.block import Pixels

router = APIRouter(prefix="/wms", tags=["地图服务"])
WMS, XLINK = "http://www.opengis.net/wms", "http://www.w3.org/1999/xlink"
EXCEPTIONS = "http://www.opengis.net/ogc"
FORMATS = {"image/png": "png", "image/jpeg": "jpg"}
MOST_PIXELS = 4096  # along a side
MOST_LAYERS = 16
XML = "text/xml"
_Box = tuple[float, float, float, float]


def _report(error: ServiceError) -> bytes:
    root = ET.Element("ServiceExceptionReport", {"version": "1.3.0", "xmlns": EXCEPTIONS})
    told = child(root, "ServiceException", error.reason, code=error.code)
    if error.locator:
        told.set("locator", error.locator)
    return ogc.document(root)


@router.get("")
@ogc.answered(_report, XML)
def service(here: Here, request: Request) -> Response:
    """All layers: GetCapabilities and GetMap."""
    return _service(here, request, "", "latest")


@router.get("/{layer_id}/{version}")
@ogc.answered(_report, XML)
def pinned(layer_id: str, version: str, here: Here, request: Request) -> Response:
    """One version of one layer: GetCapabilities and GetMap."""
    return _service(here, request, layer_id, version)


def _service(here: Installation, request: Request, only: str, version: str) -> Response:
    given = Parameters(request)
    asked = given.need("REQUEST").upper()
    if asked == "GETCAPABILITIES":
        if given.get("SERVICE", "WMS").upper() != "WMS":
            raise ServiceError("this is a WMS", "InvalidParameterValue", "SERVICE")
        return _capabilities(here, request, only, version)
    if asked != "GETMAP":
        raise ServiceError(f"{asked[:40]} is not offered", "OperationNotSupported", "REQUEST")
    if given.need("VERSION") != "1.3.0":
        raise ServiceError("only version 1.3.0 is offered", "InvalidParameterValue", "VERSION")
    view = _view(here, given)
    return _map(here, request, view, _chosen(here, given, view.form, only, version))


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What a GetMap asks for beside the layers."""

    crs: CRS
    box: _Box
    shape: tuple[int, int]
    form: str
    clear: bool
    ground: tuple[int, int, int]


def _view(here: Installation, given: Parameters) -> _View:
    form = given.need("FORMAT").partition(";")[0].strip()
    if form not in FORMATS:
        raise ServiceError(f"there is no format {form[:40]}", "InvalidFormat", "FORMAT")
    name = given.need("CRS").upper()
    if name not in _offered(here):
        known = ", ".join(_offered(here))
        raise ServiceError(f"{name[:40]} is not offered: {known}", "InvalidCRS", "CRS")
    crs = _crs(name)
    height = given.whole("HEIGHT", 1, MOST_PIXELS)
    width = given.whole("WIDTH", 1, MOST_PIXELS)
    clear = given.get("TRANSPARENT", "FALSE").upper() == "TRUE" and form == "image/png"
    return _View(
        crs=crs, box=_box(given.need("BBOX"), name), shape=(height, width), form=form, clear=clear,
        ground=_colour(given.get("BGCOLOR", "0xFFFFFF")),
    )  # fmt: skip


def _box(text: str, crs: str) -> _Box:
    """West, south, east, north, whatever the order of the authority.

    Raises:
        ServiceError: it is no box.
    """
    try:
        a, b, c, d = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ServiceError("BBOX is not four numbers", "InvalidParameterValue", "BBOX") from error
    box = (b, a, d, c) if _northing_first(crs) else (a, b, c, d)
    if not all(map(math.isfinite, box)) or box[0] >= box[2] or box[1] >= box[3]:
        raise ServiceError("BBOX spans no area", "InvalidParameterValue", "BBOX")
    return box


def _colour(text: str) -> tuple[int, int, int]:
    if not re.fullmatch("0[xX][0-9a-fA-F]{6}", text):
        reason = "BGCOLOR is not of the form 0xRRGGBB"
        raise ServiceError(reason, "InvalidParameterValue", "BGCOLOR")
    red, green, blue = bytes.fromhex(text[2:])
    return red, green, blue


def _offered(here: Installation) -> list[str]:
    """The CRS that maps are drawn in; the city's own among them."""
    code = here.city.compute_crs.to_epsg()
    names = ["EPSG:3857", "EPSG:4326", "EPSG:4490", "CRS:84"]
    return names if code is None else list(dict.fromkeys([*names, f"EPSG:{code}"]))


@lru_cache
def _crs(name: str) -> CRS:
    return CRS.from_user_input("OGC:CRS84" if name == "CRS:84" else name)


def _northing_first(name: str) -> bool:
    return _crs(name).axis_info[0].direction == "north"


def _chosen(
    here: Installation, given: Parameters, form: str, only: str, version: str
) -> list[tuple[Picture, Version]]:
    """The layers of a map, the lowest first, each at the version asked for."""
    names = given.need("LAYERS").split(",")
    if not 0 < len(names) <= MOST_LAYERS:
        raise ServiceError(f"more than {MOST_LAYERS} layers", "InvalidParameterValue", "LAYERS")
    styles = given.get("STYLES")
    if set(styles.split(",")) - {"", "default"}:
        raise ServiceError("the only style is default", "StyleNotDefined", "STYLES")
    found = []
    for name in names:
        if not name or (only and name != only):
            raise ServiceError(f"there is no layer {name[:60]}", "LayerNotDefined", "LAYERS")
        picture = ogc.picture(here, name, version)
        version_asked = picture.of(given.get("TIME"), "InvalidDimensionValue")
        ogc.fit(version_asked, form, "InvalidFormat")
        found.append((picture, version_asked))
    return found


def _map(
    here: Installation, request: Request, view: _View, chosen: list[tuple[Picture, Version]]
) -> Response:
    keys = "-".join(version.key for _, version in chosen)
    etag = f'"{keys}-{_digest(view)}"'
    headers = caching(chosen[0][0].asked, etag)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    colours, alpha = _drawn(here, view, chosen)
    if not view.clear:
        share = alpha[..., None].astype(np.uint16)
        ground = np.array(view.ground, np.uint16)
        colours = ((colours * share + ground * (255 - share) + 127) // 255).astype(np.uint8)
        alpha = np.full(view.shape, 255, np.uint8)
    suffix = FORMATS[view.form]
    found = imagery.encoded(colours, alpha, suffix, opaque=not view.clear) or imagery.blank(
        suffix, view.shape
    )
    return Response(found.content, media_type=found.media_type, headers=headers)


def _digest(view: _View) -> str:
    """A short name of what is asked for."""
    asked = (view.crs.to_string(), view.box, view.shape, view.form, view.clear, view.ground)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def _drawn(
    here: Installation, view: _View, chosen: list[tuple[Picture, Version]]
) -> tuple[Pixels, Pixels]:
    colours = np.zeros((*view.shape, 3), np.uint8)
    alpha = np.zeros(view.shape, np.uint8)
    for _, version in chosen:
        over, share = imagery.picture(ogc.cog_of(here, version), view.crs, view.box, view.shape)
        seen = share > alpha if not alpha.any() else share >= 128
        np.copyto(colours, over, where=seen[..., None])
        np.copyto(alpha, share, where=seen)
    return colours, alpha


def _capabilities(here: Installation, request: Request, only: str, version: str) -> Response:
    offered = ogc.pictures(here, only, version)
    home = ogc.address(request, "wms", *((only, version) if only else ()))
    root = ET.Element("WMS_Capabilities", {"version": "1.3.0", "xmlns": WMS, "xmlns:xlink": XLINK})
    service_told = child(root, "Service")
    child(service_told, "Name", "WMS")
    child(service_told, "Title", f"{here.city.name} 时空信息平台 WMS")
    _online(service_told, home)
    child(service_told, "LayerLimit", MOST_LAYERS)
    child(service_told, "MaxWidth", MOST_PIXELS)
    child(service_told, "MaxHeight", MOST_PIXELS)
    told = child(root, "Capability")
    forms = {form: None for p in offered for form in ogc.forms(p.version, FORMATS)}
    _requests(told, home, list(forms or FORMATS))
    top = child(told, "Layer")
    child(top, "Title", here.city.name)
    ogc.children(top, "CRS", _offered(here))
    for picture in offered:
        _layer(top, picture, _offered(here))
    return Response(ogc.document(root), media_type=XML, headers={"Cache-Control": "no-cache"})


def _online(parent: ET.Element, home: str) -> None:
    child(parent, "OnlineResource", **{"xlink:type": "simple", "xlink:href": f"{home}?"})


def _requests(told: ET.Element, home: str, forms: list[str]) -> None:
    requests = child(told, "Request")
    for name, given in (("GetCapabilities", [XML]), ("GetMap", forms)):
        operation = child(requests, name)
        ogc.children(operation, "Format", given)
        _online(child(child(child(operation, "DCPType"), "HTTP"), "Get"), home)
    child(child(told, "Exception"), "Format", "XML")


def _layer(top: ET.Element, picture: Picture, offered: list[str]) -> None:
    version = picture.version
    layer = child(top, "Layer", queryable="0", opaque="0")
    child(layer, "Name", picture.id)
    child(layer, "Title", version.layer.title)
    if version.layer.abstract:
        child(layer, "Abstract", version.layer.abstract)
    box = child(layer, "EX_GeographicBoundingBox")
    west, south, east, north = version.extent
    for name, value in (("westBoundLongitude", west), ("eastBoundLongitude", east),
                        ("southBoundLatitude", south), ("northBoundLatitude", north)):  # fmt: skip
        child(box, name, repr(value))
    for name in offered:
        try:
            step = transformer(CRS.from_epsg(4490), _crs(name))
            a, b, c, d = step.transform_bounds(*version.extent)
        except CrsError:
            continue
        if _northing_first(name):
            a, b, c, d = b, a, d, c
        child(layer, "BoundingBox", CRS=name, minx=repr(a), miny=repr(b), maxx=repr(c),
              maxy=repr(d))  # fmt: skip
    dated = picture.dated()
    if dated:
        child(layer, "Dimension", ",".join(dated), name="time", units="ISO8601",
              default=ogc.CURRENT, current="1")  # fmt: skip
    style = child(layer, "Style")
    child(style, "Name", "default")
    child(style, "Title", "default")
