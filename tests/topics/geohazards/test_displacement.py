"""Points whose movement is known."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.topics.geohazards.analysis.displacement import (
    Failure,
    failure,
    jumps,
    ordered,
    steady_rate,
    tangent_angles,
    velocity,
    without_jumps,
)

Floats = npt.NDArray[np.float64]
DAYS: Floats = np.arange(56, dtype=np.float64) * 0.5


def tertiary(days: Floats, end: float = 30.0, pace: float = 0.01) -> Floats:
    """1/v = pace (end - t), integrated."""
    return np.asarray(-np.log(1 - days / end) / pace)


def test_a_point_in_tertiary_creep_fails_on_the_day_that_was_planted() -> None:
    found = failure(DAYS, tertiary(DAYS))
    assert isinstance(found, Failure)
    assert found.day.value == pytest.approx(30.0, abs=0.1)
    assert found.day.low <= 30.0 <= found.day.high + 0.1


def test_the_interval_holds_the_day_in_most_noisy_series() -> None:
    rng = np.random.default_rng(11)
    held, told = 0, 0
    for _ in range(60):
        noisy = tertiary(DAYS) + rng.normal(0, 0.6, DAYS.size)
        found = failure(DAYS, noisy)
        if isinstance(found, Failure):
            told += 1
            held += found.day.low <= 30.0 <= found.day.high
    assert told > 40
    assert held / told > 0.75  # rates share readings: the interval is a little too narrow


@pytest.mark.parametrize(
    "course",
    [0.4 * DAYS, np.zeros(DAYS.size), 20 * (1 - np.exp(-DAYS / 8)), np.sin(DAYS)],
    ids=["steady", "still", "slowing", "to and fro"],
)
def test_no_day_is_told_where_nothing_accelerates(course: Floats) -> None:
    found = failure(DAYS, course)
    assert isinstance(found, str)
    assert found


def test_noise_around_a_steady_movement_gives_no_day() -> None:
    rng = np.random.default_rng(5)
    told = [failure(DAYS, 0.4 * DAYS + rng.normal(0, 0.3, DAYS.size)) for _ in range(40)]
    assert sum(isinstance(f, Failure) for f in told) <= 2


@settings(max_examples=40)
@given(st.lists(st.floats(-50, 50), min_size=6, max_size=14))
def test_the_rate_is_the_median_of_all_slopes(values: list[float]) -> None:
    days = np.arange(len(values), dtype=np.float64)
    slopes = [(b - a) / (j - i) for (i, a), (j, b) in itertools.combinations(enumerate(values), 2)]
    assert velocity(days, np.array(values)).value == pytest.approx(float(np.median(slopes)))


def test_a_knocked_target_is_a_jump_and_is_taken_out() -> None:
    rng = np.random.default_rng(2)
    knocked = np.asarray(0.4 * DAYS + rng.normal(0, 0.05, DAYS.size), np.float64)
    knocked[30:] += 35.0
    at = jumps(DAYS, knocked)
    assert at.tolist() == [30]
    smooth = without_jumps(DAYS, knocked, at)
    assert velocity(DAYS, smooth).value == pytest.approx(0.4, abs=0.02)


def test_a_point_that_starts_to_move_is_no_jump() -> None:
    start = np.where(DAYS < 10, 0.05 * DAYS, 0.5 + 3.0 * (DAYS - 10))
    assert jumps(DAYS, start).size == 0
    assert jumps(DAYS, tertiary(DAYS)).size == 0


def test_steady_movement_has_a_tangent_of_forty_five_degrees() -> None:
    course = np.asarray(0.7 * DAYS, np.float64)
    angles = tangent_angles(DAYS, course, steady_rate(DAYS, course))
    assert np.nanmax(np.abs(angles - 45.0)) < 1e-6
    late = tangent_angles(DAYS, tertiary(DAYS), steady_rate(DAYS, tertiary(DAYS)))
    assert late[-1] > 80


@pytest.mark.parametrize(
    ("days", "values", "said"),
    [
        ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], "3 readings"),
        ([0.0, 1.0, 1.0, 2.0, 3.0, 4.0], [0.0] * 6, "reading 3"),
        ([0.0, 2.0, 1.0, 3.0, 4.0, 5.0], [0.0] * 6, "reading 3"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, np.nan, 0.0, 0.0, 0.0, 0.0], "no number"),
    ],
)
def test_series_that_cannot_be_read_are_refused(
    days: list[float], values: list[float], said: str
) -> None:
    with pytest.raises(ParameterError, match=said):
        ordered(np.array(days), np.array(values))
