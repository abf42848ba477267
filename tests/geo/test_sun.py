"""The sun's place as pvlib computes it, shadows as triangles and a referee cast them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib.solarposition import get_solarposition
from pyproj import CRS

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.shadow import LIT, SHADE, UNKNOWN, shadows
from cim.geo.sun import Sun, sun_at, sunlight, true_solar
from tests.geo.test_visibility import fractal

Floats = npt.NDArray[np.float64]
BEIJING = timezone(timedelta(hours=8))
WEST, NORTH = 400_000.0, 3_900_000.0


def grid(heights: Floats, cell: tuple[float, float] = (10.0, 10.0)) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=cell, crs=CRS.from_epsg(4545))


@settings(deadline=None, max_examples=60)
@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    lon=st.floats(-179, 179),
    lat=st.floats(-65, 65),
)
def test_the_sun_stands_where_pvlib_says(moment: datetime, lon: float, lat: float) -> None:
    moment = moment.replace(tzinfo=UTC)
    theirs = get_solarposition(pd.DatetimeIndex([moment]), lat, lon, method="nrel_numpy").iloc[0]
    mine = sun_at(moment, lon, lat)
    assert mine.elevation == pytest.approx(float(theirs["elevation"]), abs=0.015)
    turn = (mine.azimuth - float(theirs["azimuth"]) + 180) % 360 - 180
    assert abs(turn) * math.cos(math.radians(mine.elevation)) < 0.015
    assert mine.equation_of_time == pytest.approx(float(theirs["equation_of_time"]), abs=0.05)


def test_at_true_solar_noon_the_sun_stands_in_the_south() -> None:
    noon = true_solar(date(2026, 1, 20), 12.0, 106.65)
    assert sun_at(noon, 106.65, 35.22).azimuth == pytest.approx(180.0, abs=0.01)
    # Dahan in Huating: 8 to 16 true solar time is an hour later by the clock of Beijing.
    local = noon.astimezone(BEIJING)
    assert (local.hour, local.minute) == (13, 4)
    assert sun_at(noon, 106.65, 35.22).elevation == pytest.approx(34.66, abs=0.01)


def test_refraction_lifts_the_setting_sun_by_half_a_degree() -> None:
    low = Sun(azimuth=240, elevation=0.0, equation_of_time=0.0)
    assert low.refracted == pytest.approx(0.48, abs=0.02)
    assert Sun(azimuth=0, elevation=-5.0, equation_of_time=0.0).refracted == -5.0


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ParameterError, match="time zone"):
        sun_at(datetime(2026, 1, 20, 12), 106.65, 35.22)  # noqa: DTZ001


@pytest.mark.parametrize("azimuth", [90.0, 270.0, 180.0, 0.0])
def test_a_wall_casts_its_height_over_the_tangent(azimuth: float) -> None:
    heights = np.zeros((81, 81))
    heights[40, :] = heights[:, 40] = 30.0
    elevation = 20.0
    light = shadows(grid(heights), azimuth=azimuth, elevation=elevation)
    length = 30.0 / math.tan(math.radians(elevation)) / 10
    line = {90.0: light[10, 39::-1], 270.0: light[10, 41:], 180.0: light[39::-1, 10],
            0.0: light[41:, 10]}[azimuth]  # fmt: skip
    assert (line == SHADE).sum() == math.floor(length)
    assert (line[math.floor(length) :] == LIT).all()


def referee(ground: Grid, azimuth: float, elevation: float, bend: float) -> npt.NDArray[np.uint8]:
    """Every cell's own line, sampled at its crossings through ``Grid.bilinear_at``."""
    rows, columns = ground.heights.shape
    east, north = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    tangent = math.tan(math.radians(elevation))
    light = np.full((rows, columns), LIT, np.uint8)
    for row in range(rows):
        for column in range(columns):
            start = ground.heights[row, column]
            if math.isnan(start):
                light[row, column] = UNKNOWN
                continue
            x = ground.west + (column + 0.5) * ground.cell[0]
            y = ground.north - (row + 0.5) * ground.cell[1]
            steps = [np.arange(1, n) * s / abs(d) for n, s, d in
                     ((columns, ground.cell[0], east), (rows, ground.cell[1], north))
                     if abs(d) > 1e-12]  # fmt: skip
            away = np.unique(np.concatenate(steps))
            there = ground.bilinear_at(x + away * east, y + away * north)
            inside = (np.abs((x + away * east) - ground.middle[0])
                      <= (columns - 1) / 2 * ground.cell[0] + 1e-6) & (
                np.abs((y + away * north) - ground.middle[1])
                <= (rows - 1) / 2 * ground.cell[1] + 1e-6)  # fmt: skip
            above = there - bend * away**2 - start - tangent * away
            if (above[inside] > 1e-6).any():
                light[row, column] = SHADE
            elif np.isnan(there[inside]).any():
                light[row, column] = UNKNOWN
    return light


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    azimuth=st.one_of(st.floats(0, 360), st.sampled_from([0.0, 45.0, 90.0, 225.0, 270.0])),
    elevation=st.floats(2, 60),
    cell=st.sampled_from([(10.0, 10.0), (10.0, 7.0), (5.0, 12.0)]),
    bend=st.sampled_from([0.0, 1e-4]),
    holes=st.booleans(),
)
def test_every_cell_is_lit_as_its_own_line_to_the_sun_says(
    seed: int, azimuth: float, elevation: float, cell: tuple[float, float], bend: float,
    holes: bool,
) -> None:  # fmt: skip
    heights = fractal(seed)
    if holes:
        heights[np.random.default_rng(seed).random(heights.shape) < 0.01] = np.nan
    ground = grid(heights, cell)
    mine = shadows(ground, azimuth=azimuth, elevation=elevation, bend=bend)
    theirs = referee(ground, azimuth, elevation, bend)
    assert (mine != theirs).mean() <= 0.003  # ties of rounding on the rim of the grid
    if not holes:
        assert {UNKNOWN}.isdisjoint(np.unique(mine).tolist())


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), azimuth=st.floats(0, 360), low=st.floats(1, 40))
def test_a_higher_sun_shades_nothing_more(seed: int, azimuth: float, low: float) -> None:
    ground = grid(fractal(seed))
    before = shadows(ground, azimuth=azimuth, elevation=low)
    after = shadows(ground, azimuth=azimuth, elevation=low + 5)
    assert not ((before == LIT) & (after == SHADE)).any()


def test_below_the_horizon_all_is_shade_and_overhead_all_is_lit() -> None:
    heights = fractal(3)
    heights[5, 5] = np.nan
    night = shadows(grid(heights), azimuth=100, elevation=-3)
    noon = shadows(grid(heights), azimuth=100, elevation=90)
    assert np.unique(night[~np.isnan(heights)]).tolist() == [SHADE]
    assert np.unique(noon[~np.isnan(heights)]).tolist() == [LIT]
    assert night[5, 5] == noon[5, 5] == UNKNOWN


def test_on_a_plain_the_sun_shines_as_long_as_it_is_up() -> None:
    suns = [
        sun_at(true_solar(date(2026, 6, 21), float(hours), 106.65), 106.65, 35.22)
        for hours in np.arange(0.25, 24, 0.5)
    ]
    light = sunlight(grid(np.zeros((9, 9))), suns, step=0.5, convergence=0.0)
    assert light.possible == pytest.approx(14.5, abs=0.5)
    assert (light.hours == light.possible).all()
    assert (light.unknown == 0).all()
