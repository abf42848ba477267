"""The point cloud lies on the surfaces that the other deliveries show."""

from __future__ import annotations

from pathlib import Path

import laspy
import numpy as np
from sample_city import cloud, terrain
from sample_city.frame import CENTRE
from sample_city.scene import Scene


def test_ground_points_lie_on_the_ground_and_roofs_above_it(huating: Path) -> None:
    found = laspy.read(huating / "points" / "LIDAR_01.laz")
    above = found.z - terrain.height(np.asarray(found.x), np.asarray(found.y))
    kind = np.asarray(found.classification)
    assert np.abs(above[kind == cloud.GROUND]).max() < 0.25
    assert np.median(above[kind == cloud.BUILDING]) > 5
    assert above[kind == cloud.HIGH].max() < 30
    assert found.header.parse_crs().to_epsg() == 4545


def test_a_strip_made_anew_is_the_same_every_time(tmp_path: Path) -> None:
    box = (CENTRE[0], CENTRE[1], CENTRE[0] + 64.0, CENTRE[1] + 64.0)
    counts = [cloud.deliver(Scene(), tmp_path / name, box) for name in ("a", "b")]
    assert counts[0] == counts[1] > 3000
    first, second = ((tmp_path / name / "LIDAR_01.laz") for name in ("a", "b"))
    one, other = laspy.read(first), laspy.read(second)
    np.testing.assert_array_equal(one.xyz, other.xyz)
    np.testing.assert_array_equal(one.red, other.red)
