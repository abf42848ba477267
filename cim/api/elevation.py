"""Heights of ground and surface, at one place or at many."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cim.api.access import Database, Here
from cim.catalog import elevation, registry
from cim.catalog.elevation import Elevation
from cim.catalog.values import value_at
from cim.errors import InputError
from cim.installation import Installation

router = APIRouter(prefix="/api", tags=["资源访问"])

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class Places(BaseModel):
    """Places whose heights are asked for."""

    points: Annotated[list[tuple[Longitude, Latitude]], Field(min_length=1, max_length=10_000)]


@router.get("/elevation")
def height(
    here: Here,
    database: Database,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> dict[str, Any]:
    """Height of the ground at a place, and of the surface where a mesh has been joined.

    Orthometric (1985) and ellipsoidal, m, bilinear on the finest model that knows the place.
    ``accuracy`` is the root mean square error stated at ingest; null where nobody has said, and the
    height is unverified then.
    """
    grounds = elevation.terrain(registry.entries(database))
    found = elevation.at(here.files, grounds, lon, lat)
    if found is None:
        raise InputError(
            f"no elevation model covers {lon:.6f}, {lat:.6f}", remedy="ingest a DEM there"
        )
    surface = elevation.surface_at(here.files, grounds, lon, lat)
    return {
        "lon": lon,
        "lat": lat,
        **_said(here, found, lon, lat),
        "surface": None if surface is None else _said(here, surface, lon, lat),
    }


@router.post("/elevation")
def heights(places: Places, here: Here, database: Database) -> dict[str, Any]:
    """Heights of the ground at many places, in their order: orthometric (1985), m; null unknown."""
    grounds = elevation.terrain(registry.entries(database))
    found = elevation.along(here.files, grounds, places.points)
    return {"heights": found, "height_datum": here.city.height_datum}


@router.get("/layers/{layer_id}/value")
def value(
    layer_id: str,
    here: Here,
    database: Database,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> dict[str, Any]:
    """Value of a derived coverage (slope, aspect, hillshade) at a place; null where unknown."""
    version = registry.published(database, layer_id)
    found = value_at(here.files, version, lon, lat)
    return {
        "lon": lon, "lat": lat, "value": found.value, "unit": found.unit, "cell": found.cell,
        "layer": layer_id, "version": version.version, "of": version.media.get("of"),
    }  # fmt: skip


def _said(here: Installation, found: Elevation, lon: float, lat: float) -> dict[str, Any]:
    return {
        "height": found.metres,
        "ellipsoidal": found.metres + here.city.undulation(lon, lat),
        "layer": found.layer,
        "version": found.version,
        "resolution": found.resolution,
        "accuracy": found.accuracy,
    }
