"""Blocks whose shade and skyline are known, and the same by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.massing import lit, shadow, skyline, walls

SUNS = np.array([90.0, 135.0, 180.0, 225.0, 270.0, 0.0])


def test_a_wall_to_the_south_hides_the_sun_up_to_the_angle_of_its_top() -> None:
    around = walls([shapely.box(-1000, -30, 1000, -20)], np.array([21.0]))
    tangents = np.array([0.99, 1.01])
    found = lit(np.array([[0.0, 0.0, 1.0]]), np.array([180.0, 180.0]), tangents, around)
    assert found.tolist() == [[False, True]]  # 20 m high over the eye, 20 m away


def test_light_from_behind_is_not_hidden() -> None:
    around = walls([shapely.box(-50, -30, 50, -20)], np.array([100.0]))
    found = lit(np.array([[0.0, 0.0, 0.0]]), SUNS, np.full(6, 0.1), around)
    assert found[0].tolist() == [True, False, False, False, True, True]


def test_a_wall_across_north_hides_both_sides_of_north() -> None:
    around = walls([shapely.box(-50, 20, 50, 30)], np.array([100.0]))
    azimuths = np.array([0.0, 359.0, 1.0, 60.0, 300.0, 90.0])
    found = lit(np.array([[0.0, 0.0, 0.0]]), azimuths, np.full(6, 0.1), around)
    assert found[0].tolist() == [False, False, False, False, False, True]


def test_a_top_that_is_not_known_can_be_taken_both_ways() -> None:
    around = walls([shapely.box(-50, -30, 50, -20)], np.array([np.nan]))
    eye, south, flat = np.array([[0.0, 0.0, 0.0]]), np.array([180.0]), np.array([0.5])
    assert lit(eye, south, flat, around.known(-np.inf))[0, 0]
    assert not lit(eye, south, flat, around.known(np.inf))[0, 0]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(2, 30), st.floats(2, 30),
                       st.floats(1, 60)), min_size=1, max_size=6),
    st.floats(0, 359.9), st.floats(1, 80),
)  # fmt: skip
def test_light_is_hidden_exactly_where_its_ray_meets_a_block(
    boxes: list[tuple[float, ...]], azimuth: float, elevation: float
) -> None:
    outlines = [shapely.box(x, y, x + w, y + h) for x, y, w, h, _ in boxes]
    if any(o.distance(shapely.Point(0, 0)) < 0.01 for o in outlines):
        return
    tops = np.array([top for *_, top in boxes])
    tangent = math.tan(math.radians(elevation))
    far = 400.0
    ray = shapely.LineString([(0, 0), (far * math.sin(math.radians(azimuth)),
                                       far * math.cos(math.radians(azimuth)))])  # fmt: skip
    hidden, close = False, False
    for outline, top in zip(outlines, tops, strict=True):
        met = outline.intersection(ray)
        close |= outline.exterior.distance(ray) < 1e-6 and met.length < 1e-6
        if not met.is_empty:
            entry = shapely.Point(0, 0).distance(met)
            close |= abs(entry * tangent - (top - 1.5)) < 1e-6
            hidden |= 1.5 + entry * tangent < top
    if close:
        return
    eye = np.array([[0.0, 0.0, 1.5]])
    found = lit(eye, np.array([azimuth]), np.array([tangent]), walls(outlines, tops))
    assert found[0, 0] == (not hidden)


def test_the_skyline_is_the_angle_to_the_nearest_wall_of_a_box() -> None:
    around = walls([shapely.box(-10, 40, 10, 60), shapely.box(-10, 90, 10, 95)],
                   np.array([41.0, 200.0]))  # fmt: skip
    angle, which = skyline(np.array([0.0, 0.0, 1.0]), np.array([0.0, 180.0]), around)
    assert angle[0] == pytest.approx(math.degrees(math.atan(199 / 90)))
    assert which.tolist() == [1, -1]
    assert angle[1] == -90.0


@given(st.floats(0, 359), st.floats(5, 85), st.floats(1, 80))
def test_a_box_shadow_has_the_area_of_its_sweep(
    azimuth: float, elevation: float, height: float
) -> None:
    found = shadow(shapely.box(0, 0, 10, 6), height, azimuth, elevation)
    far = height / math.tan(math.radians(elevation))
    turn = math.radians(azimuth)
    sweep = abs(far * math.cos(turn)) * 10 + abs(far * math.sin(turn)) * 6
    assert found.area == pytest.approx(60 + sweep, rel=1e-6)


def test_the_noon_shadow_of_dahan_in_huating_is_that_of_the_note() -> None:
    found = shadow(shapely.box(0, 0, 20, 10), 54.0, 180.0, 34.66)
    assert found.bounds[3] - 10 == pytest.approx(78.11, abs=0.05)
