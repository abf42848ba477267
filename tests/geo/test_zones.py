"""The zone of a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from cim.geo.zones import local_zone


@given(st.floats(73.5, 135.5), st.floats(17, 54))
def test_within_china_the_meridian_is_the_nearest(lon: float, lat: float) -> None:
    crs = CRS.from_user_input(local_zone(lon, lat))
    parameters = crs.to_json_dict()["conversion"]["parameters"]
    meridian = next(p["value"] for p in parameters if p["name"] == "Longitude of natural origin")
    assert "CGCS2000" in crs.name
    assert "zone" not in crs.name  # no zone number in front of the easting
    assert abs(meridian - lon) <= 1.5 + 1e-9


@given(st.floats(-180, 180), st.floats(-80, 84))
def test_every_place_has_a_zone(lon: float, lat: float) -> None:
    assert CRS.from_user_input(local_zone(lon, lat)).is_projected


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [(-118.2, 34.3, 32611), (179.9, 10, 32660), (180, 10, 32660), (0.1, -33, 32731)],
)
def test_elsewhere_it_is_utm(lon: float, lat: float, code: int) -> None:
    assert local_zone(lon, lat) == f"EPSG:{code}"
