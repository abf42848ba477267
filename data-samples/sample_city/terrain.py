"""The bare ground: a river valley between loess hills, one function of place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city import noise
from sample_city.frame import to_uv, to_xy
from sample_city.noise import smoothstep

Floats = npt.NDArray[np.float64]

RIVER_HALF = 15.0  # half the width of the water, m
BANK = 42.0  # from the axis to the top of the bank, m
DEPTH = 2.2  # of the river bed below the banks, m
GULLIES = (  # wavelength (m), depth (m), seed, and how much longer down the flanks than across
    (3100.0, 205.0, 31, 1.0),
    (1350.0, 100.0, 32, 1.8),
    (600.0, 44.0, 33, 2.1),
    (270.0, 5.0, 34, 1.8),
)
WATER_LEVEL = -1.25  # of the water against the banks, m


def valley_axis(u: Floats) -> Floats:
    """V of the middle of the valley: straight at the town, winding away from it."""
    away = smoothstep(900.0, 4200.0, np.abs(u))
    result: Floats = away * (900.0 * np.sin(u / 5200.0) + 380.0 * np.sin(u / 2300.0 + 0.7))
    return result


def river_axis(u: Floats) -> Floats:
    """V of the middle of the river."""
    bends = 24.0 * np.sin(u / 160.0 + 0.4) + 11.0 * np.sin(u / 71.0 + 1.0)
    far = smoothstep(700.0, 2600.0, np.abs(u)) * 130.0 * np.sin(u / 620.0)
    result: Floats = valley_axis(u) - 232.0 + bends + far
    return result


def river_distance(u: Floats, v: Floats) -> Floats:
    """Metres from the river's axis, to first order in its slope."""
    slope = (river_axis(u + 1.0) - river_axis(u - 1.0)) / 2.0
    result: Floats = np.abs(v - river_axis(u)) / np.sqrt(1.0 + slope * slope)
    return result


def floor(u: Floats, v: Floats) -> Floats:
    """Height of the valley floor without the river: it falls 4.5 in 1000 with the stream."""
    across = v - valley_axis(u)
    rise = 0.010 * np.sqrt((across + 200.0) ** 2 + 90.0**2)  # drains to the river, no crease
    result: Floats = 1421.0 - 0.0045 * u + rise
    return result


def hill_distance(x: Floats, y: Floats) -> Floats:
    """Metres beyond the foot of the hills, warped into spurs and side valleys; < 0 on the floor."""
    u, v = to_uv(x, y)
    across = v - valley_axis(u)
    edge = np.where(across > 0, 720.0, 600.0)
    outside = smoothstep(380.0, 1100.0, np.abs(across))
    warp = 420.0 * noise.gradient(x, y, 1900.0, 11) + 170.0 * noise.gradient(x, y, 700.0, 12)
    result: Floats = np.abs(across) - edge + outside * warp
    return result


def height(x: Floats, y: Floats) -> Floats:
    """Orthometric height (1985, m) of the bare ground at places in EPSG:4545."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    u, v = to_uv(x, y)
    distance = river_distance(u, v)
    bed = DEPTH * (1.0 - smoothstep(RIVER_HALF - 9.0, BANK, distance))
    return floor(u, v) - bed + _hills(x, y)


def _hills(x: Floats, y: Floats) -> Floats:
    """Height of the loess hills above the floor: steep flanks, broad tops, branching gullies."""
    beyond = hill_distance(x, y)
    top = 440.0 + 150.0 * noise.gradient(x, y, 4700.0, 21) + 60.0 * noise.gradient(x, y, 2000.0, 22)
    rise = 0.45 * smoothstep(0.0, 700.0, beyond) + 0.55 * smoothstep(250.0, 2400.0, beyond)
    cut = _gullies(x, y) * smoothstep(40.0, 900.0, beyond)
    hills = rise * top - cut
    # Gullies end at the valley floor: a smooth maximum keeps them from cutting below it. Its bend
    # is as wide as the hill is far from the floor, so that posts 15 m apart can follow it.
    bend = 40.0 * smoothstep(0.0, 500.0, beyond)
    higher = 0.5 * (hills + np.sqrt(hills**2 + bend**2))
    result: Floats = np.where(beyond <= 0.0, 0.0, higher) * smoothstep(0.0, 120.0, beyond)
    return result


def _gullies(x: Floats, y: Floats) -> Floats:
    """Depth (m) of the branching gullies: creases of noise, each finer one hung on the coarser.

    A crease's bottom is round, ``sqrt(n² + e²) - e``: a sharp one cannot be told by 15 m posts.
    """
    bend_x = 190.0 * noise.gradient(x, y, 1300.0, 41) + 40.0 * noise.gradient(x, y, 420.0, 42)
    bend_y = 190.0 * noise.gradient(x, y, 1300.0, 43) + 40.0 * noise.gradient(x, y, 420.0, 44)
    depth = np.zeros_like(bend_x)
    near = np.ones_like(bend_x)
    u, v = to_uv(x + bend_x, y + bend_y)
    for wavelength, metres, seed, longer in GULLIES:
        field = noise.gradient(u + 377000.0, v / longer + 3899000.0, wavelength, seed)
        bottom = min(0.4, 0.05 + 160.0 / wavelength)
        crease = np.exp(-4.2 * (np.sqrt(field**2 + bottom**2) - bottom))
        depth += metres * crease * near
        near = 0.35 + 0.65 * smoothstep(0.0, 0.6, crease)
    return depth


def height_at(x: float, y: float) -> float:
    """``height`` of one place."""
    return float(height(np.array([x]), np.array([y]))[0])


def height_uv(u: float, v: float) -> float:
    """``height`` of one place in the town's axes."""
    return float(height(*to_xy(np.array([u]), np.array([v])))[0])


def water_level(u: Floats) -> Floats:
    """Height of the river's surface, m."""
    return floor(u, river_axis(u)) + WATER_LEVEL
