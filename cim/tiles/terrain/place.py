"""The geographic grid of terrain tiles (TMS: y counts from the south) and its posts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POSTS = 65  # a side of a tile, so that 64 steps fill it
STEPS = POSTS - 1


@dataclass(frozen=True, slots=True)
class Place:
    """A tile of the geographic TMS grid: y counts from the south."""

    z: int
    x: int
    y: int

    @property
    def width(self) -> float:
        """Degrees a side."""
        return 180.0 / float(2**self.z)

    def children(self) -> tuple[Place, Place, Place, Place]:
        """The four tiles of the next level that cover it."""
        x, y, z = 2 * self.x, 2 * self.y, self.z + 1
        return Place(z, x, y), Place(z, x + 1, y), Place(z, x, y + 1), Place(z, x + 1, y + 1)

    def longitudes(self, halo: int = 0) -> Floats:
        """Longitudes of the posts from the west; equal numbers in equal places of all tiles."""
        index = np.arange(-halo, POSTS + halo) + self.x * STEPS
        return np.asarray(index * (180.0 / (2**self.z * STEPS)) - 180.0)

    def latitudes(self, halo: int = 0) -> Floats:
        """Latitudes of the posts from the south."""
        index = np.arange(-halo, POSTS + halo) + self.y * STEPS
        return np.asarray(index * (180.0 / (2**self.z * STEPS)) - 90.0)


def level_error(z: int) -> float:
    """Cesium's geometric error of a level, m: what a skirt must hide and a tolerance stay below."""
    return 77067.34 / float(2**z)
