"""Infinite slopes whose factor is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.topics.geohazards.analysis.slope import (
    WATER,
    Soil,
    critical_recharge,
    safety,
    wetness,
)


def soil(**changed: float) -> Soil:
    values = {"cohesion": 10.0, "friction": 24.0, "weight": 18.0, "depth": 2.0,
              "transmissivity": 20.0, **changed}  # fmt: skip
    return Soil(**values)


def test_dry_sand_at_its_friction_angle_is_just_stable() -> None:
    found = safety(np.array([33.0]), np.array([0.0]), soil(cohesion=0.0, friction=33.0))
    assert found[0] == pytest.approx(1.0, abs=1e-12)


def test_saturated_sand_keeps_the_share_of_its_buoyant_weight() -> None:
    found = safety(np.array([33.0]), np.array([1.0]), soil(cohesion=0.0, friction=33.0))
    assert found[0] == pytest.approx(1 - WATER / 18.0, abs=1e-12)


def test_unknown_ground_has_an_unknown_factor() -> None:
    found = safety(np.array([np.nan, 20.0]), np.array([0.5, np.nan]), soil())
    assert np.isnan(found).all()


def test_flat_ground_does_not_slide_and_says_no_more_than_that() -> None:
    assert safety(np.array([0.0]), np.array([1.0]), soil())[0] <= 100.0
    assert safety(np.array([0.0]), np.array([1.0]), soil())[0] > 10.0


@given(st.floats(1, 60), st.floats(0, 0.99), st.floats(0, 50), st.floats(10, 45))
def test_water_never_makes_a_slope_safer(
    slope: float, wet: float, cohesion: float, friction: float
) -> None:
    mantle = soil(cohesion=cohesion, friction=friction)
    one, other = safety(np.array([slope, slope]), np.array([wet, wet + 0.01]), mantle)
    assert other <= one


@given(st.floats(0.1, 2000), st.floats(1, 50), st.floats(1, 1e6))
def test_more_rain_never_dries_a_slope(rain: float, slope: float, upslope: float) -> None:
    area, steep = np.array([upslope]), np.array([slope])
    one = wetness(area, steep, 15.0, rain, soil())
    more = wetness(area, steep, 15.0, rain * 1.1, soil())
    assert 0 <= one[0] <= more[0] <= 1


def test_the_critical_recharge_is_where_the_factor_is_one() -> None:
    sand = soil(cohesion=0.0, friction=35.0, weight=16.0)
    area, steep = np.array([4000.0]), np.array([25.0])
    ratio = 10 ** critical_recharge(steep, area, 10.0, sand)
    rain = ratio[0] * sand.transmissivity * 1000
    wet = wetness(area, steep, 10.0, rain, sand)
    assert safety(steep, wet, sand)[0] == pytest.approx(1.0, abs=1e-9)


def test_slopes_that_fail_dry_and_slopes_that_hold_wet_are_told_apart() -> None:
    sand = soil(cohesion=0.0, friction=35.0, weight=20.0)
    found = critical_recharge(np.array([40.0, 5.0]), np.array([1e3, 1e3]), 10.0, sand)
    assert found.tolist() == [-np.inf, np.inf]
