"""Any tree that the program writes passes its check; any single fault put into it is found."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.city import Bounds
from cim.geo.frames import enu_matrix
from cim.tiles import glb
from cim.tiles.mesh_check import check_tileset
from cim.tiles.tileset import Box, Entry, Tile, join, settle, write, write_folder

HERE = Bounds(106.5, 35.1, 106.8, 35.4)
GEOMETRIES = ("float32", "quantized", "meshopt")

trees: st.SearchStrategy[list[Any]] = st.recursive(
    st.just([]), lambda below: st.lists(below, min_size=1, max_size=3), max_leaves=6
)


def grown(shape: list[Any], folder: Path, rng: np.random.Generator, names: Iterator[int]) -> Tile:
    """A tile with content for each node of a shape, somewhere in a block of 100 m."""
    corners = rng.random((8, 3)) * 100
    positions = corners.astype(np.float32)
    name = f"{next(names)}.glb"
    triangles = rng.integers(0, 8, (4, 3)).astype(np.uint32)
    geometry: Any = GEOMETRIES[int(rng.integers(3))]
    glb.write(
        folder / name,
        [glb.Primitive(positions, triangles)],
        encoding=glb.Encoding(geometry),
    )
    children = [grown(below, folder, rng, names) for below in shape]
    error = float(rng.choice([0.0, 1.0, 20.0, math.inf]))
    return Tile(Box.around(positions), error, name, children)


def built(where: Path, shapes: list[list[Any]], seed: int) -> Path:
    """A folder for each shape, joined by a root tileset."""
    rng = np.random.default_rng(seed)
    entries = []
    for number, shape in enumerate(shapes):
        folder = where / "tiles" / str(number)
        folder.mkdir(parents=True)
        root = grown(shape, folder, rng, iter(range(1000)))
        settle(root)
        assert root.box is not None
        lon, lat = 106.6 + rng.random() / 100, 35.2 + rng.random() / 100
        matrix = enu_matrix(lon, lat, 1400)
        write_folder(folder / "tileset.json", root, matrix)
        entries.append(Entry(f"tiles/{number}/tileset.json", root.box, matrix, root.error))
    top, error = join(entries)
    write(where / "tileset.json", top, error)
    return where / "tileset.json"


@settings(max_examples=40, deadline=None)
@given(shapes=st.lists(trees, min_size=1, max_size=7), seed=st.integers(0, 1 << 30))
def test_any_tree_that_we_write_passes(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[Any]], seed: int
) -> None:
    path = built(tmp_path_factory.mktemp("tree"), shapes, seed)
    looks = check_tileset(path, HERE)
    assert [e for look in looks for e in look.errors] == []
    assert looks[2].figures["orphans"] == 0


Document = dict[str, Any]
Mutation = Callable[[Path, Document, random.Random], None]


def _tiles(document: Document) -> list[Document]:
    found, ahead = [], [document["root"]]
    while ahead:
        tile = ahead.pop()
        found.append(tile)
        ahead += tile.get("children", [])
    return found


def _some(document: Document, chance: random.Random) -> Document:
    return chance.choice(_tiles(document))


def _model(folder: Path, chance: random.Random) -> Path:
    return chance.choice(sorted(folder.glob("*.glb")))


def _child(document: Document) -> Document:
    child: Document = document["root"]["children"][0]
    return child


def shift(_: Path, document: Document, chance: random.Random) -> None:
    _child(document)["boundingVolume"]["box"][chance.randrange(3)] += 300.0


def shrink(_: Path, document: Document, chance: random.Random) -> None:
    box = _some(document, chance)["boundingVolume"]["box"]
    for index in range(3, 12):
        box[index] *= 0.3


def raise_error(_: Path, document: Document, __: random.Random) -> None:
    _child(document)["geometricError"] = document["root"]["geometricError"] + 0.5


def raise_root(_: Path, document: Document, __: random.Random) -> None:
    document["root"]["geometricError"] = 1e9


def lose_file(folder: Path, _: Document, chance: random.Random) -> None:
    _model(folder, chance).unlink()


def cut_file(folder: Path, _: Document, chance: random.Random) -> None:
    path = _model(folder, chance)
    raw = path.read_bytes()
    path.write_bytes(raw[: chance.randrange(len(raw))])


def swap_magic(folder: Path, _: Document, chance: random.Random) -> None:
    path = _model(folder, chance)
    path.write_bytes(b"XX" + path.read_bytes()[2:])


def drop_volume(_: Path, document: Document, chance: random.Random) -> None:
    del _some(document, chance)["boundingVolume"]


def drop_error(_: Path, document: Document, chance: random.Random) -> None:
    del _some(document, chance)["geometricError"]


def negative_error(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["geometricError"] = -1


def text_in_box(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["boundingVolume"]["box"][chance.randrange(12)] = "1"


def escape(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["content"]["uri"] = "../../../../etc/passwd"


def loop(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["content"]["uri"] = "tileset.json"


def move_away(_: Path, document: Document, __: random.Random) -> None:
    document["root"]["transform"][12] += 5e5


def stretch(_: Path, document: Document, __: random.Random) -> None:
    for index in range(3):
        document["root"]["transform"][index] *= 3


def flatten(_: Path, document: Document, __: random.Random) -> None:
    document["root"]["transform"][0:3] = [0.0, 0.0, 0.0]


def wrong_refine(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["refine"] = "replace"


def old_version(_: Path, document: Document, __: random.Random) -> None:
    document["asset"]["version"] = "2.0"


def nameless(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["content"] = {}


def childless(_: Path, document: Document, chance: random.Random) -> None:
    _some(document, chance)["children"] = [None]


MUTATIONS: list[Mutation] = [
    shift, shrink, raise_error, raise_root, lose_file, cut_file, swap_magic, drop_volume,
    drop_error, negative_error, text_in_box, escape, loop, move_away, stretch, flatten,
    wrong_refine, old_version, nameless, childless,
]  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 30), shape=st.lists(trees, min_size=1, max_size=3))
def test_any_single_fault_is_found(
    tmp_path_factory: pytest.TempPathFactory, mutation: Mutation, seed: int, shape: list[Any]
) -> None:
    path = built(tmp_path_factory.mktemp("tree"), [shape], seed)
    folder = path.parent / "tiles" / "0"
    document = json.loads((folder / "tileset.json").read_bytes())
    mutation(folder, document, random.Random(seed))  # noqa: S311 - no secret
    (folder / "tileset.json").write_text(json.dumps(document))
    found = [e for look in check_tileset(path, HERE) for e in look.errors]
    assert found
    assert all("tile" in error or ".glb" in error for error in found), found


SCHEMA = {
    "id": "s",
    "classes": {"c": {"properties": {"name": {"type": "ENUM", "enumType": "e"}}}},
    "enums": {"e": {"values": [{"name": "a", "value": 0}]}},
}
ODD: list[Any] = [
    None, True, -1, 0, 0.5, 1e308, 2**70, "", "x", "../..", "{level}", [], {}, [[]], [1, 2],
    {"a": 1}, "tileset.json",
]  # fmt: skip


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in items or (enumerate(value) if isinstance(value, list) else ()):
        yield (*above, key)
        yield from _paths(inner, (*above, key))


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Document]:
    """A tileset with everything in it: metadata, groups, several contents, all three volumes."""
    path = built(tmp_path_factory.mktemp("rich"), [[[], [[]]]], 7)
    inner = path.parent / "tiles" / "0" / "tileset.json"
    document = json.loads(inner.read_bytes())
    entity = {"class": "c", "properties": {"name": "a"}}
    document |= {"schema": SCHEMA, "groups": [entity], "metadata": entity}
    for number, tile in enumerate(_tiles(document)):
        content = tile.pop("content") | {"metadata": entity, "group": 0}
        tile |= {"metadata": entity, "contents": [content]}
        if number == 2:
            tile["boundingVolume"] = {"sphere": [50, 50, 50, 90]}
        if number == 3:
            tile["boundingVolume"] = {"region": [1.8608, 0.6143, 1.8618, 0.6153, 1000, 2000]}
    document["root"]["implicitTiling"] = {
        "subdivisionScheme": "OCTREE",
        "subtreeLevels": 2,
        "availableLevels": 3,
        "subtrees": {"uri": "{level}.{x}.{y}.{z}.subtree"},
    }
    return path, document


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_random_damage_is_never_a_crash(rich: tuple[Path, Document], data: st.DataObject) -> None:
    path, document = rich
    damaged = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_paths(damaged))
        *way, last = data.draw(st.sampled_from(places))
        inner = damaged
        for key in way:
            inner = inner[key]
        inner[last] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    (path.parent / "tiles" / "0" / "tileset.json").write_text(json.dumps(damaged))
    looks = check_tileset(path, HERE, overhang=0.005)
    assert all(isinstance(error, str) for look in looks for error in look.errors)
