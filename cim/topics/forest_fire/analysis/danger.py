"""How dangerous a day is: the Canadian index with its memory, and the Chinese additive grade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cim.errors import ParameterError

_DMC_DAY = (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0)
_DC_DAY = (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noon:
    """Weather at local noon.

    Args:
        day: The day.
        temperature: °C.
        humidity: Relative, %.
        wind: At 10 m, km/h.
        rain: Of the 24 hours before, mm.
    """

    day: date
    temperature: float
    humidity: float
    wind: float
    rain: float

    def __post_init__(self) -> None:
        limits = (("temperature", -60.0, 60.0), ("humidity", 0.0, 100.0), ("wind", 0.0, 250.0),
                  ("rain", 0.0, 2000.0))  # fmt: skip
        for name, low, high in limits:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParameterError(
                    f"{self.day}: a {name} of {value} cannot be",
                    remedy=f"it lies between {low:g} and {high:g}; leave out what is not known",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Codes and indices of the Canadian system after a day."""

    ffmc: float
    dmc: float
    dc: float
    isi: float
    bui: float
    fwi: float


START = Index(ffmc=85.0, dmc=6.0, dc=15.0, isi=0.0, bui=0.0, fwi=0.0)


def _ffmc(before: float, noon: Noon) -> float:
    t, h, w, r = noon.temperature, noon.humidity, noon.wind, noon.rain
    m = 147.2 * (101 - before) / (59.5 + before)
    if r > 0.5:
        rf = r - 0.5
        gain = 42.5 * rf * math.exp(-100 / (251 - m)) * (1 - math.exp(-6.93 / rf))
        if m > 150:
            gain += 0.0015 * (m - 150) ** 2 * math.sqrt(rf)
        m = min(m + gain, 250.0)
    warm = 0.18 * (21.1 - t) * (1 - math.exp(-0.115 * h))
    ed = 0.942 * h**0.679 + 11 * math.exp((h - 100) / 10) + warm
    ew = 0.618 * h**0.753 + 10 * math.exp((h - 100) / 10) + warm
    if m > ed:
        ko = 0.424 * (1 - (h / 100) ** 1.7) + 0.0694 * math.sqrt(w) * (1 - (h / 100) ** 8)
        m = ed + (m - ed) * 10 ** (-ko * 0.581 * math.exp(0.0365 * t))
    elif m < ew:
        dry = (100 - h) / 100
        k1 = 0.424 * (1 - dry**1.7) + 0.0694 * math.sqrt(w) * (1 - dry**8)
        m = ew - (ew - m) * 10 ** (-k1 * 0.581 * math.exp(0.0365 * t))
    return min(max(59.5 * (250 - m) / (147.2 + m), 0.0), 101.0)


def _dmc(before: float, noon: Noon) -> float:
    drying = 0.0
    if noon.temperature > -1.1:
        day = _DMC_DAY[noon.day.month - 1]
        drying = 1.894 * (noon.temperature + 1.1) * (100 - noon.humidity) * day * 1e-4
    if noon.rain > 1.5:
        net = 0.92 * noon.rain - 1.27
        wmi = 20 + 280 / math.exp(0.023 * before)
        if before <= 33:
            b = 100 / (0.5 + 0.3 * before)
        elif before <= 65:
            b = 14 - 1.3 * math.log(before)
        else:
            b = 6.2 * math.log(before) - 17.2
        wmr = wmi + 1000 * net / (48.77 + b * net)
        before = max(43.43 * (5.6348 - math.log(wmr - 20)), 0.0)
    return before + drying


def _dc(before: float, noon: Noon) -> float:
    if noon.rain > 2.8:
        net = 0.83 * noon.rain - 1.27
        before = max(
            before - 400 * math.log(1 + 3.937 * net / (800 * math.exp(-before / 400))), 0.0
        )
    drying = 0.36 * (max(noon.temperature, -2.8) + 2.8) + _DC_DAY[noon.day.month - 1]
    return before + 0.5 * max(drying, 0.0)


def after(before: Index, noon: Noon) -> Index:
    """The index after a day, from that of the day before.

    The 147.2 of the 1985 publication is kept; it is not its own inverse, so the initial spread
    takes its moisture from the new code.

    Example:
        >>> day = Noon(day=date(1985, 4, 13), temperature=17, humidity=42, wind=25, rain=0)
        >>> found = after(START, day)
        >>> [round(v, 4) for v in (found.ffmc, found.dmc, found.dc)]
        [87.693, 8.5451, 19.014]
        >>> [round(v, 4) for v in (found.isi, found.bui, found.fwi)]
        [10.8537, 8.4904, 10.0964]

    References:
        Van Wagner & Pickett (1985), Equations and FORTRAN program for the Canadian Forest Fire
        Weather Index System, Forestry Technical Report 33.
    """
    ffmc, dmc, dc = _ffmc(before.ffmc, noon), _dmc(before.dmc, noon), _dc(before.dc, noon)
    m = 147.2 * (101 - ffmc) / (59.5 + ffmc)
    fine = 91.9 * math.exp(-0.1386 * m) * (1 + m**5.31 / 4.93e7)
    isi = 0.208 * math.exp(0.05039 * noon.wind) * fine
    if dmc <= 0.4 * dc:
        bui = 0.8 * dmc * dc / (dmc + 0.4 * dc) if dmc + dc > 0 else 0.0
    else:
        bui = dmc - (1 - 0.8 * dc / (dmc + 0.4 * dc)) * (0.92 + (0.0114 * dmc) ** 1.7)
    bui = max(bui, 0.0)
    duff = 0.626 * bui**0.809 + 2 if bui <= 80 else 1000 / (25 + 108.64 * math.exp(-0.023 * bui))
    b = 0.1 * isi * duff
    fwi = math.exp(2.72 * (0.434 * math.log(b)) ** 0.647) if b > 1 else b
    return Index(ffmc=ffmc, dmc=dmc, dc=dc, isi=isi, bui=bui, fwi=fwi)


def season(days: Sequence[Noon], start: Index = START) -> list[Index | None]:
    """The index of each day of a series; None on days after a gap of more than a week.

    A day that is missing carries the codes over unchanged, as stations do; after seven of them in a
    row nothing is known any more until the series begins anew.

    Raises:
        ParameterError: the days are out of order.
    """
    out: list[Index | None] = []
    before: date | None = None
    index = start
    for number, noon in enumerate(days, start=1):
        if before is not None and noon.day <= before:
            raise ParameterError(
                f"row {number}: {noon.day} "
                + ("is there twice" if noon.day == before else f"comes after {before}"),
                remedy="give each day once, the oldest first",
            )
        if before is not None and (noon.day - before).days > 8:
            return out + [None] * (len(days) - len(out))
        index = after(index, noon)
        out.append(index)
        before = noon.day
    return out


_TEMPERATURE = ((5.0, 0), (10.0, 4), (15.0, 8), (20.0, 12), (25.0, 16))
_HUMIDITY = ((24.0, 20), (34.0, 16), (44.0, 12), (54.0, 8), (64.0, 4))
_GRADES = (25, 50, 72, 90)


def beaufort(metres_per_second: float) -> int:
    """Wind grade of a speed: v = 0.836 B^1.5."""
    grade: int = round((metres_per_second / 0.836) ** (2 / 3))
    return grade


def additive(
    temperature: float, humidity: float, dry_days: int, wind_grade: int, green: int
) -> int:
    """Points A + B + C + D - E of 全国森林火险天气等级.

    Args:
        temperature: Highest of the day, °C.
        humidity: Relative, at 14 h, %.
        dry_days: Days since rain.
        wind_grade: Beaufort.
        green: E, points for phenology (snow or green cover), 0 to 20.

    Example:
        >>> additive(22, 30, 6, 4, 5)
        77

    References:
        The table as quoted in a public copy of Lv (2020); its rain classes of the first days and
        its overlapping limits are left as there.
    """
    a = next((points for limit, points in _TEMPERATURE if temperature <= limit), 20)
    b = next((points for limit, points in _HUMIDITY if humidity <= limit), 0)
    c = min(dry_days, 10) * 5
    d = min(wind_grade, 8) * 5
    return a + b + c + d - green


def grade(points: int) -> int:
    """Grade 1 to 5 of the points; the limits are unverified."""
    return 1 + sum(points > limit for limit in _GRADES)
