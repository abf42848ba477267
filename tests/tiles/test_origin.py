"""A tileset says what it was placed with, and a check holds that against the place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid, Heights
from cim.tiles.look import Look
from cim.tiles.origin import KEY, look_at_origin, origin

ZONE = resolve("EPSG:4545")


def here(city: City) -> Bounds:
    west, south, east, north = city.bounds
    return Bounds(west + 0.01, south + 0.01, east - 0.01, north - 0.01)


def look(extras: Any, city: City, extent: Bounds | None = None) -> Look:
    place = dict(zip(("west", "south", "east", "north"), extent or here(city), strict=True))
    return look_at_origin(extras, place, city.undulation)


def test_what_was_told_comes_back_and_fits(city: City) -> None:
    found = look(origin(city, ZONE, Heights.ORTHOMETRIC, here(city)), city)
    assert (found.looked_at, found.errors, found.notes) == (1, [], [])
    assert found.told["epsg"] == "4545"
    assert found.told["height_datum"] == city.height_datum


def test_another_geoid_is_an_error_in_metres(city: City) -> None:
    made = origin(city, ZONE, Heights.ORTHOMETRIC, here(city))
    n = city.undulation(106.65, 35.2)
    other = replace(city, geoid=ConstantGeoid(n - 6.0))
    (error,) = look(made, other).errors
    assert "geoid +6.00 m from the city's" in error


def test_heights_above_the_ellipsoid_need_no_geoid(city: City) -> None:
    made = origin(city, ZONE, Heights.ELLIPSOIDAL, here(city))
    other = replace(city, geoid=ConstantGeoid(55.0))
    assert "geoid" not in made[KEY]
    assert look(made, other).errors == []


def test_a_place_that_the_crs_is_not_made_for_is_noted(city: City) -> None:
    made = origin(city, ZONE, Heights.ORTHOMETRIC, here(city))
    (note,) = look(made, city, Bounds(4.0, 50.0, 4.1, 50.1)).notes
    assert "outside of the area of CGCS2000" in note


def test_a_crs_without_a_code_is_told_whole(city: City) -> None:
    own = resolve("+proj=tmerc +lon_0=106.67 +x_0=500000 +ellps=GRS80 +units=m")
    made = origin(city, own, Heights.ORTHOMETRIC, here(city))
    assert "epsg" not in made[KEY]
    assert resolve(made[KEY]["wkt"]).crs == own.crs
    assert look(made, city).errors == []


@pytest.mark.parametrize(
    ("broken", "error"),
    [({"epsg": 99}, "is no CRS"), ({"geoid": {"lon": 1}}, "is not lon, lat and metres"),
     ({"geoid": {"lon": 106.6, "lat": 35.2, "metres": float("nan")}}, "geoid")],
)  # fmt: skip
def test_what_makes_no_sense_is_an_error(broken: Any, error: str, city: City) -> None:
    with np.errstate(invalid="ignore"):
        (found,) = look({KEY: broken}, city).errors
    assert error in found


@pytest.mark.parametrize("extras", [None, [], {}, {KEY: None}, {KEY: 3}])
def test_tilesets_of_others_say_nothing_and_are_not_blamed(extras: Any, city: City) -> None:
    found = look(extras, city)
    assert (found.looked_at, found.errors, found.notes) == (0, [], [])
