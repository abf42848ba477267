"""What towers see of smoke, on any hills."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.grid import Grid
from cim.geo.visibility import Eye
from cim.topics.forest_fire.watching import CoverageParameters, seen_at, seen_from
from tests.delivered import NORTH, WEST, ZONE

CENTRE = (106.65, 35.22)


def ground(seed: int) -> Grid:
    """Rough hills of 60 × 60 cells."""
    rng = np.random.default_rng(seed)
    heights = 1400 + 60 * np.sin(np.arange(60) / 7)[:, None] * np.cos(np.arange(60) / 9)
    return Grid(heights=heights + rng.uniform(0, 8, (60, 60)), west=WEST, north=NORTH,
                cell=(15.0, 15.0), crs=ZONE)  # fmt: skip


def asked(smoke: float, refraction: float = 1 / 7) -> CoverageParameters:
    return CoverageParameters(centre=CENTRE, smoke=smoke, refraction=refraction)


places = st.tuples(st.floats(30, 870), st.floats(30, 870))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), places, st.floats(0, 30), st.floats(0, 40))
def test_higher_smoke_and_a_longer_range_are_never_seen_less(
    seed: int, place: tuple[float, float], smoke: float, more: float
) -> None:
    grid = ground(seed)
    eye = Eye(x=WEST + place[0], y=NORTH - place[1], height=12.0)
    low = seen_from(grid, eye, 400.0, asked(smoke), CENTRE[1])
    high = seen_from(grid, eye, 400.0, asked(smoke + more), CENTRE[1])
    far = seen_from(grid, eye, 900.0, asked(smoke), CENTRE[1])
    assert not (low & ~high).any()
    assert not (low & ~far).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), places)
def test_single_cells_are_seen_as_in_the_whole_picture(
    seed: int, place: tuple[float, float]
) -> None:
    grid = ground(seed)
    eye = Eye(x=WEST + place[0], y=NORTH - place[1], height=12.0)
    cells = np.argwhere(np.ones(grid.heights.shape, bool))[::7]
    whole = seen_from(grid, eye, 500.0, asked(10.0), CENTRE[1])
    few = seen_at(grid, eye, cells, 500.0, asked(10.0))
    assert (whole[cells[:, 0], cells[:, 1]] == few).all()
