"""What is on a sheet: millimetres on paper, x to the right, y up from the lower left corner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """How a layer of a drawing is drawn.

    Args:
        name: Of the layer, as programs of draughtsmen show it.
        color: #rrggbb.
        width: Of lines, mm.
        dash: Lengths of dashes and gaps, mm; empty for none.
    """

    name: str
    color: str = "#000000"
    width: float = 0.25
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A polyline; a closed one may be filled."""

    pen: Pen
    points: Floats
    closed: bool = False
    fill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse:
    """An ellipse.

    Args:
        pen: Its line.
        centre: x, y.
        axes: Both semi-axes; the first lies in the direction of the tilt.
        tilt: From x counter-clockwise, degrees.
        fill: #rrggbb, or None.
    """

    pen: Pen
    centre: tuple[float, float]
    axes: tuple[float, float]
    tilt: float = 0.0
    fill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One line of words.

    Args:
        pen: Its colour and layer.
        at: x, y of the anchor on the base line.
        words: What it says.
        height: Of a capital letter, mm.
        anchor: Which end of the words is there.
        turn: Counter-clockwise, degrees.
    """

    pen: Pen
    at: tuple[float, float]
    words: str
    height: float = 2.5
    anchor: Anchor = "start"
    turn: float = 0.0


Item = Line | Ellipse | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet.

    Args:
        width: mm.
        height: mm.
        title: For the file's own description.
        items: In the order in which they are drawn.
    """

    width: float
    height: float
    title: str
    items: tuple[Item, ...] = field(default_factory=tuple)


def path(*corners: tuple[float, float]) -> Floats:
    """Corners as an array."""
    return np.array(corners, np.float64)


def clip_words(words: str, width: float, height: float) -> str:
    """As many of the words as fit into a width, mm; Chinese is as wide as high, Latin half."""
    used = 0.0
    for i, letter in enumerate(words):
        used += height * (1.35 if ord(letter) > 0x2E80 else 0.8)
        if used > width:
            return words[: max(i - 1, 0)] + "…"
    return words
