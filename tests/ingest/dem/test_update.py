"""One sheet of many is delivered anew: only the tiles that look at it are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
import pytest

from cim.installation import Installation
from tests.delivered import NORTH, WEST, deliver, hills, raster

pytestmark = pytest.mark.db
Grid = npt.NDArray[Any]
SIDE = 240  # cells of a sheet
COUNT = 5  # sheets along a side


def sheets(folder: Path) -> Grid:
    """Twenty-five sheets of one ground, 18 km wide."""
    ground = hills(SIDE * COUNT, SIDE * COUNT)
    for row in range(COUNT):
        for column in range(COUNT):
            write(folder, ground, row, column)
    return ground


def write(folder: Path, ground: Grid, row: int, column: int) -> None:
    part = ground[SIDE * row : SIDE * (row + 1), SIDE * column : SIDE * (column + 1)]
    raster(
        folder / f"{row}{column}.tif", part, west=WEST - 6000 + 15 * SIDE * column,
        north=NORTH + 6000 - 15 * SIDE * row,
    )  # fmt: skip


def tiles(here: Installation, version: int) -> dict[str, Path]:
    root = here.files.version("test.dem", version)
    return {p.relative_to(root).as_posix(): p for p in root.glob("*/*/*.terrain")}


def test_only_tiles_that_look_at_a_changed_sheet_are_written_and_the_rest_is_the_same_file(
    installation: Installation, tmp_path: Path
) -> None:
    ground = sheets(tmp_path / "s")
    first = deliver(installation, tmp_path / "s", "test.dem")
    changed = ground.copy()
    changed[SIDE + 60 : SIDE + 180, SIDE + 60 : SIDE + 180] += 4.0  # within sheet 11
    write(tmp_path / "s", changed, 1, 1)
    second = deliver(installation, tmp_path / "s", "test.dem")
    whole = deliver(installation, tmp_path / "s", "test.dem", force=True)
    assert (first.version, second.version, whole.version) == (1, 2, 3)
    old, new, anew = (tiles(installation, n) for n in (1, 2, 3))
    assert new.keys() == anew.keys()
    assert [n for n in new if new[n].read_bytes() != anew[n].read_bytes()] == []
    same = [n for n in new if n in old and new[n].stat().st_ino == old[n].stat().st_ino]
    fresh = [n for n in new if n not in same]
    other = [n for n in new if n not in old or new[n].read_bytes() != old[n].read_bytes()]
    assert set(other) <= set(fresh)
    deepest = [n for n in new if n.startswith("15/")]
    assert len(deepest) > 700
    assert sum(n in fresh for n in deepest) < 0.3 * len(deepest)
    assert second.reused == whole.joined - second.joined + second.reused  # as many parts
    assert second.reused > 10


def test_the_same_sheets_again_change_nothing(installation: Installation, tmp_path: Path) -> None:
    raster(tmp_path / "s" / "a.tif", hills())
    deliver(installation, tmp_path / "s", "test.dem")
    again = deliver(installation, tmp_path / "s", "test.dem")
    assert (again.version, again.unchanged) == (1, True)


def test_a_sheet_added_far_away_leaves_deep_tiles_alone(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "b.tif", hills(1000, 1000), west=WEST - 4000, north=NORTH + 2000)
    deliver(installation, tmp_path / "s", "test.dem")
    raster(tmp_path / "s" / "a.tif", hills(100, 100, seed=2), west=WEST - 8000, north=NORTH + 6000)
    deliver(installation, tmp_path / "s", "test.dem")
    old, new = (tiles(installation, n) for n in (1, 2))
    kept = [n for n in old if n in new and old[n].stat().st_ino == new[n].stat().st_ino]
    inner = [n for n in old if n.startswith("15/")]
    assert len([n for n in inner if n in kept]) > 0.2 * len(inner)  # the rim sees another beyond
    assert len([n for n in new if n not in old]) > 10
