"""Textures: passed through, sniffed, loaded from beside the file, or grey with a reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cim.errors import FormatError
from cim.ingest.sources.osgb.graph import Geometry, Texture
from cim.ingest.sources.osgb.graph import Image as SceneImage
from cim.ingest.sources.osgb.picture import texture
from cim.ingest.sources.osgb.scene import _colours
from tests.ingest.osgb.scenes import Run, delivery, jpeg, mesh, run, sheet
from tests.ingest.osgb.writer import Draw, Geode, Picture, Shape, Writer

T = "Tile_+000_+000"


def ran(tmp_path: Path, shape: Shape, version: int = 91) -> Run:
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([shape])}, Writer(version))
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    return result


def image(result: Run) -> bytes | None:
    found: bytes | None = mesh(result.files()[0])[0]["image"]
    return found


def file(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 2), (10, 200, 30)).save(buffer, form)
    return buffer.getvalue()


def test_jpeg_bytes_arrive_identical(tmp_path: Path) -> None:
    data = jpeg()
    assert image(ran(tmp_path, sheet(picture=Picture(file=data)))) == data


def test_a_png_named_jpg_is_told_by_its_bytes(tmp_path: Path) -> None:
    data = file("PNG")
    result = ran(tmp_path, sheet(picture=Picture("a.jpg", file=data)))
    assert image(result) == data
    assert b'"mimeType":"image/png"' in result.files()[0].read_bytes()


def test_another_image_format_is_stored_as_png(tmp_path: Path) -> None:
    found = image(ran(tmp_path, sheet(picture=Picture("a.bmp", file=file("BMP")))))
    assert found is not None
    with Image.open(io.BytesIO(found)) as picture:
        assert picture.format == "PNG"
        assert picture.getpixel((0, 0)) == (10, 200, 30)


@pytest.mark.parametrize("version", [91, 130, 161])
def test_raw_pixels_are_turned_upside_down(tmp_path: Path, version: int) -> None:
    lowest, highest = [255, 0, 0] * 2, [0, 0, 255] * 2
    raw = (2, 2, 3, bytes(lowest + highest))
    found = image(ran(tmp_path, sheet(picture=Picture(raw=raw)), version))
    assert found is not None
    with Image.open(io.BytesIO(found)) as picture:
        assert picture.getpixel((0, 0)) == (0, 0, 255)
        assert picture.getpixel((0, 1)) == (255, 0, 0)


def test_an_image_beside_the_file_is_loaded(tmp_path: Path) -> None:
    data = jpeg()
    folder = delivery(
        tmp_path / "in", {f"{T}/{T}.osgb": Geode([sheet(picture=Picture("Texture.jpg"))])}
    )
    (folder / "Data" / T / "texture.JPG").write_bytes(data)
    result = run(folder, staging=tmp_path / "out")
    assert image(result) == data


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (Picture("gone.jpg"), "'gone.jpg' is not there"),
        (Picture("../../../outside.jpg"), "is not there"),
        (Picture(file=b"no image at all"), "no image that we can read"),
        (Picture(raw=(64, 64, 3, b"few")), "fewer pixels"),
    ],
)
def test_a_texture_that_cannot_be_had_leaves_the_mesh_grey(
    tmp_path: Path, picture: Picture, reason: str
) -> None:
    (tmp_path / "outside.jpg").write_bytes(jpeg())
    result = ran(tmp_path, sheet(picture=picture))
    assert image(result) is None
    assert any(reason in w.reason and "grey" in w.reason for w in result.warnings)
    assert result.counts["triangles"] == 2


def test_an_untextured_mesh_is_grey_without_a_word(tmp_path: Path) -> None:
    result = ran(tmp_path, sheet())
    assert image(result) is None
    assert result.warnings == []


def test_a_texture_without_coordinates_is_counted(tmp_path: Path) -> None:
    shape = sheet(picture=Picture(file=jpeg()))
    shape.uv = None
    result = ran(tmp_path, shape)
    assert image(result) is None
    assert any("without texture coordinates: 1" in w.reason for w in result.warnings)


def test_coordinates_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    shape = sheet(picture=Picture(file=jpeg()))
    shape.uv[1, 0] = np.nan
    result = ran(tmp_path, shape)
    assert np.isfinite(mesh(result.files()[0])[0]["uv"]).all()
    assert any("not finite: 1" in w.reason for w in result.warnings)


def test_v_counts_from_above(tmp_path: Path) -> None:
    result = ran(tmp_path, sheet(picture=Picture(file=jpeg())))
    expected = [[0, 1], [1, 1], [1, 0], [0, 0]]
    assert mesh(result.files()[0])[0]["uv"].tolist() == expected


@pytest.mark.parametrize(("wrap", "code"), [(0x2900, 33071), (0x812F, 33071), (0x2901, 10497)])
def test_clamping_and_repeating_are_kept(tmp_path: Path, wrap: int, code: int) -> None:
    result = ran(tmp_path, sheet(picture=Picture(file=jpeg(), wrap=wrap)))
    assert f'"wrapS":{code}'.encode() in result.files()[0].read_bytes()


def test_more_than_65535_vertices_are_kept(tmp_path: Path) -> None:
    vertices = np.random.default_rng(2).random((70000, 3), dtype=np.float32) * 50
    indices = np.arange(69999).tolist()
    result = ran(tmp_path, Shape(vertices, [Draw(indices=indices)]))
    assert result.counts["triangles"] == 23333
    assert mesh(result.files()[0])[0]["triangles"].dtype == np.uint32


@pytest.mark.parametrize(("code", "form"), [(0x83F0, "DXT1"), (0x83F2, "DXT3"), (0x83F3, "DXT5")])
def test_compressed_blocks_are_decoded_lowest_row_first(code: int, form: str) -> None:
    upper, lower = Image.new("RGBA", (8, 4), (240, 0, 0)), Image.new("RGBA", (8, 4), (0, 0, 240))
    whole = Image.new("RGBA", (8, 8))
    whole.paste(lower, (0, 0))  # OpenGL keeps the lowest row first
    whole.paste(upper, (0, 4))
    buffer = io.BytesIO()
    whole.save(buffer, "DDS", pixel_format=form)
    blocks = memoryview(buffer.getvalue()[128:])
    source = Texture(image=SceneImage(pixels=blocks, shape=(8, 8), format=code))
    found = texture(source, Path("a.osgb"), Path(), {})
    with Image.open(io.BytesIO(found.data)) as decoded:
        pixels = np.asarray(decoded.convert("RGB")).astype(int)
    assert abs(pixels[0, 0] - (240, 0, 0)).max() < 9
    assert abs(pixels[7, 7] - (0, 0, 240)).max() < 9
    short = Texture(image=SceneImage(pixels=blocks[:8], shape=(8, 8), format=code))
    with pytest.raises(FormatError, match="fewer pixels"):
        texture(short, Path("a.osgb"), Path(), {})


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_colours_of_vertices_are_used_where_there_is_no_texture(kind: type) -> None:
    whole = np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]])
    given = whole.astype(np.uint8) if kind is np.uint8 else (whole / 255).astype(np.float32)
    np.testing.assert_array_equal(_colours(Geometry(colours=given), 3), whole[:, :3])
    assert _colours(Geometry(colours=given[:1]), 3) is None
    assert _colours(Geometry(), 3) is None
