"""Hostile and damaged files end in one typed error that names file, offset, class and version."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cim.errors import FormatError
from cim.ingest.sources.osgb.scene import read_scene
from tests.ingest.osgb.scenes import jpeg, paged, sheet
from tests.ingest.osgb.writer import MAGIC, Geode, Group, Picture, Writer, text

SCENE = paged(["child.osgb"], sheet(picture=Picture(file=jpeg())), sheet(20))
FILES = {
    (version, brackets, compressor): Writer(version, brackets, compressor).encode(SCENE)
    for version in (80, 91, 130, 161)
    for brackets in (False, True)
    for compressor in ("0", "zlib")
}


def refused(path: Path, data: bytes) -> FormatError:
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_scene(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy
    return caught.value


@given(st.sampled_from(sorted(FILES)), st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_truncated_file_names_the_offset(
    tmp_path: Path, key: tuple[int, bool, str], share: float
) -> None:
    data = FILES[key]
    error = refused(tmp_path / "a.osgb", data[: int(len(data) * share)])
    assert "offset" in error.reason


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8))),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
def test_a_file_with_changed_bytes_is_read_or_refused_but_never_crashes(
    tmp_path: Path, key: tuple[int, bool, str], changes: list[tuple[float, bytes]]
) -> None:
    data = bytearray(FILES[key])
    for share, new in changes:
        start = int(len(data) * share)
        data[start : start + len(new)] = new
    path = tmp_path / "a.osgb"
    path.write_bytes(data)
    with contextlib.suppress(FormatError):
        read_scene(path)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_after_the_magic_is_refused(tmp_path: Path, garbage: bytes) -> None:
    refused(tmp_path / "a.osgb", MAGIC + garbage)


def test_a_zero_byte_file_says_so(tmp_path: Path) -> None:
    assert "zero bytes" in refused(tmp_path / "a.osgb", b"").reason


def test_another_format_says_so(tmp_path: Path) -> None:
    assert "not an OSGB file" in refused(tmp_path / "a.osgb", jpeg()).reason


def test_a_big_endian_file_says_so(tmp_path: Path) -> None:
    swapped = MAGIC[3::-1] + MAGIC[:3:-1]
    assert "big endian" in refused(tmp_path / "a.osgb", swapped + bytes(20)).reason


def test_an_unknown_compressor_is_named(tmp_path: Path) -> None:
    data = MAGIC + struct.pack("<3I", 1, 91, 0) + text("lzma") + bytes(40)
    assert "'lzma'" in refused(tmp_path / "a.osgb", data).reason


@pytest.mark.parametrize("version", [0, 79, 162, 2**31])
def test_a_version_out_of_range_is_named(tmp_path: Path, version: int) -> None:
    data = MAGIC + struct.pack("<3I", 1, version, 0) + text("0")
    assert f"serializer version {version}" in refused(tmp_path / "a.osgb", data).reason


def test_a_file_that_holds_an_image_is_refused(tmp_path: Path) -> None:
    data = Writer().encode(Group(), kind=2)
    assert "no scene" in refused(tmp_path / "a.osgb", data).reason


def test_an_unknown_class_without_brackets_names_class_offset_and_version(tmp_path: Path) -> None:
    shape = sheet(picture=Picture(file=jpeg()))
    shape.extra_attribute = "osgProducer::Secret"
    error = refused(tmp_path / "a.osgb", Writer(91).encode(Geode([shape])))
    assert "'osgProducer::Secret'" in error.reason
    assert "serializer version 91" in error.reason
    assert "offset " in error.reason


def test_a_huge_count_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    data = FILES[91, False, "0"]
    vertices = struct.pack("<II", 16, 4)  # type f32 x 3, four of them
    assert data.count(vertices) == 2
    error = refused(tmp_path / "a.osgb", data.replace(vertices, struct.pack("<II", 16, 2**32 - 1)))
    assert "items are announced" in error.reason
    assert "osg::Geometry" in error.reason


def test_a_compressed_bomb_is_refused(tmp_path: Path) -> None:
    head = MAGIC + struct.pack("<3I", 1, 91, 0) + text("zlib")
    bomb = zlib.compress(bytes(80 << 20), 9)
    assert "swells" in refused(tmp_path / "a.osgb", head + bomb).reason


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    head = MAGIC + struct.pack("<3I", 1, 91, 0) + text("zlib")
    assert "damaged" in refused(tmp_path / "a.osgb", head + b"no zlib at all").reason


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    root = Group()
    for _ in range(150):
        root = Group([root])
    assert "nested more than" in refused(tmp_path / "a.osgb", Writer().encode(root)).reason


def test_an_object_that_contains_itself_is_refused(tmp_path: Path) -> None:
    root = Group()
    root.children = [Geode([sheet()]), root]
    assert "refers to itself" in refused(tmp_path / "a.osgb", Writer(91).encode(root)).reason


def test_one_object_used_without_end_is_refused(tmp_path: Path) -> None:
    root = Group()
    for _ in range(40):
        root = Group([root, root])
    assert "too much" in refused(tmp_path / "a.osgb", Writer(91).encode(root)).reason


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.osgb").mkdir()
    with pytest.raises(FormatError, match="cannot be read"):
        read_scene(tmp_path / "a.osgb")
