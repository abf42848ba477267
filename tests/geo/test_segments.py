"""Segments: against PostGIS, against brute force, in cases whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.segments import ALONG, APART, CROSSING, along, meeting, plan_meeting
from tests.golden.laying import make

GOLDEN = Path(__file__).parents[1] / "golden" / "laying" / "pairs.npz"
Floats = npt.NDArray[np.float64]
numbers = st.floats(-50, 50).map(lambda v: round(v, 3))
spots = st.tuples(numbers, numbers, numbers)
ZERO, ONE = np.array([0]), np.array([1])


def test_distances_in_plan_and_space_are_those_of_postgis() -> None:
    a, b = make.segments()
    with np.load(GOLDEN) as kept:
        golden = {name: kept[name] for name in kept}
    one, other = golden["one"].astype(int), golden["other"].astype(int)
    plan, space = plan_meeting(a, b, one, other), meeting(a, b, one, other)
    np.testing.assert_allclose(plan.distance, golden["plan"], atol=1e-9)
    np.testing.assert_allclose(space.distance, golden["space"], atol=1e-9)
    np.testing.assert_allclose(space.distance, golden["shortest"], atol=1e-9)
    crossing = plan.how == CROSSING
    assert crossing.sum() > 100
    assert (crossing == golden["crosses"].astype(bool)).all()
    at, off = along(a, b, one, plan.first), along(a, b, other, plan.second)
    np.testing.assert_allclose(at[crossing, 2], golden["first_z"][crossing], atol=1e-9)
    np.testing.assert_allclose(off[crossing, 2], golden["second_z"][crossing], atol=1e-9)


@given(spots, spots, spots, spots)
def test_no_two_places_of_two_segments_are_nearer_than_the_nearest(
    p: tuple[float, ...], q: tuple[float, ...], r: tuple[float, ...], s: tuple[float, ...]
) -> None:
    a, b = np.array([p, r]), np.array([q, s])
    share = np.linspace(0, 1, 41)
    first, second = (a[i] + share[:, None] * (b[i] - a[i]) for i in (0, 1))
    apart = first[:, None] - second[None]
    space, plan = meeting(a, b, ZERO, ONE), plan_meeting(a, b, ZERO, ONE)
    assert np.linalg.norm(apart, axis=2).min() >= space.distance[0] - 1e-6
    assert np.linalg.norm(apart[:, :, :2], axis=2).min() >= plan.distance[0] - 1e-6
    at, off = along(a, b, ZERO, space.first)[0], along(a, b, ONE, space.second)[0]
    assert np.linalg.norm(at - off) == pytest.approx(space.distance[0], abs=1e-9)
    assert space.distance[0] >= plan.distance[0] - 1e-9


@given(spots, spots, spots, spots)
def test_the_order_of_a_pair_and_the_direction_of_segments_do_not_matter(
    p: tuple[float, ...], q: tuple[float, ...], r: tuple[float, ...], s: tuple[float, ...]
) -> None:
    a, b = np.array([p, r]), np.array([q, s])
    for turned in (meeting(b, a, ZERO, ONE), meeting(a, b, ONE, ZERO)):
        assert turned.distance[0] == pytest.approx(meeting(a, b, ZERO, ONE).distance[0], abs=1e-6)
    plan = plan_meeting(a, b, ZERO, ONE)
    assert plan_meeting(a, b, ONE, ZERO).distance[0] == pytest.approx(plan.distance[0], abs=1e-9)


def test_crossing_touching_parallel_and_collinear_segments_are_told_apart() -> None:
    a = np.array([[0, 0], [5, -5], [0, 1], [4, 0], [10, 0], [12, 0], [5, 0], [3, 3]], float)
    b = np.array([[10, 0], [5, 5], [10, 1], [16, 0], [10, 7], [20, 0], [5, 4], [3, 3]], float)
    one = np.zeros(7, int)
    found = plan_meeting(a, b, one, np.arange(1, 8))
    assert found.how.tolist() == [CROSSING, APART, ALONG, CROSSING, APART, CROSSING, APART]
    assert found.distance.tolist() == [0, 1, 0, 0, 2, 0, 3]
    assert sorted([found.first[2], found.until[2, 0]]) == [0.4, 1.0]
    assert sorted([found.second[2], found.until[2, 1]]) == [0.0, 0.5]
    assert found.angle[:3].tolist() == [90, 0, 0]


def test_segments_without_height_have_no_distance_in_space() -> None:
    a, b = np.array([[0, 0, np.nan], [0, 1, 1]]), np.array([[9, 0, 2.0], [9, 1, 1]])
    assert np.isnan(meeting(a, b, ZERO, ONE).distance[0])
    assert plan_meeting(a, b, ZERO, ONE).distance[0] == 1.0
