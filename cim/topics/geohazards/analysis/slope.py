"""Shallow slides on infinite slopes: how near to failing, and how much rain it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Floats = npt.NDArray[np.float64]

WATER = 9.81  # unit weight of water, kN/m³
STEEP_ENOUGH = 1.0  # degrees: below, nothing slides and the quotient grows without bound
MOST = 100.0  # factors beyond say no more than "does not slide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Soil:
    """The mantle that may slide.

    Args:
        cohesion: Effective, of soil and roots together, kPa.
        friction: Effective angle of internal friction, degrees.
        weight: Unit weight of the soil, kN/m³.
        depth: Of the failure plane below ground, vertical, m.
        transmissivity: Of the saturated soil, m²/d.
    """

    cohesion: float
    friction: float
    weight: float
    depth: float
    transmissivity: float


def wetness(upslope: Floats, slope: Floats, width: float, rain: float, soil: Soil) -> Floats:
    """Share of the soil's depth that is saturated in steady flow, 0 to 1.

    Args:
        upslope: Area that drains through a cell, itself included, m².
        slope: Degrees.
        width: Of a cell, over which the water leaves, m.
        rain: Steady recharge, mm/d.
        soil: Its transmissivity.

    References:
        Montgomery & Dietrich (1994), Water Resources Research 30(4), 1153-1171;
        Pack, Tarboton & Goodwin (1998), the SINMAP approach.
    """
    inclined = np.sin(np.radians(np.maximum(slope, STEEP_ENOUGH)))
    share = (rain / 1000.0) * (upslope / width) / (soil.transmissivity * inclined)
    return np.asarray(np.clip(share, 0.0, 1.0))


def safety(slope: Floats, wet: Floats, soil: Soil) -> Floats:
    """Factor of safety of an infinite slope, at most 100; NaN where slope or wetness is unknown.

    FS = (c + (γ - m γw) z cos²β tan φ) / (γ z sin β cos β)

    Args:
        slope: Degrees; below 1 the factor of 1 degree is given, for nothing slides there.
        wet: Saturated share of the depth, 0 to 1.
        soil: The mantle.

    Example:
        >>> loess = Soil(cohesion=10, friction=24, weight=18, depth=2, transmissivity=10)
        >>> safety(np.array([30.0, 30.0, 30.0]), np.array([0.0, 0.5, 1.0]), loess).round(4).tolist()
        [1.4127, 1.2025, 0.9924]

    References:
        Skempton & DeLory (1957), Stability of natural slopes in London clay, Proc. 4th ICSMFE 2,
        378-381.
    """
    shape = np.broadcast_shapes(slope.shape, wet.shape)
    angle = np.ascontiguousarray(np.broadcast_to(slope, shape), np.float64).ravel()
    share = np.ascontiguousarray(np.broadcast_to(wet, shape), np.float64).ravel()
    friction = math.tan(math.radians(soil.friction))
    found = _safety(angle, share, soil.cohesion, friction, soil.weight, soil.depth)
    return np.asarray(found.reshape(shape))


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator]
def _safety(
    slope: Floats, wet: Floats, cohesion: float, friction: float, weight: float, depth: float
) -> Floats:
    out = np.empty(slope.size)
    for i in prange(slope.size):
        angle = slope[i]
        if angle < 1.0:  # noqa: PLR1730  max() of an unknown slope would be a known one
            angle = 1.0
        angle *= math.pi / 180
        sine, cosine = math.sin(angle), math.cos(angle)
        held = cohesion + (weight - wet[i] * 9.81) * depth * cosine * cosine * friction
        factor = held / (weight * depth * sine * cosine)
        out[i] = min(factor, 100.0) if factor == factor else math.nan  # noqa: PLR0124
    return out


def critical_recharge(slope: Floats, upslope: Floats, width: float, soil: Soil) -> Floats:
    """Steady recharge at which a cohesionless slope begins to fail, as log10(q/T), q and T per m.

    SHALSTAB: q/T = (ρs/ρw) sin θ (b/a) (1 - tan θ / tan φ). Minus infinity where the slope fails
    when dry, plus infinity where it holds when saturated.

    Args:
        slope: Degrees.
        upslope: Area that drains through a cell, m².
        width: Of a cell, m.
        soil: Its friction and weight.

    Example:
        >>> soil = Soil(cohesion=0, friction=35, weight=1.6 * WATER, depth=1, transmissivity=1)
        >>> critical_recharge(np.array([25.0]), np.array([1000.0]), 10.0, soil).round(3)
        array([-2.646])

    References:
        Montgomery & Dietrich (1994), Water Resources Research 30(4), 1153-1171.
    """
    angle = np.radians(np.asarray(slope, np.float64))
    dense = soil.weight / WATER
    friction = math.tan(math.radians(soil.friction))
    share = dense * (1 - np.tan(angle) / friction)  # saturated share at which it fails
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sin(angle) * (width / upslope) * share
        out = np.log10(ratio)
    out = np.where(share <= 0, -np.inf, out)
    out = np.where(share >= 1, np.inf, out)
    return np.asarray(np.where(np.isfinite(angle) & np.isfinite(upslope), out, np.nan))
