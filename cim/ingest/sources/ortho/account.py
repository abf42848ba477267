"""What became of each sheet: what is damaged, what shows nothing, how overlapping ones differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cim.errors import FormatError
from cim.ingest.source import Built, Problem
from cim.ingest.sources.ortho.sheet import Sheet
from cim.ingest.sources.ortho.stretch import NOTHING

STRIKING = 8.0  # of 255: a mean difference that shows as an edge
MOST_PAIRS = 20  # told one by one
_DAMAGED = "the file is damaged or cut short: deliver it again"


def dates_of(sheets: Sequence[Sheet]) -> dict[str, Any]:
    """``date``: the newest day of the survey; ``dates``: the first and the last, where they differ.

    Nothing where no sheet knows its day.
    """
    known = sorted(sheet.date for sheet in sheets if sheet.date is not None)
    if not known:
        return {}
    found: dict[str, Any] = {"date": known[-1].isoformat()}
    if known[0] != known[-1]:
        found["dates"] = [known[0].isoformat(), known[-1].isoformat()]
    return found


class Account:
    """The sums over all squares.

    Args:
        sheets: By the id of their part.
        built: All parts that were built.
    """

    def __init__(self, sheets: Mapping[str, Sheet], built: Sequence[Built]) -> None:
        self._sheets = sheets
        self._usable = [p.parcel for p in built if p.parcel in sheets]
        self._shown = dict.fromkeys(self._usable, 0)
        self._damage: dict[str, tuple[int, str]] = {}
        self._overlaps: dict[tuple[str, str], np.ndarray[Any, Any]] = {}
        for part in built:
            self._take(part.facts)

    def _take(self, facts: Mapping[str, Any]) -> None:
        for name, pixels in facts.get("shown", {}).items():
            self._shown[name] += pixels
        for name, (pixels, reason) in facts.get("damage", {}).items():
            before = self._damage.get(name, (0, reason))
            self._damage[name] = (before[0] + pixels, before[1])
        for upper, lower, *sums in facts.get("overlaps", []):
            pair = (upper, lower)
            self._overlaps[pair] = self._overlaps.get(pair, 0) + np.array(sums, np.int64)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """Damaged sheets, shown without the damage, and sheets that show nothing at all."""
        found = []
        for name in self._usable:
            path = str(self._sheets[name].path)
            if name in self._damage:
                pixels, reason = self._damage[name]
                rest = "the rest of it is shown" if self._shown[name] else "nothing of it is left"
                lost = (
                    f"a part of it cannot be read, about {pixels} pixels ({reason}); {rest}"
                    if pixels
                    else f"its JPEG is damaged ({reason}); it is shown with wrong colours there"
                )
                found.append(Problem(path=path, reason=lost, remedy=_DAMAGED))
        return tuple(found)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Days that differ, and overlapping sheets whose colours do."""
        return (*self._dates(), *self._colours())

    def nothing(self, path: Path) -> FormatError:
        """Why there is no picture at all."""
        for problem in self.refused:
            return FormatError(problem.reason, path=problem.path, remedy=problem.remedy)
        return FormatError("it is nothing but nodata", path=path, remedy=NOTHING)

    def _dates(self) -> list[Problem]:
        sheets = [self._sheets[name] for name in self._usable]
        told = dates_of(sheets)
        if not told:
            return []
        found = []
        unknown = [s for s in sheets if s.date is None]
        if unknown:
            found.append(
                Problem(
                    path=str(unknown[0].path),
                    reason=f"{len(unknown)} of {len(sheets)} sheets do not say their day; the "
                    "others lie over them",
                    remedy="give it for all with -o date=...",
                )
            )
        if "dates" in told:
            first, last = told["dates"]
            reason = f"the sheets were taken from {first} to {last}"
            found.append(Problem(path=str(sheets[0].path), reason=reason))
        return found

    def _colours(self) -> list[Problem]:
        """The pairs that differ most strikingly, and one line for all."""
        if not self._overlaps:
            return []
        found = []
        means = {pair: sums[1:4] / sums[0] for pair, sums in self._overlaps.items()}
        worst = sorted(means, key=lambda pair: -np.abs(means[pair]).max())[:MOST_PAIRS]
        for upper, lower in worst:
            sums, mean = self._overlaps[upper, lower], means[upper, lower]
            if np.abs(mean).max() >= STRIKING:
                found.append(
                    Problem(
                        path=str(self._sheets[upper].path),
                        reason=f"it lies over {self._sheets[lower].path.name} on {sums[0]} pixels "
                        f"and differs from it in red, green, blue by {_shown(mean)} of 255",
                        remedy="the edge will show: have the sheets colour-balanced, or choose "
                        "the one on top with -o priority=...",
                    )
                )
        total = np.sum(list(self._overlaps.values()), axis=0)
        found.append(
            Problem(
                path=str(self._sheets[self._usable[0]].path.parent),
                reason=f"{len(self._overlaps)} pairs of sheets overlap on {total[0]} pixels; they "
                f"differ in red, green, blue by {_shown(total[1:4] / total[0])} of 255 on average, "
                f"by {_shown(total[4:7] / total[0])} in amount",
            )
        )
        return found


def _shown(values: Any) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
