"""Bounding volumes of 3D Tiles, placed in ECEF: what lies how far outside of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, transformer
from cim.geo.frames import lonlat_height

Floats = npt.NDArray[np.float64]

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
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
        angle = max(
            (west - lon).max(), (lon - east).max(), (south - lat).max(), (lat - north).max()
        )
        height = max((low - places[:, 2]).max(), (places[:, 2] - high).max())
        return max(0.0, float(angle) * _METRES_PER_RADIAN, float(height))


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
            return Volume(kind, _moved(kind, numbers, matrix))
    raise ValueError("boundingVolume is neither box, sphere nor region")


def _moved(kind: str, numbers: Floats, matrix: Floats) -> Floats:
    if kind == "region":
        return numbers
    centre = matrix[:3, :3] @ numbers[:3] + matrix[:3, 3]
    if kind == "sphere":
        scale = np.linalg.norm(matrix[:3, :3], axis=0).max()
        return np.array([*centre, numbers[3] * scale])
    halves = numbers[3:].reshape(3, 3) @ matrix[:3, :3].T
    return np.concatenate([centre, halves.ravel()])
