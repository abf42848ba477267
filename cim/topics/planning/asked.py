"""What the topic's questions have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Proj
from shapely.geometry.base import BaseGeometry

from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.topic import Context


def planar(shape: BaseGeometry, crs: CRS) -> BaseGeometry:
    """A shape in degrees, in a CRS; edges long on the map get more corners."""
    step = transformer(CGCS2000, crs)
    return shapely.transform(shapely.segmentize(shape, 0.001), lambda at: rows(step, at))


def datum(context: Context) -> dict[str, str]:
    """CRS and height datum of an answer."""
    return {
        "crs": context.city.compute_crs.to_string(),
        "height_datum": context.city.height_datum,
        "areas": "ellipsoidal (GRS80)",
    }


def convergence_at(crs: CRS, x: float, y: float) -> float:
    """Angle from true north to grid north at a place, degrees, clockwise."""
    lon, lat = to_lonlat(crs, np.array([[x, y]]))[0]
    return float(Proj(crs).get_factors(float(lon), float(lat)).meridian_convergence)


def czml(
    name: str, shown: Sequence[tuple[datetime, datetime, BaseGeometry, str]], crs: CRS
) -> list[dict[str, Any]]:
    """Areas that show for a time each, on the ground: (from, until, area in ``crs``, #rrggbbaa)."""
    if not shown:
        return []
    first, last = min(s[0] for s in shown), max(s[1] for s in shown)
    span = f"{_iso(first)}/{_iso(last)}"
    packets: list[dict[str, Any]] = [
        {"id": "document", "name": name, "version": "1.0",
         "clock": {"interval": span, "currentTime": _iso(first), "multiplier": 1800}}
    ]  # fmt: skip
    for number, (begin, end, shape, color) in enumerate(shown):
        for part_number, part in enumerate(getattr(shape, "geoms", [shape])):
            ring = to_lonlat(crs, shapely.get_coordinates(part.exterior))
            flat = [v for lon, lat in ring[:-1].round(8).tolist() for v in (lon, lat, 0.0)]
            packets.append({
                "id": f"{number}-{part_number}",
                "availability": f"{_iso(begin)}/{_iso(end)}",
                "polygon": {
                    "positions": {"cartographicDegrees": flat},
                    "material": {"solidColor": {"color": {"rgba": [
                        int(color[i : i + 2], 16) for i in (1, 3, 5, 7)]}}},
                },
            })  # fmt: skip
    return packets


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
