"""Files are there whole or not at all, and a full disk is one sentence."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from cim.errors import StorageError
from cim.store.files import Files, disk_errors, write_atomic, write_json


def test_a_file_is_written_whole_with_its_folders(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"名": [1.5]})
    assert json.loads((tmp_path / "a" / "b.json").read_text("utf-8")) == {"名": [1.5]}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.json"]


def test_json_that_no_browser_reads_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", float("nan"))


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "kept.bin"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomic(path, 5)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_no_more_is_told_with_what_is_free(number: int, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"MB free.*CIM_DATA_DIR"), disk_errors(tmp_path / "x"):
        raise OSError(number, "no")


def test_another_fault_is_not_taken_for_the_disks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "none").read_bytes()


def test_versions_and_stagings_lie_apart(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.version("a.b", 3) == tmp_path / "layers" / "a.b" / "3"
    assert files.staging("a.b", "k").relative_to(tmp_path).parts[0] == "staging"
    assert files.results.parent == tmp_path
