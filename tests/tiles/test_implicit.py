"""Implicit tiling: subtrees are read, and hostile ones are findings."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.tiles import glb
from cim.tiles.mesh_check import check_tileset
from cim.tiles.subtree import nodes, parse

Bits = list[int]


def packed(bits: Bits) -> bytes:
    return np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()


def subtree(tiles: Bits, contents: Bits, children: Bits, **more: Any) -> bytes:
    """A binary subtree; bits as they are, each stream padded to eight bytes."""
    streams = [packed(b) for b in (tiles, contents, children)]
    binary, views = b"", []
    for stream in streams:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(stream)})
        binary += stream + bytes(-len(stream) % 8)
    document = {
        "buffers": [{"byteLength": len(binary)}],
        "bufferViews": views,
        "tileAvailability": {"bitstream": 0, "availableCount": sum(tiles)},
        "contentAvailability": [{"bitstream": 1, "availableCount": sum(contents)}],
        "childSubtreeAvailability": {"bitstream": 2, "availableCount": sum(children)},
    } | more
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<4sIQQ", b"subt", 1, len(text), len(binary)) + text + binary


@pytest.fixture
def tileset(tmp_path: Path) -> Path:
    """Two levels of a quadtree in one subtree; content in the north-east and below it."""
    (tmp_path / "s").mkdir()
    tiles, below = [1, 0, 0, 0, 1], [0] * 16
    below[12 + 3] = 1  # the north-east of the north-east
    (tmp_path / "s/0.0.0.subtree").write_bytes(subtree(tiles, [0, 0, 0, 0, 1], below))
    (tmp_path / "s/2.3.3.subtree").write_bytes(subtree([1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 16))
    for name, low in (("1.1.1", 50.0), ("2.3.3", 75.0)):
        square = np.array([[low, low, 0], [100, low, 0], [100, 100, 9]], np.float32)
        glb.write(tmp_path / f"{name}.glb", [glb.Primitive(square, np.array([[0, 1, 2]], "u4"))])
    root = {
        "boundingVolume": {"box": [50, 50, 5, 50, 0, 0, 0, 50, 0, 0, 0, 5]},
        "geometricError": 16,
        "refine": "REPLACE",
        "content": {"uri": "{level}.{x}.{y}.glb"},
        "implicitTiling": {
            "subdivisionScheme": "QUADTREE",
            "subtreeLevels": 2,
            "availableLevels": 4,
            "subtrees": {"uri": "s/{level}.{x}.{y}.subtree"},
        },
    }
    document = {"asset": {"version": "1.1"}, "geometricError": 32, "root": root}
    (tmp_path / "tileset.json").write_text(json.dumps(document))
    return tmp_path / "tileset.json"


def faults(tileset: Path) -> list[str]:
    return [error for look in check_tileset(tileset) for error in look.errors]


def test_announced_tiles_are_found_and_lie_in_their_cells(tileset: Path) -> None:
    looks = {look.name: look for look in check_tileset(tileset)}
    assert faults(tileset) == []
    assert looks["tileset.glb"].looked_at == 2
    assert looks["tileset.boxes"].looked_at == 2
    assert looks["tileset.content"].figures["orphans"] == 0


def test_content_beside_its_cell_is_named(tileset: Path) -> None:
    path = tileset.parent / "2.3.3.glb"
    path.write_bytes((tileset.parent / "1.1.1.glb").read_bytes())
    assert faults(tileset) == ["2.3.3.glb: content leaves its box by 25.000 m"]


def test_a_region_is_divided_as_a_box_is(tileset: Path) -> None:
    document = json.loads(tileset.read_text())
    document["root"]["boundingVolume"] = {"region": [0.1, 0.1, 0.2, 0.2, 0, 9]}
    tileset.write_text(json.dumps(document))
    assert any("1.1.1.glb: content leaves its box" in fault for fault in faults(tileset))


def test_an_announced_content_that_is_missing_is_named(tileset: Path) -> None:
    (tileset.parent / "1.1.1.glb").unlink()
    assert faults(tileset) == ["tileset.json#root[1/1/1]: 1.1.1.glb is not there"]


def test_a_missing_subtree_is_named(tileset: Path) -> None:
    (tileset.parent / "s/2.3.3.subtree").unlink()
    assert "the subtree s/2.3.3.subtree is not there" in faults(tileset)[0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (subtree([1, 0, 0, 0, 1], [0] * 5, [0] * 16, tileAvailability={"constant": 0}), "no root"),
        (subtree([0, 0, 0, 0, 1], [0] * 5, [0] * 16), "tile 4 has no parent"),
        (subtree([1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0] * 16), "where no tile is"),
        (subtree([1, 0, 0, 0, 0], [0] * 5, [1] + [0] * 15), "below a tile that is not there"),
        (
            subtree([1] * 5, [0] * 5, [0] * 16, tileAvailability={"bitstream": 0,
                    "availableCount": 3}),
            "3 tiles are announced, 5 are there",
        ),
        (subtree([1] * 5, [0] * 5, [0] * 16)[:-1], "no subtree"),
        (subtree([1] * 5, [0] * 5, [0] * 16)[:20], "no subtree"),
        (b"subt" + b"\xff" * 40, "no subtree"),
        (b"{}", "no subtree"),
        (b"[" * 99999, "no subtree"),
        (subtree([1], [0], [0], tileAvailability={"bitstream": 9}), "no subtree"),
        (subtree([1] * 5, [0] * 5, [0] * 4), "bytes of bits for 16 subtrees"),
    ],
)  # fmt: skip
def test_a_broken_subtree_is_named(tileset: Path, raw: bytes, message: str) -> None:
    (tileset.parent / "s/2.3.3.subtree").write_bytes(raw)
    found = faults(tileset)
    assert any(message in fault for fault in found), found


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.update(subdivisionScheme="NONATREE"), "implicitTiling: KeyError"),
        (lambda t: t.update(subtreeLevels=99), "not possible"),
        (lambda t: t.update(subtreeLevels=14), "beyond all measure"),
        (lambda t: t.update(availableLevels=2), "on level 2 of 2 levels"),
        (lambda t: t.update(subtrees={"uri": "s/0.subtree"}), "lacks {"),
        (lambda t: t.pop("subtrees"), "subtrees"),
    ],
)
def test_a_broken_declaration_is_named(
    tileset: Path, edit: Callable[[Any], object], message: str
) -> None:
    document = json.loads(tileset.read_text())
    edit(document["root"]["implicitTiling"])
    tileset.write_text(json.dumps(document))
    found = faults(tileset)
    assert any(message in fault for fault in found), found


def test_a_subtree_in_json_with_its_bits_beside_it_is_read() -> None:
    document = {
        "buffers": [{"uri": "bits.bin", "byteLength": 1}],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": 1}],
        "tileAvailability": {"bitstream": 0},
        "contentAvailability": [{"constant": 0}],
        "childSubtreeAvailability": {"constant": 0},
    }
    found = parse(
        json.dumps(document).encode(), 4, 2, lambda uri: b"\x03" if uri == "bits.bin" else None
    )
    assert found.tiles.tolist() == [True, True, False, False, False]
    assert found.errors == []
    with pytest.raises(ValueError, match="is not there"):
        parse(json.dumps(document).encode(), 4, 2, lambda _: None)


def test_an_octree_has_eight_branches() -> None:
    assert nodes(8, 3) == 73
