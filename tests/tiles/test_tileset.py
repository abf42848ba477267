"""Boxes, geometric errors and the quadtree above many folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.frames import enu_matrix
from cim.tiles.tileset import Box, Entry, Tile, join, settle, tile_json, write_folder
from cim.tiles.volume import volume


def box(x: float, y: float, size: float = 1.0) -> Box:
    return Box(np.array([x, y, 0.0]), np.array([x + size, y + size, size]))


def test_a_parent_box_holds_children_that_overhang() -> None:
    root = Tile(box(0, 0), 8.0, "a.glb", [Tile(box(0.5, 0), uri="b.glb")])
    settle(root)
    assert root.box is not None
    np.testing.assert_array_equal(root.box.high, [1.5, 1, 1])


def test_leaves_have_no_error_and_parents_keep_the_producers() -> None:
    leaf = Tile(box(0, 0), 3.0, "b.glb")
    root = Tile(box(0, 0), 8.123456789012345, "a.glb", [leaf])
    settle(root)
    written = tile_json(root)
    assert written["geometricError"] == 8.123456789012345
    assert written["children"][0]["geometricError"] == 0


def test_errors_that_do_not_fall_are_mended_upward() -> None:
    low = Tile(box(0, 0), 5.0, "c.glb", [Tile(box(0, 0), uri="d.glb")])
    middle = Tile(box(0, 0), 5.0, "b.glb", [low])
    root = Tile(box(0, 0), 1.0, "a.glb", [middle])
    settle(root)
    assert root.error > middle.error > low.error == 5.0


def test_a_child_that_always_shows_gives_its_parent_the_diagonal() -> None:
    root = Tile(box(0, 0, 3.0), float("inf"), "a.glb", [Tile(box(0, 0), uri="b.glb")])
    assert settle(root) == pytest.approx(3 * 3**0.5)


def test_a_tile_without_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        settle(Tile(None))


def test_a_flat_box_gets_some_thickness() -> None:
    flat = Box(np.zeros(3), np.array([4.0, 4.0, 0.0]))
    assert flat.volume()["box"][11] == 0.01


def test_the_matrix_is_written_by_columns(tmp_path: Path) -> None:
    matrix = enu_matrix(106.65, 35.22)
    root = Tile(box(0, 0), 0.0, "a.glb")
    settle(root)
    write_folder(tmp_path / "tileset.json", root, matrix)
    written = json.loads((tmp_path / "tileset.json").read_bytes())
    assert written["root"]["transform"][12:15] == matrix[:3, 3].tolist()
    assert written["root"]["refine"] == "REPLACE"
    assert written["asset"]["version"] == "1.1"


def entries(places: list[tuple[float, float]]) -> list[Entry]:
    return [
        Entry(f"tiles/{i}/tileset.json", box(-50, -50, 100), enu_matrix(lon, lat), 64.0)
        for i, (lon, lat) in enumerate(places)
    ]


def leaves(tile: dict[str, Any]) -> list[str]:
    own = [tile["content"]["uri"]] if "content" in tile else []
    return own + [uri for child in tile.get("children", []) for uri in leaves(child)]


def most_children(tile: dict[str, Any]) -> int:
    children = tile.get("children", [])
    return max([len(children), *(most_children(c) for c in children)])


@given(st.lists(st.tuples(st.floats(106.5, 106.8), st.floats(35.1, 35.3)), min_size=1, max_size=40))
def test_every_folder_stands_once_in_a_quadtree_that_holds_it(
    places: list[tuple[float, float]],
) -> None:
    given_entries = entries(places)
    root, error = join(given_entries)
    assert sorted(leaves(root)) == sorted(e.uri for e in given_entries)
    assert most_children(root) <= 4
    assert error == root["geometricError"]
    bound = volume(root["boundingVolume"], np.eye(4))
    for entry in given_entries:
        assert bound.excess(entry.corners()) < 1e-6
    errors_fall(root)


def errors_fall(tile: dict[str, Any]) -> None:
    for child in tile.get("children", []):
        assert child["geometricError"] < tile["geometricError"]
        errors_fall(child)


def test_folders_in_one_place_still_make_a_tree() -> None:
    root, _ = join(entries([(106.65, 35.22)] * 17))
    assert len(leaves(root)) == 17
    assert most_children(root) <= 4
