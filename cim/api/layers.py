"""The city, its layers and their features."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from cim import __version__
from cim.api.access import Database, Here
from cim.catalog import elevation, registry, rows
from cim.catalog.registry import Entry, Version
from cim.city import Bounds, City
from cim.errors import NotFoundError, ParameterError
from cim.layers import Kind, Layer, to_dict

router = APIRouter(prefix="/api", tags=["资源访问"])


@router.get("/city")
def city(here: Here) -> dict[str, Any]:
    """Where we are."""
    profile = here.city
    middle = ((profile.bounds.west + profile.bounds.east) / 2,
              (profile.bounds.south + profile.bounds.north) / 2)  # fmt: skip
    return {
        "name": profile.name,
        "name_en": profile.name_en,
        "bounds": list(profile.bounds),
        "compute_crs": profile.compute_crs.to_string(),
        "height_datum": profile.height_datum,
        "geoid": {
            "source": profile.geoid_source,
            "undulation_at_centre": profile.undulation(*middle),
            "posts": _undulations(profile),
        },
        "home": profile.home,
        "upload_bytes": here.uploads.limit,
        "version": __version__,
    }


def _undulations(profile: City) -> list[list[float]]:
    """N over the city's bounds, m: rows from the south, columns from the west, ends included."""
    west, south, east, north = profile.bounds
    lon, lat = np.meshgrid(np.linspace(west, east, 9), np.linspace(south, north, 9))
    posts: list[list[float]] = profile.geoid.undulation(lon, lat).round(4).tolist()
    return posts


@router.get("/layers")
def layers(database: Database) -> dict[str, Any]:
    """All layers with what is published of them."""
    return {"layers": [_layer(entry) for entry in registry.entries(database)]}


@router.get("/layers/{layer_id}")
def layer(layer_id: str, database: Database) -> dict[str, Any]:
    """One layer with all its versions."""
    entry = registry.entry(database, layer_id)
    versions = [
        {
            "version": v.version,
            "at": v.published_at.isoformat(),
            "date": v.media.get("date"),  # day of the survey, as far as it is known
            "features": v.features,
            "extent": list(v.extent),
            "url": _address(v),
            "media": dict(v.media),
            "report": f"/api/layers/{layer_id}/versions/{v.version}/report",
        }
        for v in registry.versions(database, layer_id)
    ]
    return {**_layer(entry), "versions": versions}


@router.get("/layers/{layer_id}/versions/{version}/report")
def report(layer_id: str, version: int, database: Database) -> dict[str, Any]:
    """The ingest report of a version: its inputs with checksums, CRS, checks: its lineage."""
    return dict(registry.published(database, layer_id, version).report)


def _layer(entry: Entry) -> dict[str, Any]:
    return {**_declaration(entry.layer), "published": _published(entry.current)}


def _declaration(declared: Layer) -> dict[str, Any]:
    return to_dict(declared)


def _published(version: Version | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "version": version.version,
        "at": version.published_at.isoformat(),
        "extent": list(version.extent),
        "heights": version.heights,
        "count": version.features,
        "url": _address(version),
        "media": dict(version.media),
    }


def _address(version: Version) -> str:
    """Where a version's files lie for ever."""
    return f"/tiles/{version.layer.id}/{version.version}.{version.key}/"


def _vector(database: Database, layer_id: str) -> Version:
    version = registry.published(database, layer_id)
    if version.layer.kind is not Kind.VECTOR:
        raise NotFoundError(f"{layer_id} is {version.layer.kind}: it has no features")
    return version


@router.get("/layers/{layer_id}/features")
def features(
    layer_id: str,
    database: Database,
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees")] = None,
    q: Annotated[str | None, Query(max_length=100, description="text in any field")] = None,
    limit: Annotated[int, Query(ge=1, le=10000)] = 1000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Features as GeoJSON in degrees (CGCS2000); heights are orthometric (1985)."""
    box = None if bbox is None else _box(bbox)
    version = _vector(database, layer_id)
    return rows.page(database, version, bbox=box, query=q, limit=limit, offset=offset)


def _box(text: str) -> Bounds:
    try:
        box = Bounds(*(float(part) for part in text.split(",")))
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"bbox {text[:60]!r} is not four numbers",
            remedy="give west,south,east,north in degrees",
        ) from error
    if not (-180 <= box.west <= box.east <= 180 and -90 <= box.south <= box.north <= 90):
        raise ParameterError(
            f"bbox {text[:60]} is no box in degrees", remedy="give west,south,east,north"
        )
    return box


@router.get("/layers/{layer_id}/features/{fid}")
def feature(layer_id: str, fid: int, database: Database) -> dict[str, Any]:
    """One feature as GeoJSON."""
    return rows.one(database, _vector(database, layer_id), fid)


@router.get("/search")
def search(
    here: Here,
    database: Database,
    q: Annotated[str, Query(min_length=1, max_length=100)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Features by name, over all layers that have one."""
    entries = registry.entries(database)
    named = [e.current for e in entries if e.current and e.layer.kind is Kind.VECTOR]
    found = rows.search(database, named, q, limit)
    grounds = elevation.terrain(entries)
    for item in found:
        height = elevation.at(here.files, grounds, item["lon"], item["lat"])
        item["height"] = (
            None
            if height is None
            else height.metres + here.city.undulation(item["lon"], item["lat"])
        )
    return {"results": found}
