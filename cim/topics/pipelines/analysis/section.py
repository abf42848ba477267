"""Sections: pipes cut by an upright plane, and pipes unrolled along their own run.

A round pipe cut by an upright plane shows an ellipse: its minor axis is the pipe's radius, its
major axis the radius over the cosine of the angle between pipe and plane's normal, along the pipe's
direction as the plane sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cim.geo.laid import Laid
from cim.geo.segments import APART, along, meeting, plan_meeting

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FLATTEST = np.sin(np.radians(5.0))  # pipes nearer to the plane than 5 degrees run along it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A pipe where a section cuts it.

    Args:
        pipe: Which.
        leg: Which of the legs.
        s: Distance along the section, m.
        at: x, y, z of the axis, m; z NaN where it is not known.
        angle: Between pipe and section in plan, 0 to 90 degrees; 90 is square to it.
        major: Semi-axis along ``tilt``, m; NaN where the radius is not known.
        minor: The other semi-axis, m: the outer radius.
        tilt: Of the major axis above the horizontal, degrees.
        runs_along: Too near to the section's own direction to be drawn.
    """

    pipe: int
    leg: int
    s: float
    at: tuple[float, float, float]
    angle: float
    major: float
    minor: float
    tilt: float
    runs_along: bool

    @property
    def half_width(self) -> float:
        """Half of the ellipse's extent along the section, m."""
        turn = np.radians(self.tilt)
        return float(np.hypot(self.major * np.cos(turn), self.minor * np.sin(turn)))


def cuts(laid: Laid, start: Floats, end: Floats, scale: float = 1.0) -> list[Cut]:
    """The pipes that a section from start to end (x, y, m) cuts, in their order along it."""
    a = np.concatenate([laid.a, [[*start, 0.0]]])
    b = np.concatenate([laid.b, [[*end, 0.0]]])
    count = len(laid.a)
    plan = plan_meeting(a, b, np.arange(count), np.full(count, count))
    legs = np.flatnonzero(plan.how != APART)
    length = float(np.hypot(*(end - start))) / scale
    e = (end - start) / np.hypot(*(end - start))
    at = along(laid.a, laid.b, legs, plan.first[legs])
    found: list[Cut] = []
    for leg, place, share in zip(legs.tolist(), at, plan.second[legs].tolist(), strict=True):
        pipe = int(laid.pipe[leg])
        way = laid.b[leg] - laid.a[leg]
        flat = np.hypot(way[0], way[1])
        rise = way[2] / (flat / scale) if np.isfinite(way[2]) else 0.0
        d = np.array([way[:2] @ e, way[:2] @ (-e[1], e[0])]) / flat / np.hypot(1.0, rise)
        u, normal, z = d[0], abs(d[1]), rise / np.hypot(1.0, rise)
        radius = float(laid.radius[pipe])
        found.append(Cut(
            pipe=pipe, leg=leg, s=share * length, at=(place[0], place[1], float(place[2])),
            angle=float(plan.angle[leg]), minor=radius,
            major=radius / max(normal, FLATTEST),
            tilt=float(np.degrees(np.arctan(z / u))) if abs(u) > 1e-12 else 90.0 if z else 0.0,
            runs_along=bool(normal < FLATTEST),
        ))  # fmt: skip
    return _once(sorted(found, key=lambda c: c.s))


def _once(found: Sequence[Cut]) -> list[Cut]:
    """A section through a corner meets both legs of one pipe: it counts once."""
    out: list[Cut] = []
    for cut in found:
        near = [c for c in out if c.pipe == cut.pipe and cut.s - c.s < 1e-3]
        if not near:
            out.append(cut)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """What lies between two neighbours of a section.

    Args:
        left: Index of the cut.
        right: Index of the next.
        axes: Along the section, m.
        walls: Of the section's outlines, along it, m; negative where they overlap.
        plumb: Bottom of the upper less top of the lower, m; negative where their heights overlap.
        space: Between the outer walls in space, m.
    """

    left: int
    right: int
    axes: float
    walls: float
    plumb: float
    space: float


def betweens(laid: Laid, found: Sequence[Cut], scale: float = 1.0) -> list[Between]:
    """Distances of each cut from the next."""
    stretch = np.array([scale, scale, 1.0])
    out = []
    for i, (left, right) in enumerate(pairwise(found)):
        near = meeting(laid.a / stretch, laid.b / stretch, np.array([left.leg]),
                       np.array([right.leg]))  # fmt: skip
        radii = left.minor + right.minor
        out.append(Between(
            left=i, right=i + 1, axes=right.s - left.s,
            walls=right.s - left.s - left.half_width - right.half_width,
            plumb=abs(left.at[2] - right.at[2]) - radii,
            space=float(near.distance[0]) - radii,
        ))  # fmt: skip
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One pipe of a run.

    Args:
        pipe: Which.
        forward: Whether it is gone through from its start to its end.
    """

    pipe: int
    forward: bool


def run_of(nodes: Ints, pipes: Sequence[int], start: int) -> list[Step]:
    """The pipes of a way from a joint, each with its direction."""
    here, out = start, []
    for pipe in pipes:
        forward = int(nodes[pipe, 0]) == here
        here = int(nodes[pipe, 1] if forward else nodes[pipe, 0])
        out.append(Step(pipe=pipe, forward=forward))
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """One pipe of a run, as a longitudinal section shows it.

    Args:
        pipe: Which.
        begin: Distance along the run at which it begins, m.
        length: In plan, m.
        invert: Height of the inner bottom where it begins and where it ends, m.
        top: Height of the outer top there, m.
    """

    pipe: int
    begin: float
    length: float
    invert: tuple[float, float]
    top: tuple[float, float]

    @property
    def end(self) -> float:
        """Distance along the run at which it ends, m."""
        return self.begin + self.length

    @property
    def slope(self) -> float:
        """Fall along the run, per mille; negative where it rises, NaN where nobody knows."""
        return 1000 * (self.invert[0] - self.invert[1]) / self.length


def reaches(laid: Laid, steps: Sequence[Step], lengths: Sequence[float]) -> list[Reach]:
    """The pipes of a run one after the other; lengths on the ellipsoid, m."""
    out, begin = [], 0.0
    for step, length in zip(steps, lengths, strict=True):
        z = laid.ends[step.pipe] if step.forward else laid.ends[step.pipe, ::-1]
        bore, radius = float(laid.bore[step.pipe]), float(laid.radius[step.pipe])
        out.append(Reach(
            pipe=step.pipe, begin=begin, length=length,
            invert=(float(z[0]) - bore, float(z[1]) - bore),
            top=(float(z[0]) + radius, float(z[1]) + radius),
        ))  # fmt: skip
        begin += length
    return out
