"""Tiles of published versions: for ever under a version's own address, asked anew elsewhere."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from cim.api.access import Here
from cim.catalog import registry
from cim.catalog.registry import Version
from cim.errors import NotFoundError
from cim.installation import Installation
from cim.layers import Kind
from cim.store.database import ready
from cim.tiles import imagery, mvt

router = APIRouter(prefix="/tiles", tags=["三维模型"])

MEDIA_TYPES = {
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".glb": "model/gltf-binary",
    ".terrain": "application/vnd.quantized-mesh",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".mvt": "application/vnd.mapbox-vector-tile",
}
_NUMBER = re.compile(r"[0-9]{1,9}")  # neither ² nor more than a column holds
_GZIP = b"\x1f\x8b"


@router.head("/{layer_id}/{version}/{z}/{x}/{name}", include_in_schema=False)
@router.get("/{layer_id}/{version}/{z}/{x}/{name}")
def tile(
    layer_id: str, version: str, z: str, x: str, name: str, here: Here, request: Request
) -> Response:
    """A tile of imagery (.jpg, .png, .auto), vectors (.mvt) or terrain (.terrain)."""
    found = version_named(here, layer_id, version)
    stem, _, suffix = name.partition(".")
    tiled = found.layer.kind in {Kind.IMAGERY, Kind.VECTOR}
    if not tiled or not all(_NUMBER.fullmatch(part) for part in (z, x, stem)):
        return _file(here, found, f"{z}/{x}/{name}", request, version)
    place = (int(z), int(x), int(stem))
    etag = f'"{found.key}-{z}-{x}-{name}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=caching(version, etag))
    if found.layer.kind is Kind.IMAGERY and suffix in imagery.FORMATS:
        return _image(here, found, place, suffix, caching(version, etag))
    if found.layer.kind is Kind.VECTOR and suffix == "mvt":
        return _mvt(here, found, place, caching(version, etag))
    return _file(here, found, f"{z}/{x}/{name}", request, version)


@router.head("/{layer_id}/{version}/{path:path}", include_in_schema=False)
@router.get("/{layer_id}/{version}/{path:path}")
def file(layer_id: str, version: str, path: str, here: Here, request: Request) -> Response:
    """A file of a version: tileset.json, a glb, layer.json, a COG."""
    return _file(here, version_named(here, layer_id, version), path, request, version)


def version_named(here: Installation, layer_id: str, name: str) -> Version:
    """The version that an address names: ``latest``, ``3``, or ``3.<key>``, which never changes."""
    number, _, key = name.partition(".")
    if number == "latest" and not key:
        with ready(here.engine) as connection:
            return registry.published(connection, layer_id)
    if not _NUMBER.fullmatch(number):
        raise NotFoundError(f"there is no version {name[:60]} of {layer_id}")
    found = _pinned(here, layer_id, int(number), key)
    if key and found.key != key:
        raise NotFoundError(
            f"{layer_id} version {number} is not the one you know",
            remedy="load the page again",
        )
    return found


def _pinned(here: Installation, layer_id: str, number: int, key: str) -> Version:
    """A version by number; one asked for with its key is remembered, for it never changes."""
    known = here.versions
    if key and (layer_id, number, key) in known:
        return known[layer_id, number, key]
    with ready(here.engine) as connection:
        found = registry.published(connection, layer_id, number)
    known[layer_id, number, found.key] = found
    return found


def caching(version: str, etag: str) -> dict[str, str]:
    """Headers: for ever where the address names one version with its key, else asked anew.

    Args:
        version: As the address names it.
        etag: Of the content, quoted.
    """
    pinned = bool(version.partition(".")[2])
    return {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable" if pinned else "no-cache",
    }


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client has it already."""
    asked = request.headers.get("if-none-match", "")
    return asked == "*" or etag in [e.strip().removeprefix("W/") for e in asked.split(",")]


def _image(
    here: Installation, version: Version, place: tuple[int, int, int], suffix: str,
    headers: dict[str, str],
) -> Response:  # fmt: skip
    path = here.files.held(version.layer.id, version.version, str(version.media["cog"]))
    image = imagery.tile(path, place, suffix)
    if image is None:
        return Response(status_code=204, headers=headers)
    return Response(image.content, media_type=image.media_type, headers=headers)


def _mvt(
    here: Installation, version: Version, place: tuple[int, int, int], headers: dict[str, str]
) -> Response:
    srid = int(str(version.media["geometry"]).split(",")[1])
    with ready(here.engine) as connection:
        content = mvt.tile(connection, version.table, version.layer, srid, place)
    if not content:
        return Response(status_code=204, headers=headers)
    return Response(content, media_type=MEDIA_TYPES[".mvt"], headers=headers)


def _folder(here: Installation, version: Version) -> Path:
    return here.files.version(version.layer.id, version.version)


def _file(
    here: Installation, version: Version, name: str, request: Request, asked: str
) -> Response:
    folder = _folder(here, version).resolve()
    try:
        path = (folder / name).resolve()
        suffix = path.suffix
        inner = path.relative_to(folder)  # a ValueError where it leads out
        known = suffix in MEDIA_TYPES and not any(part.startswith(".") for part in inner.parts)
        known = (
            known and here.files.file(version.layer.id, version.version, inner.as_posix()).is_file()
        )
    except (OSError, ValueError):  # too long, or with NUL: no file is called so
        known = False
    if not known:
        raise NotFoundError(f"{version.layer.id} has no file {name[:60]}")
    headers = caching(asked, f'"{version.key}-{name}"')
    if unchanged(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if suffix != ".terrain":
        return FileResponse(path, media_type=MEDIA_TYPES[suffix], headers=headers)
    return _maybe_zipped(path.read_bytes(), MEDIA_TYPES[suffix], headers, request)


def _maybe_zipped(
    content: bytes, media_type: str, headers: dict[str, str], request: Request
) -> Response:
    """Stored gzipped: said so to those who accept it, unpacked for those who do not."""
    headers["Vary"] = "Accept-Encoding"
    if content[:2] == _GZIP:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, media_type=media_type, headers=headers)
