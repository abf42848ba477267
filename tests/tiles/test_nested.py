"""Additive tilesets: every feature in one tile, large ones first, frames and boxes that hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.frames import enu_matrix, lonlat_height
from cim.tiles.mesh_check import check_tileset
from cim.tiles.nested import Node, frame_at, into, share_out, write_nested
from cim.tiles.tileset import Box


@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 9))
def test_every_feature_stands_in_exactly_one_tile_and_larger_ones_above(
    count: int, most: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    centres = random.uniform(0, 3000, (count, 2)) * (seed > 2)  # all at one place, too
    sizes = random.uniform(1, 90, count)
    root = share_out(centres, sizes, most, 8000.0)
    assert sorted(np.concatenate([b.members for b in root.walk()]).tolist()) == list(range(count))
    for branch in root.walk():
        assert len(branch.members) <= most + most // 4
        below = [sizes[b.members].max() for c in branch.children for b in c.walk()]
        assert branch.error == max(below, default=0.0)
        assert all(s <= sizes[branch.members].min() for s in below)


def test_a_tile_wider_than_float32_allows_holds_nothing_itself() -> None:
    centres = np.array([[0.0, 0.0], [30_000.0, 0.0], [29_000.0, 0.0]])
    root = share_out(centres, np.ones(3), 1000, 8000.0)
    assert len(root.members) == 0
    assert sorted(len(c.members) for c in root.children) == [1, 2]


def test_nested_frames_place_content_where_it_is_and_boxes_hold_it(tmp_path: Path) -> None:
    here, there = enu_matrix(106.6, 35.2, 1400.0), enu_matrix(106.65, 35.24, 1500.0)
    box = Box(np.array([-50.0, -20.0, 0.0]), np.array([50.0, 20.0, 30.0]))
    root = Node(here, box, 5.0, None, [Node(there, box, 0.0, None, [])])
    write_nested(tmp_path / "tileset.json", root, 90.0)
    tile = json.loads((tmp_path / "tileset.json").read_text())["root"]
    matrix = np.eye(4)
    for step in (tile, tile["children"][0]):
        assert step["refine"] == "ADD"
        matrix = matrix @ np.array(step["transform"]).reshape(4, 4).T
    assert np.abs(matrix - there).max() < 1e-8
    assert tile["geometricError"] == 5.0
    assert tile["children"][0]["geometricError"] == 0.0
    looks = check_tileset(tmp_path / "tileset.json")
    assert [error for look in looks for error in look.errors] == []


def test_errors_fall_from_parent_to_child_whatever_was_given(tmp_path: Path) -> None:
    box = Box(np.zeros(3), np.ones(3))
    matrix = enu_matrix(106.6, 35.2)
    leaf = Node(matrix, box)
    middle = Node(matrix, box, 7.0, None, [leaf])
    root = Node(matrix, box, 7.0, None, [middle])
    write_nested(tmp_path / "tileset.json", root, 1.0)
    assert root.error > middle.error > 0.0
    assert json.loads((tmp_path / "tileset.json").read_text())["geometricError"] == root.error


def test_the_frame_stands_upright_in_the_middle() -> None:
    corner = enu_matrix(106.6, 35.2, 1400.0)[:3, 3]
    places = np.stack([corner, corner + np.array([100.0, 50.0, 0.0])])
    matrix = frame_at(places)
    local = into(matrix, places)
    assert np.abs(local[0] + local[1]).max() < 1e-6
    lon, lat, _ = lonlat_height(matrix[:3, 3][None])[0]
    up = enu_matrix(lon, lat)[:3, 2]
    assert matrix[:3, 2] @ up > 1 - 1e-12
