"""How high a footprint is raised: which column says so, and what is done where none does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cim.errors import FormatError

Floats = npt.NDArray[np.float64]

TALLEST = 1000.0  # m; the tallest building there is has 828
MOST_FLOORS = 250
SLAB = 0.2  # m: a footprint of unknown height is seen and can be asked about, but claims nothing
UNKNOWN, BY_HEIGHT, BY_FLOORS = "unknown", "height", "floors"

NAMES: Mapping[str, tuple[str, ...]] = {
    "height": ("height", "建筑高度", "高度", "房屋高度", "楼高", "building_height", "bldg_height",
               "bldg_h", "measuredheight", "hgt", "h"),
    "floors": ("floors", "floor", "地上层数", "层数", "楼层数", "楼层", "storeys", "stories",
               "levels", "building_levels", "num_floors"),
    "id": ("building_id", "建筑编号", "编号", "bldg_id", "gml_id", "osm_id", "objectid", "id"),
}  # fmt: skip
_BLANKS = re.compile(r"[\s_\-:（）()]+")


def _fold(name: str) -> str:
    return _BLANKS.sub("", name).casefold()


def column_of(role: str, given: str, names: Sequence[str], path: Path) -> str | None:
    """The column that plays a role: the one given, else the first known name; None for none.

    Raises:
        FormatError: the file lacks the column that was asked for.
    """
    folded = {_fold(name): name for name in reversed(names)}
    if given:
        found = folded.get(_fold(given))
        if found is None:
            raise FormatError(
                f"it has no column {given}; it has {', '.join(names) or 'none'}",
                path=path,
                remedy=f"give another one with -o {role}=NAME",
            )
        return found
    words = [
        cut
        for word in NAMES.get(role, ())
        for cut in (_fold(word), _fold(word.encode("gb18030")[:10].decode("gb18030", "ignore")))
    ]
    return next((folded[word] for word in words if word in folded), None)


def numbers(values: pd.Series[Any] | None, count: int) -> Floats:
    """A column as numbers; NaN where it is empty, or holds none."""
    if values is None:
        return np.full(count, np.nan)
    read = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(read), read, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Raised:
    """Of each footprint: orthometric heights of its foot and its roof (m), and what said so."""

    ground: Floats
    bottom: Floats
    top: Floats
    told_by: npt.NDArray[np.object_]

    def where(self, keep: npt.NDArray[np.bool_]) -> Raised:
        """Some of them."""
        return Raised(self.ground[keep], self.bottom[keep], self.top[keep], self.told_by[keep])


def raise_up(
    ground: Floats, height: Floats, floors: Floats, *, storey: float, skirt: float,
    absolute: bool, faults: Counter[str],
) -> Raised:  # fmt: skip
    """Heights of foot and roof.

    A height counts if the roof lies 0 to 1,000 m above the ground; else 1 to 250 floors do, times
    the height of a storey; else the footprint stays a slab of 0.2 m.

    Args:
        ground: (n,) orthometric height that buildings stand on, m.
        height: (n,) of the roof: above the ground, or where ``absolute`` orthometric, m.
        floors: (n,) number of storeys.
        storey: m.
        skirt: How far the foot goes below the ground, m.
        absolute: What ``height`` is measured from.
        faults: Counts what was missing or beyond belief.
    """
    rise = height - ground if absolute else height
    believed = (rise > 0) & (rise <= TALLEST)
    by_floors = ~believed & (floors >= 1) & (floors <= MOST_FLOORS)
    strange = ~np.isnan(rise) & ~believed
    _count(faults, f"height not within 0..{TALLEST:.0f} m, left aside", strange)
    unknown = ~believed & ~by_floors
    _count(faults, f"no usable height or floors: shown as a slab of {SLAB} m", unknown)
    rise = np.select([believed, by_floors], [rise, floors * storey], SLAB)
    told = np.select([believed, by_floors], [BY_HEIGHT, BY_FLOORS], UNKNOWN).astype(object)
    return Raised(ground, ground - skirt, ground + rise, told)


def _count(faults: Counter[str], what: str, which: npt.NDArray[np.bool_]) -> None:
    if which.any():
        faults[what] += int(which.sum())
