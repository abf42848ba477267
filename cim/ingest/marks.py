"""Marks of finished parts: what a killed run, and the next version, take over.

A mark is one small JSON file beside the parts, with the part's key and what ``build`` gave back.
When a version is published its marks become one file, ``.parts.json``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cim.city import Bounds
from cim.ingest.source import MARKS, Built, Parcel, Problem
from cim.store.files import write_json

PARTS = ".parts.json"  # all marks of a published version


def begin(staging: Path, parcel: Parcel) -> None:
    """Note that a part is being built, and clear away what a killed run left of it."""
    path = staging / MARKS / f"{parcel.id}.begun"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if parcel.folder is not None:
        shutil.rmtree(staging / parcel.folder, ignore_errors=True)


def end(staging: Path, parcel: Parcel) -> bool:
    """Note that nobody builds a part any more; whether somebody did."""
    path = staging / MARKS / f"{parcel.id}.begun"
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def write_mark(staging: Path, built: Built, key: str) -> None:
    """Note that a part is finished."""
    write_json(staging / MARKS / f"{built.parcel}.json", {"key": key, **asdict(built)})


def read_mark(staging: Path, parcel: Parcel, key: str) -> Built | None:
    """What a finished part gave back; None where it is not there, or was made of other things."""
    return _built(_read(staging / MARKS / f"{parcel.id}.json"), key)


def _read(path: Path) -> Mapping[str, Any]:
    """A file of marks; nothing where it is not there, or is what a power cut left of it."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _built(data: Mapping[str, Any], key: str) -> Built | None:
    if data.get("key") != key:
        return None
    return Built(
        parcel=data["parcel"],
        facts=data["facts"],
        counts=data["counts"],
        extent=None if data["extent"] is None else Bounds(*data["extent"]),
        refused=tuple(Problem(**p) for p in data["refused"]),
        warnings=tuple(Problem(**p) for p in data["warnings"]),
        files=tuple(data.get("files", ())),
    )


def gather_marks(staging: Path) -> None:
    """Put all marks into one file, for the version to keep."""
    found = sorted((staging / MARKS).glob("*.json"))
    write_json(staging / PARTS, {path.stem: _read(path) for path in found})


class Kept:
    """The parts of an earlier version, or of a staging that a changed delivery has left behind.

    Args:
        folder: The version's; None where there is none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._marks: dict[str, Any] = {}
        if folder is None:
            return
        if (folder / MARKS).is_dir():
            for path in (folder / MARKS).glob("*.json"):
                self._marks[path.stem] = _read(path)
        else:
            self._marks = dict(_read(folder / PARTS))

    def take(self, staging: Path, parcel: Parcel, key: str) -> Built | None:
        """Link a part's folder or files into staging if nothing of the part has changed.

        Published files are never written to again, so one file may serve many versions.
        """
        if self._folder is None or parcel.id not in self._marks:
            return None
        built = _built(self._marks[parcel.id], key)
        if built is None or not self._link(self._folder, staging, parcel, built):
            return None
        write_mark(staging, built, key)
        return built

    def _link(self, folder: Path, staging: Path, parcel: Parcel, built: Built) -> bool:
        """Link what a part was built into; False where that is not there."""
        if parcel.folder is None:
            return bool(built.files) and _link_files(folder, staging, built.files)
        source, target = folder / parcel.folder, staging / parcel.folder
        if not source.is_dir():
            return not built.facts
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, copy_function=link)
        return True


def _link_files(folder: Path, staging: Path, names: Sequence[str]) -> bool:
    if not all((folder / name).is_file() for name in names):
        return False
    for name in names:
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        link(str(folder / name), str(target))
    return True


def link(source: str, target: str) -> None:
    """A file under a second name; a copy where the file system knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
