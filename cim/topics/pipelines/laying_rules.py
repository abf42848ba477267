"""The rules of laying, read from the topic's data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cim.topics.pipelines.analysis.rule_table import CITED, Rule, Side, side


def _read(name: str) -> dict[str, Any]:
    text = files("cim.topics.pipelines").joinpath(f"data/{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def clearance_rules(table: str) -> tuple[Rule, ...]:
    """The rows of ``horizontal`` or ``vertical`` clearances."""
    said = _read("clearance")
    about = said["table"][table]
    name = f"{said['standard']['name']}-{said['standard']['edition']} {about['clause']}"
    return tuple(
        Rule(
            one=side(row["one"]), other=side(row["other"]), limit=float(row["limit"]),
            standard=name, evidence=row["evidence"], source=row["source"],
            exception=about["exception"],
        )
        for row in said[table]
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverRule:
    """How deep pipes of some kinds must lie.

    Args:
        of: Which pipes.
        roadway: Least cover below a carriageway, m.
        elsewhere: Elsewhere, m.
        standard: Name, edition and clause.
        evidence: ``cited`` or ``unverified``.
        source: Who says so.
        advice: Whether it is recommended only.
    """

    of: Side
    roadway: float
    elsewhere: float
    standard: str
    evidence: str
    source: str
    advice: bool

    def rule(self, *, on_roadway: bool) -> Rule:
        """As a rule of one limit."""
        limit = self.roadway if on_roadway else self.elsewhere
        return Rule(one=self.of, other=self.of, limit=limit, standard=self.standard,
                    evidence=self.evidence, source=self.source, advice=self.advice)  # fmt: skip


@cache
def cover_rules() -> tuple[CoverRule, ...]:
    """The rows of least cover."""
    return tuple(
        CoverRule(
            of=_of(row), roadway=float(row["roadway"]), elsewhere=float(row["elsewhere"]),
            standard=_name(row), evidence=row["evidence"], source=row["source"],
            advice=row["advice"],
        )
        for row in _read("cover")["cover"]
    )  # fmt: skip


def frost_rules(depth: float) -> tuple[CoverRule, ...]:
    """The rows of frost, for a depth to which the ground freezes, m."""
    return tuple(
        CoverRule(
            of=_of(row), roadway=depth, elsewhere=depth, standard=_name(row),
            evidence=row["evidence"], source=row["source"], advice=row["advice"],
        )
        for row in _read("cover")["frost"]
    )  # fmt: skip


def _of(row: dict[str, Any]) -> Side:
    return side({k: row[k] for k in ("kinds", "laying") if k in row})


def _name(row: dict[str, Any]) -> str:
    return f"{row['standard']}-{row['edition']} {row['clause']}"


def unverified(rules: tuple[Rule, ...] | tuple[CoverRule, ...]) -> int:
    """How many rows nobody has checked."""
    return sum(rule.evidence != CITED for rule in rules)
