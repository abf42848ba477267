"""The check of a tileset finds what is wrong, each kind of fault by its own words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.city import Bounds
from cim.geo.frames import enu_matrix
from cim.tiles import glb
from cim.tiles.mesh_check import check_tileset
from cim.tiles.tileset import Box, Entry, Tile, join, settle, write, write_folder

HERE = Bounds(106.6, 35.2, 106.7, 35.3)


@pytest.fixture
def tileset(tmp_path: Path) -> Path:
    """One folder with a root and a leaf, below a root tileset."""
    folder = tmp_path / "tiles" / "a"
    folder.mkdir(parents=True)
    positions = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 3]], np.float32)
    for name in ("root.glb", "leaf.glb"):
        glb.write(folder / name, [glb.Primitive(positions, np.array([[0, 1, 2]], np.uint32))])
    box = Box.around(positions)
    root = Tile(box, 4.0, "root.glb", [Tile(box, uri="leaf.glb")])
    settle(root)
    matrix = enu_matrix(106.65, 35.22, 1400)
    write_folder(folder / "tileset.json", root, matrix)
    top, error = join([Entry("tiles/a/tileset.json", box, matrix, 4.0)])
    write(tmp_path / "tileset.json", top, error)
    return tmp_path / "tileset.json"


def errors(tileset: Path, bounds: Bounds | None = HERE) -> dict[str, list[str]]:
    return {look.name: look.errors for look in check_tileset(tileset, bounds) if look.errors}


def inner(tileset: Path) -> Path:
    return tileset.parent / "tiles" / "a" / "tileset.json"


def change(path: Path, edit: Callable[[Any], object]) -> None:
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document))


def test_a_sound_tileset_passes_and_is_counted(tileset: Path) -> None:
    looks = {look.name: look for look in check_tileset(tileset, HERE)}
    assert all(not look.errors for look in looks.values())
    assert looks["tileset.structure"].looked_at == 2
    assert looks["tileset.glb"].looked_at == 2
    assert looks["tileset.glb"].figures["triangles"] == 2
    assert looks["tileset.boxes"].looked_at >= 4
    assert looks["tileset.content"].figures["orphans"] == 0


def test_a_file_that_no_tile_shows_is_counted(tileset: Path) -> None:
    (inner(tileset).parent / "lost.glb").write_bytes(b"")
    looks = {look.name: look for look in check_tileset(tileset, HERE)}
    assert looks["tileset.content"].figures["orphans"] == 1


def test_missing_content_is_named(tileset: Path) -> None:
    (inner(tileset).parent / "leaf.glb").unlink()
    assert "leaf.glb is not there" in errors(tileset)["tileset.content"][0]


def test_content_outside_of_the_folder_is_named(tileset: Path) -> None:
    change(inner(tileset), lambda d: d["root"]["content"].update(uri="../../../x.glb"))
    assert "outside" in errors(tileset)["tileset.content"][0]


def test_errors_that_rise_are_named(tileset: Path) -> None:
    change(inner(tileset), lambda d: d["root"]["children"][0].update(geometricError=5.0))
    assert "above its parent's 4.0" in errors(tileset)["tileset.geometric_error"][0]


def test_content_that_leaves_its_box_is_named(tileset: Path) -> None:
    def shrink(document: Any) -> None:
        leaf = document["root"]["children"][0]
        leaf["boundingVolume"]["box"][3] = 2.0

    change(inner(tileset), shrink)
    assert "content leaves its box by 2.500 m" in errors(tileset)["tileset.boxes"][0]


def test_a_child_box_that_leaves_its_parents_is_named(tileset: Path) -> None:
    def grow(document: Any) -> None:
        document["root"]["children"][0]["boundingVolume"]["box"][3] = 7.5

    change(inner(tileset), grow)
    assert "leaves its parent's by 3.000 m" in errors(tileset)["tileset.boxes"][0]


def test_a_tileset_in_another_place_is_named(tileset: Path) -> None:
    found = errors(tileset, Bounds(100, 30, 101, 31))
    assert "outside of" in found["tileset.place"][0]


def test_without_bounds_the_place_does_not_matter(tileset: Path) -> None:
    assert errors(tileset, None) == {}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["root"].pop("boundingVolume"), "neither box, sphere nor region"),
        (lambda d: d["root"]["boundingVolume"]["box"].pop(), "12 finite numbers"),
        (lambda d: d["root"].update(geometricError=-1), "not a length"),
        (lambda d: d["root"].update(geometricError="4"), "not a length"),
        (lambda d: d["root"].update(refine="SOMETIMES"), "refine"),
        (lambda d: d["root"].update(transform=[0.0] * 16), "flattens"),
        (lambda d: d["root"].update(transform=[1.0] * 15), "16 finite numbers"),
        (lambda d: d["asset"].update(version="0.9"), "0.9"),
        (lambda d: d.pop("root"), "not a tileset"),
        (lambda d: d["root"]["content"].pop("uri"), "without uri"),
        (lambda d: d["root"]["children"].append(7), "not a tile"),
    ],
)
def test_a_broken_document_is_named(
    tileset: Path, edit: Callable[[Any], object], message: str
) -> None:
    change(inner(tileset), edit)
    assert message in errors(tileset)["tileset.structure"][0]


def test_a_tileset_that_contains_itself_ends(tileset: Path) -> None:
    change(inner(tileset), lambda d: d["root"]["content"].update(uri="tileset.json"))
    assert "cycle" in errors(tileset)["tileset.structure"][0]


def test_a_tileset_that_is_no_json_is_named(tileset: Path) -> None:
    inner(tileset).write_text("{")
    assert "tiles/a/tileset.json: not a tileset" in errors(tileset)["tileset.structure"][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"glTF", b"GLTF", "not a glb"),
        (b'"count":3,"type":"VEC3"', b'"count":9,"type":"VEC3"', "reaches beyond"),
        (b'"componentType":5126', b'"componentType":5999', "incomplete"),
        (b'"version":"2.0"', b'"version":"1.0"', "asset.version"),
        (b'"max":[9.0', b'"max":[8.0', "another max"),
        (b'"byteOffset":0', b'"byteOffset":2', "not aligned"),
        (b'"nodes":[0]', b'"nodes":[7]', "no node 7"),
    ],
)
def test_a_broken_glb_is_named(tileset: Path, old: bytes, new: bytes, message: str) -> None:
    path = inner(tileset).parent / "leaf.glb"
    raw = path.read_bytes()
    assert raw.count(old) >= 1
    path.write_bytes(raw.replace(old, new, 1))
    found = errors(tileset)["tileset.glb"]
    assert "tiles/a/leaf.glb" in found[0]
    assert message in found[0]


@pytest.mark.parametrize("keep", [0, 10, 30, 200, -4])
def test_a_truncated_glb_is_named(tileset: Path, keep: int) -> None:
    path = inner(tileset).parent / "leaf.glb"
    path.write_bytes(path.read_bytes()[:keep])
    assert errors(tileset)["tileset.glb"]


def test_an_index_beyond_the_vertices_is_named(tileset: Path) -> None:
    path = inner(tileset).parent / "leaf.glb"
    positions = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 3]], np.float32)
    glb.write(path, [glb.Primitive(positions, np.array([[0, 1, 3]], np.uint32))])
    assert "index of 3" in errors(tileset)["tileset.glb"][0]


def test_a_vertex_that_is_not_finite_is_named(tileset: Path) -> None:
    path = inner(tileset).parent / "leaf.glb"
    positions = np.array([[0, 0, 0], [np.inf, 0, 0], [0, 9, 3]], np.float32)
    glb.write(path, [glb.Primitive(positions, np.array([[0, 1, 2]], np.uint32))])
    assert "not finite" in errors(tileset)["tileset.glb"][0]


def test_a_flood_of_errors_is_cut_off(tmp_path: Path) -> None:
    child = {"boundingVolume": {}, "geometricError": 0}
    box = {"box": [6378137, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9]}
    root = {"boundingVolume": box, "refine": "ADD", "geometricError": 1, "children": [child] * 500}
    write(tmp_path / "tileset.json", root, 1.0)
    assert len(errors(tmp_path / "tileset.json", None)["tileset.structure"]) == 100


@pytest.mark.shared
def test_samples_of_others_pass_but_for_what_is_really_missing(shared_data: Path) -> None:
    samples = sorted((shared_data / "3dtiles").rglob("tileset.json"))
    assert len(samples) > 10
    found = [e for path in samples for look in check_tileset(path) for e in look.errors]
    assert all("is not there" in error for error in found)
    assert len(found) <= 1
