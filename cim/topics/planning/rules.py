"""The rules of planning, read from the topic's data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cim.topic import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRule:
    """What a control line says to a project.

    Args:
        rule: ``outside`` (the project must not lie on it) or ``inside`` (it must).
        clause: Chinese, with its English beside.
        exception: Whether the clause allows exceptions.
        evidence: ``cited`` or ``unverified``.
    """

    rule: str
    clause: str
    clause_en: str
    exception: bool
    evidence: str

    def verdict(self, *, kept: bool, doubtful: bool = False, slivers: bool = False) -> Verdict:
        """What it says; nothing certain comes of a clause that nobody has read.

        Args:
            kept: Whether the project does as the clause asks, as far as lines tell their kind.
            doubtful: Whether it touches a line of which nobody can say what kind it is: that one
                might be what it must not lie on, or what it must lie on.
            slivers: Whether it is kept only because slivers decide nothing, and they add up to more
                than one of them may be.
        """
        if doubtful and kept == (self.rule == "outside"):
            return Verdict.UNKNOWN
        if self.evidence != "cited" or slivers:
            return Verdict.NEEDS_REVIEW
        return Verdict.PASS if kept else Verdict.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class SunRule:
    """How much sun a home must have.

    Args:
        day: Month and day on which it is measured.
        hours: At least.
        begin: From, true solar time.
        end: Until.
        clause: Where it stands.
        evidence: ``cited`` or ``unverified``.
    """

    day: tuple[int, int]
    hours: float
    begin: float
    end: float
    clause: str
    evidence: str


def _read(name: str) -> dict[str, Any]:
    text = files("cim.topics.planning").joinpath(f"data/{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def control_rules() -> dict[str, ControlRule]:
    """By kind of control line."""
    return {
        kind: ControlRule(
            rule=row["rule"], clause=row["clause"], clause_en=row["clause_en"],
            exception=row["exception"], evidence=row["evidence"],
        )
        for kind, row in _read("control").items()
    }  # fmt: skip


def sun_rule(climate_zone: str, population: int | None, use: str = "住宅") -> SunRule | None:
    """The rule for buildings of a use; None where there is none, or zone or size is not known."""
    said = _read("sunlight")
    for row in said["rule"]:
        if climate_zone not in row["zones"] or use not in row.get("uses", ["住宅"]):
            continue
        least, most = row.get("from_people", 0), row.get("below_people")
        if population is None and (least or most):
            return None
        if population is not None and (population < least or (most and population >= most)):
            continue
        day = said["days"][row["day"]]
        return SunRule(
            day=(day["month"], day["day"]), hours=row["hours"], begin=day["begin"],
            end=day["end"], clause=row.get("clause", said["clause"]), evidence=said["evidence"],
        )  # fmt: skip
    return None
