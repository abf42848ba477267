"""Rules between two kinds of pipes: which row holds for which pair, and what a value means.

A row names kinds and, where its table tells them apart, diameters, pressures of gas, ways of laying
or voltages. A pipe that lacks such an attribute may fall under several rows: that is UNKNOWN, not a
guess. A row that nobody has checked gives NEEDS_REVIEW, whatever the value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.verdict import Verdict

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CITED = "cited"
NO_RULE, UNSURE, OUTSIDE = (
    -1,
    -2,
    -3,
)  # of a pair: nothing said; an attribute lacks; beyond the table
PRESSURES = ("low", "medium_b", "medium_a", "sub_high_b", "sub_high_a", "high")
LAYINGS = ("direct", "duct")
_LAID = {
    "直埋": "direct", "direct": "direct", "管沟": "duct", "管块": "duct", "排管": "duct",
    "管道": "duct", "套管": "duct", "管廊": "duct", "duct": "duct", "conduit": "duct",
}  # fmt: skip


def pressures(said: str) -> frozenset[str]:
    """The classes of gas pressure that a record may mean: all where it says none.

    A pressure in MPa is no class: which class it is depends on a standard that is not cited here.

    Example:
        >>> sorted(pressures("中压Ｂ"))
        ['medium_b']
        >>> sorted(pressures("中压"))
        ['medium_a', 'medium_b']
    """
    text = unicodedata.normalize("NFKC", said).replace(" ", "").replace("级", "").lower()
    if text in PRESSURES:
        return frozenset({text})
    for word, stem in (("次高", "sub_high"), ("中", "medium")):
        if text.startswith(word):
            letter = text[-1] if text[-1] in "ab" else ""
            return frozenset({f"{stem}_{x}" for x in (letter or "ab")})
    if text.startswith("低"):
        return frozenset({"low"})
    if text.startswith(("高", "超高")):
        return frozenset({"high"})
    return frozenset(PRESSURES)


def layings(said: str) -> frozenset[str]:
    """The ways of laying that a record may mean: both where it says none that is known."""
    found = _LAID.get(said.strip().lower())
    return frozenset({found} if found else LAYINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the tables tell pipes apart by.

    Args:
        kind: water, sewage, rain, gas, heat, power, telecom, building, ...
        dn: Nominal diameter, mm; None where not recorded.
        pressure: Classes it may be of.
        laying: Ways it may be laid.
        kv: Voltage, kV; None where not recorded.
    """

    kind: str
    dn: float | None = None
    pressure: frozenset[str] = frozenset(PRESSURES)
    laying: frozenset[str] = frozenset(LAYINGS)
    kv: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a row; None where the table does not care.

    Args:
        kinds: Of pipes.
        dn_max: Nominal diameter at most, mm.
        dn_above: Nominal diameter above, mm.
        pressure: Classes of gas pressure.
        laying: Ways of laying.
        kv_below: Voltage below, kV.
        kv_from: Voltage from, kV.
    """

    kinds: frozenset[str]
    dn_max: float | None = None
    dn_above: float | None = None
    pressure: frozenset[str] | None = None
    laying: frozenset[str] | None = None
    kv_below: float | None = None
    kv_from: float | None = None

    def holds(self, pipe: Traits) -> bool | None:
        """Whether a pipe of a fitting kind falls under it; None where that cannot be told."""
        told = [
            _within(self.pressure, pipe.pressure), _within(self.laying, pipe.laying),
            None if (self.dn_max or self.dn_above) and pipe.dn is None else not (
                (self.dn_max is not None and (pipe.dn or 0.0) > self.dn_max)
                or (self.dn_above is not None and (pipe.dn or 0.0) <= self.dn_above)
            ),
            None if (self.kv_below or self.kv_from) and pipe.kv is None else not (
                (self.kv_below is not None and (pipe.kv or 0.0) >= self.kv_below)
                or (self.kv_from is not None and (pipe.kv or 0.0) < self.kv_from)
            ),
        ]  # fmt: skip
        if False in told:
            return False
        return None if None in told else True


def _within(asked: frozenset[str] | None, may_be: frozenset[str]) -> bool | None:
    if asked is None or may_be <= asked:
        return True
    return None if may_be & asked else False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a table.

    Args:
        one: One side; the order of the sides does not matter.
        other: The other side.
        limit: Least value, m.
        standard: Name, edition and clause, as reports print them.
        evidence: ``cited`` or ``unverified``.
        source: Who says so.
        exception: Whether the clause lets the value be reduced after safety measures.
        advice: Whether it is recommended only.
    """

    one: Side
    other: Side
    limit: float
    standard: str
    evidence: str
    source: str
    exception: bool = False
    advice: bool = False

    def kinds_fit(self, first: str, second: str) -> list[tuple[Side, Side]]:
        """The sides in the orders in which they fit two kinds."""
        return [
            (a, b)
            for a, b in ((self.one, self.other), (self.other, self.one))
            if first in a.kinds and second in b.kinds
        ]

    def verdict(self, value: float | None, other: float | None = None) -> Verdict:
        """What it says of a measured value, m.

        Args:
            value: None where it could not be measured.
            other: The value with walls as another table has them: what depends on that is open.
        """
        if value is None or not np.isfinite(value):
            return Verdict.UNKNOWN
        if self.evidence != CITED:
            return Verdict.NEEDS_REVIEW
        kept = value >= self.limit
        if other is not None and np.isfinite(other) and (other >= self.limit) != kept:
            return Verdict.NEEDS_REVIEW
        return Verdict.PASS if kept else Verdict.FAIL


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """For each pair of classes of pipes, which row holds.

    Args:
        rules: The rows.
        rule: (c, c) its index, or NO_RULE, UNSURE or OUTSIDE.
        limit: (c, c) what is asked, m; of an unsure pair the most that may be; NaN without a rule.
        least: (c, c) of an unsure pair the least that may be.
    """

    rules: Sequence[Rule]
    rule: Ints
    limit: Floats
    least: Floats


def judge(rules: Sequence[Rule], classes: Sequence[Traits]) -> Judge:
    """Look every pair of classes up."""
    size = len(classes)
    rule = np.full((size, size), NO_RULE, np.int64)
    limit, least = np.full((size, size), np.nan), np.full((size, size), np.nan)
    for i, j in product(range(size), repeat=2):
        rule[i, j], least[i, j], limit[i, j] = _looked_up(rules, classes[i], classes[j])
    return Judge(rules=rules, rule=rule, limit=limit, least=least)


def _looked_up(rules: Sequence[Rule], one: Traits, other: Traits) -> tuple[int, float, float]:
    sure: list[int] = []
    maybe: list[int] = []
    rows = [(i, pair) for i, r in enumerate(rules) for pair in r.kinds_fit(one.kind, other.kind)]
    for i, (a, b) in rows:
        told = (a.holds(one), b.holds(other))
        if False not in told:
            (maybe if None in told else sure).append(i)
    limits = [rules[i].limit for i in sure + maybe]
    if maybe:
        return UNSURE, min(limits), max(limits)
    if sure:
        best = max(sure, key=lambda i: rules[i].limit)
        return best, rules[best].limit, rules[best].limit
    if rows:
        limits = [rules[i].limit for i, _ in rows]
        return OUTSIDE, min(limits), max(limits)
    return NO_RULE, np.nan, np.nan


def side(said: Mapping[str, Any]) -> Side:
    """A side from its row's values."""
    words = {k: frozenset(map(str, v)) for k, v in said.items() if isinstance(v, list)}
    numbers = {k: float(v) for k, v in said.items() if k not in words}
    values: dict[str, Any] = {**words, **numbers}
    return Side(**values)
