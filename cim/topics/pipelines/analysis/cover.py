"""Cover: how much ground lies upon pipes, held against what surface and frost ask for.

Cover is measured plumb, from the ground to the pipe's outer top, at stations along the centreline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.topics.pipelines.analysis.rule_table import Rule, Side, Traits
from cim.verdict import Verdict

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ELSEWHERE, ROADWAY, UNTOLD = 0, 1, 2  # what lies above
VERDICTS = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.NEEDS_REVIEW, Verdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stations:
    """Places along pipes.

    Args:
        at: (k, 3) on the centreline, m.
        pipe: (k,) whose place it is, rising.
        cover: (k,) ground less top, m; NaN where either is not known.
        other: (k,) the same with walls by the other table.
        surface: (k,) ELSEWHERE, ROADWAY or UNTOLD.
    """

    at: Floats
    pipe: Ints
    cover: Floats
    other: Floats
    surface: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What cover a row asks for: of some pipes, below a carriageway and elsewhere."""

    of: Side
    roadway: Rule
    elsewhere: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Shallow:
    """The least cover of one pipe below one kind of surface, under one row.

    Args:
        pipe: Which.
        surface: ELSEWHERE, ROADWAY or UNTOLD.
        station: Index of the place.
        value: Cover there, m; NaN where it is not known.
        rule: What is asked; the stricter one where the surface is not told.
        verdict: What it says.
    """

    pipe: int
    surface: int
    station: int
    value: float
    rule: Rule
    verdict: Verdict


def ground_along(model: Floats, at_ends: Floats, model_ends: Floats, share: Floats) -> Floats:
    """(k,) the ground at stations: the model's, led to what was surveyed at the ends, m.

    Args:
        model: (k,) of the elevation model; NaN where it knows nothing.
        at_ends: (k, 2) ground at the ends of the pipe that each station is on; NaN where unknown.
        model_ends: (k, 2) the model there.
        share: (k,) of the way from start to end.
    """
    off = np.nan_to_num(at_ends - model_ends, nan=0.0)
    led = model + off[:, 0] * (1 - share) + off[:, 1] * share
    straight = at_ends[:, 0] * (1 - share) + at_ends[:, 1] * share
    return np.asarray(np.where(np.isfinite(model), led, straight))


def shallowest(
    stations: Stations, traits: Sequence[Traits], classes: Ints, rows: Sequence[Asked]
) -> list[Shallow]:
    """Of each pipe, each kind of surface above it and each row that holds for it the least cover.

    A pipe for which it cannot be told whether a row holds is UNKNOWN under that row. One of which
    some stations' cover is known and that of others is not appears with both.
    """
    found: list[Shallow] = []
    known = np.isfinite(stations.cover)
    number = (stations.pipe * 3 + stations.surface) * 2 + known
    order = np.lexsort((np.where(known, stations.cover, 0.0), number))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(number[order]) != 0
    for index in order[first].tolist():
        pipe, surface = int(stations.pipe[index]), int(stations.surface[index])
        mine = traits[classes[pipe]]
        for row in rows:
            holds = row.of.holds(mine) if mine.kind in row.of.kinds else False
            if holds is False:
                continue
            rule = row.elsewhere if surface == ELSEWHERE else row.roadway
            value = float(stations.cover[index])
            said = rule.verdict(value, float(stations.other[index]))
            if surface == UNTOLD or holds is None:
                said = Verdict.UNKNOWN
            found.append(Shallow(pipe=pipe, surface=surface, station=index, value=value,
                                 rule=rule, verdict=said))  # fmt: skip
    return found
