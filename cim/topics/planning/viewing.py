"""What questions about views have in common: who looks, past what, along which line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.catalog.elevation import Ground
from cim.errors import ParameterError
from cim.evidence import ground_around, ground_provenance
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.visibility import radius_of_curvature
from cim.question import Point, layer_field, number_field, point_field
from cim.topic import Context
from cim.topics.planning.asked import datum
from cim.topics.planning.town import PARCEL, SCHEME, InTown, Town

Floats = npt.NDArray[np.float64]
REFRACTION = 1 / 7


class FromParameters(InTown):
    """Who looks, and past what."""

    observer: Point = point_field("观察点", "观察者的位置。", "Observer", "Where one looks from.")
    eye: float = number_field(1.6, "视高", "距地面。", "Eye", "Above ground.", "m", 0, 500)
    terrain: str = layer_field(
        "base.dem", "地形图层", "地面高程。", "Terrain", "Heights of the ground.", kind="terrain"
    )


class SightParameters(FromParameters):
    """What a line of sight asks for."""

    target: Point = point_field("目标点", "被看的位置。", "Target", "What is looked at.")
    target_height: float = number_field(
        0.0, "目标高度", "距地面。", "Target height", "Above ground.", "m", 0, 500
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Post:
    """A place with its height, in the compute CRS, m."""

    x: float
    y: float
    z: float


def bend(lat: float) -> float:
    """Fall of the ground per square metre of distance at a latitude, with refraction, 1/m."""
    return (1 - REFRACTION) / (2 * radius_of_curvature(lat))


def posts(asked: SightParameters, context: Context) -> tuple[Ground, Post, Post, float]:
    """The ground, the eye, what is looked at, and their distance on the plane, m."""
    ground = ground_around(context, asked.terrain, (asked.observer, asked.target), 200.0)
    crs = context.city.compute_crs
    posts = []
    for place, above in ((asked.observer, asked.eye), (asked.target, asked.target_height)):
        own = transformer(CGCS2000, ground.grid.crs).transform(*place)
        z = ground.grid.bilinear(*own)
        if not math.isfinite(z):
            raise ParameterError(
                f"{place[0]:.5f}, {place[1]:.5f} lies where the ground is unknown",
                remedy="choose a place on the elevation model",
            )
        x, y = transformer(CGCS2000, crs).transform(*place)
        posts.append(Post(x=float(x), y=float(y), z=z + above))
    away = math.hypot(posts[1].x - posts[0].x, posts[1].y - posts[0].y)
    if away < 0.1:
        raise ParameterError("both places are the same", remedy="choose another target")
    return ground, posts[0], posts[1], away


def height_of(eye: Post, goal: Post, at: float, length: float, lat: float) -> float:
    """Height of the line above the datum, the Earth's curvature put into it, m."""
    share = at / length
    return eye.z + share * (goal.z - eye.z) - bend(lat) * at * (length - at)


def plane_xy(step: Any, place: tuple[float, float]) -> tuple[float, float]:
    """A place in degrees moved by a transformer, m."""
    x, y = step.transform(*place)
    return float(x), float(y)


def name_of(standing: Town, row: int) -> str:
    """What a block is called: its name, else its number."""
    own = standing.frame.iloc[row]
    return str(own["name"]) if isinstance(own["name"], str) else str(own["id"])


def place_of(standing: Town, row: int, crs: CRS) -> list[float]:
    """A place inside a block, degrees."""
    middle = standing.frame.geometry.iloc[row].representative_point()
    return [round(float(v), 7) for v in to_lonlat(crs, np.array([[middle.x, middle.y]]))[0]]


def provenance(ground: Ground, standing: Town, context: Context, limits: str) -> dict[str, Any]:
    """Where an answer about a view comes from."""
    said = ground_provenance(ground, context)
    return {
        **said, **datum(context),
        "inputs": [*said["inputs"], *standing.inputs], "refraction": REFRACTION,
        "applicability": limits,
    }  # fmt: skip


REFERENCES = ("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",)


def reads_of(a: FromParameters) -> tuple[str, ...]:
    """The layers that an answer about a view rests on."""
    more = (SCHEME, PARCEL) if a.scheme else ()
    return (a.buildings, a.terrain, *more)
