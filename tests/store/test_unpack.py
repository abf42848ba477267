"""A zip gives its files and nothing else: no path out, no bomb."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from cim.errors import FormatError, TooLargeError
from cim.store.unpack import unpack, unpack_shapefile


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", **{"图/a.shp": b"1", "图/a.dbf": b"22", "note.txt": b"3"})
    files = unpack(source, tmp_path / "out", endings=frozenset({".shp", ".dbf"}))
    assert {f.relative_to(tmp_path / "out").as_posix() for f in files} == {"图/a.shp", "图/a.dbf"}
    assert (tmp_path / "out" / "图" / "a.dbf").read_bytes() == b"22"


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:\\evil", ".hidden"):  # noqa: S108
            archive.writestr(zipfile.ZipInfo(name), b"x")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("fine", b"y")
    files = unpack(path, tmp_path / "out")
    assert [f.name for f in files] == ["fine"]
    assert {p.name for p in tmp_path.rglob("*")} == {"a.zip", "out", "fine"}


def test_a_bomb_stops_at_the_bound_whatever_it_says_of_itself(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"a.shp": b"\x00" * 5_000_000})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, 10)  # the directory lies of its size
    path.write_bytes(raw)
    with pytest.raises((TooLargeError, FormatError)):
        unpack(path, tmp_path / "out", most_bytes=1_000_000)
    honest = zipped(tmp_path / "b.zip", **{"a.shp": b"\x00" * 5_000_000})
    with pytest.raises(TooLargeError, match="1 MB"):
        unpack(honest, tmp_path / "out", most_bytes=1_000_000)
    assert sum(p.stat().st_size for p in (tmp_path / "out").iterdir()) <= 1_000_000


def test_too_many_files_are_refused_before_the_first(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{f"{i}.shp": b"" for i in range(11)})
    with pytest.raises(TooLargeError, match="11 files"):
        unpack(path, tmp_path / "out", most_files=10)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + b"\xff" * 30])
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(FormatError, match="no zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"a.shp": bytes(range(256)) * 40})
    raw = bytearray(path.read_bytes())
    raw[60:80] = b"\xff" * 20
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="no zip that can be read"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(("names", "said"), [([], "0 shapefiles"), (["a", "b"], "a.shp, b.shp")])
def test_a_zip_holds_one_shapefile(names: list[str], said: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"x.dbf": b""}, **{f"{n}.shp": b"" for n in names})
    with pytest.raises(FormatError, match=said):
        unpack_shapefile(path, tmp_path / "out")
