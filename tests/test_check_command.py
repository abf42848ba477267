"""``cim check`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cim.cli import app
from cim.geo.frames import enu_matrix
from cim.tiles import glb
from cim.tiles.tileset import Box, Tile, settle, write_folder

CITY = """name = "试"
bounds = [106.5, 35.1, 106.82, 35.34]
compute_crs = "EPSG:4544"
geoid = -36.0
"""


@pytest.fixture
def tileset(tmp_path: Path) -> Path:
    positions = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 3]], np.float32)
    glb.write(tmp_path / "a.glb", [glb.Primitive(positions, np.array([[0, 1, 2]], np.uint32))])
    root = Tile(Box.around(positions), uri="a.glb")
    settle(root)
    write_folder(tmp_path / "tileset.json", root, enu_matrix(106.65, 35.22, 1400))
    (tmp_path / "city.toml").write_text(CITY, "utf-8")
    return tmp_path / "tileset.json"


def typed(folder: Path, *arguments: object) -> tuple[int, str, str]:
    city = str(folder / "city.toml")
    done = CliRunner().invoke(app, ["check", *map(str, arguments)], env={"CIM_CITY": city})
    return done.exit_code, done.stdout, done.stderr


def test_a_sound_tileset_ends_with_0_by_its_file_or_folder(tileset: Path) -> None:
    for path in (tileset, tileset.parent, tileset.parent / "a.glb"):
        code, out, _ = typed(tileset.parent, path, "--strict")
        assert code == 0
        assert "nothing is wrong" in out


def test_errors_end_with_1_and_name_file_and_rule(tileset: Path) -> None:
    (tileset.parent / "a.glb").unlink()
    code, out, _ = typed(tileset.parent, tileset)
    assert code == 1
    assert "error: tileset.json#root: a.glb is not there" in out
    assert "1 errors" in out


def test_json_says_the_same(tileset: Path) -> None:
    (tileset.parent / "a.glb").write_bytes(b"glTF")
    (tileset.parent / "b.glb").write_bytes(b"glTF")
    code, out, _ = typed(tileset.parent, tileset, "--json")
    told: dict[str, Any] = json.loads(out)
    assert code == 1
    assert (told["kind"], told["errors"]) == ("tileset", 1)
    looks = {look["name"]: look for look in told["checks"]}
    assert looks["tileset.glb"]["errors"] == ["a.glb: 4 bytes are too few for a glb"]
    assert looks["tileset.content"]["notes"] == ["b.glb: no tile shows it"]


def test_a_tileset_outside_of_the_city_passes_only_anywhere(tileset: Path) -> None:
    (tileset.parent / "city.toml").write_text(CITY.replace("106.5, 35.1", "106.7, 35.3"))
    code, out, _ = typed(tileset.parent, tileset)
    assert code == 1
    assert "outside of" in out
    assert typed(tileset.parent, tileset, "--anywhere")[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.json", None, "there is nothing by that name"),
        ("a.json", b"{", "it cannot be read"),
        ("b.json", b"{}", "it has no asset"),
        ("c.tif", b"II*\0", "GDAL cannot read it"),
        ("d.docx", b"PK", ".docx is nothing to check"),
        ("layer.json", b"{", "no description of terrain"),
        ("empty", b"", "neither tileset.json"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_a_reason(
    tileset: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tileset.parent / "other" / name
    path.parent.mkdir()
    if name == "empty":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    code, _, err = typed(tileset.parent, path)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
