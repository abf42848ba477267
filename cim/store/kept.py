"""How long things are kept that can be made or sent again: uploads and answers."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HOUR = 3600.0
DAY = 24 * HOUR
_SWEEP = 600.0  # s between two looks at one folder
_MARK = ".swept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """For how long, and how much.

    Args:
        days: After the last use.
        gigabytes: Of one folder in all; beyond it the longest unused go first.
    """

    days: float = 30.0
    gigabytes: float = 10.0


def used(folder: Path) -> None:
    """Note that something has just been used."""
    with suppress(OSError):  # swept meanwhile, or a read-only disk: no reason to fail
        os.utime(folder)


def sweep(root: Path, keep: Keep, *, now: float | None = None) -> list[str]:
    """Remove the sub-folders of a folder that are too old or too many; their names.

    Args:
        root: Its sub-folders are kept or removed whole; their times of change say when they were
            last used. Names with a dot in front are work in hand: a day old, they are wreckage.
        keep: For how long, and how much.
        now: Seconds since 1970; the clock's without.
    """
    now = time.time() if now is None else now
    found = []
    for folder in root.iterdir() if root.is_dir() else ():
        with suppress(OSError):  # gone meanwhile
            if folder.is_dir():
                found.append((folder.stat().st_mtime, folder))
    limit, total, gone = keep.gigabytes * 1e9, 0.0, []
    for last, folder in sorted(found, reverse=True):
        hidden = folder.name.startswith(".")
        size = 0.0 if hidden else _size(folder)
        age = now - last
        too_old = age > (DAY if hidden else keep.days * DAY)
        too_much = not hidden and total + size > limit and age > HOUR
        if too_old or too_much:
            _remove(folder)
            gone.append(folder.name)
        else:
            total += size
    return gone


def sweep_now_and_then(root: Path, keep: Keep) -> None:
    """Sweep unless that was done a few minutes ago."""
    mark = root / _MARK
    with suppress(OSError):
        if time.time() - mark.stat().st_mtime < _SWEEP:
            return
    with suppress(OSError):  # a full disk: sweeping makes room all the same
        root.mkdir(parents=True, exist_ok=True)
        mark.touch()
    sweep(root, keep)


def _size(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return float(total)


def _remove(folder: Path) -> None:
    """Out of sight at once, then for good: nobody meets half a folder."""
    aside = folder.with_name(f".gone-{folder.name.lstrip('.')}-{os.getpid()}")
    with suppress(OSError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
