"""What a warning leads on to: the site that is worst off, its slope and its run-out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from cim.geo.crs import to_lonlat
from cim.topic import Next

AROUND = 800.0  # m of slope around the site that are looked at


def onward(
    row: Mapping[str, Any], place: shapely.Point, crs: CRS, release: float, angle: float,
    rain: float,
) -> tuple[Next, ...]:  # fmt: skip
    """Questions about one site, filled in.

    Args:
        row: Its attributes.
        place: Where it is, in ``crs``.
        crs: Projected, m.
        release: Radius of what goes, m.
        angle: Travel angle of its kind, degrees.
        rain: Of the day, mm; NaN where it is not known.
    """
    name = str(row.get("name") or row["hazard_id"])
    corners = shapely.get_coordinates(place.buffer(release, quad_segs=2))[:-1]
    ring = to_lonlat(crs, corners).round(7).tolist()
    centre = to_lonlat(crs, np.array([[place.x, place.y]]))[0].round(7).tolist()
    wet = {"rain": round(float(rain), 1)} if np.isfinite(rain) else {}
    return (
        Next(analysis="geohazards.runout", title=f"{name}滑下来会到哪里",
             title_en=f"How far would {name} go", values={"release": ring, "angle": angle}),
        Next(analysis="geohazards.stability", title=f"{name}周围的斜坡稳不稳",
             title_en=f"How stable are the slopes around {name}",
             values={"centre": centre, "range": AROUND, **wet}),
    )  # fmt: skip
