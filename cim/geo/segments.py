"""Straight segments, many pairs at once: how near they come to each other in plan and in space.

The nearest places of two segments in space are those of Ericson, "Real-Time Collision Detection"
(2005), section 5.1.9; in plan, two segments that do not cross are nearest at an end of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

APART, CROSSING, ALONG = 0, 1, 2  # how two segments lie in plan
_PARALLEL = 1e-9  # sine of the angle below which two segments are parallel: 1 mm in 1000 km


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanMeeting:
    """Pairs of segments in plan.

    Args:
        distance: (k,) between the axes, m; 0 where they meet.
        first: (k,) where on the first segment they are nearest, 0 to 1.
        second: (k,) where on the second.
        how: (k,) APART, CROSSING in one point, or ALONG each other over a stretch.
        until: (k, 2) the other end of that stretch on the first and the second; NaN elsewhere.
        angle: (k,) between their directions, 0 to 90 degrees.
    """

    distance: Floats
    first: Floats
    second: Floats
    how: Ints
    until: Floats
    angle: Floats


def plan_meeting(a: Floats, b: Floats, one: Ints, other: Ints) -> PlanMeeting:
    """How pairs of segments lie in plan.

    Args:
        a: (n, 2 or 3) first ends, m; only x and y are looked at.
        b: (n, 2 or 3) second ends.
        one: (k,) the first segment of each pair.
        other: (k,) the second.
    """
    found = _plan(np.ascontiguousarray(a), np.ascontiguousarray(b), one, other)
    return PlanMeeting(
        distance=found[:, 0], first=found[:, 1], second=found[:, 2],
        how=found[:, 3].astype(np.int64), until=found[:, 4:6], angle=found[:, 6],
    )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _foot(px: float, py: float, ax: float, ay: float, dx: float, dy: float) -> tuple[float, float]:
    """Where on a segment a place is nearest, and how far it is."""
    square = dx * dx + dy * dy
    t = 0.0
    if square > 0.0:
        t = min(max(((px - ax) * dx + (py - ay) * dy) / square, 0.0), 1.0)
    return t, np.hypot(px - ax - t * dx, py - ay - t * dy)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _plan(a: Floats, b: Floats, one: Ints, other: Ints) -> Floats:
    out = np.full((len(one), 7), np.nan)
    for k in range(len(one)):
        i, j = one[k], other[k]
        ax, ay, dx, dy = a[i, 0], a[i, 1], b[i, 0] - a[i, 0], b[i, 1] - a[i, 1]
        cx, cy, ex, ey = a[j, 0], a[j, 1], b[j, 0] - a[j, 0], b[j, 1] - a[j, 1]
        long_, wide = np.hypot(dx, dy), np.hypot(ex, ey)
        cross, dot = dx * ey - dy * ex, dx * ex + dy * ey
        out[k, 6] = np.degrees(np.arctan2(abs(cross), abs(dot)))
        if abs(cross) > _PARALLEL * long_ * wide:
            s = ((cx - ax) * ey - (cy - ay) * ex) / cross
            t = ((cx - ax) * dy - (cy - ay) * dx) / cross
            if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
                out[k, 0], out[k, 1], out[k, 2], out[k, 3] = 0.0, s, t, CROSSING
                continue
        t0, d0 = _foot(ax, ay, cx, cy, ex, ey)
        t1, d1 = _foot(ax + dx, ay + dy, cx, cy, ex, ey)
        s0, d2 = _foot(cx, cy, ax, ay, dx, dy)
        s1, d3 = _foot(cx + ex, cy + ey, ax, ay, dx, dy)
        best, s, t = d0, 0.0, t0
        if d1 < best:
            best, s, t = d1, 1.0, t1
        if d2 < best:
            best, s, t = d2, s0, 0.0
        if d3 < best:
            best, s, t = d3, s1, 1.0
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = best, s, t, APART
        if best <= 1e-9:  # an end of one upon the other, or both upon one line
            low, high = min(s0, s1), max(s0, s1)
            parallel = abs(cross) <= _PARALLEL * long_ * wide
            if parallel and (high - low) * long_ > 1e-6:
                at0, _ = _foot(ax + low * dx, ay + low * dy, cx, cy, ex, ey)
                at1, _ = _foot(ax + high * dx, ay + high * dy, cx, cy, ex, ey)
                out[k, 0], out[k, 1], out[k, 2], out[k, 3] = 0.0, low, at0, ALONG
                out[k, 4], out[k, 5] = high, at1
            else:
                out[k, 3] = CROSSING
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Meeting:
    """Pairs of segments in space.

    Args:
        distance: (k,) between the axes, m.
        first: (k,) where on the first segment they are nearest, 0 to 1.
        second: (k,) where on the second.
    """

    distance: Floats
    first: Floats
    second: Floats


def meeting(a: Floats, b: Floats, one: Ints, other: Ints) -> Meeting:
    """The nearest places of pairs of segments in space; NaN where an end has no height.

    Args:
        a: (n, 3) first ends, m.
        b: (n, 3) second ends, m.
        one: (k,) the first segment of each pair.
        other: (k,) the second.
    """
    found = _space(np.ascontiguousarray(a), np.ascontiguousarray(b), one, other)
    return Meeting(distance=found[:, 0], first=found[:, 1], second=found[:, 2])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _space(a: Floats, b: Floats, one: Ints, other: Ints) -> Floats:
    out = np.empty((len(one), 3))
    for k in range(len(one)):
        i, j = one[k], other[k]
        d, e, r = b[i] - a[i], b[j] - a[j], a[i] - a[j]
        dd, ee, de = np.dot(d, d), np.dot(e, e), np.dot(d, e)
        f, c = np.dot(e, r), np.dot(d, r)
        if dd <= 0.0 and ee <= 0.0:
            s, t = 0.0, 0.0
        elif dd <= 0.0:
            s, t = 0.0, min(max(f / ee, 0.0), 1.0)
        elif ee <= 0.0:
            s, t = min(max(-c / dd, 0.0), 1.0), 0.0
        else:
            denominator = dd * ee - de * de
            s = 0.0
            if denominator > 1e-14 * dd * ee:  # parallel ones are as near at any place
                s = min(max((de * f - c * ee) / denominator, 0.0), 1.0)
            t = (de * s + f) / ee
            if t < 0.0:
                s, t = min(max(-c / dd, 0.0), 1.0), 0.0
            elif t > 1.0:
                s, t = min(max((de - c) / dd, 0.0), 1.0), 1.0
        gap = r + s * d - t * e
        out[k, 0], out[k, 1], out[k, 2] = np.sqrt(np.dot(gap, gap)), s, t
    return out


def along(a: Floats, b: Floats, which: Ints, share: Floats) -> Floats:
    """Places (k, d) at a share of the way along some segments."""
    return np.asarray(a[which] + share[:, None] * (b[which] - a[which]), np.float64)
