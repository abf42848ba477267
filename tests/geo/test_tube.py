"""Tubes: closed, outward, of the volume that the formula says, and met without a gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.solids import open_edges, volumes
from cim.geo.tube import Tube, capacity, mitre, tube

Floats = npt.NDArray[np.float64]
steps = st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-4, 4)).filter(
    lambda s: float(np.linalg.norm(s)) > 1.0
)


def looked_at(made: Tube) -> tuple[float, int, int, bool]:
    """Volume, open edges, Euler's number, and whether all normals point outwards."""
    owner = np.zeros(len(made.positions), np.int64)
    places = np.round(made.positions, 9)
    _, same = np.unique(places, axis=0, return_inverse=True)
    corner = same.reshape(-1)[made.triangles]
    edges = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    count = len(np.unique(np.sort(edges, axis=1), axis=0))
    a, b, c = (made.positions[made.triangles[:, i]] for i in range(3))
    outward = np.einsum("ij,ij->i", np.cross(b - a, c - a), made.normals[made.triangles[:, 0]])
    return (
        float(volumes(made.positions, made.triangles, owner, 1)[0]),
        open_edges(places, made.triangles, owner),
        int(same.max()) + 1 - count + len(made.triangles),
        bool((outward > 0).all()),
    )


@pytest.mark.parametrize("sides", [3, 8, 16])
@pytest.mark.parametrize(
    "places",
    [
        [[0, 0, 0], [10, 0, 0]],
        [[5, 5, 9], [5, 5, 2]],  # plumb, as a chamber
        [[0, 0, 0], [10, 0, 1], [10, 8, 2], [3, 12, 9]],
    ],
)
def test_a_tube_is_closed_and_holds_what_the_formula_says(
    places: list[list[float]], sides: int
) -> None:
    way = np.array(places, float)
    length = float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
    volume, gaps, euler, outward = looked_at(tube(way, 0.4, sides))
    whole = np.pi * 0.4**2 * length * (sides / (2 * np.pi)) * np.sin(2 * np.pi / sides)
    assert volume == pytest.approx(whole, rel=1e-9)
    assert capacity(0.4, length, sides) == pytest.approx(whole, rel=1e-12)
    assert (gaps, euler, outward) == (0, 2, True)


def test_sixteen_sides_hold_the_share_of_the_circle_that_is_known() -> None:
    assert capacity(1.0, 1.0, 16) / np.pi == pytest.approx(0.974495, abs=1e-6)


@settings(max_examples=40)
@given(st.lists(steps, min_size=1, max_size=6), st.floats(0.05, 0.5), st.integers(3, 20))
def test_whatever_the_way_bends_the_surface_is_closed_and_the_volume_kept(
    legs: list[tuple[float, ...]], radius: float, sides: int
) -> None:
    way = np.concatenate([np.zeros((1, 3)), np.cumsum(np.array(legs), axis=0)])
    made = tube(way, radius, sides)
    length = float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
    volume, gaps, _, _ = looked_at(made)
    assert volume == pytest.approx(capacity(radius, length, sides), rel=1e-6)
    assert gaps == 0
    assert np.linalg.norm(made.normals, axis=1).tolist() == pytest.approx([1.0] * len(made.normals))


def test_every_corner_stands_a_radius_from_the_axis_and_bends_do_not_twist() -> None:
    way = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0]])
    made = tube(way, 0.3, 12)
    first, middle, last = made.positions[:36].reshape(3, 12, 3)
    assert np.linalg.norm(first[:, 1:], axis=1).tolist() == pytest.approx([0.3] * 12)
    assert np.linalg.norm(middle[:, 1:], axis=1).tolist() == pytest.approx([0.3] * 12)
    assert middle[:, 0] - 10 == pytest.approx(-middle[:, 1])  # in the plane that halves the angle
    assert first[:, 2] == pytest.approx(last[:, 2])


def test_two_pipes_with_a_common_plane_meet_ring_to_ring() -> None:
    coming, going = np.array([1.0, 0, 0]), np.array([0.6, 0.8, 0])
    plane = mitre(coming, going, 0.3, (10.0, 10.0))
    assert plane is not None
    one = tube(np.array([[0.0, 0, 5], [10, 0, 5]]), 0.3, 16, end=plane)
    other = tube(np.array([[10.0, 0, 5], [16, 8, 5]]), 0.3, 16, begin=plane)
    np.testing.assert_allclose(one.positions[16:32], other.positions[:16], atol=1e-12)
    assert looked_at(one)[0] == pytest.approx(capacity(0.3, 10, 16))


def test_a_turn_too_sharp_for_a_mitre_ends_one_tube_and_begins_another() -> None:
    back = np.array([-0.8, 0.6, 0.0])
    assert mitre(np.array([1.0, 0, 0]), back, 0.3, (10.0, 10.0)) is None
    assert mitre(np.array([1.0, 0, 0]), np.array([0.0, 1, 0]), 0.3, (0.5, 9.0)) is None
    made = tube(np.array([[0.0, 0, 0], [10, 0, 0], [2, 6, 0]]), 0.3, 7)
    volume, gaps, euler, _ = looked_at(made)
    assert volume == pytest.approx(capacity(0.3, 20, 7))
    assert (gaps, euler) == (0, 4)
