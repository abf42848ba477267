"""Clashes: pipes that take the same place in space, distance of the axes less both radii."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.geo.laid import Laid
from cim.geo.segments import along, meeting
from cim.topics.pipelines.analysis.clearance import Town
from cim.topics.pipelines.analysis.encounters import encounters, joined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SAME = 1e-3  # m: courses nearer than this everywhere are one and the same


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clashes:
    """Pairs of pipes, each once.

    Args:
        one: (k,) a pipe.
        other: (k,) the other.
        value: (k,) between their outer walls in space, m; negative where they share space, NaN
            where a height or a radius is not known.
        near: (k, 3) place on the first axis.
        far: (k, 3) place on the other axis.
        twice: (k,) whether both are the same pipe, recorded twice.
    """

    one: Ints
    other: Ints
    value: Floats
    near: Floats
    far: Floats
    twice: Flags

    def __len__(self) -> int:
        return len(self.one)


def clashes(town: Town, tolerance: float) -> Clashes:
    """Pairs whose walls come nearer than a tolerance (m) in space, and those of which nobody knows.

    Pipes that share a joint are left out, unless they are the same pipe recorded twice. Of pipes
    without height or radius those are told that may clash: their walls overlap in plan, as far as
    they are known.
    """
    laid = town.laid
    met = encounters(laid, np.full(len(laid), max(tolerance, 0.0)), scale=town.scale)
    one, other = laid.pipe[met.one], laid.pipe[met.other]
    same = _same(laid, one, other)
    keep = same | ~joined(town.nodes, one, other)
    met, one, other, same = met.some(keep), one[keep], other[keep], same[keep]
    stretch = np.array([town.scale, town.scale, 1.0])
    a, b = laid.a / stretch, laid.b / stretch
    space = meeting(a, b, met.one, met.other)
    radii = laid.radius[one] + laid.radius[other]
    value = space.distance - radii
    known = np.isfinite(value)
    near = along(laid.a, laid.b, met.one, np.where(known, space.first, met.plan.first))
    far = along(laid.a, laid.b, met.other, np.where(known, space.second, met.plan.second))
    number = one * len(laid) + other
    order = np.lexsort((np.where(known, value, -np.inf), number))
    first = np.ones(len(order), bool)
    first[1:] = np.diff(number[order]) != 0
    pick = order[first]
    pick = pick[~known[pick] | (value[pick] <= tolerance) | same[pick]]
    return Clashes(one=one[pick], other=other[pick], value=value[pick], near=near[pick],
                   far=far[pick], twice=same[pick])  # fmt: skip


def _same(laid: Laid, one: Ints, other: Ints) -> Flags:
    """Whether pipes have the same ends and length, in either direction."""
    leg = np.searchsorted(laid.pipe, np.arange(len(laid)))
    last = np.searchsorted(laid.pipe, np.arange(len(laid)), side="right") - 1
    start, end = laid.a[leg[one]], laid.b[last[one]]
    start_, end_ = laid.a[leg[other]], laid.b[last[other]]

    def close(p: Floats, q: Floats) -> Flags:
        away = np.where(np.isfinite(p) | np.isfinite(q), p - q, 0.0)  # heights that both lack
        return np.asarray((np.abs(away) <= SAME).all(axis=1))

    ahead = close(start, start_) & close(end, end_)
    back = close(start, end_) & close(end, start_)
    return np.asarray((ahead | back) & (np.abs(laid.length[one] - laid.length[other]) <= SAME))
