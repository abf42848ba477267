"""Bounding volumes of 3D Tiles, placed in ECEF: what lies how far outside of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, transformer
from cim.geo.frames import lonlat_height

Floats = npt.NDArray[np.float64]

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
LARGEST = 1e12  # m: farther away than anything on Earth
_ROUNDING = 1e-6
_STEPS = (-1.0, 0.0, 1.0)
_LATTICE = np.array([[x, y, z] for x in _STEPS for y in _STEPS for z in _STEPS])
_CROSS = np.concatenate([np.eye(3), -np.eye(3)])
_METRES_PER_RADIAN = 6378137.0


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A box, sphere or region.

    Args:
        kind: ``box``, ``sphere`` or ``region``.
        numbers: As in tileset.json; a box or sphere is moved to ECEF already.
    """

    kind: str
    numbers: Floats

    def corners(self) -> Floats:
        """(8, 3) corners in ECEF, of the cube around a sphere."""
        n = self.numbers
        if self.kind == "box":
            boxed: Floats = n[:3] + _CORNERS @ n[3:].reshape(3, 3)
            return boxed
        if self.kind == "sphere":
            cube: Floats = n[:3] + _CORNERS * n[3]
            return cube
        west, south, east, north, low, high = n
        lon = np.degrees([west, east])[(_CORNERS[:, 0] > 0).astype(int)]
        lat = np.degrees([south, north])[(_CORNERS[:, 1] > 0).astype(int)]
        height = np.array([low, high])[(_CORNERS[:, 2] > 0).astype(int)]
        x, y, z = transformer(GEODETIC_3D, GEOCENTRIC).transform(lon, lat, height)
        return np.stack([x, y, z], axis=1)

    def excess(self, points: Floats) -> float:
        """How far the farthest of (n, 3) ECEF points lies outside, m; 0 where none does."""
        n = self.numbers
        if self.kind == "box":
            halves = n[3:].reshape(3, 3)
            lengths = np.maximum(np.linalg.norm(halves, axis=1), 1e-9)
            # the axes may stand a little askew: an affine takes up the slope of the geoid
            away = np.abs((points - n[:3]) @ np.linalg.pinv(halves / lengths[:, None])) - lengths
            return max(0.0, float(away.max()))
        if self.kind == "sphere":
            return max(0.0, float(np.linalg.norm(points - n[:3], axis=1).max() - n[3]))
        places = lonlat_height(points)
        lon, lat = np.radians(places[:, 0]), np.radians(places[:, 1])
        west, south, east, north, low, high = n
        if east < west:  # across the 180th meridian
            east += 2 * math.pi
            lon = np.where(lon < west - 1e-9, lon + 2 * math.pi, lon)
        angle = max(
            (west - lon).max(), (lon - east).max(), (south - lat).max(), (lat - north).max()
        )
        height = max((low - places[:, 2]).max(), (places[:, 2] - high).max())
        return max(0.0, float(angle) * _METRES_PER_RADIAN, float(height))

    def overhang(self, other: Volume) -> float:
        """How far another volume lies outside of this one, m; 0 where it does not."""
        if other.kind != "sphere":
            flat = self.kind == other.kind == "box"
            return self.excess(other.corners() if flat else other.lattice())
        centre, radius = other.numbers[None, :3], float(other.numbers[3])
        n = self.numbers
        if self.kind == "sphere":
            return max(0.0, float(np.linalg.norm(centre[0] - n[:3])) + radius - float(n[3]))
        if self.kind == "box":
            halves = n[3:].reshape(3, 3)
            lengths = np.maximum(np.linalg.norm(halves, axis=1), 1e-9)
            away = np.abs((centre - n[:3]) @ np.linalg.pinv(halves / lengths[:, None]))
            return max(0.0, float((away + radius - lengths).max()))
        return self.excess(centre + radius * _CROSS)

    def reach(self) -> float:
        """Half of its diagonal, m."""
        corners = self.corners()
        return float(np.linalg.norm(corners - corners.mean(axis=0), axis=1).max())

    def lattice(self) -> Floats:
        """(27, 3) corners, middles of edges and faces, centre, in ECEF: for curved neighbours."""
        n = self.numbers
        if self.kind == "region":
            west, south, east, north, low, high = n
            x, y, z = (_LATTICE.T + 1) / 2
            lon = np.degrees(west + (east - west + (2 * math.pi if east < west else 0)) * x)
            lat = np.degrees(south + (north - south) * y)
            places = transformer(GEODETIC_3D, GEOCENTRIC).transform(
                lon, lat, low + (high - low) * z
            )
            return np.stack(places, axis=1)
        halves = n[3:].reshape(3, 3) if self.kind == "box" else np.eye(3) * n[3]
        found: Floats = n[:3] + _LATTICE @ halves
        return found

    def part(self, cell: tuple[int, ...], level: int) -> Volume:
        """A cell of this volume, halved ``level`` times along two or three of its axes.

        Args:
            cell: (x, y) of a quadtree or (x, y, z) of an octree.
            level: Depth below this volume.

        Raises:
            ValueError: it is a sphere, which cannot be divided.
        """
        share = 0.5**level
        if self.kind == "region":
            low, high = self.numbers[[0, 1, 4]], self.numbers[[2, 3, 5]].copy()
            if high[0] < low[0]:
                high[0] += 2 * math.pi
            starts, ends = low.copy(), high.copy()
            for axis, index in enumerate(cell):
                starts[axis] = low[axis] + (high[axis] - low[axis]) * index * share
                ends[axis] = low[axis] + (high[axis] - low[axis]) * (index + 1) * share
            return Volume("region", np.array([*starts[:2], *ends[:2], starts[2], ends[2]]))
        if self.kind != "box":
            raise ValueError("a sphere cannot be divided into implicit tiles")
        centre, halves = self.numbers[:3].copy(), self.numbers[3:].reshape(3, 3).copy()
        for axis, index in enumerate(cell):
            centre += halves[axis] * ((2 * index + 1) * share - 1)
        for axis in range(len(cell)):
            halves[axis] *= share
        return Volume("box", np.concatenate([centre, halves.ravel()]))


def volume(given: Any, matrix: Floats) -> Volume:
    """Read a ``boundingVolume`` and move it by a 4 × 4 affine (column vectors).

    Raises:
        ValueError: not a volume of 3D Tiles.
    """
    given = given if isinstance(given, dict) else {}
    for kind, length in (("box", 12), ("sphere", 4), ("region", 6)):
        if kind in given:
            numbers = np.array(given[kind], dtype=np.float64)
            if numbers.shape != (length,) or not np.isfinite(numbers).all():
                raise ValueError(f"boundingVolume.{kind} is not {length} finite numbers")
            _require_measure(kind, numbers)
            return Volume(kind, _moved(kind, numbers, matrix))
    raise ValueError("boundingVolume is neither box, sphere nor region")


def _require_measure(kind: str, numbers: Floats) -> None:
    if np.abs(numbers).max() > LARGEST:
        raise ValueError(f"boundingVolume.{kind} is beyond all measure")
    if kind == "sphere" and numbers[3] < 0:
        raise ValueError("boundingVolume.sphere has a negative radius")
    if kind == "region":
        west, south, east, north, low, high = numbers
        turn, quarter = math.pi + _ROUNDING, math.pi / 2 + _ROUNDING
        if max(abs(west), abs(east)) > turn or not -quarter <= south <= north <= quarter:
            raise ValueError("boundingVolume.region is not on Earth: radians, south below north")
        if low > high:
            raise ValueError("boundingVolume.region has its least height above its largest")


def _moved(kind: str, numbers: Floats, matrix: Floats) -> Floats:
    if kind == "region":
        return numbers
    centre = matrix[:3, :3] @ numbers[:3] + matrix[:3, 3]
    if kind == "sphere":
        scale = np.linalg.norm(matrix[:3, :3], axis=0).max()
        return np.array([*centre, numbers[3] * scale])
    halves = numbers[3:].reshape(3, 3) @ matrix[:3, :3].T
    return np.concatenate([centre, halves.ravel()])


def placed(above: Floats, tile: Mapping[str, Any]) -> Floats:
    """The 4 × 4 matrix of a tile (column vectors) below its parent's.

    Raises:
        ValueError: its ``transform`` is not finite, flattens, or leads beyond all measure.
    """
    if "transform" not in tile:
        return above
    numbers = np.array(tile["transform"], dtype=np.float64)
    if numbers.shape != (16,) or not np.isfinite(numbers).all():
        raise ValueError("transform is not 16 finite numbers")
    matrix: Floats = above @ numbers.reshape(4, 4).T
    if not np.abs(matrix).max() <= LARGEST:
        raise ValueError("transform is beyond all measure")
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise ValueError("transform flattens its tile")
    return matrix
