"""Charts as SVG: lines with their gaps, columns over bins, words along x."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from cim.report.words import both, plain, unit

WIDTH, HEIGHT = 640.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 30.0, 46.0
_COLORS = ("#0f6fb8", "#d97706", "#059669", "#dc2626", "#7c3aed", "#475569")
_MOST = 4000  # points of a line that a page can show
Place = tuple[float, float]


def chart(series: Mapping[str, Any], family: str) -> str:
    """One chart.

    Args:
        series: As in an answer: title, x, y, bins.
        family: Font of the words.
    """
    x, lines = series["x"], series["y"]
    words = not all(isinstance(v, int | float) for v in x["values"])
    at = list(range(len(x["values"]))) if words else [float(v) for v in x["values"]]
    known = [float(v) for line in lines for v in line["values"] if v is not None]
    bins = bool(series.get("bins"))
    low, high = _span(known, from_zero=bins)
    half = (at[1] - at[0]) / 2 if (bins or words) and len(at) > 1 else 0.5 if words else 0.0
    left, right = (min(at) - half, max(at) + half) if at else (0.0, 1.0)
    if right <= left:
        air = max(abs(left) * 1e-3, 0.5)
        left, right = left - air, right + air
    frame = _Frame(left=left, right=right, low=low, high=high)
    labels = [plain(v) for v in x["values"]] if words else None
    parts = [_grid(frame, labels, at), _names(series)]
    parts += [
        _columns(frame, at, line["values"], _COLORS[n % len(_COLORS)], n, len(lines))
        if bins
        else _line(frame, at, line["values"], _COLORS[n % len(_COLORS)])
        for n, line in enumerate(lines)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'font-family="{escape(family)}" font-size="11">' + "".join(parts) + "</svg>"
    )


class _Frame:
    """From values to places on the paper."""

    def __init__(self, *, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from one to another: 1, 2 or 5 times a power of ten apart.

    Example:
        >>> ticks(0, 10)
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    rough = (high - low) / max(about, 1)
    if not math.isfinite(rough) or rough <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 12) + 0.0 for n in range(first, last + 1)]


def _span(values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    """Lowest and highest of an axis, with some air."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    air = (high - low) * 0.06 or max(abs(high) * 0.1, 0.5)
    return (low if from_zero and low == 0 else low - air), high + air


def _grid(frame: _Frame, labels: list[str] | None, at: Sequence[float]) -> str:
    out = []
    for level in ticks(frame.low, frame.high):
        y = frame.y(level)
        out.append(
            f'<path d="M{_LEFT} {y:.2f}H{WIDTH - _RIGHT}" stroke="#d5dce4" stroke-width="0.6"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.2f}" text-anchor="end" fill="#475569">'
            f"{_number(level)}</text>"
        )
    if labels is None:
        stands = [(v, _number(v)) for v in ticks(frame.left, frame.right, 7)]
    else:
        every = max(1, math.ceil(len(labels) / 12))
        stands = [(at[n], labels[n][:14]) for n in range(0, len(labels), every)]
    for place, text in stands:
        x = frame.x(place)
        out.append(
            f'<path d="M{x:.2f} {HEIGHT - _BOTTOM}v4" stroke="#94a3b8" stroke-width="0.8"/>'
            f'<text x="{x:.2f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle" fill="#475569">'
            f"{escape(text)}</text>"
        )
    base = f'<path d="M{_LEFT} {HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" stroke="#64748b"/>'
    return "".join(out) + base


def _names(series: Mapping[str, Any]) -> str:
    """What the axes and lines are."""
    x = series["x"]
    name = _named(x)
    middle = (WIDTH + _LEFT - _RIGHT) / 2
    words = f'text-anchor="middle" fill="#334155">{escape(name)}</text>'
    out = [f'<text x="{middle}" y="{HEIGHT - 8}" {words}']
    place = _LEFT
    for n, line in enumerate(series["y"]):
        text = _named(line)
        color = _COLORS[n % len(_COLORS)]
        out.append(
            f'<rect x="{place:.1f}" y="10" width="14" height="4" fill="{color}"/>'
            f'<text x="{place + 19:.1f}" y="16" fill="#334155">{escape(text)}</text>'
        )
        place += 34 + sum(11 if ord(c) > 0x2E7F else 6 for c in text)
    return "".join(out)


def _named(axis: Mapping[str, Any]) -> str:
    text = both(axis["title"], axis["title_en"])
    return f"{text} ({unit(axis['unit'])})" if unit(axis["unit"]) else text


def _line(frame: _Frame, at: Sequence[float], values: Sequence[Any], color: str) -> str:
    """A line that is broken where nothing is known."""
    runs: list[list[Place]] = [[]]
    for x, value in zip(at, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.x(x), frame.y(float(value))))
    out = []
    for run in runs:
        shown = _thinned(run)
        if len(shown) == 1:
            out.append(f'<circle cx="{shown[0][0]:.2f}" cy="{shown[0][1]:.2f}" r="2" '
                       f'fill="{color}"/>')  # fmt: skip
        elif shown:
            path = "L".join(f"{x:.2f} {y:.2f}" for x, y in shown)
            out.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.4"/>')
    return "".join(out)


def _thinned(run: list[Place]) -> list[Place]:
    """Lowest and highest of each stretch, where there are more points than paper."""
    if len(run) <= _MOST:
        return run
    out: list[Place] = [run[0]]
    for part in np.array_split(np.arange(len(run)), _MOST // 2):
        ys = [run[i][1] for i in part]
        ends = sorted({int(part[int(np.argmin(ys))]), int(part[int(np.argmax(ys))])})
        out += [run[i] for i in ends]
    return [*out, run[-1]]


def _columns(
    frame: _Frame, at: Sequence[float], values: Sequence[Any], color: str, number: int, count: int
) -> str:
    width = (frame.x(at[1]) - frame.x(at[0])) * 0.86 if len(at) > 1 else 40.0
    each = width / count
    zero = frame.y(0.0)
    out = []
    for x, value in zip(at, values, strict=True):
        if value is None:
            continue
        y = frame.y(float(value))
        out.append(
            f'<rect x="{frame.x(x) - width / 2 + number * each:.2f}" y="{min(y, zero):.2f}" '
            f'width="{max(each, 0.2):.2f}" height="{abs(zero - y):.2f}" fill="{color}"/>'
        )
    return "".join(out)


def _number(value: float) -> str:
    return f"{value:,.10g}"
