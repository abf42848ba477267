"""How the terrain is bent towards a mesh: the mesh's ground, its edge, and what is added.

What is added to the terrain is zero beyond the band, the mesh's edge less the model at the border,
the mesh's ground less model and margin inside: a field without a step, laid over whatever level of
the terrain is asked for. What then still rises above the mesh is pushed down post by post
(``joined``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

GROUND = 25.0  # m: buildings and trees that are narrower vanish from the mesh's ground
WIDE = 61.0  # m: of wider ones, what rises by HALL above the ground around
HALL = 3.0
THING = 1.5  # m above the ground from which on the mesh's edge is a building or a tree
RING = 20.0  # m inside the border where mesh and model are compared
INSIDE = 8.0  # m: of the smoothing of the mesh's ground, which the terrain follows below it
RAMP = 8.0  # m inside the border after which the terrain is as deep as it will be


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What came of a window; arrays are (rows, columns).

    Args:
        added: What is added to the terrain, m.
        residual: Mesh ground minus model in the ring inside the border, m; NaN elsewhere.
        edge: The mesh's edge minus the model, m, in the outermost cells of the mesh, NaN elsewhere.
        headroom: How far the terrain shall stay below the mesh, m.
    """

    added: Floats
    residual: Floats
    edge: Floats
    headroom: Floats


def weight(distance: Floats, band: float) -> Floats:
    """1 at the border, 0 at the end of the band, smooth at both ends.

    Example:
        >>> weight(np.array([0.0, 30.0, 60.0, 90.0]), 60.0)
        array([1. , 0.5, 0. , 0. ])
    """
    t = np.clip(np.abs(distance) / band, 0, 1)
    return 1 - t * t * (3 - 2 * t)


def depth(distance: Floats, margin: float) -> Floats:
    """How deep below the mesh the terrain lies, m: nothing outside, all from 8 m inside on."""
    t = np.clip(-distance / RAMP, 0, 1)
    return margin * t * t * (3 - 2 * t)


def fit(
    bottom: Floats, model: Floats, distance: Floats, cell: float, band: float, margin: float
) -> Fit:
    """Fit a window.

    Args:
        bottom: Lowest surface of the mesh, m; NaN where there is none.
        model: Heights of the elevation model, m.
        distance: From the border, m, positive outside.
        cell: Side of a cell, m.
        band: How far the terrain is bent, m.
        margin: How deep it lies inside, m.
    """
    delta = bottom - model
    ground = lower(delta, cell)
    low = np.isfinite(delta) & (delta - ground <= THING)
    edge = _edge(np.where(low, delta, np.nan), ground, distance, cell)
    deep = depth(distance, 1.0)
    inside = np.nan_to_num(spread(ground, INSIDE / cell, distance < 0))
    added = weight(distance, band) * along(edge, distance, cell, band) * (1 - deep)
    added += np.where(distance < 0, (inside - margin) * deep, 0.0)
    ring = np.where((distance < 0) & (distance >= -RING) & low, ground, np.nan)
    return Fit(added=added, residual=ring, edge=edge, headroom=margin * deep)


def lower(delta: Floats, cell: float) -> Floats:
    """The lower envelope of a mesh above a model: no building, no tree; NaN where no mesh is.

    An opening over 25 m; where that stands out of one over 61 m, it is a hall's roof, and the
    ground around it is carried over. The model is taken off before, so that slopes do not count.
    """
    known = np.isfinite(delta)
    if not known.any():
        return np.full(delta.shape, np.nan)
    still = _mean(delta, known, 3 * [1.0])
    opened = _opened(still, GROUND / cell)
    wide = _opened(still, WIDE / cell)
    roof = ndimage.binary_dilation(opened - wide > HALL, iterations=2)  # with its blurred rim
    ground = np.where(roof, np.nan, opened)
    return np.where(known, spread(ground, 4 / cell, known), np.nan)


def _opened(values: Floats, width: float) -> Floats:
    size = max(3, 2 * round(width / 2) + 1)
    low = ndimage.minimum_filter(np.where(np.isnan(values), np.inf, values), size, mode="nearest")
    low[np.isinf(low)] = -np.inf
    high = ndimage.maximum_filter(low, size, mode="nearest")
    high[np.isinf(high)] = np.nan
    found: Floats = high
    return found


def _mean(values: Floats, known: Flags, kernel: list[float]) -> Floats:
    """Means of known neighbours; NaN where there is none."""
    weights = np.asarray(kernel)
    total, count = np.where(known, values, 0.0), known.astype(np.float64)
    for axis in (0, 1):
        total = ndimage.correlate1d(total, weights, axis, mode="constant")
        count = ndimage.correlate1d(count, weights, axis, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)


def spread(values: Floats, sigma: float, wanted: Flags) -> Floats:
    """Smoothed, and carried from wider and wider around into wanted cells that are unknown."""
    known = np.isfinite(values)
    found = np.full(values.shape, np.nan)
    while known.any() and (np.isnan(found) & wanted).any() and sigma < max(values.shape):
        total, count = _blurred(values, known, sigma)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(np.isnan(found) & (count > 1e-3), total / count, found)
        sigma *= 2
    return found


def _blurred(values: Floats, known: Flags, sigma: float) -> tuple[Floats, Floats]:
    """Sums of known values and of ones under a bell."""
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma, mode="constant")
    count = ndimage.gaussian_filter(known.astype(np.float64), sigma, mode="constant")
    return total, count


def _edge(low: Floats, ground: Floats, distance: Floats, cell: float) -> Floats:
    """The mesh minus the model in the outermost cells; the ground where a thing is cut there."""
    outer = (distance < 0) & (distance > -cell)
    near = _mean(low, np.isfinite(low), 3 * [1.0])
    far = _mean(low, np.isfinite(low), (2 * round(2.5 / cell) + 1) * [1.0])
    found = np.where(np.isfinite(near), near, np.where(np.isfinite(far), far, ground))
    return np.where(outer, found, np.nan)


def widest(band: float) -> float:
    """Width of the widest bell under which values are carried, m; it reaches four times as far.

    Example:
        >>> widest(60.0), widest(200.0)
        (32.0, 128.0)
    """
    return float(2 ** np.ceil(np.log2(band / 2)))


def along(edge: Floats, distance: Floats, cell: float, band: float) -> Floats:
    """Values of border cells carried to all others, the smoother the farther away.

    Under bells of 1, 2, 4 ... m, between which the distance chooses: half of it is the width.
    Each is continuous, and so is the mixture; nearest-neighbour values would tear where two sides
    are equally near. 0 where no border lies within reach, which is beyond the band.
    """
    known = np.isfinite(edge)
    if not known.any():
        return np.zeros(edge.shape)
    finite = np.where(np.isfinite(distance), np.abs(distance), 1e6)
    last = int(np.log2(widest(band)))
    place = np.clip(np.log2(np.maximum(finite / 2, 1.0)), 0, last)
    found, weights = np.zeros(edge.shape), np.zeros(edge.shape)
    for k in range(last + 1):
        share = np.maximum(0, 1 - np.abs(place - k))
        total, count = _blurred(edge, known, 2.0**k / cell)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count > 1e-12, total / count, 0.0)
        share = share * (count > 1e-12)
        found += share * mean
        weights += share
    return np.divide(found, weights, out=np.zeros(edge.shape), where=weights > 0)
