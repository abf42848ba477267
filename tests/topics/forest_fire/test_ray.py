"""Rays whose end is known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.topics.forest_fire.analysis.ray import Camera, intersect, locate
from tests.delivered import NORTH, WEST, ZONE, hills

Floats = npt.NDArray[np.float64]
CELL = 15.0
X, Y = WEST + 3000.0, NORTH - 3000.0


def ground(heights: Floats) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)


def flat(side: int = 401) -> Grid:
    return ground(np.full((side, side), 1500.0))


def camera(**changed: float) -> Camera:
    values = {"x": X, "y": Y, "height": 30.0, "azimuth": 70.0, "pitch": -2.0,
              "sigma_azimuth": 0.3, "sigma_pitch": 0.1, **changed}  # fmt: skip
    return Camera(**values)


def test_on_a_plane_a_mast_of_thirty_metres_sees_as_far_as_the_note_says() -> None:
    found = locate(flat(), camera(), reach=2500.0, bend=0.0)
    assert found.away == pytest.approx(859.1, abs=0.1)
    assert found.x - X == pytest.approx(found.away * math.sin(math.radians(70)))
    steeper = locate(flat(), camera(pitch=-1.9), reach=2500.0, bend=0.0)
    assert steeper.away - found.away == pytest.approx(45, abs=1)


@settings(max_examples=40)
@given(st.floats(0, 360), st.floats(-40, -1.2), st.floats(5, 60))
def test_on_a_plane_every_ray_ends_at_height_over_tangent(
    azimuth: float, pitch: float, height: float
) -> None:
    eye = camera(azimuth=azimuth, pitch=pitch, height=height)
    found = locate(flat(), eye, reach=2900.0, bend=0.0)
    assert found.away == pytest.approx(height / math.tan(math.radians(-pitch)), rel=1e-6)


def test_a_round_earth_is_met_later_than_a_flat_one() -> None:
    bend = (1 - 1 / 7) / (2 * 6_371_000)
    near = locate(flat(), camera(pitch=-0.75), reach=2900.0, bend=0.0)
    far = locate(flat(), camera(pitch=-0.75), reach=2900.0, bend=bend)
    assert near.away < far.away < near.away * 1.02


def test_the_hit_lies_on_the_ground_and_on_the_ray() -> None:
    grid = ground(hills(401, 401))
    eye = camera(azimuth=140.0, pitch=-6.0)
    found = locate(grid, eye, reach=2900.0, bend=0.0)
    line = grid.bilinear(X, Y) + 30 + found.away * math.tan(math.radians(-6.0))
    assert found.z == pytest.approx(line, abs=0.05)


@pytest.mark.parametrize("pitch", [0.0, 5.0, -0.1])
def test_a_ray_that_never_meets_the_ground_is_refused(pitch: float) -> None:
    with pytest.raises(ParameterError, match="never meets the ground"):
        locate(flat(), camera(pitch=pitch), reach=2500.0, bend=0.0)


def test_unknown_ground_on_the_way_is_not_guessed_over() -> None:
    grid = flat()
    grid.heights[:, 230:240] = np.nan
    with pytest.raises(ParameterError, match="ground is unknown"):
        locate(grid, camera(azimuth=90.0), reach=2500.0, bend=0.0)


def test_nineteen_of_twenty_true_places_lie_in_the_ellipse() -> None:
    """What the camera reports is off by its errors: where it says the fire is, and where it is."""
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(300):
        said = camera(azimuth=70 + rng.normal(0, 0.3), pitch=-4 + rng.normal(0, 0.1))
        found = locate(flat(), said, reach=2500.0, bend=0.0)
        truth = locate(flat(), camera(pitch=-4.0), reach=2500.0, bend=0.0)
        off = np.array([truth.x - found.x, truth.y - found.y])
        inside += float(off @ np.linalg.solve(found.covariance, off)) <= 5.991
    assert 0.90 < inside / 300 < 0.99


def test_two_bearings_cross_where_the_fire_is() -> None:
    fire = np.array([X + 900.0, Y - 700.0])
    eyes = [camera(), camera(x=X + 1500.0, y=Y + 200.0)]
    aimed = [
        camera(x=e.x, y=e.y,
               azimuth=math.degrees(math.atan2(fire[0] - e.x, fire[1] - e.y)) % 360)
        for e in eyes
    ]  # fmt: skip
    found = intersect(flat(), aimed)
    assert [found.x, found.y] == pytest.approx(fire.tolist(), abs=1e-6)
    single = locate(flat(), camera(pitch=-1.5), reach=2900.0, bend=0.0)
    assert found.ellipse()[0] < single.ellipse()[0]


def test_bearings_that_do_not_cross_are_refused() -> None:
    with pytest.raises(ParameterError, match="nearly the same line"):
        intersect(flat(), [camera(azimuth=90.0), camera(x=X + 500, azimuth=90.0)])
    with pytest.raises(ParameterError, match="behind camera"):
        intersect(flat(), [camera(azimuth=0.0), camera(x=X + 500, azimuth=45.0)])


@given(st.floats(0, 360), st.floats(0, 360), st.floats(0, 19))
def test_bearings_from_one_tower_are_refused_whatever_they_say(
    one: float, other: float, apart: float
) -> None:
    with pytest.raises(ParameterError, match="one place"):
        intersect(flat(41), [camera(azimuth=one), camera(azimuth=other, x=X + apart)])
