"""The edge of the ground against the sky: a crater's rim, and what stands above and below it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.visibility import Eye, line_of_sight, skyline
from tests.geo.test_visibility import CELL, away, centre, fractal, grid, places


def test_the_skyline_inside_a_crater_is_its_rim() -> None:
    size, rim = 201, 800.0
    r = away((size, size), (100, 100))
    heights = np.where(np.abs(r - rim) <= CELL, 200.0, 0.0)
    x, y = centre(100, 100)
    sky = skyline(grid(heights), Eye(x=x, y=y, height=2.0), count=72, reach=1e6, bend=0.0)
    assert sky.azimuths[:3].tolist() == [0.0, 5.0, 10.0]
    expected = np.degrees(np.arctan(198.0 / sky.distances))
    assert sky.distances == pytest.approx(rim, abs=2 * CELL)
    assert sky.elevations == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), at=places, height=st.floats(0, 30))
def test_what_rises_above_the_skyline_is_seen_and_what_lies_below_is_not(
    seed: int, at: tuple[int, int], height: float
) -> None:
    heights = fractal(seed)
    ground = grid(heights)
    x, y = centre(*at)
    looker = Eye(x=x, y=y, height=height)
    sky = skyline(ground, looker, count=48, reach=1e6, bend=6.7e-8)
    for azimuth, elevation, distance in zip(
        sky.azimuths, sky.elevations, sky.distances, strict=True
    ):
        if not math.isfinite(elevation):
            continue
        goal = (
            x + distance * math.sin(math.radians(azimuth)),
            y + distance * math.cos(math.radians(azimuth)),
        )
        sight = line_of_sight(ground, looker, goal, target_height=0.0, bend=6.7e-8)
        assert sight.clearance is None or sight.clearance > -1e-6
        assert np.degrees(
            np.arctan((sight.line[-1] - sight.line[0] - 6.7e-8 * distance**2) / distance)
        ) == pytest.approx(elevation, abs=1e-6)
