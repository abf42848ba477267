"""What can be had again goes when it is old or too much, the longest unused first."""

from __future__ import annotations

import os
from pathlib import Path

from cim.store.kept import DAY, HOUR, Keep, sweep, sweep_now_and_then, used

NOW = 2_000_000_000.0


def folder(root: Path, name: str, age: float, size: int = 10) -> Path:
    made = root / name
    made.mkdir(parents=True)
    (made / "content").write_bytes(b"x" * size)
    os.utime(made, (NOW - age, NOW - age))
    return made


def names(root: Path) -> set[str]:
    return {p.name for p in root.iterdir() if p.is_dir()}


def test_what_was_not_used_for_long_is_removed(tmp_path: Path) -> None:
    folder(tmp_path, "old", 31 * DAY)
    folder(tmp_path, "young", 29 * DAY)
    assert sweep(tmp_path, Keep(days=30), now=NOW) == ["old"]
    assert names(tmp_path) == {"young"}


def test_beyond_the_room_the_longest_unused_go_but_nothing_in_use(tmp_path: Path) -> None:
    for hours, name in ((0.5, "now"), (2, "b"), (3, "c"), (4, "d")):
        folder(tmp_path, name, hours * HOUR, size=1000)
    sweep(tmp_path, Keep(gigabytes=2e-6), now=NOW)
    assert names(tmp_path) == {"now", "b"}
    sweep(tmp_path, Keep(gigabytes=1e-9), now=NOW)
    assert names(tmp_path) == {"now"}


def test_use_makes_young_again(tmp_path: Path) -> None:
    made = folder(tmp_path, "old", 0)
    os.utime(made, (0, 0))
    used(made)
    assert sweep(tmp_path, Keep(days=1)) == []


def test_work_in_hand_is_left_alone_for_a_day(tmp_path: Path) -> None:
    folder(tmp_path, ".incoming-1", 2 * HOUR, size=1000)
    folder(tmp_path, ".incoming-2", 2 * DAY)
    sweep(tmp_path, Keep(gigabytes=1e-9), now=NOW)
    assert names(tmp_path) == {".incoming-1"}


def test_a_folder_is_looked_through_now_and_then_only(tmp_path: Path) -> None:
    root = tmp_path / "results"
    sweep_now_and_then(root, Keep(days=1))
    os.utime(folder(root, "old", 0), (0, 0))
    sweep_now_and_then(root, Keep(days=1))
    assert names(root) == {"old"}
    os.utime(root / ".swept", (0, 0))
    sweep_now_and_then(root, Keep(days=1))
    assert names(root) == set()
