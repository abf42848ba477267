"""Rain before and rain now, by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from cim.errors import ParameterError
from cim.topics.geohazards.analysis.rain import Thresholds, daily, effective, warning
from cim.topics.geohazards.rules import warning_rules
from cim.topics.geohazards.warning import rain_class

DAY = date(2026, 8, 1)


def test_rain_of_days_before_fades_by_its_share() -> None:
    assert effective(np.array([0.0, 100.0, 0.0, 5.0]), 0.5, 3) == pytest.approx(25.0)


@given(st.lists(st.floats(0, 300), min_size=12, max_size=40), st.floats(0.5, 0.95))
def test_the_sum_is_that_of_a_digital_filter(rain: list[float], decay: float) -> None:
    days = 10
    weights = np.concatenate([[0.0], decay ** np.arange(1, days + 1)])
    theirs = lfilter(weights, [1.0], rain)[-1]
    assert effective(np.array(rain), decay, days) == pytest.approx(theirs, abs=1e-6)


def test_a_day_without_a_reading_leaves_the_sum_unknown() -> None:
    assert np.isnan(effective(np.array([1.0, np.nan, 2.0, 3.0]), 0.8, 3))


def test_a_series_too_short_to_know_is_unknown() -> None:
    assert np.isnan(effective(np.array([1.0, 2.0]), 0.8, 2))


@given(st.lists(st.floats(0, 300), min_size=12, max_size=30), st.floats(0.5, 0.95))
def test_more_rain_on_any_day_before_is_never_less(rain: list[float], decay: float) -> None:
    series = np.array(rain)
    wetter = series.copy()
    wetter[-5] += 10
    assert effective(wetter, decay, 10) > effective(series, decay, 10)


def test_missing_days_are_unknown_and_not_dry() -> None:
    first, rain = daily([(DAY, 3.0), (DAY + timedelta(days=2), 4.0)])
    assert first == DAY
    assert rain[0] == 3.0
    assert np.isnan(rain[1])
    assert rain[2] == 4.0


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ([(DAY, 1.0), (DAY - timedelta(days=1), 2.0)], "row 2: 2026-07-31 comes after 2026-08-01"),
        ([(DAY, 1.0), (DAY, 2.0)], "row 2"),
        ([(DAY, -1.0)], "-1.0 mm"),
        ([(DAY, 99999.0)], "99999.0 mm"),
        ([], "no rain"),
    ],
)
def test_rain_that_cannot_be_is_refused_by_row(
    series: list[tuple[date, float | None]], said: str
) -> None:
    with pytest.raises(ParameterError, match=said):
        daily(series)


def test_classes_begin_at_their_limits() -> None:
    limits = Thresholds(rising=(25.0, 50.0, 100.0, 250.0))
    assert [limits.grade(v) for v in (0.0, 24.9, 25.0, 99.0, 100.0, 400.0)] == [0, 0, 1, 2, 3, 4]
    assert limits.grade(float("nan")) is None


def test_an_unknown_past_is_unknown_unless_today_alone_is_the_worst() -> None:
    rules = warning_rules()
    assert rain_class(rules, 60.0, float("nan")) is None
    assert rain_class(rules, 300.0, float("nan")) == 4
    assert rain_class(rules, float("nan"), 10.0) is None


def test_the_matrix_never_falls_with_more_rain_or_weaker_ground() -> None:
    matrix = np.array(warning_rules().matrix)
    assert matrix.shape == (5, 5)
    assert (np.diff(matrix, axis=0) >= 0).all()
    assert (np.diff(matrix, axis=1) >= 0).all()
    assert warning(None, 4, warning_rules().matrix) is None
    assert warning(4, None, warning_rules().matrix) is None


def test_unverified_rules_are_known_to_be_so() -> None:
    assert not warning_rules().verified
