"""Tubes: a regular polygon swept along a chain of straight legs, closed at both ends.

The frame is carried from leg to leg by the least rotation (parallel transport), so that a tube does
not twist; where two legs meet they are mitred in the plane that halves their angle, so that they
meet edge to edge. A tube of n sides inscribed in a circle of radius r along a way of length l holds

    r² (n / 2) sin(2π / n) l  =  π r² l · (n / 2π) sin(2π / n)

whatever its bends, for a mitre's plane goes through the axis. A bend too sharp to be mitred ends
one closed tube and begins another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHARPEST = np.cos(np.radians(45.0))  # of half the turn: a right angle is still mitred
LONGEST = 0.45  # share of a leg that a mitre may take


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """Closed surfaces; corners of sides and of caps are not shared, their normals differ.

    Args:
        positions: (n, 3) m.
        normals: (n, 3) outward unit vectors.
        triangles: (m, 3), counter-clockwise seen from outside.
    """

    positions: Floats
    normals: Floats
    triangles: Ints


def capacity(radius: float, length: float, sides: int) -> float:
    """What a tube holds, m³."""
    return float(radius**2 * sides / 2 * np.sin(2 * np.pi / sides) * length)


def tube(
    places: Floats, radius: float, sides: int, *, begin: Floats | None = None,
    end: Floats | None = None,
) -> Tube:  # fmt: skip
    """Sweep a polygon along a chain of places.

    Args:
        places: (k, 3) m, k at least 2; neighbours apart.
        radius: To the polygon's corners, m.
        sides: At least 3.
        begin: Normal of the plane in which the first ring lies; square to the first leg without.
        end: Normal of the plane of the last ring.
    """
    parts = _parts(np.asarray(places, np.float64), radius)
    made = [
        _swept(part, radius, sides, begin if i == 0 else None,
               end if i == len(parts) - 1 else None)
        for i, part in enumerate(parts)
    ]  # fmt: skip
    return joined(made)


def joined(made: Sequence[Tube]) -> Tube:
    """Several surfaces as one."""
    sizes = np.cumsum([0, *(len(t.positions) for t in made)])
    return Tube(
        np.concatenate([t.positions for t in made]),
        np.concatenate([t.normals for t in made]),
        np.concatenate([t.triangles + s for t, s in zip(made, sizes, strict=False)]),
    )


def mitre(coming: Floats, going: Floats, radius: float, legs: tuple[float, float]) -> Floats | None:
    """Normal of the plane in which two legs meet; None where their turn is too sharp for it.

    Args:
        coming: Unit vector of the leg that ends there.
        going: Of the leg that begins there.
        radius: Of the tube, m.
        legs: Lengths of both, m.
    """
    whole = coming + going
    length = float(np.linalg.norm(whole))
    half = length / 2  # cosine of half the turn
    if half < SHARPEST:
        return None
    reach = radius * np.sqrt(max(1 - half**2, 0.0)) / half
    return None if reach > LONGEST * min(legs) else np.asarray(whole / length)


def _parts(places: Floats, radius: float) -> list[Floats]:
    """Chains between bends that are too sharp."""
    way = np.diff(places, axis=0)
    length = np.linalg.norm(way, axis=1)
    way = way / length[:, None]
    cuts = [
        i for i in range(1, len(way))
        if mitre(way[i - 1], way[i], radius, (length[i - 1], length[i])) is None
    ]  # fmt: skip
    bounds = [0, *cuts, len(places) - 1]
    return [places[a : b + 1] for a, b in pairwise(bounds)]


def _side(way: Floats) -> Floats:
    """A unit vector square to a way: level, or eastwards where the way is plumb."""
    level = np.array([-way[1], way[0], 0.0])
    length = float(np.linalg.norm(level))
    return level / length if length > 1e-9 else np.array([1.0, 0.0, 0.0])


def _carried(vector: Floats, before: Floats, after: Floats) -> Floats:
    """A vector turned by the least rotation that turns one unit vector into another (Rodrigues)."""
    axis = np.cross(before, after)
    cosine = float(before @ after)
    return np.asarray(
        vector * cosine + np.cross(axis, vector) + axis * (axis @ vector) / (1.0 + cosine)
    )


def _swept(
    places: Floats, radius: float, sides: int, begin: Floats | None, end: Floats | None
) -> Tube:
    way = np.diff(places, axis=0)
    way = way / np.linalg.norm(way, axis=1)[:, None]
    u = _side(way[0])
    angle = 2 * np.pi * np.arange(sides) / sides
    rings, radial = [], []
    for i in range(len(places)):
        leg = way[max(i - 1, 0)]
        if i >= 2:
            u = _carried(u, way[i - 2], way[i - 1])
        out = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * np.cross(leg, u)
        plane = begin if i == 0 else end if i == len(places) - 1 else way[i - 1] + way[i]
        plane = leg if plane is None else plane
        slid = radius * out
        slid = slid - (slid @ plane)[:, None] / (leg @ plane) * leg
        rings.append(places[i] + slid)
        if 0 < i < len(places) - 1:  # shaded as between both legs
            out = out + np.array([_carried(o, way[i - 1], way[i]) for o in out])
            out /= np.linalg.norm(out, axis=1)[:, None]
        radial.append(out)
    return _closed(np.array(rings), np.array(radial), way, begin, end)


def _closed(
    rings: Floats, radial: Floats, way: Floats, begin: Floats | None, end: Floats | None
) -> Tube:
    """Sides between the rings, and a fan at both ends."""
    count, sides = rings.shape[:2]
    here = np.arange(sides)
    after = (here + 1) % sides
    base = np.arange(count - 1)[:, None] * sides
    quads = np.stack([base + here, base + after, base + after + sides, base + here + sides], -1)
    quads = quads.reshape(-1, 4)
    body = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    fan = np.stack([np.zeros(sides - 2, np.int64), here[1:-1], here[2:]], axis=1)
    first, last = count * sides, (count + 1) * sides
    faces = (
        -_towards(way[0] if begin is None else begin, way[0]),
        _towards(way[-1] if end is None else end, way[-1]),
    )
    return Tube(
        np.concatenate([rings.reshape(-1, 3), rings[0], rings[-1]]),
        np.concatenate([radial.reshape(-1, 3), *(np.repeat(f[None], sides, 0) for f in faces)]),
        np.concatenate([body, fan[:, ::-1] + first, fan + last]),
    )


def _towards(normal: Floats, way: Floats) -> Floats:
    """A unit normal on the side to which a way goes."""
    unit = normal / np.linalg.norm(normal)
    return np.asarray(unit if unit @ way >= 0 else -unit)
