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
from cim.tiles.check import FOREIGN
from cim.tiles.gltf_check import look
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
    """One sample comes without its finest level; the boxes of two are rounded a little small."""
    samples = sorted((shared_data / "3dtiles").rglob("tileset.json"))
    assert len(samples) > 10
    found = [
        error
        for path in samples
        for look in check_tileset(path, overhang=FOREIGN)
        for error in look.errors
    ]
    assert found == ["tileset.json#root/0/0: dragon_high.b3dm is not there"]


@pytest.mark.shared
def test_every_content_of_the_samples_is_looked_at(shared_data: Path) -> None:
    seen = {
        path.parent.name: {look.name: look for look in check_tileset(path)}
        for path in (shared_data / "3dtiles").rglob("tileset.json")
    }
    counts = {name: looks["tileset.glb"].looked_at for name, looks in seen.items()}
    assert counts["SparseImplicitOctree"] == 31
    assert counts["SparseImplicitQuadtree"] == 32
    assert counts["MetadataGranularities"] == 20
    assert counts["TilesetWithRequestVolume"] == 6
    assert seen["TilesetWithRequestVolume"]["tileset.glb"].figures["points"] == 125000
    assert seen["MultipleContents"]["tileset.boxes"].looked_at == 2
    assert all(look.figures.get("orphans", 0) == 0 for s in seen.values() for look in s.values())


def test_rounded_boxes_of_others_are_only_noted(tileset: Path) -> None:
    def shrink(document: Any) -> None:
        document["root"]["children"][0]["boundingVolume"]["box"][3] -= 0.02

    change(inner(tileset), shrink)
    assert "content leaves its box by 0.020 m" in errors(tileset)["tileset.boxes"][0]
    looks = {look.name: look for look in check_tileset(tileset, HERE, overhang=FOREIGN)}
    assert looks["tileset.boxes"].errors == []
    assert "by 0.020 m" in looks["tileset.boxes"].notes[0]


def test_quantized_content_may_lie_half_a_step_off(tileset: Path) -> None:
    positions = np.array([[0, 0, 0], [9000, 0, 0], [0, 9, 3.07]], np.float64)
    mesh = glb.Primitive(positions, np.array([[0, 1, 2]], np.uint32))
    path = inner(tileset).parent / "leaf.glb"
    glb.write(path, [mesh], encoding=glb.Encoding("meshopt"))
    facts = look(path)
    assert facts.errors == []
    assert facts.half_step == pytest.approx(9000 / 65535 / 2)
    off = np.abs(facts.positions[0].max(axis=0) - positions.max(axis=0)).max()
    assert 0.01 < off <= facts.half_step

    def grow(document: Any) -> None:
        root = document["root"]
        box = [4500, 4.5, 1.535, 4500, 0, 0, 0, 4.5, 0, 0, 0, 1.535]
        for tile in (root, root["children"][0]):
            tile["boundingVolume"]["box"] = box

    change(inner(tileset), grow)
    found = errors(tileset, None)["tileset.boxes"]
    assert [e for e in found if "leaf.glb" in e] == []


def test_several_contents_are_all_looked_at(tileset: Path) -> None:
    def double(document: Any) -> None:
        leaf = document["root"]["children"][0]
        leaf["contents"] = [leaf.pop("content"), {"uri": "missing.glb"}]

    change(inner(tileset), double)
    found = errors(tileset)
    assert found == {"tileset.content": ["tiles/a/tileset.json#root/0: missing.glb is not there"]}


def test_a_tileset_that_shows_itself_twice_ends_soon(tileset: Path) -> None:
    change(
        inner(tileset),
        lambda d: d["root"].update(
            contents=[{"uri": "tileset.json"}] * 2, content=d["root"].pop("content")
        ),
    )
    assert len(errors(tileset)["tileset.structure"]) == 2


def test_a_net_of_tilesets_is_not_walked_for_ever(tmp_path: Path) -> None:
    box = {"box": [6378137, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9]}
    for number in range(40):
        root = {"boundingVolume": box, "refine": "ADD", "geometricError": 1}
        root["contents"] = [{"uri": f"{number + 1}.json"}] * 2
        write(tmp_path / f"{number}.json", root, 1.0)
    write(tmp_path / "40.json", {"boundingVolume": box, "geometricError": 1}, 1.0)
    looks = {look.name: look for look in check_tileset(tmp_path / "0.json")}
    assert looks["tileset.structure"].looked_at < 400
    assert "not all visited" in looks["tileset.structure"].notes[0]


@pytest.mark.parametrize(
    "uri",
    ["http://example.com/a.glb", "//example.com/a", "data:,x", "a\0b.glb", "x" * 5000, "%2e%2e/a"],
)
def test_hostile_uris_are_findings(tileset: Path, uri: str) -> None:
    change(inner(tileset), lambda d: d["root"]["content"].update(uri=uri))
    assert len(errors(tileset)["tileset.content"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"asset":{"version":"1.1"},"geometricError":NaN,"root":{}}',
        '{"asset":{"version":"1.1"},"geometricError":1e999,"root":{}}',
        '{"asset":7,"geometricError":1,"root":{}}',
        '{"asset":{"version":["1.1"]},"geometricError":1,"root":[]}',
        "\ud800",
    ],
)
def test_hostile_documents_are_findings(tileset: Path, text: str) -> None:
    inner(tileset).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert errors(tileset)["tileset.structure"]


def test_a_tower_of_tiles_is_cut_off(tileset: Path) -> None:
    tile: dict[str, Any] = {"boundingVolume": {"sphere": [0, 0, 0, 1]}, "geometricError": 0}
    for _ in range(400):
        tile = {**tile, "children": [tile]}
    change(inner(tileset), lambda d: d.update(root=tile))
    assert check_tileset(tileset, None)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["root"].update(children=[]), "children"),
        (lambda d: d["root"].update(contents=[{"uri": "a"}]), "content"),
        (lambda d: d.update(schema={"classes": {}}), "'id' is a required"),
        (lambda d: d.update(metadata={"class": "x"}), "without a schema"),
        (lambda d: d.update(extensionsUsed=[]), "extensionsUsed"),
        (lambda d: d["root"].update(viewerRequestVolume={}), "viewerRequestVolume"),
    ],
)
def test_what_breaks_the_schema_is_named(
    tileset: Path, edit: Callable[[Any], object], message: str
) -> None:
    change(inner(tileset), edit)
    assert message in errors(tileset)["tileset.schema"][0]


SCHEMA = {
    "id": "s",
    "classes": {
        "c": {
            "properties": {
                "name": {"type": "STRING", "required": True},
                "floors": {"type": "SCALAR", "componentType": "UINT8"},
                "colour": {"type": "VEC3", "componentType": "UINT8"},
                "use": {"type": "ENUM", "enumType": "e"},
                "sizes": {"type": "SCALAR", "componentType": "FLOAT32", "array": True, "count": 2},
            }
        }
    },
    "enums": {"e": {"values": [{"name": "house", "value": 0}]}},
}
SOUND = {"name": "a", "floors": 3, "colour": [1, 2, 3], "use": "house", "sizes": [1.0, 2.5]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"name": None}, "name is no STRING"),
        ({"floors": True}, "floors is no SCALAR"),
        ({"colour": [1, 2]}, "colour is no VEC3"),
        ({"use": "castle"}, "use is no ENUM"),
        ({"sizes": [1.0]}, "sizes is no SCALAR"),
        ({"other": 1}, "other is not declared"),
    ],
)
def test_metadata_are_held_against_their_schema(
    tileset: Path, changes: dict[str, Any], message: str | None
) -> None:
    entity = {"class": "c", "properties": SOUND | changes}
    change(inner(tileset), lambda d: d.update(schema=SCHEMA))
    change(inner(tileset), lambda d: d["root"].update(metadata=entity))
    found = errors(tileset).get("tileset.schema", [])
    assert (message is None and not found) or (message is not None and message in found[0])


def test_a_required_property_that_is_missing_is_named(tileset: Path) -> None:
    change(inner(tileset), lambda d: d.update(schema=SCHEMA, groups=[{"class": "c"}]))
    assert "group 0: the required property name" in errors(tileset)["tileset.schema"][0]
