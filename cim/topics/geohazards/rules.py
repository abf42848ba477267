"""The rules of the warning, read from the topic's data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cim.topics.geohazards.analysis.rain import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRules:
    """What data/warning.toml says.

    Args:
        decay: Share of a day's rain left after a day.
        days: How far back rain counts.
        today: Limits of 24 hours' rain.
        antecedent: Limits of effective antecedent rain and today's together.
        susceptibility: Class of each stability that a survey tells.
        matrix: Level by susceptibility and rain.
        angles: Travel angle by type of hazard, degrees.
        evidence: What each part rests on.
    """

    decay: float
    days: int
    today: Thresholds
    antecedent: Thresholds
    susceptibility: dict[str, int]
    matrix: tuple[tuple[int, ...], ...]
    angles: dict[str, float]
    evidence: dict[str, str]

    @property
    def verified(self) -> bool:
        """Whether every part rests on something that was read."""
        return "unverified" not in self.evidence.values()


def _limits(values: list[float]) -> Thresholds:
    one, two, three, four = values
    return Thresholds(rising=(one, two, three, four))


@cache
def warning_rules() -> WarningRules:
    """The rules that the package ships."""
    text = files("cim.topics.geohazards").joinpath("data/warning.toml").read_text("utf-8")
    said = tomllib.loads(text)
    angles = {k: float(v) for k, v in said["travel_angle"].items() if not isinstance(v, str)}
    parts = ("effective", "today", "antecedent", "matrix", "travel_angle")
    return WarningRules(
        decay=said["effective"]["decay"],
        days=said["effective"]["days"],
        today=_limits(said["today"]["limits"]),
        antecedent=_limits(said["antecedent"]["limits"]),
        susceptibility=dict(said["susceptibility"]),
        matrix=tuple(tuple(row) for row in said["matrix"]["levels"]),
        angles=angles,
        evidence={part: said[part]["evidence"] for part in parts},
    )
