"""What a tileset was placed with: its asset tells, and a check holds it against the place.

Positions in tiles are geocentric and say nothing of the CRS, the height datum and the geoid that
they were made with. A mesh made with another geoid stands metres above or below everything else,
and nothing in its geometry shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from cim.city import Bounds, City
from cim.geo.crs import ResolvedCrs
from cim.geo.heights import Heights
from cim.tiles.look import Look

Undulation = Callable[[float, float], float]

KEY = "placed"  # in asset.extras
SURE = 100  # confidence from which a CRS may be called by a code
APART = 0.01  # m by which two geoids may differ
NEARBY = 0.1  # degrees by which a place may leave the area that a CRS is made for


def origin(
    city: City, resolved: ResolvedCrs | None, heights: Heights, extent: Bounds
) -> dict[str, Any]:
    """What goes into ``asset.extras``.

    Args:
        city: For the height datum and the geoid.
        resolved: CRS of the delivery; None where its parts have their own.
        heights: What the delivery's heights are measured from.
        extent: Where the result lies.
    """
    told: dict[str, Any] = {"heights": str(heights)}
    if resolved is not None:
        crs = resolved.crs
        code = crs.to_epsg(min_confidence=SURE)
        told |= {"crs": crs.name} | ({"wkt": crs.to_wkt()} if code is None else {"epsg": code})
    if heights is Heights.ORTHOMETRIC:
        lon, lat = (extent.west + extent.east) / 2, (extent.south + extent.north) / 2
        told["height_datum"] = city.height_datum
        told["geoid"] = {"lon": lon, "lat": lat, "metres": round(city.undulation(lon, lat), 4)}
    return {KEY: told}


def look_at_origin(extras: Any, place: Mapping[str, float], undulation: Undulation | None) -> Look:
    """Hold what an asset tells against the place.

    Args:
        extras: ``asset.extras`` as it was read.
        place: west, south, east, north of the content, degrees; empty where it lies nowhere.
        undulation: Of the city's geoid, m; None where it does not matter.
    """
    look = Look("tileset.crs")
    told = extras.get(KEY) if isinstance(extras, dict) else None
    if not isinstance(told, dict):
        return look
    look.looked_at = 1
    names = ("crs", "epsg", "heights", "height_datum")
    look.told |= {name: str(told[name]) for name in names if name in told}
    _look_at_crs(look, told, place)
    if "geoid" in told:
        _look_at_geoid(look, told["geoid"], undulation)
    return look


def _look_at_crs(look: Look, told: Mapping[str, Any], place: Mapping[str, float]) -> None:
    given = told.get("epsg", told.get("wkt"))
    if given is None:
        return
    try:
        area = CRS.from_user_input(given).area_of_use
    except CRSError:
        look.fail(f"asset.extras.{KEY}: {str(given)[:80]!r} is no CRS")
        return
    if area is None or not place:
        return
    wide = Bounds(area.west - NEARBY, area.south - NEARBY, area.east + NEARBY, area.north + NEARBY)
    here = Bounds(place["west"], place["south"], place["east"], place["north"])
    if not wide.contains(here):
        look.note(f"it lies at {here}, outside of the area of {told.get('crs', given)}")


def _look_at_geoid(look: Look, geoid: Any, undulation: Undulation | None) -> None:
    try:
        lon, lat, metres = (float(geoid[name]) for name in ("lon", "lat", "metres"))
    except (KeyError, TypeError, ValueError):
        look.fail(f"asset.extras.{KEY}.geoid is not lon, lat and metres")
        return
    look.figures["geoid_m"] = metres
    if undulation is None:
        return
    off = metres - undulation(lon, lat)
    if not abs(off) <= APART or not math.isfinite(metres):
        look.fail(
            f"it was made with a geoid {off:+.2f} m from the city's: it stands that much off; "
            "ingest the delivery again"
        )
