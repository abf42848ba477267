"""The index of the published day, and the additive grade by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.topics.forest_fire.analysis.danger import (
    START,
    Noon,
    additive,
    after,
    beaufort,
    grade,
    season,
)

DAY = date(1985, 4, 13)


def noon(day: date = DAY, **changed: float) -> Noon:
    values = {"temperature": 17.0, "humidity": 42.0, "wind": 25.0, "rain": 0.0, **changed}
    return Noon(day=day, **values)


def test_the_first_days_of_the_published_table_are_reproduced() -> None:
    """Van Wagner & Pickett (1985): 13 to 16 April, quoted to one decimal."""
    days = [
        noon(), noon(DAY + timedelta(1), temperature=20, humidity=21, wind=25, rain=2.4),
        noon(DAY + timedelta(2), temperature=8.5, humidity=40, wind=17),
        noon(DAY + timedelta(3), temperature=6.5, humidity=25, wind=6),
    ]  # fmt: skip
    said = [(87.7, 8.5, 19.0, 10.9, 8.5, 10.1), (86.2, 10.4, 23.6, 8.8, 10.4, 9.3),
            (87.0, 11.8, 26.1, 6.5, 11.7, 7.6), (88.8, 13.2, 28.2, 4.9, 13.1, 6.2)]  # fmt: skip
    for index, row in zip(season(days), said, strict=True):
        assert index is not None
        got = (index.ffmc, index.dmc, index.dc, index.isi, index.bui, index.fwi)
        assert got == pytest.approx(row, abs=0.051)


def test_a_missing_day_carries_over_and_a_long_gap_ends_knowledge() -> None:
    found = season([noon(), noon(DAY + timedelta(3)), noon(DAY + timedelta(30))])
    assert found[1] is not None
    assert found[2] is None


@pytest.mark.parametrize(
    "changed", [{"humidity": 130.0}, {"temperature": 300.0}, {"rain": -1.0}, {"wind": 9999.0}]
)
def test_weather_that_cannot_be_is_refused_by_day(changed: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="1985-04-13"):
        noon(DAY, **changed)


def test_days_out_of_order_are_refused_by_row() -> None:
    with pytest.raises(ParameterError, match="row 2"):
        season([noon(), noon(DAY - timedelta(1))])


@given(st.floats(-5, 40), st.floats(5, 100), st.floats(0, 80), st.floats(0, 60))
def test_more_wind_never_lowers_and_rain_never_raises_the_index(
    temperature: float, humidity: float, wind: float, rain: float
) -> None:
    base = after(START, noon(temperature=temperature, humidity=humidity, wind=wind, rain=0.0))
    gale = after(START, noon(temperature=temperature, humidity=humidity, wind=wind + 5, rain=0.0))
    wet = after(START, noon(temperature=temperature, humidity=humidity, wind=wind, rain=rain))
    assert wet.dmc <= base.dmc + 1e-9
    assert wet.dc <= base.dc + 1e-9
    assert gale.isi >= base.isi * 0.98  # drying towards equilibrium is faster in wind, both ways
    assert min(base.fwi, wet.fwi, gale.fwi) >= 0.0


def test_the_additive_points_are_those_of_the_table() -> None:
    assert additive(4, 70, 0, 0, 0) == 0
    assert additive(30, 10, 30, 12, 0) == 20 + 20 + 50 + 40
    assert additive(22, 30, 6, 4, 5) == 77
    assert [grade(p) for p in (0, 25, 26, 50, 51, 72, 73, 90, 91)] == [1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_wind_grades_are_beauforts() -> None:
    assert [beaufort(v) for v in (0.0, 1.0, 4.4, 9.0, 15.0)] == [0, 1, 3, 5, 7]
