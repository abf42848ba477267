"""Encodings of glb files: what comes back is what went in, to half a step of the grid."""

from __future__ import annotations

import io
import json
import struct
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cim.errors import FormatError
from cim.tiles import glb, gltf_check
from tests.tiles.validator import gltf_errors

GEOMETRIES = ("float32", "quantized", "meshopt")
ENCODINGS = [
    glb.Encoding(g, t, 60)  # type: ignore[arg-type]
    for g, t in product(GEOMETRIES, ("keep", "jpeg", "webp"))
]
PACKED = glb.Encoding("meshopt")


def photograph(form: str = "JPEG", *, size: int = 96) -> bytes:
    """Something that compresses as photographs do, barely at first."""
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    waves = 120 + 80 * np.sin(x / 7) * np.cos(y / 5)
    pixels = (waves[..., None] + rng.normal(0, 8, (size, size, 3))).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 97} if form == "JPEG" else {}))
    return buffer.getvalue()


def hill(
    texture: glb.Texture | None = None, *, east: float = 0.0, uv_scale: float = 1.0, **more: Any
) -> glb.Primitive:
    """A sheet of 20 × 20 vertices, 95 m wide."""
    n = 20
    x, y = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n)))
    at = np.arange(n * n).reshape(n, n)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]
    triangles = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3).astype(np.uint32)
    positions = np.column_stack([5.0 * x + east, 5.0 * y, 3 * np.sin(x / 3.0)])
    uv = np.column_stack([x, y]) / (n - 1) * uv_scale
    return glb.Primitive(positions, triangles, uv, texture, **more)


def surface(primitive: glb.Primitive) -> Any:
    """The corners of all triangles, in an order that does not depend on the file's."""
    assert primitive.triangles is not None
    whole = primitive.positions[primitive.triangles]
    middles = np.round(whole.mean(axis=1), 1)
    return whole[np.lexsort(middles.T)]


def document(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    (length,) = struct.unpack_from("<I", raw, 12)
    result: dict[str, Any] = json.loads(raw[20 : 20 + length])
    return result


@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_positions_come_back_to_half_a_step(tmp_path: Path, geometry: Any) -> None:
    given_ = hill(glb.Texture(photograph(), "image/jpeg"))
    glb.write(tmp_path / "a.glb", [given_], encoding=glb.Encoding(geometry))
    (found,) = glb.read(tmp_path / "a.glb").primitives
    step = 95.0 / 65535
    assert found.triangles is not None
    assert len(found.triangles) == 722
    # per corner, though vertices and triangles stand in another order
    mine, theirs = surface(given_), surface(found)
    distance = np.abs(mine[:, :, None, :] - theirs[:, None, :, :]).max(axis=3).min(axis=2)
    assert distance.max() <= step / 2 * (1 + 1e-6)


def test_winding_survives_compression(tmp_path: Path) -> None:
    glb.write(tmp_path / "a.glb", [hill()], encoding=PACKED)
    (found,) = glb.read(tmp_path / "a.glb").primitives
    assert found.triangles is not None
    a, b, c = (found.positions[found.triangles[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_neighbours_in_a_file_keep_their_common_border(tmp_path: Path, geometry: Any) -> None:
    glb.write(tmp_path / "a.glb", [hill(), hill(east=95.0)], encoding=glb.Encoding(geometry))
    west, east = glb.read(tmp_path / "a.glb").primitives
    rim = west.positions[west.positions[:, 0] > 94.9]
    other = east.positions[east.positions[:, 0] < 95.1]
    assert len(rim) == len(other) == 20
    rim, other = (r[np.argsort(r[:, 1])] for r in (rim, other))
    np.testing.assert_array_equal(rim[:, :2], other[:, :2])


def test_texture_coordinates_inside_the_image_take_16_bits(tmp_path: Path) -> None:
    texture = glb.Texture(photograph(), "image/jpeg")
    glb.write(
        tmp_path / "a.glb",
        [hill(texture), hill(texture, uv_scale=3.0)],
        encoding=glb.Encoding("quantized"),
    )
    written = document(tmp_path / "a.glb")
    kinds = [
        written["accessors"][p["attributes"]["TEXCOORD_0"]]["componentType"]
        for p in written["meshes"][0]["primitives"]
    ]
    assert kinds == [5123, 5126]
    inside, beyond = glb.read(tmp_path / "a.glb").primitives
    assert inside.uv is not None
    assert beyond.uv is not None
    wanted = hill().uv
    assert wanted is not None
    assert np.abs(inside.uv - wanted).max() <= 0.5 / 65535 * 1.01
    assert beyond.uv.max() == 3.0


def test_compressed_data_begin_as_the_extension_says(tmp_path: Path) -> None:
    glb.write(tmp_path / "a.glb", [hill()], encoding=PACKED)
    raw = (tmp_path / "a.glb").read_bytes()
    written = document(tmp_path / "a.glb")
    start = raw.index(b"BIN\0") + 4
    heads = {}
    for view in written["bufferViews"]:
        packed = view["extensions"]["EXT_meshopt_compression"]
        assert view["buffer"] == 1
        assert packed["buffer"] == 0
        heads[packed["mode"]] = raw[start + packed["byteOffset"]]
    assert heads == {"ATTRIBUTES": 0xA0, "TRIANGLES": 0xE1}
    assert written["buffers"][1]["extensions"] == {"EXT_meshopt_compression": {"fallback": True}}
    assert "EXT_meshopt_compression" in written["extensionsRequired"]


def test_compressed_is_smaller_than_quantized_is_smaller_than_plain(tmp_path: Path) -> None:
    sizes = [
        glb.write(tmp_path / f"{g}.glb", [hill()], encoding=glb.Encoding(g))  # type: ignore[arg-type]
        for g in GEOMETRIES
    ]
    assert sizes[2] < sizes[1] < sizes[0]


@pytest.mark.parametrize(("form", "mime"), [("jpeg", "image/jpeg"), ("webp", "image/webp")])
def test_images_are_written_anew_where_that_is_smaller(
    tmp_path: Path, form: Any, mime: str
) -> None:
    data = photograph()
    glb.write(
        tmp_path / "a.glb",
        [hill(glb.Texture(data, "image/jpeg"))],
        encoding=glb.Encoding("float32", form, 60),
    )
    texture = glb.read(tmp_path / "a.glb").primitives[0].texture
    assert texture is not None
    assert texture.mime == mime
    assert len(texture.data) < len(data) / 2
    with Image.open(io.BytesIO(texture.data)) as image, Image.open(io.BytesIO(data)) as source:
        assert image.size == source.size
        assert np.abs(np.asarray(image, float) - np.asarray(source, float)).mean() < 8


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_an_image_that_would_grow_stays_as_it_is(tmp_path: Path, form: Any) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(Image.open(io.BytesIO(photograph())))).save(
        buffer, "JPEG", quality=10
    )
    data = buffer.getvalue()
    encoding = glb.Encoding("float32", form, 100)
    glb.write(tmp_path / "a.glb", [hill(glb.Texture(data, "image/jpeg"))], encoding=encoding)
    assert data in (tmp_path / "a.glb").read_bytes()


def test_transparency_is_not_lost_to_jpeg(tmp_path: Path) -> None:
    image = Image.open(io.BytesIO(photograph())).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 20, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    for form, mime in (("jpeg", "image/png"), ("webp", "image/webp")):
        encoding = glb.Encoding("float32", form)  # type: ignore[arg-type]
        glb.write(tmp_path / "a.glb", [hill(glb.Texture(data, "image/png"))], encoding=encoding)
        texture = glb.read(tmp_path / "a.glb").primitives[0].texture
        assert texture is not None
        assert texture.mime == mime
        with Image.open(io.BytesIO(texture.data)) as found:
            assert found.mode == "RGBA"


def test_a_transparency_that_hides_nothing_is_no_hindrance(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photograph())).convert("RGBA").save(buffer, "PNG")
    texture = glb.Texture(buffer.getvalue(), "image/png")
    glb.write(tmp_path / "a.glb", [hill(texture)], encoding=glb.Encoding("float32", "jpeg"))
    found = glb.read(tmp_path / "a.glb").primitives[0].texture
    assert found is not None
    assert found.mime == "image/jpeg"


def test_an_image_that_cannot_be_read_is_passed_through(tmp_path: Path) -> None:
    data = photograph()[:60]
    encoding = glb.Encoding("float32", "webp")
    glb.write(tmp_path / "a.glb", [hill(glb.Texture(data, "image/jpeg"))], encoding=encoding)
    assert data in (tmp_path / "a.glb").read_bytes()


def test_points_are_compressed_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    points = glb.Primitive(
        rng.random((500, 3)) * 40,
        None,
        colors=rng.integers(0, 256, (500, 3), np.uint8),
        attributes={"classification": rng.integers(0, 20, 500).astype(np.uint8)},
    )
    glb.write(tmp_path / "a.glb", [points], encoding=PACKED)
    (found,) = glb.read(tmp_path / "a.glb").primitives
    assert found.triangles is None
    assert np.abs(found.positions - points.positions).max() < 40 / 65535
    assert found.colors is not None
    np.testing.assert_array_equal(found.colors[:, :3], points.colors)
    np.testing.assert_array_equal(
        found.attributes["classification"], points.attributes["classification"]
    )


def test_a_single_point_has_a_grid(tmp_path: Path) -> None:
    lone = glb.Primitive(np.array([[7.0, 8.0, 9.0]]), None)
    glb.write(tmp_path / "a.glb", [lone], encoding=PACKED)
    np.testing.assert_allclose(glb.read(tmp_path / "a.glb").primitives[0].positions, [[7, 8, 9]])


@pytest.mark.oracle
def test_the_validator_of_khronos_finds_nothing_in_any_encoding(tmp_path: Path) -> None:
    texture = glb.Texture(photograph(), "image/jpeg")
    rng = np.random.default_rng(2)
    lit = hill(
        normals=np.tile([0.0, 0.6, 0.8], (400, 1)),
        features=(np.arange(400) % 3).astype(np.uint32),
    )
    cloud = glb.Primitive(
        rng.random((50, 3)),
        None,
        colors=rng.integers(0, 256, (50, 4), np.uint8),
        attributes={"intensity": rng.integers(0, 900, 50).astype(np.uint16)},
    )
    paths = []
    for i, encoding in enumerate(ENCODINGS):
        paths.append(tmp_path / f"{i}.glb")
        meshes = [hill(texture), hill(texture, uv_scale=2.0), lit, cloud]
        glb.write(paths[-1], meshes, encoding=encoding)
        assert gltf_check.look(paths[-1]).errors == []
    assert gltf_errors(paths) == []


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    geometry=st.sampled_from(GEOMETRIES),
    count=st.integers(3, 40),
    width=st.floats(0.01, 5000),
)
def test_any_soup_of_triangles_comes_back(
    data: st.DataObject, geometry: Any, count: int, width: float
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    positions = (rng.random((count, 3)) - 0.5) * width
    triangles = rng.integers(0, count, (data.draw(st.integers(1, 60)), 3)).astype(np.uint32)
    features = rng.integers(0, 9, count).astype(np.uint32)
    given_ = glb.Primitive(positions, triangles, features=features)
    raw = b"".join(glb.encode([given_], encoding=glb.Encoding(geometry)))
    assert gltf_check.look(raw).errors == []
    (found,) = glb.parse(raw).primitives
    assert found.triangles is not None
    assert found.features is not None
    step = width / 65535 if geometry != "float32" else width * 1e-7
    used = np.unique(triangles)
    for vertex in used:
        near = np.abs(found.positions - positions[vertex]).max(axis=1) <= step
        assert features[vertex] in found.features[near]
    assert len(found.triangles) == len(triangles)


@pytest.mark.parametrize("cut", range(0, 2400, 97))
def test_a_compressed_file_cut_short_is_refused_with_a_reason(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.glb"
    glb.write(path, [hill()], encoding=PACKED)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match=r"glb|chunk|announces"):
        glb.read(path)
    assert gltf_check.look(path).errors


@settings(max_examples=150, deadline=None)
@given(at=st.floats(0, 1), value=st.integers(0, 255))
def test_a_flipped_byte_is_no_crash(at: float, value: int) -> None:
    raw = bytearray(b"".join(glb.encode([hill()], encoding=PACKED)))
    raw[int(at * (len(raw) - 1))] = value
    facts = gltf_check.look(bytes(raw))
    with suppress(FormatError):
        assert len(glb.parse(bytes(raw)).primitives) <= 1
    assert all(isinstance(error, str) for error in facts.errors)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"count":400,"mode"', b'"count":4e9,"mode"', "TypeError|beyond|unpack"),
        (b'"mode":"TRIANGLES"', b'"mode":"SQUIRCLES"', "no mode"),
        (b'"mode":"ATTRIBUTES"', b'"mode":"TRIANGLES" ', "unpack"),
        (b'"componentType":5123', b'"componentType":5126', "reaches beyond|aligned|another"),
        (b"KHR_mesh_quantization", b"KHR_mesh_quantizatiom", "not required"),
    ],
)
def test_a_lie_about_compressed_data_is_named(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    raw = b"".join(glb.encode([hill()], encoding=PACKED))
    assert old in raw
    (tmp_path / "a.glb").write_bytes(raw.replace(old, new))
    assert gltf_check.look(tmp_path / "a.glb").errors
    assert any(word in gltf_check.look(tmp_path / "a.glb").errors[0] for word in message.split("|"))
