"""What of pipes a pit lays bare, what lies below its floor, and how far the others are from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cim.geo.laid import Laid
from cim.geo.pit import Pit

Floats = npt.NDArray[np.float64]

STEP = 0.25  # m between places at which a pipe is held against a pit's sides
BARE, BELOW, BESIDE, UNTOLD = "bare", "below", "beside", "untold"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """A part of a pipe that is laid bare: (2, 3) both ends on the axis, m."""

    ends: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Touched:
    """What a pit means for one pipe.

    Args:
        pipe: Which.
        what: BARE; BELOW the pit, untouched; BESIDE it; or UNTOLD: in its plan, height not known.
        bare: Length laid bare, in space, m.
        under: Plumb, from the pit's surface down to the pipe's top where it lies below, m; NaN
            elsewhere.
        away: From the outer wall to the pit's upper edge in plan, m; 0 inside, NaN where the radius
            is not known.
        stretches: What is laid bare.
        place: (2,) nearest to the pit, or inside it.
    """

    pipe: int
    what: str
    bare: float
    under: float
    away: float
    stretches: tuple[Stretch, ...]
    place: Floats


def touched(laid: Laid, pit: Pit, top: BaseGeometry, reach: float) -> list[Touched]:
    """Pipes inside, below and near a pit.

    A pipe is laid bare where its top stands above the pit's surface, inside the upper outline.

    Args:
        laid: The pipes, in the pit's plane.
        pit: The pit.
        top: Its upper outline in the same plane.
        reach: How far beside it pipes are told of, m.
    """
    lines = shapely.linestrings(np.stack([laid.a[:, :2], laid.b[:, :2]], axis=1))
    shapely.prepare(top)
    axis = shapely.distance(lines, top) / pit.scale
    radius = np.nan_to_num(laid.radius, nan=0.0)[laid.pipe]
    near = np.flatnonzero(axis - radius <= reach)
    found = []
    for pipe in np.unique(laid.pipe[near]).tolist():
        legs = near[laid.pipe[near] == pipe]
        best = legs[np.argmin(axis[legs])]
        place = shapely.get_coordinates(shapely.shortest_line(lines[best], top))[0]
        found.append(_touched(laid, pipe, legs, pit, top, lines, float(axis[best]), place))
    return found


def _touched(
    laid: Laid, pipe: int, legs: npt.NDArray[np.int64], pit: Pit, top: BaseGeometry,
    lines: npt.NDArray[np.object_], axis: float, place: Floats,
) -> Touched:  # fmt: skip
    radius = float(laid.radius[pipe])
    if axis > 0:
        return Touched(pipe=pipe, what=BESIDE, bare=0.0, under=np.nan,
                       away=max(axis - radius, 0.0) if np.isfinite(radius) else np.nan,
                       stretches=(), place=place)  # fmt: skip
    if not (np.isfinite(radius) and np.isfinite(laid.ends[pipe]).all()):
        return Touched(pipe=pipe, what=UNTOLD, bare=0.0, under=np.nan, away=0.0, stretches=(),
                       place=place)  # fmt: skip
    bare, under = 0.0, np.inf
    stretches: list[Stretch] = []
    for leg in legs.tolist():
        for begin, end in _inside(lines[leg], top, pit.floor):
            share, over = _over(laid, leg, begin, end, pit, radius)
            under = min(under, float(-over.max()) if (over <= 0).all() else under)
            for s, e in _positive(share, over):
                ends = laid.a[leg] + np.array([[s], [e]]) * (laid.b[leg] - laid.a[leg])
                stretches.append(Stretch(ends=ends))
                bare += float(np.linalg.norm((ends[1] - ends[0]) / (pit.scale, pit.scale, 1.0)))
    if not stretches:
        return Touched(pipe=pipe, what=BELOW, bare=0.0, under=under, away=0.0, stretches=(),
                       place=place)  # fmt: skip
    return Touched(pipe=pipe, what=BARE, bare=bare, under=np.nan, away=0.0,
                   stretches=tuple(stretches), place=stretches[0].ends[0, :2])  # fmt: skip


def _inside(
    line: BaseGeometry, top: BaseGeometry, floor: BaseGeometry
) -> list[tuple[float, float]]:
    """Shares of a segment inside the upper outline, cut where it meets the floor's too."""
    cut = shapely.union_all([
        shapely.intersection(line, top), shapely.intersection(line, shapely.boundary(floor)),
    ])  # fmt: skip
    at = shapely.points(shapely.get_coordinates(cut))
    shares = np.unique(shapely.line_locate_point(line, at, normalized=True))
    found = []
    for begin, end in pairwise(shares.tolist()):
        middle = shapely.line_interpolate_point(line, (begin + end) / 2, normalized=True)
        if end - begin > 1e-12 and shapely.intersects(top, middle):
            found.append((begin, end))
    return found


def _over(
    laid: Laid, leg: int, begin: float, end: float, pit: Pit, radius: float
) -> tuple[Floats, Floats]:
    """Shares along a stretch and how far the pipe's top stands above the pit's surface there."""
    long_ = float(np.hypot(*(laid.b[leg] - laid.a[leg])[:2])) * (end - begin)
    share = np.linspace(begin, end, max(int(np.ceil(long_ / STEP)), 1) + 1)
    # Ends lie on the outlines, where rounding would throw them to either side: looked at from
    # inside, they are what the stretch is.
    seen = begin + (share - begin) * (1 - 2e-9) + 1e-9 * (end - begin)
    at = laid.a[leg] + seen[:, None] * (laid.b[leg] - laid.a[leg])
    return share, at[:, 2] + radius - pit.surface(at[:, :2])


def _positive(share: Floats, over: Floats) -> list[tuple[float, float]]:
    """Spans of shares on which something even between places is above zero."""
    spans: list[tuple[float, float]] = []
    for (s, e), (p, q) in zip(pairwise(share.tolist()), pairwise(over.tolist()), strict=True):
        if p <= 0 and q <= 0:
            continue
        meet = s + (e - s) * p / (p - q) if p != q else s
        begin, end = (meet if p <= 0 else s), (meet if q <= 0 else e)
        if spans and begin - spans[-1][1] < 1e-12:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans
