"""The check of a terrain folder, over a small pyramid of our own and over broken ones."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.city import Bounds
from cim.errors import FormatError
from cim.tiles.terrain.check import check_terrain_folder
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.pyramid import layer_json
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written = places(4)
    for place in written:
        path = tmp_path / f"{place.z}/{place.x}/{place.y}.terrain"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = encode(place, heights(place), level_step(600.0), 20.0)
        path.write_bytes(gzip.compress(data))
    (tmp_path / "layer.json").write_text(json.dumps(layer_json(EXTENT, written, "1")))
    return tmp_path


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
