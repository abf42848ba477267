"""What people write into OBJ and PLY files, and what comes of damaged ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cim.city import City
from cim.errors import FormatError
from cim.ingest.sources.flat import picture, read_model
from cim.ingest.sources.flat.obj import read_obj
from cim.ingest.sources.flat.scan import Scanner
from cim.tiles.glb import REPEAT, Primitive
from tests.ingest.flat.models import hills, obj, photo, standard, take
from tests.tiles.validator import gltf_errors

Array = npt.NDArray[Any]
SQUARE = "v 0 0 0\nv 10 0 0\nv 10 10 0\nv 0 10 0\n"
CORNERS = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def read(folder: Path, text: str | bytes, name: str = "m.obj") -> list[Primitive]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_model(path, folder / "work")


def count(parts: list[Primitive]) -> int:
    return sum(len(p.triangles) for p in parts if p.triangles is not None)


def area(parts: list[Primitive]) -> float:
    total = 0.0
    for part in parts:
        assert part.triangles is not None
        a, b, c = np.moveaxis(np.asarray(part.positions, float)[part.triangles], 1, 0)
        total += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return total


@settings(max_examples=200)
@given(st.floats(-1e12, 1e12))
def test_any_number_is_read_as_python_reads_it(value: float) -> None:
    for text in (repr(value), f"{value:.6f}", f"{value:e}", f"{value:.17g}"):
        line = np.frombuffer(f"v {text} 0 0\n".encode(), np.uint8)
        if len(line) > 400:
            continue
        found = float(Scanner(1024).scan(line).positions[0, 0])
        assert found == pytest.approx(float(text), rel=1e-15, abs=1e-25)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_line_is_survived(data: bytes) -> None:
    found = Scanner(1024).scan(np.frombuffer(b"f 1 1 1\nv" + data + b"\n", np.uint8))
    assert len(found.sizes) >= 1


@settings(max_examples=100)
@given(st.text("vftn 0123456789/-.e\n#\\", max_size=400))
def test_any_text_of_an_obj_s_letters_is_survived(text: str) -> None:
    found = Scanner(1024).scan(np.frombuffer(text.encode() + b"\n", np.uint8))
    assert len(found.corners) == found.sizes.sum()


@pytest.mark.parametrize(
    ("faces", "triangles", "square"),
    [
        ("f 1 2 3 4\n", 2, 100.0),
        ("f -4 -3 -2 -1\n", 2, 100.0),
        ("f 1/1 2/2 3/3\nf 1//1 3//1 4//1\n", 2, 100.0),
        ("f 1 2 \\\n 3 4\n", 2, 100.0),
        ("g one two\ns off\no thing\nf\t1\t2  3 4  # a face\r\n", 2, 100.0),
        ("v 2 5 0\nf 1 2 3 4 5\n", 3, 90.0),  # a dart: earcut, not a fan
        ("f 1 2 3", 1, 50.0),
    ],
)
def test_faces_are_read_however_they_are_written(
    faces: str, triangles: int, square: float, tmp_path: Path
) -> None:
    parts = read(tmp_path, SQUARE + faces)
    assert count(parts) == triangles
    assert area(parts) == pytest.approx(square)
    for part in parts:
        assert part.normals is not None
        assert np.allclose(part.normals, [0, 0, 1])


def test_a_line_may_run_over_the_end_of_a_chunk(tmp_path: Path) -> None:
    """More than one chunk of text, with continued lines all over it."""
    places, uv, triangles = hills(260)
    path = obj(tmp_path / "m.obj", places, uv, triangles, picture=None)
    text = path.read_bytes().replace(b"f ", b"f \\\r\n").replace(b"usemtl one", b"usemtl \\\none")
    assert len(text) > 5_000_000
    path.write_bytes(text)
    raw = read_obj(path, tmp_path / "w")
    assert raw.lengths["triangles"] == len(triangles)
    assert np.array_equal(raw.column("triangles")[..., 0], triangles)
    assert np.abs(raw.column("positions") - places).max() < 1e-6


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_names_and_blanks_are_found(encoding: str, tmp_path: Path) -> None:
    photo(tmp_path / "贴图 一.jpg")
    (tmp_path / "材质 库.mtl").write_bytes(
        "newmtl 屋顶\nmap_Kd -s 1 1 1 -bm 0.5 D:\\项目\\贴图 一.JPG\n".encode(encoding)
    )
    text = f"mtllib 材质 库.mtl\n{SQUARE}{CORNERS}usemtl 屋顶\nf 1/1 2/2 3/3 4/4\n"
    (part,) = read(tmp_path, text.encode(encoding), "模型.obj")
    assert part.texture is not None


def test_several_materials_keep_their_looks(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    photo(tmp_path / "b.jpg", seed=3)
    (tmp_path / "one.mtl").write_text("newmtl a\nmap_Kd a.png\n")
    (tmp_path / "two.mtl").write_text("newmtl b\nmap_Kd b.jpg\nnewmtl red\nKd 1 0 0\n")
    faces = "".join(
        f"usemtl {name}\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n" for name in ("a", "b", "red", "nobody")
    )
    parts = read(tmp_path, f"mtllib one.mtl two.mtl\n{SQUARE}{CORNERS}{faces}")
    assert [p.texture is not None for p in parts] == [True, False]
    assert count(parts) == 8
    plain = parts[1]
    assert plain.colors is not None
    assert {tuple(c) for c in plain.colors[:, :3].tolist()} == {(255, 0, 0), (255, 255, 255)}
    assert plain.normals is not None


def test_a_picture_that_repeats_goes_on_repeating(tmp_path: Path, city: City) -> None:
    photo(tmp_path / "photo.jpg", 64, 64)
    places, uv, triangles = hills(12)
    model = obj(tmp_path / "model.obj", places, uv * 40 - 7, triangles)
    parts = read_model(model, tmp_path / "work")
    textures = [p.texture for p in parts]
    assert [t.wrap[0] for t in textures if t is not None] == [REPEAT]
    assert textures[0] is not None
    with Image.open(io.BytesIO(textures[0].data)) as own:
        assert own.size == (64, 64)
    uvs = parts[0].uv
    assert uvs is not None
    local = np.asarray(parts[0].positions)[:, :2] / 120 * 40 - 7
    off = uvs - np.column_stack([local[:, 0], 1 - local[:, 1]])
    assert np.abs(off - off.round()).max() < 1e-3
    run = take(model, city, tmp_path / "s", leaf_triangles=100, texture_size=128)
    assert run.errors == []
    assert gltf_errors(run.glbs()) == []


def test_colours_by_vertex_are_kept_on_all_levels(tmp_path: Path, city: City) -> None:
    places, _, triangles = hills(24)
    colors = np.column_stack([places[:, :2] / 120, np.full(len(places), 0.5)])
    with (tmp_path / "m.obj").open("w") as file:
        np.savetxt(file, np.column_stack([places, colors]), "v %.5f %.5f %.5f %.4f %.4f %.4f")
        np.savetxt(file, triangles + 1, "f %d %d %d")
    run = take(tmp_path / "m.obj", city, tmp_path / "s", keep=True, leaf_triangles=300)
    assert run.errors == []
    assert gltf_errors(run.glbs()) == []
    for part in (p for m in run.models() for p in m.primitives):
        assert part.colors is not None
        assert part.normals is None
        place = (np.asarray(part.positions)[:, :2] + 60) / 120 * 255
        assert np.abs(part.colors[:, :2] - place).max() < 14


def ply(path: Path, form: str, **extra: Any) -> Path:
    """A PLY of the usual ground, with colours."""
    places, _, triangles = hills(10)
    head = (
        f"ply\nformat {form} 1.0\ncomment made for a test\nelement vertex {len(places)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {len(triangles) if extra.get('faces', True) else 0}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    order = ">" if "big" in form else "<"
    if form == "ascii":
        body = "".join(f"{x:.6f} {y:.6f} {z:.6f} 10 20 30\n" for x, y, z in places)
        body += "".join(f"3 {a} {b} {c}\n" for a, b, c in triangles)
        path.write_text(head + body)
        return path
    vertex = np.dtype([("p", order + "f4", 3), ("c", "u1", 3)])
    rows = np.zeros(len(places), vertex)
    rows["p"], rows["c"] = places, (10, 20, 30)
    face = np.zeros(len(triangles), np.dtype([("n", "u1"), ("i", order + "i4", 3)]))
    face["n"], face["i"] = 3, triangles
    path.write_bytes(
        head.encode() + rows.tobytes() + (face.tobytes() if extra.get("faces", True) else b"")
    )
    return path


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_is_read_in_all_its_forms(form: str, tmp_path: Path) -> None:
    (part,) = read_model(ply(tmp_path / "m.ply", form), tmp_path / "work")
    assert count([part]) == 200
    places, _, triangles = hills(10)
    a, b, c = np.moveaxis(places[triangles], 1, 0)
    exact = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert area([part]) == pytest.approx(exact, rel=1e-5)
    assert part.base_color is not None


def test_a_ply_with_a_picture_and_faces_of_any_size_is_read(tmp_path: Path) -> None:
    photo(tmp_path / "t.png", 32, 32)
    text = (
        "ply\nformat ascii 1.0\ncomment TextureFile t.png\nelement vertex 5\nproperty float x\n"
        "property float y\nproperty float z\nelement face 2\n"
        "property list uchar int vertex_index\nproperty list uchar float texcoord\nend_header\n"
        "0 0 0\n10 0 0\n10 10 0\n0 10 0\n20 5 0\n"
        "4 0 1 2 3 8 0 0 1 0 1 1 0 1\n3 1 4 2 6 0 0 1 0 1 1\n"
    )
    (part,) = read(tmp_path, text, "m.ply")
    assert part.texture is not None
    assert count([part]) == 3


def test_a_ply_without_faces_is_a_cloud_and_says_so(tmp_path: Path, city: City) -> None:
    path = ply(tmp_path / "m.ply", "binary_little_endian", faces=False)
    with pytest.raises(FormatError, match="a cloud of points") as error:
        take(path, city, tmp_path / "s")
    assert "LAS" in error.value.remedy


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.99])
def test_a_truncated_ply_is_refused(share: float, tmp_path: Path) -> None:
    path = ply(tmp_path / "m.ply", "binary_little_endian")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(FormatError):
        read_model(path, tmp_path / "work")


def without_library(folder: Path) -> None:
    (folder / "model.mtl").unlink()


def without_texture(folder: Path) -> None:
    (folder / "photo.jpg").unlink()


def truncated_texture(folder: Path) -> None:
    path = folder / "photo.jpg"
    path.write_bytes(path.read_bytes()[:900])


def no_image(folder: Path) -> None:
    (folder / "photo.jpg").write_bytes(b"not an image at all")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without_library, "the material library model.mtl is not there"),
        (without_texture, "the texture photo.jpg is not there: its faces are grey"),
        (truncated_texture, "the texture photo.jpg is not to be decoded"),
        (no_image, "the texture photo.jpg is not to be decoded"),
    ],
)
def test_without_its_pictures_a_model_is_plain_and_published(
    spoil: Callable[[Path], None], told: str, tmp_path: Path, city: City
) -> None:
    model = standard(tmp_path, 8)
    spoil(tmp_path)
    run = take(model, city, tmp_path / "s")
    assert run.errors == []
    assert told in run.told
    assert all(p.texture is None for m in run.models() for p in m.primitives)


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        ("v nan 0 0\nf -1/1 1/1 2/1\n", "1 faces have vertices that are no numbers"),
        ("v inf 0 1e400\nf -1 1 2\n", "1 faces have vertices that are no numbers"),
        ("f 1 1 2\nf 5 5 5\n", "2 faces have no area"),
        ("f 1 2 99999\nf 0 1 2\n", "2 faces name vertices that are not there"),
        ("f\nf 1 2\nf a b c\n", "3 faces have fewer than three corners"),
        ("f 1/999999 2/1 62/1\n", "1 faces name texture coordinates that are not there"),
    ],
)
def test_broken_faces_are_left_out_and_counted(
    tail: str, told: str, tmp_path: Path, city: City
) -> None:
    photo(tmp_path / "photo.jpg")
    model = obj(tmp_path / "model.obj", *hills(60), tail=tail)
    run = take(model, city, tmp_path / "s")
    assert told in run.told
    assert run.errors == []
    assert run.product.media["area_kept_m2"] > 120**2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (bytes(range(256)) * 9, "binary data"),
        (b"hello\nworld\n", "no vertex"),
        (b"v 0 0 0\nv 1 0 0\nv 1 1 0\n", "no face"),
        (b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf 7 8 9\n", "none of its faces can be used"),
        (b"x" * 5_000_000, "a line of more than"),
    ],
)
def test_what_is_no_model_is_refused_with_a_reason(
    content: bytes, reason: str, tmp_path: Path, city: City
) -> None:
    path = tmp_path / "m.obj"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=reason):
        take(path, city, tmp_path / "s")


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_picture_that_is_too_large_to_decode_at_once_goes_by_strips(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo(tmp_path / f"photo.{kind}", 700, 900)
    whole = picture.decode(path, tmp_path / "a.rgb").pixels()
    monkeypatch.setattr(picture, "AT_ONCE", 1000)
    strips = picture.decode(path, tmp_path / "b.rgb").pixels()
    assert whole.shape == strips.shape == (900, 700, 3)
    assert np.abs(whole.astype(int) - strips).max() <= 8  # two decoders' rounding
