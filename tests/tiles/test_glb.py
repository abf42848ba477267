"""The writer of binary glTF, looked at by a parser of its own and by Khronos' validator."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cim.tiles import glb, gltf_check
from tests.tiles.validator import gltf_errors


def picture(form: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (180, 60, 40)).save(buffer, form)
    return buffer.getvalue()


def square(texture: glb.Texture | None = None) -> glb.Primitive:
    return glb.Primitive(
        np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0], [0, 3, 2]], np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
        np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32),
        texture,
    )


def document(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    (length,) = struct.unpack_from("<I", raw, 12)
    result: dict[str, Any] = json.loads(raw[20 : 20 + length])
    return result


def test_a_point_north_and_up_is_stored_y_up(tmp_path: Path) -> None:
    glb.write(tmp_path / "a.glb", [square()])
    accessor = document(tmp_path / "a.glb")["accessors"][0]
    assert accessor["min"] == [0, 0, -3]
    assert accessor["max"] == [4, 2, 0]
    facts = gltf_check.look(tmp_path / "a.glb")
    assert facts.errors == []
    assert facts.triangles == 2
    np.testing.assert_array_equal(facts.positions[0], square().positions)


def test_the_size_returned_is_the_size_on_disk(tmp_path: Path) -> None:
    size = glb.write(tmp_path / "a.glb", [square(glb.Texture(picture(), "image/jpeg"))])
    assert size == (tmp_path / "a.glb").stat().st_size


def test_image_bytes_are_passed_through_untouched(tmp_path: Path) -> None:
    data = picture()
    glb.write(tmp_path / "a.glb", [square(glb.Texture(data, "image/jpeg"))])
    assert data in (tmp_path / "a.glb").read_bytes()


def test_a_shared_image_is_written_once(tmp_path: Path) -> None:
    data = picture()
    textures = [
        glb.Texture(data, "image/jpeg"),
        glb.Texture(data, "image/jpeg"),
        glb.Texture(data, "image/jpeg", (glb.REPEAT, glb.CLAMP_TO_EDGE)),
    ]
    glb.write(tmp_path / "a.glb", [square(t) for t in textures])
    assert (tmp_path / "a.glb").read_bytes().count(data) == 1
    written = document(tmp_path / "a.glb")
    assert len(written["images"]) == 1
    assert [s["wrapS"] for s in written["samplers"]] == [33071, 10497]
    assert len(written["materials"]) == 2


def test_an_untextured_mesh_is_plain_grey_and_unlit(tmp_path: Path) -> None:
    glb.write(tmp_path / "a.glb", [square()])
    written = document(tmp_path / "a.glb")
    assert "images" not in written
    assert "TEXCOORD_0" not in written["meshes"][0]["primitives"][0]["attributes"]
    material = written["materials"][0]
    assert material["extensions"] == {"KHR_materials_unlit": {}}
    assert material["pbrMetallicRoughness"]["baseColorFactor"] == [0.8, 0.8, 0.8, 1]


@pytest.mark.parametrize(("vertices", "component"), [(65535, 5123), (65536, 5125)])
def test_more_than_65535_vertices_get_wide_indices(
    tmp_path: Path, vertices: int, component: int
) -> None:
    positions = np.random.default_rng(1).random((vertices, 3), dtype=np.float32)
    triangles = np.array([[0, 1, vertices - 1]], np.uint32)
    glb.write(tmp_path / "a.glb", [glb.Primitive(positions, triangles)])
    indices = document(tmp_path / "a.glb")["accessors"][1]
    assert indices["componentType"] == component
    assert gltf_check.look(tmp_path / "a.glb").errors == []


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (picture("JPEG"), "image/jpeg"),
        (picture("PNG"), "image/png"),
        (picture("BMP"), None),
        (b"", None),
    ],
)
def test_images_are_told_by_their_bytes(data: bytes, mime: str | None) -> None:
    assert glb.sniff(data) == mime


@pytest.mark.oracle
def test_the_validator_of_khronos_finds_nothing(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.glb" for i in range(3)]
    glb.write(files[0], [square()])
    glb.write(files[1], [square(glb.Texture(picture(), "image/jpeg")), square()])
    glb.write(files[2], [square(glb.Texture(picture("PNG"), "image/png"))] * 2)
    assert gltf_errors(files) == []


@pytest.mark.oracle
def test_the_validator_of_khronos_does_find_faults(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    glb.write(path, [square()])
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"count":4', b'"count":3'))
    assert gltf_errors([path])
