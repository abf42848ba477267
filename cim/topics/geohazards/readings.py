"""What gauges and monitored points have read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from cim.errors import ParameterError
from cim.evidence import Rows
from cim.topics.geohazards.analysis.rain import daily

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gauge:
    """One rain gauge, in the CRS of its rows.

    Args:
        name: Of the gauge.
        x: m.
        y: m.
        first: Day of the first reading.
        rain: (n,) mm a day from then on; NaN where there is none.
    """

    name: str
    x: float
    y: float
    first: date
    rain: Floats

    def until(self, day: date, today: float | None) -> Floats:
        """Rain up to a day, today's replaced where given; the days without readings are NaN."""
        count = (day - self.first).days + 1
        out = np.full(max(count, 1), np.nan)
        known = min(count, len(self.rain))
        if known > 0:
            out[:known] = self.rain[:known]
        if today is not None:
            out[-1] = today
        return out


def gauges(rows: Rows) -> list[Gauge]:
    """The gauges of a layer of daily readings, each in the order of days.

    Raises:
        ParameterError: a gauge reads twice on one day, or reads what cannot be.
    """
    frame = rows.frame.dropna(subset=["day"])
    if frame.empty:
        raise ParameterError(
            f"{rows.source} has no readings", remedy="ingest daily rain with gauge, day and mm"
        )
    found = []
    for name, group in frame.groupby("gauge", sort=True):
        ordered = group.sort_values("day")
        days = [day if isinstance(day, date) else day.date() for day in pd.to_datetime(
            ordered["day"]).dt.date]  # fmt: skip
        values = [None if pd.isna(v) else float(v) for v in ordered["millimetres"]]
        try:
            first, rain = daily(list(zip(days, values, strict=True)))
        except ParameterError as error:
            raise ParameterError(f"gauge {name}: {error.reason}", remedy=error.remedy) from error
        place = ordered.geometry.iloc[0]
        found.append(Gauge(name=str(name), x=place.x, y=place.y, first=first, rain=rain))
    return found


def nearest(known: list[Gauge], x: float, y: float) -> tuple[Gauge, float]:
    """The gauge nearest to a place, and how far it is, m."""
    away = [float(np.hypot(g.x - x, g.y - y)) for g in known]
    best = int(np.argmin(away))
    return known[best], away[best]
