"""What a point that moves says: how fast, whether faster and faster, when it would fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]

LEAST_READINGS = 6
JUMP = 8.0  # scaled deviations of a step from its neighbours'


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value between two others, of 95 % confidence."""

    value: float
    low: float
    high: float


def ordered(days: Floats, millimetres: Floats) -> None:
    """Refuse series that cannot be read.

    Raises:
        ParameterError: too few readings, out of order, or not finite.
    """
    if len(days) < LEAST_READINGS:
        raise ParameterError(
            f"{len(days)} readings say nothing about a movement",
            remedy=f"give at least {LEAST_READINGS}",
        )
    if not (np.isfinite(days).all() and np.isfinite(millimetres).all()):
        raise ParameterError(
            "a reading is no number", remedy="leave out the readings that are missing"
        )
    back = np.flatnonzero(np.diff(days) <= 0)
    if back.size:
        raise ParameterError(
            f"reading {back[0] + 2} is not later than the one before",
            remedy="give each time once, the earliest first",
        )


def velocity(days: Floats, millimetres: Floats) -> Interval:
    """Median of the slopes between all pairs, mm/d, with its 95 % interval.

    Returns:
        The Theil-Sen slope; robust to a third of bad readings.

    References:
        Sen (1968), J. American Statistical Association 63, 1379-1389.
    """
    found = stats.theilslopes(millimetres, days, alpha=0.95)
    return Interval(
        value=float(found.slope), low=float(found.low_slope), high=float(found.high_slope)
    )


def jumps(days: Floats, millimetres: Floats) -> npt.NDArray[np.int64]:
    """Readings at which the series steps as it does nowhere near by: a moved target, or a slide.

    A step is compared with the median of the ten steps around it, in units of their scatter.
    """
    rates = np.diff(millimetres) / np.diff(days)
    out = []
    for i, rate in enumerate(rates):
        around = np.delete(rates[max(0, i - 5) : i + 6], min(i, 5))
        middle = np.median(around)
        scatter = 1.4826 * np.median(np.abs(around - middle))
        least = 0.05 * abs(middle) + 0.2  # mm/d: a smooth curve's own differences
        after = np.median(rates[i + 1 : i + 4]) if i + 1 < len(rates) else rate
        lasting = abs(after - rate) < 0.3 * abs(rate - middle)  # it goes on so: no jump, a start
        if abs(rate - middle) > JUMP * max(scatter, least) and not lasting:
            out.append(i + 1)
    return np.array(out, np.int64)


def without_jumps(days: Floats, millimetres: Floats, at: npt.NDArray[np.int64]) -> Floats:
    """The series with each jump replaced by the median step of its neighbours."""
    steps = np.diff(millimetres)
    rates = steps / np.diff(days)
    for i in at - 1:
        around = np.delete(rates[max(0, i - 5) : i + 6], min(i, 5))
        steps[i] = np.median(around) * (days[i + 1] - days[i])
    return np.concatenate([millimetres[:1], millimetres[0] + np.cumsum(steps)])


def tangent_angles(days: Floats, millimetres: Floats, steady: float, span: int = 3) -> Floats:
    """Improved tangent angle at each reading, degrees: 45 where it moves at its steady rate.

    The displacement is divided by the steady rate, so that both axes are days.

    Args:
        days: (n,) rising.
        millimetres: (n,).
        steady: Rate of the phase of constant movement, mm/d, positive.
        span: Readings over which a rate is taken, backwards.

    Returns:
        (n,) NaN for the first readings.

    References:
        Xu, Zeng, Qian et al. (2009), Improved tangent angle of landslide, Geological Bulletin of
        China 28(4), 501-505.
    """
    out = np.full(len(days), np.nan)
    rate = (millimetres[span:] - millimetres[:-span]) / (days[span:] - days[:-span])
    out[span:] = np.degrees(np.arctan(rate / steady))
    return out


def steady_rate(days: Floats, millimetres: Floats) -> float:
    """Rate of the calmest half of the series, mm/d."""
    span = max(LEAST_READINGS // 2, len(days) // 2)
    rates = [
        velocity(days[i : i + span], millimetres[i : i + span]).value
        for i in range(0, len(days) - span + 1, max(1, span // 8))
    ]
    return float(rates[int(np.argmin(np.abs(rates)))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The time at which an accelerating point would fail.

    Args:
        day: Of the same count as the readings', with its 95 % interval.
        share: Of the scatter of 1/v that the line explains, R².
        since: First day of the phase looked at.
        slope: Of the line of 1/v, (d/mm) a day.
    """

    day: Interval
    share: float
    since: float
    slope: float


def rates(days: Floats, millimetres: Floats, span: int = 3) -> tuple[Floats, Floats]:
    """Rates over so many readings without their sign, mm/d, and the days that they belong to."""
    middle = (days[span:] + days[:-span]) / 2
    rate = np.abs((millimetres[span:] - millimetres[:-span]) / (days[span:] - days[:-span]))
    return middle, rate


def failure(days: Floats, millimetres: Floats, *, span: int = 3) -> Failure | str:
    """When 1/v reaches zero; or why it cannot be told.

    Inverse velocity falls on a straight line in tertiary creep: 1/v = A (tf - t). The phase looked
    at is the last in which it falls; it must be six rates long, fall by half, be a line (R² at
    least 0.8) and end in an interval no wider than itself.

    Args:
        days: (n,) rising.
        millimetres: (n,).
        span: Readings over which a rate is taken.

    References:
        Fukuzono (1985), Proc. 4th Int. Conf. and Field Workshop on Landslides, Tokyo, 145-150.
    """
    middle, rate = rates(days, millimetres, span)
    if (rate[-LEAST_READINGS:] <= 0).any() or len(rate) < LEAST_READINGS:
        return "the point does not move all the time"
    best: Failure | None = None
    for begin in range(len(rate) - LEAST_READINGS, -1, -1):
        if (rate[begin:] <= 0).any():
            break
        found = _line(middle[begin:], 1 / rate[begin:], float(days[-1]))
        if found is not None and _straight(middle[begin:], 1 / rate[begin:], span):
            best = found  # the longest phase that is a line tells most
    if best is None:
        return "no phase of accelerating movement: 1/v does not fall on a line"
    width = best.day.high - best.day.low
    if not np.isfinite(width) or width > days[-1] - best.since:
        return "the readings scatter so much that any day could be meant"
    return best


def _straight(days: Floats, values: Floats, span: int) -> bool:
    """Whether a parabola explains no more than chance does (F test, 1 %).

    Rates over a span share readings, so that only every span-th is new.
    """
    size = len(days) / span
    if size <= 4:
        return True
    line = ((values - np.polyval(np.polyfit(days, values, 1), days)) ** 2).sum()
    bent = ((values - np.polyval(np.polyfit(days, values, 2), days)) ** 2).sum()
    if bent <= 0:
        return bool(line <= 0)
    return bool(stats.f.sf((line - bent) / (bent / (size - 3)), 1, size - 3) > 0.01)


def _line(days: Floats, inverse: Floats, now: float) -> Failure | None:
    """The zero of a falling line with its interval after Fieller; None where it does not fall."""
    fit = stats.linregress(days, inverse)
    size = len(days)
    last = fit.slope * days[-1] + fit.intercept
    first = fit.slope * days[0] + fit.intercept
    if fit.slope >= 0 or fit.rvalue**2 < 0.8 or last > 0.5 * first:
        return None
    zero = -fit.intercept / fit.slope
    if zero <= now:
        return None
    low, high = _fieller(days, inverse, fit.slope, float(stats.t.ppf(0.975, size - 2)))
    return Failure(
        day=Interval(value=float(zero), low=max(low, now), high=high),
        share=float(fit.rvalue**2),
        since=float(days[0]),
        slope=float(fit.slope),
    )


def _fieller(days: Floats, values: Floats, slope: float, t: float) -> tuple[float, float]:
    """Interval of the place where a fitted line is zero (Fieller, 1954)."""
    middle, level = days.mean(), values.mean()
    spread = ((days - middle) ** 2).sum()
    rest = values - level - slope * (days - middle)
    variance = (rest**2).sum() / (len(days) - 2)
    g = t**2 * variance / (slope**2 * spread)
    if g >= 1:
        return -np.inf, np.inf
    away = -level / slope
    half = t * np.sqrt(variance) / abs(slope) * np.sqrt((1 - g) / len(days) + away**2 / spread)
    return float(middle + (away - half) / (1 - g)), float(middle + (away + half) / (1 - g))
