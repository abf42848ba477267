"""Which pipes come near each other or cross in plan: candidates by a tree, exact by segment.

The legs are asked for block by block, so that memory is bounded by what is found and not by all
pairs; what no plan of a town holds is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

from cim.errors import ParameterError
from cim.geo.laid import Laid
from cim.geo.segments import APART, PlanMeeting, along, plan_meeting

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK = 256  # legs whose neighbours are looked for at once
MOST = 3_000_000  # pairs of legs that are kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encounters:
    """Pairs of legs of two pipes that are near enough to matter.

    Args:
        one: (k,) leg of the pipe with the smaller number.
        other: (k,) leg of the other pipe.
        plan: How they lie in plan.
    """

    one: Ints
    other: Ints
    plan: PlanMeeting

    def some(self, keep: Flags | Ints) -> Encounters:
        """A part of them, or in another order."""
        values = {name: getattr(self.plan, name)[keep] for name in PlanMeeting.__slots__}
        return Encounters(one=self.one[keep], other=self.other[keep], plan=PlanMeeting(**values))


def encounters(laid: Laid, reach: Floats, *, scale: float = 1.0) -> Encounters:
    """Pairs of legs whose outer walls come within a reach of each other in plan, or that cross.

    Args:
        laid: Pipes; those without radius count as lines, and nothing is left out for it.
        reach: (n,) of each pipe, m; a pair is near if within the larger reach of the two.
        scale: Metres of the plane to a metre on Earth.

    Raises:
        ParameterError: there are more than any town has.
    """
    radius = np.nan_to_num(laid.radius, nan=0.0)[laid.pipe]
    far = np.nan_to_num(reach, nan=0.0)[laid.pipe]
    low = np.minimum(laid.a, laid.b)[:, :2]
    high = np.maximum(laid.a, laid.b)[:, :2]
    tree = STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    wide = scale * (far + radius + radius.max(initial=0.0))
    around = shapely.box(*(low - wide[:, None]).T, *(high + wide[:, None]).T)
    found: list[Encounters] = []
    count = 0
    for start in range(0, len(around), BLOCK):
        mine, other = tree.query(around[start : start + BLOCK])
        mine = mine + start
        # A pair is met from both sides; the side with the larger reach sees it for sure.
        first = (far[mine] > far[other]) | ((far[mine] == far[other]) & (mine < other))
        first &= laid.pipe[mine] != laid.pipe[other]
        mine, other = mine[first], other[first]
        turned = laid.pipe[mine] > laid.pipe[other]
        one, two = np.where(turned, other, mine), np.where(turned, mine, other)
        plan = plan_meeting(laid.a, laid.b, one, two)
        wall = plan.distance / scale - radius[one] - radius[two]
        near = (plan.how != APART) | (wall <= np.maximum(far[one], far[two]))
        found.append(Encounters(one=one, other=two, plan=plan).some(near))
        count += int(near.sum())
        if count > MOST:
            raise ParameterError(
                f"more than {MOST} pairs of pipes lie near each other",
                remedy="ask of a smaller area, or check whether pipes were published many times",
            )
    return _joined(found)


def _joined(found: list[Encounters]) -> Encounters:
    if not found:
        none, real = np.zeros(0, np.int64), np.zeros(0)
        plan = PlanMeeting(distance=real, first=real, second=real, how=none,
                           until=np.zeros((0, 2)), angle=real)  # fmt: skip
        return Encounters(one=none, other=none, plan=plan)
    values = {
        name: np.concatenate([getattr(e.plan, name) for e in found])
        for name in PlanMeeting.__slots__
    }
    return Encounters(
        one=np.concatenate([e.one for e in found]), other=np.concatenate([e.other for e in found]),
        plan=PlanMeeting(**values),
    )  # fmt: skip


def joined(nodes: Ints, one: Ints, other: Ints) -> Flags:
    """(k,) whether pairs of pipes share a joint."""
    first, second = nodes[one], nodes[other]
    return np.asarray((first[:, :, None] == second[:, None, :]).any(axis=(1, 2)))


def places(laid: Laid, met: Encounters) -> tuple[Floats, Floats]:
    """(k, 3) the places on both axes at which the pairs are nearest in plan."""
    return (
        along(laid.a, laid.b, met.one, met.plan.first),
        along(laid.a, laid.b, met.other, met.plan.second),
    )
