"""The check of a terrain folder, over a small pyramid of our own and over broken ones."""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.city import Bounds
from cim.errors import FormatError
from cim.tiles.look import Look
from cim.tiles.terrain.check import check_terrain_folder
from cim.tiles.terrain.description import layer_json
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.quantized_mesh import encode, level_step

HERE = Bounds(106.0, 35.0, 107.0, 36.0)
EXTENT = Bounds(106.4, 35.2, 106.6, 35.4)


def heights(place: Place) -> Any:
    lon, lat = np.meshgrid(place.longitudes(1), place.latitudes(1))
    return 1500 + 200 * np.sin(lon * 9) * np.cos(lat * 7)


def places(deepest: int) -> list[Place]:
    found = [Place(0, 0, 0), Place(0, 1, 0)]
    for z in range(1, deepest + 1):
        side = 180 / 2**z
        x, y = (math.floor((EXTENT[i] + (180, 90)[i]) / side) for i in (0, 1))
        found += [Place(z, x + i, y + j) for i in (0, 1) for j in (0, 1)]
    return found


def write(folder: Path, deepest: int) -> Path:
    written = places(deepest)
    for place in written:
        path = folder / f"{place.z}/{place.x}/{place.y}.terrain"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = encode(place, heights(place), level_step(600.0), 20.0)
        path.write_bytes(gzip.compress(data))
    (folder / "layer.json").write_text(json.dumps(layer_json(EXTENT, written, "1")))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, 4)


def errors(folder: Path, bounds: Bounds | None = HERE, *, strict: bool = True) -> list[str]:
    looks = check_terrain_folder(folder, bounds, strict=strict)
    return [error for look in looks for error in look.errors]


def change(folder: Path, edit: Callable[[Any], object]) -> None:
    layer = json.loads((folder / "layer.json").read_text())
    edit(layer)
    (folder / "layer.json").write_text(json.dumps(layer))


def test_a_sound_folder_passes_and_is_counted(folder: Path) -> None:
    looks = {look.name: look for look in check_terrain_folder(folder, HERE, strict=True)}
    assert errors(folder) == []
    assert looks["terrain.tiles"].looked_at == 18
    assert looks["terrain.seams"].looked_at == 1 + 4 * 4
    assert looks["terrain.seams"].figures["worst_gap_m"] == 0
    assert looks["terrain.tiles"].figures["orphans"] == 0


def test_a_missing_tile_is_named_and_a_lost_one_noted(folder: Path) -> None:
    path = min((folder / "4").rglob("*.terrain"))
    path.rename(folder / "4" / "stray.terrain")
    name = path.relative_to(folder).as_posix()
    assert errors(folder) == [f"{name}: announced by layer.json but missing"]
    notes = [n for look in check_terrain_folder(folder) for n in look.notes]
    assert notes == ["4/stray.terrain: layer.json does not announce it"]


def test_terrain_of_its_own_below_a_folder_is_nothing_lost(folder: Path) -> None:
    write(folder / "joined", 2)
    assert looks(folder)["terrain.tiles"].figures["orphans"] == 0
    (folder / "joined" / "layer.json").unlink()
    assert looks(folder)["terrain.tiles"].figures["orphans"] > 0


@pytest.mark.parametrize("keep", [0, 1, 50, 300])
def test_a_truncated_tile_is_named(folder: Path, keep: int) -> None:
    path = min((folder / "4").rglob("*.terrain"))
    path.write_bytes(path.read_bytes()[:keep])
    assert path.relative_to(folder).as_posix() in errors(folder)[0]


def test_a_gap_between_neighbours_is_an_error_when_strict_and_else_a_note(folder: Path) -> None:
    place = places(4)[-1]
    path = folder / f"{place.z}/{place.x}/{place.y}.terrain"
    path.write_bytes(encode(place, heights(place) + 3.0, level_step(600.0), 20.0))
    found = errors(folder)
    assert len(found) == 2
    assert all("m to its" in error for error in found)
    assert errors(folder, strict=False) == []


def test_heights_of_no_land_are_named(folder: Path) -> None:
    place = places(4)[-1]
    path = folder / f"{place.z}/{place.x}/{place.y}.terrain"
    path.write_bytes(encode(place, heights(place) - 9999.0, level_step(600.0), 20.0))
    assert any("are not Earth's" in error for error in errors(folder))


def test_terrain_of_another_place_is_named(folder: Path) -> None:
    assert "outside of" in errors(folder, Bounds(0, 0, 1, 1))[0]
    assert errors(folder, None) == []


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(format="heightmap-1.0"), "format"),
        (lambda d: d.update(scheme="xyz"), "scheme"),
        (lambda d: d.pop("tiles"), "templates"),
        (lambda d: d.update(bounds=[0, 0, 0, 0]), "bounds"),
        (lambda d: d.update(bounds=["a", 0, 1, 1]), "bounds"),
        (lambda d: d.update(available=7), "available"),
        (lambda d: d.update(available=[[{"startX": 0}]]), "available"),
        (lambda d: d["available"][0].pop(), "level 0"),
        (lambda d: d.update(maxzoom=9), "maxzoom"),
        (lambda d: d["available"][1][0].update(endX=10**9), "tiles are announced"),
    ],
)
def test_a_broken_layer_json_is_named(
    folder: Path, edit: Callable[[Any], object], message: str
) -> None:
    change(folder, edit)
    assert message in errors(folder)[0]


def test_no_layer_json_is_no_terrain(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no description of terrain"):
        check_terrain_folder(tmp_path)


def looks(folder: Path) -> dict[str, Look]:
    return {look.name: look for look in check_terrain_folder(folder, HERE, strict=True)}


def below(place: Place, written: list[Place]) -> list[list[dict[str, int]]]:
    """What lies below a tile, tile by tile."""
    levels: list[list[dict[str, int]]] = []
    for z in range(place.z + 1, 5):
        inside = [p for p in written if p.z == z
                  and (p.x >> z - place.z, p.y >> z - place.z) == (place.x, place.y)]  # fmt: skip
        levels.append([{"startX": p.x, "startY": p.y, "endX": p.x, "endY": p.y} for p in inside])
    return levels


@pytest.fixture
def told(folder: Path) -> Path:
    """The folder with metadata in every second level."""
    written = places(4)
    for place in written:
        if place.z % 2 == 0:
            data = encode(place, heights(place), level_step(600.0), 20.0,
                          children=below(place, written)[:2])  # fmt: skip
            (folder / f"{place.z}/{place.x}/{place.y}.terrain").write_bytes(data)
    change(folder, lambda d: d.update(metadataAvailability=2))
    return folder


def test_metadata_that_tell_the_truth_pass_and_are_counted(told: Path) -> None:
    assert errors(told) == []
    assert looks(told)["terrain.metadata"].looked_at == 2 + 4 + 4


def test_a_tile_without_the_metadata_that_clients_wait_for_is_named(told: Path) -> None:
    place = next(p for p in places(4) if p.z == 2)
    name = f"{place.z}/{place.x}/{place.y}.terrain"
    (told / name).write_bytes(encode(place, heights(place), level_step(600.0), 20.0))
    assert errors(told) == [f"{name}: metadata are missing, 2 levels ask for them"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda levels: levels[0].pop(), "differ from the tiles of level 3"),
        (lambda levels: levels[1][0].update(endX=levels[1][0]["endX"] + 1), "of level 4"),
        (lambda levels: levels.pop(), "tell 1 levels, not 2"),
        (lambda levels: levels.append([levels[0][0]]), "of level 5"),
    ],
)
def test_metadata_that_differ_from_the_tiles_are_named(
    told: Path, edit: Callable[[Any], object], message: str
) -> None:
    written = places(4)
    place = next(p for p in written if p.z == 2 and len(below(p, written)[0]) > 0)
    levels = below(place, written)[:2]
    edit(levels)
    path = told / f"{place.z}/{place.x}/{place.y}.terrain"
    path.write_bytes(encode(place, heights(place), level_step(600.0), 20.0, children=levels))
    assert message in errors(told)[0]


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        (struct.pack("<BI", 2, 7) + bytes(7), "water mask has 7 bytes"),
        (struct.pack("<BII", 4, 6, 9) + b"{}", "not as long as they say"),
        (struct.pack("<BII", 4, 6, 2) + b"[[", "no JSON"),
        (struct.pack("<BII", 4, 6, 2) + b"[]", "no list of levels"),
        (struct.pack("<BI", 1, 3) + bytes(3), "normals"),
        (struct.pack("<BI", 9, 5) + bytes(3), "the tile ends"),
    ],
)
def test_a_broken_extension_is_named(folder: Path, extension: bytes, message: str) -> None:
    place = places(4)[-1]
    path = folder / f"{place.z}/{place.x}/{place.y}.terrain"
    path.write_bytes(encode(place, heights(place), level_step(600.0), 20.0) + extension)
    found = errors(folder)
    assert len(found) == 1
    assert message in found[0]


def test_an_edge_of_no_vertices_is_named(folder: Path) -> None:
    place = places(4)[-1]
    data = encode(place, heights(place), level_step(600.0), 20.0)
    head = struct.pack("<I", 65)
    at = data.index(head, 92) + 4
    path = folder / f"{place.z}/{place.x}/{place.y}.terrain"
    path.write_bytes(data[:at] + b"\xff\xff" + data[at + 2 :])
    assert any("vertices that are not there" in error for error in errors(folder))


def test_the_step_between_levels_is_a_figure(folder: Path) -> None:
    written = places(4)
    under = [p for p in written if Place(p.z - 1, p.x // 2, p.y // 2) in written]
    beside = [s for p in under for s in (Place(p.z, p.x ^ 1, p.y), Place(p.z, p.x, p.y ^ 1))]
    lone = [p for p in beside if p not in written]  # siblings: there it ends within its parent
    sound = looks(folder)["terrain.levels"]
    assert sound.looked_at == 2 * len(under) + len(lone) > 30
    assert 0 < sound.figures["worst_step_of_skirt"] < 0.01
    assert 0 < sound.figures["worst_join_m"] <= sound.figures["worst_step_m"] < 600


def test_a_patch_that_gapes_below_its_skirt_is_an_error_when_strict_and_else_a_note(
    tmp_path: Path,
) -> None:
    write(tmp_path, 9)
    assert errors(tmp_path) == []
    for place in places(9)[-4:]:  # lifted together: no gap between them, one to their parents
        path = tmp_path / f"{place.z}/{place.x}/{place.y}.terrain"
        path.write_bytes(encode(place, heights(place) + 1000.0, level_step(600.0), 20.0))
    found = errors(tmp_path)
    assert len(found) == 4  # in the west and south no parent lies beside: nothing to meet there
    assert all("its skirt hides 752.61 m" in error for error in found)
    assert errors(tmp_path, strict=False) == []
    notes = [n for look in check_terrain_folder(tmp_path) for n in look.notes]
    assert len(notes) == 8


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(extensions=["vertexnormals"]), "vertexnormals"),
        (lambda d: d.update(extensions="octvertexnormals"), "extensions are"),
        (lambda d: d.update(metadataAvailability=0), "metadataAvailability"),
        (lambda d: d.update(metadataAvailability=True), "metadataAvailability"),
    ],
)
def test_extensions_that_clients_misread_are_named(
    folder: Path, edit: Callable[[Any], object], message: str
) -> None:
    change(folder, edit)
    assert message in errors(folder)[0]
