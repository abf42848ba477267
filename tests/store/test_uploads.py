"""Uploads are kept by their content, under a name that cannot lead astray."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import NotFoundError, ParameterError, TooLargeError
from cim.store.uploads import Uploads, is_upload, safe_name


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(root=tmp_path / "uploads", limit=1000, samples=tmp_path)


def put(uploads: Uploads, name: str, content: bytes) -> str:
    with uploads.receive(name) as incoming:
        for at in range(0, len(content), 7):
            incoming.write(content[at : at + 7])
        return uploads.store(incoming).id


def test_a_file_is_found_again_by_what_it_holds(uploads: Uploads) -> None:
    first = put(uploads, "测区.xlsx", b"abc" * 50)
    assert uploads.path(first).read_bytes() == b"abc" * 50
    assert put(uploads, "测区.xlsx", b"abc" * 50) == first
    assert put(uploads, "测区.xlsx", b"abd" * 50) != first
    assert [p.name for p in uploads.root.iterdir() if p.name.startswith(".inc")] == []


def test_a_file_beyond_the_limit_leaves_nothing(uploads: Uploads) -> None:
    with pytest.raises(TooLargeError, match="CIM_UPLOAD_MB"):
        put(uploads, "big.csv", b"x" * 1001)
    assert list(uploads.root.iterdir()) == []
    assert uploads.path(put(uploads, "fits.csv", b"x" * 1000)).stat().st_size == 1000


def test_an_empty_file_is_refused(uploads: Uploads) -> None:
    with pytest.raises(ParameterError, match="empty"):
        put(uploads, "a.csv", b"")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a.csv", "a.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        (".hidden", "hidden"),
        ("表 1（终）.xlsx", "表 1（终）.xlsx"),
        ("x" * 300 + ".xlsx", "x" * 115 + ".xlsx"),
        ("管" * 300 + ".csv", "管" * 38 + ".csv"),
        ("half\ud800.csv", "half.csv"),
    ],
)
def test_a_hostile_name_becomes_a_plain_one(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["..", "/", "\x00", "...", " ", "a/"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="no name"):
        safe_name(name)


@given(st.text())
def test_whatever_the_name_its_file_lies_in_the_folder_and_its_id_is_one(name: str) -> None:
    try:
        kept = safe_name(name)
    except ParameterError:
        return
    assert Path(kept).name == kept
    assert len(kept.encode()) <= 136
    assert is_upload(f"{'0' * 32}/{kept}")
    assert safe_name(kept) == kept


@pytest.mark.parametrize(
    "identity",
    ["", "x", "../a", f"{'0' * 32}/../../a", f"{'0' * 32}/a", f"{'0' * 32}/" + "x" * 400,
     "samples/../a", "samples/a/../../b", "samples//etc/passwd", f"{'0' * 31}/a", "samples/none"],
)  # fmt: skip
def test_an_id_nobody_got_is_not_found(identity: str, uploads: Uploads) -> None:
    with pytest.raises(NotFoundError, match="send the file again"):
        uploads.path(identity)


def test_a_sample_is_named_by_its_path(uploads: Uploads, tmp_path: Path) -> None:
    (tmp_path / "survey").mkdir()
    (tmp_path / "survey" / "points.csv").write_text("a")
    assert uploads.path("samples/survey/points.csv").read_text() == "a"


def test_a_file_of_this_machine_is_kept_like_one_that_was_sent(
    uploads: Uploads, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(b"abc" * 50)
    assert uploads.add(tmp_path / "a.csv").id == put(uploads, "a.csv", b"abc" * 50)
    with pytest.raises(NotFoundError, match="no such file"):
        uploads.add(tmp_path / "none.csv")
