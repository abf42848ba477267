"""Hazard sites on a day: their level, and what they would run over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapely import Point as Place
from shapely.geometry.base import BaseGeometry

from cim.topics.geohazards.readings import Gauge

LEVELS = (
    ("无", "none", "#78909c"),
    ("蓝色", "blue", "#1e88e5"),
    ("黄色", "yellow", "#fdd835"),
    ("橙色", "orange", "#fb8c00"),
    ("红色", "red", "#d32f2f"),
)
UNKNOWN = ("无法判定", "cannot be told", "#cfd8dc")
FOLLOWED = 2  # from yellow on, run-out, people and ways are worked out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One hazard site on that day.

    Args:
        row: Its attributes.
        place: In the grid's CRS.
        gauge: Whose rain was taken, and how far away it stands, m.
        amounts: Today's rain and the effective antecedent rain, mm; NaN where not known.
        level: 0 to 4; None where it cannot be told.
        reached: What it would run over, from yellow on.
        followed: Whether that is known: not where the site stands off the elevation model.
    """

    row: dict[str, Any]
    place: Place
    gauge: tuple[Gauge, float]
    amounts: tuple[float, float]
    level: int | None
    reached: BaseGeometry
    followed: bool = False

    @property
    def warned(self) -> bool:
        """Whether its run-out, its people and its way out are asked for."""
        return self.level is not None and self.level >= FOLLOWED
