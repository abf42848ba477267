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
