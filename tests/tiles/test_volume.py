"""Bounding volumes: how far points lie outside of boxes, spheres and regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cim.geo.frames import enu_matrix
from cim.tiles.volume import volume

HERE = enu_matrix(106.65, 35.22, 1400.0)
BOX = {"box": [0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 5]}
SPHERE = {"sphere": [0, 0, 0, 10]}
REGION = {"region": [1.86, 0.61, 1.87, 0.62, 1000, 2000]}


def at(x: float, y: float, z: float) -> Any:
    return (HERE[:3, :3] @ [x, y, z] + HERE[:3, 3])[None, :]


@pytest.mark.parametrize(
    ("given", "point", "excess"),
    [
        (BOX, (10, 20, 5), 0.0),
        (BOX, (13, 0, 0), 3.0),
        (BOX, (0, -22, 0), 2.0),
        (SPHERE, (6, 8, 0), 0.0),
        (SPHERE, (0, 0, 14), 4.0),
        (REGION, (0, 0, 0), 0.0),
        (REGION, (0, 0, 700), 100.0),
    ],
)
def test_the_excess_is_the_distance_outside(
    given: dict[str, Any], point: tuple[float, float, float], excess: float
) -> None:
    assert volume(given, HERE).excess(at(*point)) == pytest.approx(excess, abs=1e-3)


def test_a_box_askew_holds_its_own_corners() -> None:
    askew = HERE.copy()
    askew[:3, 0] += 1e-3 * askew[:3, 2]
    bound = volume(BOX, askew)
    assert bound.excess(bound.corners()) < 1e-6


def test_a_flat_box_is_no_obstacle() -> None:
    flat = volume({"box": [0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 0]}, np.eye(4))
    assert flat.excess(np.array([[3.0, 4.0, 0.0]])) == 0
    assert flat.excess(np.array([[12.0, 4.0, 0.0]])) == pytest.approx(2)


def test_corners_lie_on_the_volume() -> None:
    for given in (BOX, SPHERE, REGION):
        bound = volume(given, HERE)
        corners = bound.corners()
        assert corners.shape == (8, 3)
        if "sphere" not in given:
            assert bound.excess(corners) < 1e-3


@pytest.mark.parametrize(
    ("outer", "inner", "overhang"),
    [
        (SPHERE, SPHERE, 0.0),
        (SPHERE, {"sphere": [3, 4, 0, 6]}, 1.0),
        (BOX, {"sphere": [0, 0, 0, 5]}, 0.0),
        (BOX, {"sphere": [7, 0, 0, 5]}, 2.0),
        (SPHERE, {"box": [0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 12]}, 3.0),
        (BOX, {"box": [0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 6.5]}, 1.5),
    ],
)
def test_the_overhang_is_exact_for_spheres_and_boxes(
    outer: dict[str, Any], inner: dict[str, Any], overhang: float
) -> None:
    found = volume(outer, HERE).overhang(volume(inner, HERE))
    assert found == pytest.approx(overhang, abs=1e-6)


def test_a_region_and_the_box_around_it_hold_each_other_nearly() -> None:
    flat = {"region": [1.8614, 0.6147, 1.8615, 0.6148, 1390, 1410]}
    region = volume(flat, np.eye(4))
    assert region.overhang(region) < 1e-3
    small = volume({"region": [1.86141, 0.61471, 1.86149, 0.61479, 1395, 1405]}, np.eye(4))
    assert region.overhang(small) == 0
    assert small.overhang(region) == pytest.approx(637 / 10, rel=0.02)


def test_a_region_across_the_date_line_holds_what_lies_in_it() -> None:
    pacific = volume({"region": [3.1, 0.0, -3.1, 0.1, 0, 100]}, np.eye(4))
    inside = volume({"region": [3.13, 0.01, -3.13, 0.02, 10, 20]}, np.eye(4))
    beside = volume({"region": [-3.0, 0.01, -2.9, 0.02, 10, 20]}, np.eye(4))
    assert pacific.overhang(inside) == 0
    assert pacific.overhang(beside) > 1e5


def test_the_parts_of_a_volume_tile_it() -> None:
    whole = volume(BOX, HERE)
    parts = [whole.part((x, y), 1) for x in (0, 1) for y in (0, 1)]
    assert all(whole.overhang(p) < 1e-9 for p in parts)
    north_east = whole.part((3, 3), 2).numbers
    local = HERE[:3, :3].T @ (north_east[:3] - HERE[:3, 3])
    np.testing.assert_allclose(local, [7.5, 15, 0], atol=1e-6)
    octant = whole.part((1, 1, 1), 1)
    np.testing.assert_allclose(
        HERE[:3, :3].T @ (octant.numbers[:3] - HERE[:3, 3]), [5, 10, 2.5], atol=1e-6
    )


def test_a_sphere_has_no_parts() -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        volume(SPHERE, HERE).part((0, 0), 1)
