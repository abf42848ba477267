"""What the drawings of sections have in common: scales, height grids, bands of figures, files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.sheet import SMALLEST, Item, Line, Pen, Sheet, Text, write_dxf, write_pdf, write_svg
from cim.sheet.model import clip_words, path
from cim.topic import Attachment

Floats = npt.NDArray[np.float64]

GROUND = Pen(name="地面线", color="#6d4c41", width=0.5)
GRID = Pen(name="网格", color="#9e9e9e", width=0.13)
TABLE = Pen(name="表格", width=0.18)
WORDS = Pen(name="文字")
MOST_SHEETS = 4
HEAD = 26.0  # width of a band's heading, mm
ROW = 7.0  # height of a row of a band, mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Where metres lie on a sheet.

    Args:
        across: Denominator of the scale along the section.
        up: Denominator of the scale of heights.
        left: mm at the section's beginning.
        low: mm at the height ``base``.
        base: Height at the lower edge, m.
        top: Height at the upper edge, m.
    """

    across: float
    up: float
    left: float
    low: float
    base: float
    top: float

    def x(self, s: float) -> float:
        """Mm of a distance along the section, m."""
        return self.left + 1000 * s / self.across

    def y(self, z: float) -> float:
        """Mm of a height, m."""
        return self.low + 1000 * (z - self.base) / self.up

    def line(self, s: Floats, z: Floats) -> list[Floats]:
        """The stretches of a profile whose heights are known, mm."""
        known = np.isfinite(z)
        breaks = np.flatnonzero(np.diff(known.astype(int))) + 1
        parts = [p for p in np.split(np.arange(len(s)), breaks) if len(p) > 1 and known[p[0]]]
        return [
            np.column_stack([self.left + 1000 * s[p] / self.across,
                             self.low + 1000 * (z[p] - self.base) / self.up])
            for p in parts
        ]  # fmt: skip


def scale_for(
    length: float, rise: float, room: tuple[float, float], scales: Sequence[tuple[float, float]]
) -> tuple[float, float, float]:
    """The first of some scales at which a section fits on a sheet of up to four A3 in a row.

    Args:
        length: Of the section, m.
        rise: Of its heights, m.
        room: Width and height that an A3 sheet has for it, mm.
        scales: Denominators (across, up), in the order in which they are tried.

    Returns:
        Both denominators, and the width of the sheet, mm.

    Raises:
        ParameterError: it fits at none.
    """
    for across, up in scales:
        sheets = 1 + max(math.ceil((1000 * length / across - room[0]) / SMALLEST[0]), 0)
        if sheets <= MOST_SHEETS and 1000 * rise / up <= room[1]:
            return across, up, sheets * SMALLEST[0]
    raise ParameterError(
        f"{length:.0f} m with {rise:.0f} m of height fit on no sheet at 1:{scales[-1][0]:g}"
        if scales
        else "there is no such scale",
        remedy="draw a shorter section",
    )


def height_grid(paper: Paper, length: float) -> list[Item]:
    """Lines of even heights with their figures at the left."""
    step = next(s for s in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
                if 1000 * s / paper.up >= 5.0)  # fmt: skip
    right = paper.x(length)
    items: list[Item] = []
    z = math.ceil(paper.base / step - 1e-9) * step
    while z <= paper.top + 1e-9:
        y = paper.y(z)
        items.append(Line(pen=GRID, points=path((paper.left, y), (right, y))))
        items.append(Text(pen=WORDS, at=(paper.left - 2, y - 0.9), words=f"{z:.1f}", height=2.0,
                          anchor="end"))  # fmt: skip
        z += step
    items.append(Line(pen=TABLE, points=path((paper.left, paper.low),
                                             (paper.left, paper.y(paper.top)))))  # fmt: skip
    return items


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One row of figures below a section.

    Args:
        title: Chinese.
        words: What it says, at ``at``.
        at: mm from the left edge of the sheet.
        upright: Turned by a quarter, in a taller row.
    """

    title: str
    words: Sequence[str]
    at: Sequence[float]
    upright: bool = True

    @property
    def height(self) -> float:
        """Mm."""
        return 16.0 if self.upright else ROW


def bands(rows: Sequence[Band], left: float, right: float, top: float) -> list[Item]:
    """Rows of figures below each other, from a height on downwards, mm."""
    items: list[Item] = [Line(pen=TABLE, points=path((left - HEAD, top), (right, top)))]
    y = top
    for row in rows:
        y -= row.height
        items.append(Line(pen=TABLE, points=path((left - HEAD, y), (right, y))))
        items.append(Text(pen=WORDS, at=(left - HEAD + 1.5, y + row.height / 2 - 1.0),
                          words=row.title, height=2.2))  # fmt: skip
        for x, words in zip(row.at, row.words, strict=True):
            if row.upright:
                items.append(Text(pen=WORDS, at=(x + 0.9, y + 1.2), height=2.0, turn=90,
                                  words=clip_words(words, row.height - 1.5, 2.0)))  # fmt: skip
            else:
                items.append(Text(pen=WORDS, at=(x, y + 2.4), words=words, height=2.0,
                                  anchor="middle"))  # fmt: skip
    items.extend(Line(pen=TABLE, points=path((x, top), (x, y))) for x in (left - HEAD, left, right))
    return items


def spread(at: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Places moved as little as need be so that none is nearer to the next than a least, mm."""
    out: list[float] = []
    for x in at:
        out.append(max(x, out[-1] + least) if out else max(x, low))
    limit = high
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], limit)
        limit = out[i] - least
    return out


def drawings(
    sheet: Sheet, folder: Path, name: str, title: str, title_en: str
) -> tuple[Attachment, ...]:
    """The sheet as three files."""
    found = []
    for ending, write, kind in (("svg", write_svg, "image/svg+xml"),
                                ("pdf", write_pdf, "application/pdf"),
                                ("dxf", write_dxf, "image/vnd.dxf")):  # fmt: skip
        target = folder / f"{name}.{ending}"
        write(sheet, target)
        found.append(Attachment(path=target, title=f"{title}（{ending.upper()}）",
                                title_en=f"{title_en} ({ending.upper()})",
                                media_type=kind))  # fmt: skip
    return tuple(found)


def metres(value: float | None, digits: int = 3) -> str:
    """As the table has it; a dash where nobody knows."""
    return "—" if value is None else f"{value:.{digits}f}"


def told(value: float, digits: int = 3) -> float | None:
    """A number of a table; None where it is not known."""
    return round(float(value), digits) if np.isfinite(value) else None
