"""Rain: what has fallen before still counts, and what has fallen now against the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
MOST_IN_A_DAY = 2000.0  # mm: no gauge on Earth has seen more


def daily(series: Sequence[tuple[date, float | None]]) -> tuple[date, Floats]:
    """Day by day, from the first to the last; NaN where there is no reading.

    Raises:
        ParameterError: naming the row that is out of order, twice there, or impossible.
    """
    if not series:
        raise ParameterError("there is no rain to look at", remedy="give at least one day")
    first = series[0][0]
    out = np.full((series[-1][0] - first).days + 1 if series[-1][0] >= first else 1, np.nan)
    before: date | None = None
    for number, (day, millimetres) in enumerate(series, start=1):
        if before is not None and day <= before:
            raise ParameterError(
                f"row {number}: {day} "
                + ("is there twice" if day == before else f"comes after {before}"),
                remedy="give each day once, the oldest first",
            )
        if millimetres is not None and not 0 <= millimetres <= MOST_IN_A_DAY:
            raise ParameterError(
                f"row {number}: {millimetres} mm on {day} is no day's rain",
                remedy=f"readings are 0 to {MOST_IN_A_DAY:.0f} mm; leave out what is not known",
            )
        out[(day - first).days] = np.nan if millimetres is None else millimetres
        before = day
    return first, out


def effective(rain: Floats, decay: float, days: int) -> float:
    """Antecedent effective rain before the last day, mm: the sum of decay^i of the rain i days ago.

    Args:
        rain: (n,) mm a day, the last is today's, which does not count.
        decay: Share that is left after a day.
        days: How many days before are looked at.

    Returns:
        NaN where one of those days is not known or the series is too short to know.

    Example:
        >>> effective(np.array([10.0, 0.0, 20.0, 99.0]), 0.8, 3)
        21.12

    References:
        Crozier & Eyles (1980), Assessing the probability of rapid mass movement, 3rd ANZ Conf. on
        Geomechanics, 2.47-2.51.
    """
    if len(rain) <= days:
        return float("nan")
    past = rain[-2 : -2 - days : -1] if days + 2 <= len(rain) else rain[-2::-1]
    return float(round(float((past * decay ** np.arange(1, days + 1)).sum()), 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From how much rain on a class holds.

    Args:
        rising: Limits in mm of classes 1, 2, 3, 4; below the first it is class 0.
    """

    rising: tuple[float, float, float, float]

    def grade(self, millimetres: float) -> int | None:
        """The class of an amount; None where it is not known."""
        if not np.isfinite(millimetres):
            return None
        return int(np.searchsorted(self.rising, millimetres, side="right"))


def warning(susceptibility: int | None, rain: int | None, matrix: Sequence[Sequence[int]]) -> (
    int | None
):  # fmt: skip
    """Level 0 (none) to 4 (red) of a place; None where one of the classes is not known."""
    if susceptibility is None or rain is None:
        return None
    return int(matrix[susceptibility][rain])
