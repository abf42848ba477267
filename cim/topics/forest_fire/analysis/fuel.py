"""How fast fire runs: Rothermel over standard fuels, and Wang Zhengfei's formula by variant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
FEET = 0.3048
BTU = 1.055056 / (0.09290304 * 60)  # kW/m² in a BTU per ft² and minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuel:
    """A standard fuel model.

    Args:
        title: Chinese, with its English beside.
        dead: Loads of 1-h, 10-h and 100-h fuel, lb/ft².
        live: Load, lb/ft².
        fine: Surface to volume of 1-h fuel, 1/ft.
        live_fine: Of live fuel, 1/ft.
        depth: Of the bed, ft.
        extinction: Moisture at which dead fuel no longer burns, %.
    """

    title: str
    title_en: str
    dead: tuple[float, float, float]
    live: float
    fine: float
    live_fine: float
    depth: float
    extinction: float


def _fuel(title: str, title_en: str, dead: tuple[float, float, float], live: float, fine: float,
          live_fine: float, depth: float, extinction: float) -> Fuel:  # fmt: skip
    return Fuel(title=title, title_en=title_en, dead=dead, live=live, fine=fine,
                live_fine=live_fine, depth=depth, extinction=extinction)  # fmt: skip


# Anderson (1982), Aids to determining fuel models, INT-122: the thirteen of r.ros and BEHAVE.
FUELS: dict[int, Fuel] = {
    1: _fuel("短草", "short grass", (0.034, 0, 0), 0, 3500, 1500, 1.0, 12),
    2: _fuel("疏林草地", "timber with grass", (0.092, 0.046, 0.023), 0.023, 3000, 1500, 1.0, 15),
    3: _fuel("高草", "tall grass", (0.138, 0, 0), 0, 1500, 1500, 2.5, 25),
    4: _fuel("高灌丛", "chaparral", (0.23, 0.184, 0.092), 0.23, 2000, 1500, 6.0, 20),
    5: _fuel("低灌丛", "brush", (0.046, 0.023, 0), 0.092, 2000, 1500, 2.0, 20),
    6: _fuel("休眠灌丛", "dormant brush", (0.069, 0.115, 0.092), 0, 1750, 1500, 2.5, 25),
    7: _fuel("南方粗灌", "southern rough", (0.052, 0.086, 0.069), 0.017, 1750, 1550, 2.5, 40),
    8: _fuel("密闭林落叶", "closed timber litter", (0.069, 0.046, 0.115), 0, 2000, 1500, 0.2, 30),
    9: _fuel("阔叶落叶", "hardwood litter", (0.134, 0.019, 0.007), 0, 2500, 1500, 0.2, 25),
    10: _fuel(
        "林下可燃物多", "timber with understory", (0.138, 0.092, 0.23), 0.092, 2000, 1500, 1.0, 25
    ),
    11: _fuel("轻采伐剩余物", "light slash", (0.069, 0.207, 0.253), 0, 1500, 1500, 1.0, 15),
    12: _fuel("中采伐剩余物", "medium slash", (0.184, 0.644, 0.759), 0, 1500, 1500, 2.3, 20),
    13: _fuel("重采伐剩余物", "heavy slash", (0.322, 1.058, 1.288), 0, 1500, 1500, 3.0, 25),
}
NOT_BURNING = 0  # code of water, rock, roofs, ploughed land


@dataclass(frozen=True, slots=True, kw_only=True)
class Moisture:
    """Water in the fuel, % of its dry mass: dead by its hours, and live."""

    one: float
    ten: float
    hundred: float
    live: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """What a fuel at a moisture does without wind and slope.

    Args:
        rate: m/min.
        wind_b: Exponent of the wind.
        wind_k: Factor of the wind: (ft/min) to the power of it.
        slope_k: Factor of tan² of the slope.
        intensity: Reaction intensity, kW/m².
        residence: How long the flame stays, min.
    """

    rate: float
    wind_b: float
    wind_k: float
    slope_k: float
    intensity: float
    residence: float


def bed(fuel: Fuel, moist: Moisture) -> Bed:
    """Rothermel's equations for one fuel.

    Example:
        >>> found = bed(FUELS[10], Moisture(one=6, ten=8, hundred=9, live=100))
        >>> round(found.rate, 4), round(spread_rate(found, 300.0, 0.0), 3)
        (0.2639, 1.752)

    References:
        Rothermel (1972), A mathematical model for predicting fire spread, INT-115, with the
        corrections of Albini (1976), INT-30.
    """
    load = np.array([*fuel.dead, fuel.live])
    fine = np.array([fuel.fine, 109.0, 30.0, fuel.live_fine])
    water = np.array([moist.one, moist.ten, moist.hundred, moist.live]) / 100
    area = fine * load / 32.0
    dead_area, live_area = float(area[:3].sum()), float(area[3])
    total = dead_area + live_area
    share = np.concatenate([area[:3] / dead_area, [1.0 if live_area else 0.0]])
    group = np.array([dead_area, live_area]) / total
    net = load * (1 - 0.0555)
    sav = group[0] * float(share[:3] @ fine[:3]) + group[1] * fuel.live_fine
    bulk = float(load.sum()) / fuel.depth
    packing = bulk / 32.0
    best = 3.348 * sav**-0.8189
    ratio = packing / best
    a = 133.0 * sav**-0.7913
    reaction = (sav**1.5 / (495 + 0.0594 * sav**1.5)) * ratio**a * math.exp(a * (1 - ratio))
    dead_net = float(_by_size(share[:3], fine[:3]) @ net[:3])
    dead_water = float(share[:3] @ water[:3])
    dry = 8000.0 * 0.41739  # heat content times mineral damping, BTU/lb
    intensity = reaction * dry * (
        dead_net * _damped(dead_water, fuel.extinction / 100)
        + float(net[3]) * _damped(float(water[3]), _live_extinction(fuel, load, water))
    )  # fmt: skip
    flux = math.exp((0.792 + 0.681 * math.sqrt(sav)) * (packing + 0.1)) / (192 + 0.2595 * sav)
    sink = bulk * (
        group[0] * float((share[:3] * np.exp(-138 / fine[:3])) @ (250 + 1116 * water[:3]))
        + group[1] * math.exp(-138 / fuel.live_fine) * (250 + 1116 * float(water[3]))
    )
    c = 7.47 * math.exp(-0.133 * sav**0.55)
    b = 0.02526 * sav**0.54
    e = 0.715 * math.exp(-3.59e-4 * sav)
    return Bed(
        rate=float(intensity * flux / sink * FEET),
        wind_b=float(b),
        wind_k=float(c * ratio**-e),
        slope_k=float(5.275 * packing**-0.3),
        intensity=float(intensity * BTU),
        residence=float(384.0 / sav),
    )


def _by_size(share: Floats, fine: Floats) -> Floats:
    """Weights of the net loads: fuels of one size class count together (Albini 1976)."""
    classes = np.digitize(fine, [16, 48, 96, 192, 1200])
    return np.array([share[classes == c].sum() for c in classes])


def _damped(water: float, extinction: float) -> float:
    """Moisture damping, 1 when dry and 0 at the moisture of extinction."""
    if extinction <= 0:
        return 0.0
    r = min(water / extinction, 1.0)
    return max(1 - 2.59 * r + 5.11 * r**2 - 3.52 * r**3, 0.0)


def _live_extinction(fuel: Fuel, load: Floats, water: Floats) -> float:
    """Moisture at which live fuel no longer burns, a share."""
    if not fuel.live:
        return 0.0
    fine = np.array([fuel.fine, 109.0, 30.0])
    weight = load[:3] * np.exp(-138 / fine)
    live = float(load[3] * math.exp(-500 / fuel.live_fine))
    ratio = float(weight.sum()) / live
    dead_water = float((weight * water[:3]).sum() / weight.sum())
    extinction = fuel.extinction / 100
    return max(2.9 * ratio * (1 - dead_water / extinction) - 0.226, extinction)


def spread_rate(found: Bed, wind: float, slope_tangent: float) -> float:
    """Along wind and slope together, m/min.

    Args:
        found: The fuel at its moisture.
        wind: At midflame height, ft/min.
        slope_tangent: Rise over run, upslope with the wind.
    """
    factor = found.wind_k * max(wind, 0.0) ** found.wind_b if wind > 0 else 0.0
    return found.rate * (1 + factor + found.slope_k * slope_tangent**2)


def flame_length(found: Bed, rate: float) -> float:
    """Byram's flame length of a fire that runs at a rate (m/min), m."""
    intensity = found.intensity * found.residence * 60 * rate / 60  # kW/m
    return float(0.0775 * intensity**0.46)


def length_to_width(metres_per_second: float) -> float:
    """Of the ellipse of a fire in a wind at midflame height.

    Example:
        >>> round(length_to_width(1.524), 3)
        1.351

    References:
        Anderson (1983), Predicting wind-driven wild land fire size and shape, INT-305; as in
        FARSITE (Finney 1998).
    """
    u = min(metres_per_second, 20.0)
    return max(0.936 * math.exp(0.2566 * u) + 0.461 * math.exp(-0.1548 * u) - 0.397, 1.0)


def wang_zhengfei(
    temperature: float, humidity: float, wind_grade: int, wind: float, slope_deg: float,
    fuel_factor: float, variant: str = "1992",
) -> float:  # fmt: skip
    """Wang Zhengfei's rate of spread with the wind up a slope, m/min.

    Args:
        temperature: °C.
        humidity: %.
        wind_grade: Beaufort.
        wind: m/s, along the direction of spread; negative against it.
        slope_deg: Positive upwards, degrees; clamped at 60.
        fuel_factor: k of the fuel.
        variant: ``1992``: R0 = 0.03 T + 0.05 W + 0.01 (100 - h) - 0.3; ``humidity``: R0 =
            1.0372 exp(-0.057 h), slope 1 / cos φ.

    Raises:
        ParameterError: there is no such variant.

    Example:
        >>> round(wang_zhengfei(25, 30, 3, 4.4, 20.0, 1.0), 2)
        8.15

    References:
        Wang (1992) as quoted in MDPI Fire 8(9) 349 (2025); the -0.3 is unverified.
    """
    tangent = math.tan(math.radians(min(abs(slope_deg), 60.0)))
    wind_factor = math.exp(0.1783 * wind)
    if variant == "1992":
        base = max(0.03 * temperature + 0.05 * wind_grade + 0.01 * (100 - humidity) - 0.3, 0.0)
        slope = math.exp(math.copysign(3.533 * tangent**1.2, slope_deg))
    elif variant == "humidity":
        base = 1.0372 * math.exp(-0.057 * humidity)
        slope = 1 / math.cos(math.radians(min(abs(slope_deg), 60.0)))
    else:
        raise ParameterError(
            f"Wang Zhengfei's formula has no variant {variant}",
            remedy="there are 1992 and humidity",
        )
    return base * wind_factor * fuel_factor * slope
