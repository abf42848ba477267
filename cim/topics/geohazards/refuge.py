"""Ways from hazard sites to shelters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import CRS
from shapely import Point as Place
from shapely.geometry.base import BaseGeometry

from cim.evidence import rows_if_any
from cim.exposure import FACILITY, ROAD
from cim.geo.roads import roads, travel, way
from cim.topic import Context

WALK = 4.0 / 3.6  # m/s
SHELTER = "避难"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """A way to a shelter: its course, minutes on foot, and the shelter's name."""

    course: shapely.LineString
    minutes: float
    shelter: str


def ways_out(
    context: Context, sites: Mapping[bytes, Place], area: BaseGeometry, crs: CRS
) -> dict[bytes, Way]:
    """From each site to the nearest shelter, by roads that lead through no run-out.

    Args:
        context: The question's.
        sites: Where each is, by its place (WKB): numbers may be there twice, or not at all.
        area: What the run-outs cover.
        crs: Of both, m.
    """
    streets = rows_if_any(context, ROAD, crs=crs)
    places = rows_if_any(context, FACILITY, crs=crs)
    if streets is None or places is None or not sites or streets.frame.empty:
        return {}
    shelters = places.frame[places.frame["facility_class"].fillna("").str.contains(SHELTER)]
    shelters = shelters[~shelters.intersects(area)]
    if shelters.empty:
        return {}
    ends = [*(p.representative_point() for p in shelters.geometry), *sites.values()]
    network = roads(
        [shapely.get_coordinates(part) for shape in streets.frame.geometry
         for part in getattr(shape, "geoms", [shape])],
        np.array([[p.x, p.y] for p in ends]),
    )  # fmt: skip
    shut = shapely.intersects([shapely.LineString(path) for path in network.paths], area)
    cost = np.where(shut, np.inf, network.length / WALK)
    own = len(shelters)
    found = travel(network, cost, network.stops[:own])
    names = dict(zip(network.stops[:own].tolist(), shelters["name"], strict=True))
    out: dict[bytes, Way] = {}
    for i, (key, site) in enumerate(sites.items()):
        node = int(network.stops[own + i])
        course, _ = way(network, cost, found, node)
        if len(course) < 2:
            continue
        line = shapely.LineString([[site.x, site.y], *course[::-1]])
        off = network.away[own + i] / (WALK / 2)  # off the road: half as fast
        seconds = found.cost[node] + off
        out[key] = Way(
            course=line, minutes=float(seconds / 60),
            shelter=str(names.get(int(found.source[node]), "")),
        )  # fmt: skip
    return out
