"""Clearances between pipes, and between pipes and buildings, held against a table of rules.

Horizontal: pipes that do not cross in plan, the distance of their outer walls in plan, that of the
axes less both radii. Vertical: at each crossing in plan, bottom of the upper less top of the lower,
both taken plumb. Pipes that share a joint are one pipe there and are not compared.

Where a street's pipes are cut into segments, the neighbour of a segment that crosses comes as near
as the crossing itself: such a pair, at 30 degrees or more and beside a crossing of its neighbours,
is the crossing's affair and is told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from cim.geo.laid import Laid
from cim.geo.segments import ALONG, APART, along
from cim.topics.pipelines.analysis.encounters import Encounters, encounters, joined, places
from cim.topics.pipelines.analysis.rule_table import NO_RULE, OUTSIDE, UNSURE, Judge
from cim.verdict import Verdict

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STEEP = 30.0  # degrees from which on two pipes cross rather than run beside each other
_VERDICTS = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.NEEDS_REVIEW, Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Findings:
    """Pairs that were measured against a rule.

    Args:
        one: (k,) a pipe.
        other: (k,) the other pipe, or the building.
        value: (k,) m; NaN where a radius or a height is missing.
        limit: (k,) what is asked, m; the most where it cannot be told which row holds.
        rule: (k,) index of the row, or UNSURE or OUTSIDE.
        verdict: (k,) index into ``VERDICTS``.
        near: (k, 3) the place on the first.
        far: (k, 3) the place on the other.
    """

    one: Ints
    other: Ints
    value: Floats
    limit: Floats
    rule: Ints
    verdict: Ints
    near: Floats
    far: Floats

    VERDICTS = _VERDICTS

    def __len__(self) -> int:
        return len(self.one)

    def count(self, verdict: Verdict) -> int:
        """How many got a verdict."""
        return int((self.verdict == _VERDICTS.index(verdict)).sum())

    def order(self) -> Ints:
        """Worst first: by verdict, then by how much is missing."""
        margin = np.nan_to_num(self.value - self.limit, nan=np.inf)
        return np.asarray(np.lexsort((margin, self.verdict)), np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Town:
    """Pipes that are compared.

    Args:
        laid: As they lie.
        other_radius: (n,) outer radius by the other table of walls, m.
        classes: (n,) index of each pipe's class in the judges.
        nodes: (n, 2) joints at its ends.
        scale: Metres of the plane to a metre on Earth.
    """

    laid: Laid
    other_radius: Floats
    classes: Ints
    nodes: Ints
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clearances:
    """All findings of a town.

    Args:
        horizontal: Pairs beside each other, within their rule's limit and the margin.
        vertical: Crossings for which there is a rule.
        beside: How many pairs were left to the crossing they lie beside.
    """

    horizontal: Findings
    vertical: Findings
    beside: int


def clearances(town: Town, horizontal: Judge, vertical: Judge, margin: float) -> Clearances:
    """Compare all pipes with each other.

    Args:
        town: The pipes.
        horizontal: Rules in plan.
        vertical: Rules at crossings.
        margin: How much more than asked is told of too, m.
    """
    laid = town.laid
    among = np.unique(town.classes)
    asked = np.nan_to_num(horizontal.limit[:, among], nan=-np.inf).max(axis=1, initial=-np.inf)
    reach = np.maximum(asked + margin, 0.0)  # of no rule: crossings alone
    met = encounters(laid, reach[town.classes], scale=town.scale)
    met = met.some(~joined(town.nodes, laid.pipe[met.one], laid.pipe[met.other]))
    number = laid.pipe[met.one] * len(laid) + laid.pipe[met.other]
    crossing = met.plan.how != APART
    crosses = np.isin(number, number[crossing])
    crossings = met.some(crossing)
    beside = met.some(~crosses)
    beside = _nearest(beside, number[~crosses])
    found = _horizontal(town, beside, horizontal, margin)
    spared = _beside_a_crossing(town, beside, found, crossings)
    kept = found.some(~spared)
    return Clearances(
        horizontal=kept.findings(town, horizontal),
        vertical=_vertical(town, crossings, vertical),
        beside=int(spared.sum()),
    )


def _nearest(met: Encounters, number: Ints) -> Encounters:
    """Of each pair of pipes the pair of legs that is nearest."""
    order = np.lexsort((met.plan.distance, number))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(number[order]) != 0
    return met.some(order[first])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Measured:
    """Pairs before their verdict; ``pair`` is their index among the encounters."""

    pair: Ints
    one: Ints
    other: Ints
    value: Floats
    alternative: Floats
    limit: Floats
    rule: Ints
    near: Floats
    far: Floats

    def some(self, keep: Flags) -> _Measured:
        return _Measured(**{name: getattr(self, name)[keep] for name in _Measured.__slots__})

    def findings(self, town: Town, judge: Judge) -> Findings:
        return Findings(
            one=self.one, other=self.other, value=self.value, limit=self.limit, rule=self.rule,
            verdict=verdicts(judge, self.rule, self.value, self.alternative), near=self.near,
            far=self.far,
        )  # fmt: skip


def verdicts(judge: Judge, rule: Ints, value: Floats, alternative: Floats) -> Ints:
    """(k,) index into ``Findings.VERDICTS`` of values under rows."""
    out = np.empty(len(rule), np.int64)
    for i, (row, measured, other) in enumerate(
        zip(rule.tolist(), value.tolist(), alternative.tolist(), strict=True)
    ):
        if row == UNSURE or not np.isfinite(measured):
            said = Verdict.UNKNOWN
        elif row == OUTSIDE:
            said = Verdict.NEEDS_REVIEW
        else:
            said = judge.rules[row].verdict(measured, other)
        out[i] = _VERDICTS.index(said)
    return out


def _horizontal(town: Town, met: Encounters, judge: Judge, margin: float) -> _Measured:
    """Distances of outer walls in plan, as far as a rule asks for them."""
    laid = town.laid
    one, other = laid.pipe[met.one], laid.pipe[met.other]
    rule = judge.rule[town.classes[one], town.classes[other]]
    limit = judge.limit[town.classes[one], town.classes[other]]
    axis = met.plan.distance / town.scale
    value = axis - laid.radius[one] - laid.radius[other]
    least = axis - np.nan_to_num(laid.radius)[one] - np.nan_to_num(laid.radius)[other]
    keep = (rule != NO_RULE) & (least <= limit + margin)
    near, far = places(laid, met)
    found = _Measured(
        pair=np.arange(len(one)), one=one, other=other, value=value,
        alternative=axis - town.other_radius[one] - town.other_radius[other], limit=limit,
        rule=rule, near=near, far=far,
    )  # fmt: skip
    return found.some(keep)


def _beside_a_crossing(
    town: Town, met: Encounters, found: _Measured, crossings: Encounters
) -> Flags:
    """Which pairs are the neighbours of a crossing, near it and not parallel."""
    spared = np.zeros(len(found.one), bool)
    laid, nodes = town.laid, town.nodes
    at, _ = places(laid, crossings)
    short = ~(found.value >= found.limit) & (met.plan.angle[found.pair] >= STEEP)
    if not len(at) or not short.any():
        return spared
    hung: dict[int, list[int]] = defaultdict(list)
    for pipe, ends in enumerate(nodes.tolist()):
        for node in set(ends):
            hung[node].append(pipe)
    tree = STRtree(shapely.points(at[:, :2]))
    rows = np.flatnonzero(short)
    wide = 2 * (found.limit[rows] + np.nan_to_num(laid.radius)[found.one[rows]]
                + np.nan_to_num(laid.radius)[found.other[rows]])  # fmt: skip
    which, cross = tree.query(shapely.points(found.near[rows, :2]), predicate="dwithin",
                              distance=wide * town.scale)  # fmt: skip
    first, second = laid.pipe[crossings.one], laid.pipe[crossings.other]
    for row, c in zip(rows[which].tolist(), cross.tolist(), strict=True):
        mine = _with_neighbours(int(found.one[row]), nodes, hung)
        theirs = _with_neighbours(int(found.other[row]), nodes, hung)
        p, q = int(first[c]), int(second[c])
        spared[row] |= (p in mine and q in theirs) or (q in mine and p in theirs)
    return spared


def _with_neighbours(pipe: int, nodes: Ints, hung: dict[int, list[int]]) -> set[int]:
    return {pipe, *(other for node in nodes[pipe].tolist() for other in hung[node])}


def _vertical(town: Town, met: Encounters, judge: Judge) -> Findings:
    """Gaps at crossings; of pipes that run along each other in plan, the least over the stretch."""
    laid = town.laid
    one, other = laid.pipe[met.one], laid.pipe[met.other]
    rule = judge.rule[town.classes[one], town.classes[other]]
    near, far = places(laid, met)
    gap = np.abs(near[:, 2] - far[:, 2])
    runs = met.plan.how == ALONG
    if runs.any():
        ends = np.where(runs[:, None], met.plan.until, 0.0)
        there = [along(laid.a, laid.b, leg, ends[:, k])[:, 2]
                 for k, leg in enumerate((met.one, met.other))]  # fmt: skip
        turned = (near[:, 2] - far[:, 2]) * (there[0] - there[1]) < 0
        gap = np.where(runs, np.fmin(gap, np.abs(there[0] - there[1])), gap)
        gap[runs & turned] = 0.0  # one dives below the other on the way
    found = _Measured(
        pair=np.arange(len(one)), one=one, other=other,
        value=gap - laid.radius[one] - laid.radius[other],
        alternative=gap - town.other_radius[one] - town.other_radius[other],
        limit=judge.limit[town.classes[one], town.classes[other]], rule=rule, near=near, far=far,
    )  # fmt: skip
    keep = (rule != NO_RULE) & _first_of_each(one, other, near)
    return found.some(keep).findings(town, judge)


def _first_of_each(one: Ints, other: Ints, at: Floats) -> Flags:
    """A crossing at a corner is met by two legs: it counts once."""
    keyed = np.column_stack([one, other, np.round(at[:, :2], 2)])
    _, first = np.unique(keyed, axis=0, return_index=True)
    keep = np.zeros(len(one), bool)
    keep[first] = True
    return keep


def to_buildings(
    town: Town, outlines: Sequence[BaseGeometry], building: int, judge: Judge, margin: float
) -> Findings:
    """Distances of outer walls of pipes from outlines in plan; negative below a building.

    Args:
        town: The pipes.
        outlines: Polygons, in the same plane.
        building: Index of the class of buildings.
        judge: Rules in plan.
        margin: How much more than asked is told of too, m.
    """
    laid = town.laid
    limit = judge.limit[town.classes, building][laid.pipe]
    radius = np.nan_to_num(laid.radius, nan=0.0)[laid.pipe]
    asked = np.flatnonzero(np.isfinite(limit))
    lines = shapely.linestrings(np.stack([laid.a[asked, :2], laid.b[asked, :2]], axis=1))
    shapes = np.array(outlines, object)
    which, other = STRtree(shapes).query(
        lines, predicate="dwithin",
        distance=(limit[asked] + margin + radius[asked]) * town.scale,
    )  # fmt: skip
    leg = asked[which]
    axis = shapely.distance(lines[which], shapes[other])
    number = laid.pipe[leg] * max(len(shapes), 1) + other
    order = np.lexsort((axis, number))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(number[order]) != 0
    pick = order[first]
    leg, other, axis, which = leg[pick], other[pick], axis[pick] / town.scale, which[pick]
    pipe = laid.pipe[leg]
    near = shapely.shortest_line(lines[which], shapes[other])
    ends = shapely.get_coordinates(near).reshape(-1, 2, 2)
    share = shapely.line_locate_point(lines[which], shapely.points(ends[:, 0]), normalized=True)
    at = along(laid.a, laid.b, leg, share)
    rule = judge.rule[town.classes[pipe], building]
    value = axis - laid.radius[pipe]
    return Findings(
        one=pipe, other=other.astype(np.int64), value=value, limit=limit[leg], rule=rule,
        verdict=verdicts(judge, rule, value, axis - town.other_radius[pipe]), near=at,
        far=np.column_stack([ends[:, 1], at[:, 2]]),
    )  # fmt: skip
