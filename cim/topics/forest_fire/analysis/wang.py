"""Wang Zhengfei's formula over a grid, as ellipses of spread."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.terrain.shape import gradient
from cim.topics.forest_fire.analysis.danger import beaufort
from cim.topics.forest_fire.analysis.spread import Ellipses, Wind

Floats = npt.NDArray[np.float64]

# Fuel factors of the second variant's table, by the nearest of Anderson's models (unverified).
FACTORS = {1: 1.6, 2: 1.6, 3: 1.6, 4: 1.8, 5: 1.8, 6: 1.8, 7: 1.8, 8: 0.8, 9: 1.2, 10: 1.0, 11: 0.7,
           12: 0.7, 13: 0.7}  # fmt: skip


def wang_ellipses(
    grid: Grid, codes: npt.NDArray[np.uint8], temperature: float, humidity: float, wind: Wind,
    variant: str,
) -> Ellipses:  # fmt: skip
    """Rates by Wang Zhengfei, the wind's and the slope's exponents added as vectors.

    In any direction R = R0 k exp(a cos θ), where a is the length of the vector of 0.1783 V along
    the wind and 3.533 tan(φ)^1.2 up the slope (humidity variant: ln(1 / cos φ)); an ellipse with
    the same head and back rates stands for that curve.

    Args:
        grid: The ground.
        codes: Fuel models; others than 1 to 13 do not burn.
        temperature: °C.
        humidity: %.
        wind: The formula's own, m/s.
        variant: ``1992`` or ``humidity``.

    Raises:
        ParameterError: the weather is too wet for the formula to give any spread.
    """
    if variant == "1992":
        base = 0.03 * temperature + 0.05 * beaufort(wind.speed) + 0.01 * (100 - humidity) - 0.3
    else:
        base = 1.0372 * math.exp(-0.057 * humidity)
    if base <= 0:
        raise ParameterError(
            f"at {temperature:g} °C and {humidity:g} % Wang Zhengfei's formula gives no spread",
            remedy="it holds for dry, warm days only; use Rothermel's",
        )
    table = np.zeros(256)
    for code, factor in FACTORS.items():
        table[code] = factor
    east, north = (np.nan_to_num(v) for v in gradient(grid))
    tangent = np.minimum(np.hypot(east, north), math.tan(math.radians(60)))
    up = 3.533 * tangent**1.2 if variant == "1992" else 0.5 * np.log1p(tangent**2)
    share = np.divide(up, tangent, out=np.zeros_like(up), where=tangent > 0)
    turn = math.radians(wind.toward)
    x = 0.1783 * wind.speed * math.sin(turn) + share * east
    y = 0.1783 * wind.speed * math.cos(turn) + share * north
    strength = np.minimum(np.hypot(x, y), 5.0)
    rate = base * table[codes] * np.isfinite(grid.heights)
    return Ellipses(
        fastest=rate * np.exp(strength),
        toward=np.arctan2(x, y),
        eccentricity=np.tanh(strength),  # head over back is (1 + e) / (1 - e) = exp(2 a)
    )
