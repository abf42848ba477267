"""Earth that moves: volumes against a design, the level at which both are equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A design surface.

    Args:
        level: Height at the origin, m.
        origin: x, y, m.
        east: Rise per metre eastwards.
        north: Rise per metre northwards.
    """

    level: float
    origin: tuple[float, float]
    east: float = 0.0
    north: float = 0.0

    def at(self, places: Floats) -> Floats:
        """Heights at (n, 2) places, m."""
        away = places - np.array(self.origin)
        return np.asarray(self.level + away[:, 0] * self.east + away[:, 1] * self.north)


def balance(heights: Floats, shape: Floats, swell: float) -> float:
    """The level at which what is cut, swollen, fills what must be filled, m.

    Args:
        heights: (n,) of the ground at evenly spread places, m; all known.
        shape: (n,) of the design there when its level is 0, m.
        swell: Volume that a cubic metre cut makes when filled and compacted.

    Returns:
        Root of swell × cut(level) = fill(level); exact, since both are piecewise linear.

    Raises:
        ParameterError: no height is known.
    """
    rest = np.sort(heights - shape)
    if rest.size == 0:
        raise ParameterError(
            "no height is known inside the area", remedy="choose one on the elevation model"
        )
    total = np.concatenate([[0.0], np.cumsum(rest)])
    count = np.arange(rest.size + 1)
    # With k samples below the level h: swell (S - S_k - (n - k) h) = k h - S_k.
    whole, size = total[-1], rest.size
    level = (swell * (whole - total) + total) / (swell * (size - count) + count)
    low = np.concatenate([[-np.inf], rest])
    high = np.concatenate([rest, [np.inf]])
    good = (level >= low - 1e-9) & (level <= high + 1e-9)
    return float(level[np.flatnonzero(good)[0]])
