"""Pipes as they lie: from what a survey recorded to centrelines in space with an outer radius.

A record tells the height of a pipe at both ends as an elevation or as a depth below the ground, and
of which part of the pipe: its top, its invert (inner bottom) or its centre. Nothing is guessed: a
pipe without diameter has no radius, one whose height or part is not recorded has no height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SHORTEST = 1e-3  # m: a line shorter than this has no direction
WIDEST = 6000.0  # mm: beyond, a nominal diameter is a slip of the pen
FARTHEST = 100.0  # m above or below the ground: beyond, a height is one too
PARTS = {
    "top": "top", "管顶": "top", "顶": "top", "外顶": "top",
    "invert": "invert", "管底": "invert", "管内底": "invert", "内底": "invert", "底": "invert",
    "centre": "centre", "center": "centre", "管中": "centre", "中心": "centre", "管中心": "centre",
}  # fmt: skip
FAULTS = {
    "no_line": ("几何断开或无长度", "Not one line, or without length"),
    "no_diameter": ("缺管径或管径无效", "No valid diameter"),
    "no_part": ("缺高程部位", "Not recorded what the elevation is of"),
    "no_height": ("缺高程且缺埋深或地面高程", "Neither elevation nor depth below a known ground"),
    "far_from_ground": ("高程偏离地面超过 100 m", "Height more than 100 m off the ground"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Records:
    """What a survey recorded of pipes.

    Args:
        lines: (k, 2 or more) course of each in plan, m, from its start; None where it is not one.
        elevation: (n, 2) at start and end, m (1985); NaN where not recorded.
        depth: (n, 2) of the same part below the ground, m; NaN where not recorded.
        ground: (n, 2) height of the ground at the ends, m (1985); NaN where not known.
        part: (n,) what the heights are of, as recorded: a key of ``PARTS``.
        outer: (n,) outer diameters, m; NaN where not known.
        inner: (n,) inner diameters, m.
    """

    lines: Sequence[Floats | None]
    elevation: Floats
    depth: Floats
    ground: Floats
    part: Sequence[str]
    outer: Floats
    inner: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """Pipes in space, each a chain of straight legs.

    Args:
        a: (m, 3) x, y, z of the centreline where each leg begins, m; z NaN where not known.
        b: (m, 3) where it ends.
        pipe: (m,) which pipe a leg is of, rising.
        begin: (m,) distance along the pipe, in plan, at which it begins, m.
        radius: (n,) outer radius of each pipe, m; NaN where not known.
        bore: (n,) inner radius, m.
        ends: (n, 2) height of the centreline at start and end, m; NaN where not known.
        length: (n,) in plan, m; 0 where there is no line.
        faults: By a key of ``FAULTS``: (n,) whether it is so.
    """

    a: Floats
    b: Floats
    pipe: Ints
    begin: Floats
    radius: Floats
    bore: Floats
    ends: Floats
    length: Floats
    faults: dict[str, Flags]

    def __len__(self) -> int:
        return len(self.radius)

    @property
    def known(self) -> Flags:
        """(n,) whether a pipe has course, radius and heights."""
        return np.asarray(
            (self.length > 0) & np.isfinite(self.radius) & np.isfinite(self.ends).all(axis=1)
        )

    def legs_of(self, pipe: int) -> slice:
        """The legs of a pipe."""
        low, high = np.searchsorted(self.pipe, [pipe, pipe + 1])
        return slice(int(low), int(high))

    def stations(self, step: float) -> tuple[Floats, Ints, Floats]:
        """Places along all pipes, no farther apart than a step (m), corners and ends among them.

        Returns:
            (k, 3) x, y, z of the centreline; (k,) the pipe; (k,) the distance along it, m.
        """
        long_ = np.hypot(*(self.b - self.a)[:, :2].T)
        count = np.maximum(np.ceil(long_ / step), 1).astype(np.int64)
        last = np.append(self.pipe[1:] != self.pipe[:-1], True) if len(self.pipe) else np.zeros(0)
        many = count + last.astype(np.int64)  # a pipe's last leg has its end too
        leg = np.repeat(np.arange(len(many)), many)
        rank = np.arange(len(leg)) - np.repeat(np.cumsum(many) - many, many)
        share = rank / count[leg]
        at = self.a[leg] + share[:, None] * (self.b - self.a)[leg]
        return at, self.pipe[leg], self.begin[leg] + share * long_[leg]


def lay(records: Records) -> Laid:
    """Lay pipes as recorded: the elevation first, else the ground less the depth."""
    part = np.array([PARTS.get(p.strip().lower(), "") for p in records.part], object)
    dn_fine = (records.outer > 0) & (records.outer * 1000 <= WIDEST)
    outer = np.where(dn_fine, records.outer, np.nan)
    inner = np.where(dn_fine, records.inner, np.nan)
    told = np.where(np.isfinite(records.elevation), records.elevation,
                    records.ground - records.depth)  # fmt: skip
    with np.errstate(invalid="ignore"):
        far: Flags = np.asarray((np.abs(told - records.ground) > FARTHEST).any(axis=1))
    lift = np.full(len(part), np.nan)
    lift[part == "top"] = -outer[part == "top"] / 2
    lift[part == "invert"] = inner[part == "invert"] / 2
    lift[part == "centre"] = 0.0
    ends = np.where(far[:, None], np.nan, told + lift[:, None])
    ends[~np.isfinite(ends).all(axis=1)] = np.nan  # one end alone says nothing of the course
    places, owner, begin, length = _chains(records.lines)
    a, b, pipe, begins = _legs(places, owner, begin, length, ends)
    return Laid(
        a=a, b=b, pipe=pipe, begin=begins, radius=outer / 2, bore=inner / 2, ends=ends,
        length=length,
        faults={
            "no_line": length <= 0, "no_diameter": ~dn_fine, "no_part": part == "",
            "no_height": ~np.isfinite(told).all(axis=1), "far_from_ground": far,
        },
    )  # fmt: skip


def _chains(lines: Sequence[Floats | None]) -> tuple[Floats, Ints, Floats, Floats]:
    """Corners of all lines, whose they are, how far along they lie; the lines' lengths."""
    given = [np.zeros((0, 2)) if line is None else np.asarray(line, np.float64)[:, :2]
             for line in lines]  # fmt: skip
    owner = np.repeat(np.arange(len(given)), [len(line) for line in given])
    places = np.concatenate(given) if given else np.zeros((0, 2))
    step = np.zeros(len(places))
    same = owner[1:] == owner[:-1]
    step[1:][same] = np.hypot(*np.diff(places, axis=0)[same].T)
    total = np.cumsum(step)
    first = np.searchsorted(owner, np.arange(len(given)))
    base = np.zeros(len(given))
    some = np.bincount(owner, minlength=len(given)) > 0
    base[some] = total[first[some]]
    begin = total - base[owner]
    length = np.bincount(owner, weights=step, minlength=len(given))
    bad = ~np.isfinite(length) | (length < SHORTEST)
    return places, owner, begin, np.where(bad, 0.0, length)


def _legs(
    places: Floats, owner: Ints, begin: Floats, length: Floats, ends: Floats
) -> tuple[Floats, Floats, Ints, Floats]:
    """Legs between corners, their heights in proportion to the way along the pipe."""
    share = begin / np.where(length > 0, length, 1.0)[owner]
    z = ends[owner, 0] + share * (ends[owner, 1] - ends[owner, 0])
    whole = np.column_stack([places, z])
    real = (owner[1:] == owner[:-1]) & (length[owner[1:]] > 0)
    real &= np.diff(begin) > 1e-9
    here = np.flatnonzero(real)
    return whole[here], whole[here + 1], owner[here], begin[here]


def nodes_of(layer: Ints, numbers: list[tuple[str, str]], laid: Laid) -> Ints:
    """(n, 2) number of the joint at both ends of each pipe; equal where pipes are joined.

    Pipes of one layer are joined where they name the same point, and ends without a number where
    they lie at the same place, to the centimetre.

    Args:
        layer: (n,) which layer a pipe is of.
        numbers: (n,) numbers of the points at start and end, empty where not recorded.
        laid: Their courses.
    """
    seen: dict[tuple[int, object], int] = {}
    out = np.zeros((len(numbers), 2), np.int64)
    leg = np.searchsorted(laid.pipe, np.arange(len(numbers)))
    last = np.searchsorted(laid.pipe, np.arange(len(numbers)), side="right") - 1
    for i, ends in enumerate(numbers):
        for end, name in enumerate(ends):
            key: object = name
            if not name:
                there = laid.length[i] > 0
                place = (laid.b[last[i]] if end else laid.a[leg[i]])[:2] if there else None
                key = (i, end) if place is None else tuple(np.round(place, 2).tolist())
            out[i, end] = seen.setdefault((int(layer[i]), key), len(seen))
    return out
