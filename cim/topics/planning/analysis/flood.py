"""Water that rises from a place: what it can reach, and how much there is of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flood:
    """Water at one level.

    Args:
        depth: (rows, columns) m; NaN where it is dry or does not reach.
        low: Cells as low that no water reaches, behind ridges or dykes.
        rim: Whether it reaches the edge of the model or of known ground, so that it goes on there.
    """

    depth: Floats
    low: Flags
    rim: bool


def flood(heights: Floats, level: float, seed: tuple[int, int]) -> Flood:
    """What water at a level reaches from a cell, over corners too.

    Args:
        heights: m; NaN where unknown.
        level: m.
        seed: Row and column that the water comes from.

    Raises:
        ParameterError: the seed is unknown ground or stands above the water.
    """
    here = heights[seed]
    if not np.isfinite(here):
        raise ParameterError(
            "the water's source lies where the ground is unknown",
            remedy="choose a place on the elevation model",
        )
    if here >= level:
        raise ParameterError(
            f"the source lies at {here:.2f} m, above a water level of {level:.2f} m",
            remedy="raise the level, or choose a lower place, such as in the river",
        )
    below = heights < level  # NaN is not
    label, _ = ndimage.label(below, structure=_EIGHT)
    wet = label == label[seed]
    grown = ndimage.binary_dilation(wet, structure=_EIGHT)
    edge = np.zeros(wet.shape, bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    rim = bool((wet & edge).any() or (grown & np.isnan(heights)).any())
    return Flood(depth=np.where(wet, level - heights, np.nan), low=below & ~wet, rim=rim)


def stages(
    heights: Floats, seed: tuple[int, int], levels: Floats, cell: float
) -> tuple[Floats, Floats]:
    """Area and volume of the water at each level.

    Args:
        heights: m.
        seed: Row and column that the water comes from.
        levels: (k,) m; at those below the seed there is none.
        cell: Area of a cell, m².

    Returns:
        (k,) m² and (k,) m³.
    """
    areas, volumes = np.zeros(len(levels)), np.zeros(len(levels))
    for i, level in enumerate(levels):
        if heights[seed] >= level:
            continue
        found = flood(heights, float(level), seed)
        wet = np.isfinite(found.depth)
        areas[i] = wet.sum() * cell
        volumes[i] = np.nansum(found.depth) * cell
    return areas, volumes
