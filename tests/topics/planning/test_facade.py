"""Windows and their sun."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pvlib
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.massing import walls
from cim.topic import Verdict
from cim.topics.planning.analysis.facade import in_front, spans, windows
from cim.topics.planning.rules import SunRule, control_rules, sun_rule
from cim.topics.planning.sunlight import _verdict, day_of, hours

HOUSE = shapely.box(0, 0, 20, 10)
PLACE = (106.65, 35.22)


def of_house(floors: int = 1):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return windows(HOUSE, 100.0, floors, storey=3.0, sill=0.9, width=1.5, apart=3.6)


def test_windows_stand_on_all_walls_and_look_outwards() -> None:
    found = of_house(2)
    assert sorted(set(found.facing.round(6).tolist())) == [0.0, 90.0, 180.0, 270.0]
    assert len(found.floor) == 2 * (6 + 3 + 6 + 3)
    assert not shapely.contains_xy(HOUSE, found.middle[:, 0], found.middle[:, 1]).any()
    assert sorted(set(found.middle[:, 2].round(6).tolist())) == [100.9, 103.9]


def test_a_clockwise_outline_has_the_same_windows() -> None:
    turned = windows(HOUSE.reverse(), 100.0, 1, storey=3.0, sill=0.9, width=1.5, apart=3.6)
    assert sorted(turned.facing.tolist()) == sorted(of_house().facing.tolist())


def test_a_free_south_window_has_all_hours_and_a_north_window_none_in_winter() -> None:
    day = day_of(date(2026, 1, 20), 8.0, 16.0, 2.0, PLACE, 0.0)
    found = of_house()
    sun = hours(found, walls([HOUSE], np.array([103.0])), day, np.full(day.azimuths.shape, -90.0))
    assert sun.total[found.facing == 180.0] == pytest.approx(8.0, abs=0.04)
    assert (sun.total[found.facing == 0.0] == 0).all()


def test_a_long_wall_to_the_south_takes_the_sun_that_pvlib_says_it_takes() -> None:
    """Behind an endless wall the sun shows when tan(elevation) / cos(azimuth) beats its angle."""
    wall = shapely.box(-3000, -40, 3000, -30)
    day = day_of(date(2026, 1, 20), 8.0, 16.0, 1.0, PLACE, 0.0)
    found = of_house()
    around = walls([HOUSE, wall], np.array([103.0, 118.0]))
    sun = hours(found, around, day, np.full(day.azimuths.shape, -90.0))
    noon = pd.Timestamp("2026-01-20 04:00", tz="UTC")
    minutes = pd.date_range(noon - pd.Timedelta(hours=5), noon + pd.Timedelta(hours=6), freq="1min")
    theirs = pvlib.solarposition.get_solarposition(minutes, PLACE[1], PLACE[0], 1400.0)
    solar = (minutes.hour * 60 + minutes.minute + theirs["equation_of_time"]) / 60 + 106.65 / 15
    inside = (solar >= 8) & (solar <= 16)
    rise = np.tan(np.radians(theirs["elevation"])) / np.cos(np.radians(theirs["azimuth"] - 180))
    free = rise * (30 - 0.05) > 118 - 100.9  # the sill stands 0.05 m before the house
    expected = float((inside & free).sum()) / 60
    assert 0.5 < expected < 7.5
    south = sun.total[found.facing == 180.0]
    assert south == pytest.approx(expected, abs=0.05)


def test_short_stretches_of_sun_do_not_count() -> None:
    sunny = np.array([[1, 0, 1, 1, 1, 1, 1, 0]], bool)
    found = spans(sunny, 1 / 60, 5 / 60)
    assert found.total[0] == pytest.approx(5 / 60)
    assert found.longest[0] == pytest.approx(5 / 60)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_without_a_least_stretch_all_sun_counts(flags: list[bool]) -> None:
    found = spans(np.array([flags]), 0.5, 0.0)
    assert found.total[0] == pytest.approx(sum(flags) * 0.5)
    assert found.longest[0] <= found.total[0] + 1e-12


def test_a_light_beside_a_wall_is_not_in_front_of_it() -> None:
    found = in_front(np.array([180.0]), np.array([90.0, 91.0, 180.0, 0.0, 270.0]))
    assert found[0].tolist() == [False, True, True, False, False]


def test_huating_needs_three_hours_and_a_large_city_two() -> None:
    small, large = sun_rule("II", 30_000), sun_rule("II", 800_000)
    assert small is not None
    assert large is not None
    assert (small.hours, large.hours) == (3.0, 2.0)
    assert sun_rule("II", None) is None
    assert sun_rule("", 30_000) is None
    assert sun_rule("II", 30_000, "工业") is None


def test_no_unverified_row_can_pass_or_fail() -> None:
    rule = sun_rule("II", 30_000)
    assert rule is not None
    assert rule.evidence == "unverified"
    assert _verdict(8.0, 8.0, rule) is Verdict.NEEDS_REVIEW
    assert _verdict(0.0, 0.0, rule) is Verdict.NEEDS_REVIEW
    assert _verdict(2.0, 5.0, rule) is Verdict.UNKNOWN
    for control in control_rules().values():
        if control.evidence == "unverified":
            assert control.verdict(kept=True) is Verdict.NEEDS_REVIEW
            assert control.verdict(kept=False) is Verdict.NEEDS_REVIEW


def test_a_cited_row_passes_and_fails() -> None:
    rule = SunRule(day=(1, 20), hours=2.0, begin=8, end=16, clause="x", evidence="cited")
    assert _verdict(2.0, 2.0, rule) is Verdict.PASS
    assert _verdict(1.9, 1.9, rule) is Verdict.FAIL
