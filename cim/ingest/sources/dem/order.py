"""Which of overlapping sheets wins: the user's word, then the finest, then the newest."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rasterio

from cim.errors import ParameterError

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
_GIVEN = re.compile(r"((?:19|20)\d\d)(?:-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01]))?)?")


def date_of(image: rasterio.DatasetReader, path: Path, given: Mapping[str, str]) -> str:
    """Day of a sheet as 2024-05-01, from the user, its name or its tags; empty where unknown."""
    for name in (path.name, path.stem):
        if name in given:
            return given[name]
    stamp = str(image.tags().get("TIFFTAG_DATETIME", ""))[:10].replace(":", "-")
    found = _DATE.search(path.stem) or _DATE.fullmatch(stamp)
    return "-".join(found.groups()) if found else ""


def given_dates(text: str) -> dict[str, str]:
    """``name:2024-05-01,...`` as dates by name.

    Raises:
        ParameterError: one of them is anything else.

    Example:
        >>> given_dates("a.tif:2024, b:20230501")
        {'a.tif': '2024', 'b': '2023-05-01'}
    """
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, day = part.rpartition(":")
        match = _GIVEN.fullmatch(day.strip())
        if not name or match is None:
            raise ParameterError(
                f"option dates: {part!r} is not name:date",
                remedy="write it so: -o dates=north.tif:2024-05-01,south.tif:2023",
            )
        found[name.strip()] = "-".join(filter(None, match.groups()))
    return found


def ranked(sheets: Sequence[Mapping[str, Any]], priority: str) -> list[Mapping[str, Any]]:
    """Sheets by priority.

    Args:
        sheets: With ``name``, ``cell`` (m) and ``date``.
        priority: Names, comma-separated, the first wins.

    Raises:
        ParameterError: a name is no sheet's.
    """
    names = [name for name in map(str.strip, priority.split(",")) if name]
    for name in names:
        if not any(name in _names(sheet) for sheet in sheets):
            raise ParameterError(
                f"option priority: there is no sheet {name}",
                remedy="name sheets of the delivery by their files' names",
            )

    def rank(sheet: Mapping[str, Any]) -> tuple[float, int]:
        first = next((i for i, name in enumerate(names) if name in _names(sheet)), len(names))
        fine = round(math.log2(sheet["cell"]) * 8)  # cells within 4 % are equally fine
        return first, fine

    newest_first = sorted(sorted(sheets, key=lambda s: str(s["name"])),
                          key=lambda s: str(s["date"]), reverse=True)  # fmt: skip
    return sorted(newest_first, key=rank)


def _names(sheet: Mapping[str, Any]) -> tuple[str, str]:
    path = Path(str(sheet["name"]))
    return path.name, path.stem
