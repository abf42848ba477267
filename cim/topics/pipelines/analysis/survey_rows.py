"""Cells of a survey's tables as numbers and words, and what cannot be read of them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.topics.pipelines.analysis.survey_rules import REFERENCES

Floats = npt.NDArray[np.float64]
Cell = Any
Spot = tuple[float, float]

FOOT = 0.3048
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
_UNITS = re.compile(r"(?<=\d)\s*(?:mm|cm|m|米|毫米)$", re.IGNORECASE)
_SIZE = re.compile(r"(?:DN|D|Φ|φ|ø|Ø|公称直径)?\s*(\d+(?:\.\d+)?)\s*(?:mm)?$", re.IGNORECASE)
_RECTANGLE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×X*]\s*(\d+(?:\.\d+)?)\s*(?:mm)?$")
_ERRORS = re.compile(r"#(REF|VALUE|DIV/0|NAME|N/A|NUM|NULL|SPILL|CALC)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A cell that stands for nothing we can read."""

    row: int
    column: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRecord:
    """A row of the table of points; heights and depths in m, x east, y north in m."""

    row: int
    no: str
    x: float | None = None
    y: float | None = None
    ground: float | None = None
    kind: str = ""
    feature: str = ""
    appurtenance: str = ""
    well_depth: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineRecord:
    """A row of the table of segments; m, and mm for the size."""

    row: int
    no: str
    ends: tuple[str, str]
    depths: tuple[float | None, float | None] = (None, None)
    elevations: tuple[float | None, float | None] = (None, None)
    reference: str = ""
    size: float | None = None
    kind: str = ""
    material: str = ""
    flow: int | None = None
    length: float | None = None
    line: Floats | None = None


@dataclass(slots=True)
class Reader:
    """Reads cells and remembers those that cannot be read.

    Args:
        metre: Length of the unit of heights and depths, m.
    """

    metre: float = 1.0
    unread: list[Unread] = field(default_factory=list)

    def number(self, row: int, column: str, cell: Cell) -> float | None:
        """A number; None where the cell is empty or cannot be read, which is remembered."""
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return None
        if isinstance(cell, bool | date | datetime):
            return self._bad(row, column, cell)
        if isinstance(cell, int | float):
            return float(cell) if math.isfinite(cell) else self._bad(row, column, cell)
        text = _UNITS.sub("", _plain(cell)).replace(",", "")
        if text in {"", "-", "--", "/", "无", "不详", "未知"}:
            return None
        if not _NUMBER.fullmatch(text):
            return self._bad(row, column, cell)
        return float(text)

    def height(self, row: int, column: str, cell: Cell) -> float | None:
        """A height or depth, m."""
        found = self.number(row, column, cell)
        return None if found is None else found * self.metre

    def size(self, row: int, column: str, cell: Cell) -> float | None:
        """A nominal diameter, mm; of a rectangle, the wider side."""
        if isinstance(cell, str):
            text = _plain(cell)
            if found := _RECTANGLE.match(text):
                return max(float(found[1]), float(found[2])) or None
            if found := _SIZE.match(text):
                return float(found[1]) or None
        value = self.number(row, column, cell)
        return value if value is None or value > 0 else None

    def _bad(self, row: int, column: str, cell: Cell) -> float | None:
        self.unread.append(Unread(row=row, column=column, text=str(cell)[:60]))
        return None


def _plain(cell: Cell) -> str:
    return unicodedata.normalize("NFKC", str(cell)).strip()


def text(cell: Cell) -> str:
    """A word: full-width characters made plain, whole numbers without their point."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    found = _plain(cell)
    return "" if _ERRORS.match(found) else found


def reference(cell: Cell) -> str:
    """What part of the pipe an elevation is of: top, invert or centre; empty where untold."""
    return REFERENCES.get(text(cell).lower(), "")


def points_of(
    rows: Sequence[Mapping[str, Cell]], first: int, reader: Reader
) -> list[PointRecord]:  # fmt: skip
    """Records of the table of points.

    Args:
        rows: Cells by the names of ``POINT_COLUMNS``.
        first: Row of the first of them, as a spreadsheet counts.
        reader: Of the cells.
    """
    found = []
    for row, cells in enumerate(rows, first):
        number = reader.number
        found.append(PointRecord(
            row=row, no=text(cells.get("no")), x=number(row, "X", cells.get("x")),
            y=number(row, "Y", cells.get("y")),
            ground=reader.height(row, "地面高程", cells.get("ground")),
            kind=text(cells.get("kind")).upper(), feature=text(cells.get("feature")),
            appurtenance=text(cells.get("appurtenance")),
            well_depth=reader.height(row, "井深", cells.get("well_depth")),
        ))  # fmt: skip
    return found


def lines_of(
    rows: Sequence[Mapping[str, Cell]], first: int, reader: Reader, assumed: str = ""
) -> list[LineRecord]:  # fmt: skip
    """Records of the table of segments.

    Args:
        rows: Cells by the names of ``LINE_COLUMNS``, and ``line`` where it is drawn.
        first: Row of the first of them.
        reader: Of the cells.
        assumed: Reference of elevations where the table has no column for it.
    """
    found = []
    for row, cells in enumerate(rows, first):
        flow = reader.number(row, "流向", cells.get("flow"))
        found.append(LineRecord(
            row=row, no=text(cells.get("no")) or f"#{row}",
            ends=(text(cells.get("from")), text(cells.get("to"))),
            depths=(reader.height(row, "起点埋深", cells.get("start_depth")),
                    reader.height(row, "止点埋深", cells.get("end_depth"))),
            elevations=(reader.height(row, "起点高程", cells.get("start_elev")),
                        reader.height(row, "止点高程", cells.get("end_elev"))),
            reference=reference(cells.get("ref")) if "ref" in cells else assumed,
            size=reader.size(row, "管径", cells.get("size")),
            kind=text(cells.get("kind")).upper(), material=text(cells.get("material")),
            flow=int(flow) if flow in {-1.0, 0.0, 1.0} else None,
            length=reader.number(row, "长度", cells.get("length")), line=cells.get("line"),
        ))  # fmt: skip
    return found


def placed(
    points: Sequence[PointRecord], inside: Any
) -> tuple[list[PointRecord], str] | None:  # fmt: skip
    """Points with x to the east, whichever column held it; None where neither way fits.

    Chinese surveys call the northing X. Which it is, is told by where the points come to lie.

    Args:
        points: As read: x of the column X.
        inside: From (n, 2) eastings and northings to whether each lies where it should.
    """
    known = [(p.x, p.y) for p in points if p.x is not None and p.y is not None]
    if not known:
        return None
    pairs = np.array(known, np.float64)
    for way, order in (("X 为北、Y 为东 X is north", [1, 0]), ("X 为东、Y 为北 X is east", [0, 1])):
        if float(np.mean(inside(pairs[:, order]))) >= 0.5:
            if order == [0, 1]:
                return list(points), way
            return [_turned(p) for p in points], way
    return None


def _turned(p: PointRecord) -> PointRecord:
    return PointRecord(
        row=p.row,
        no=p.no,
        x=p.y,
        y=p.x,
        ground=p.ground,
        kind=p.kind,
        feature=p.feature,
        appurtenance=p.appurtenance,
        well_depth=p.well_depth,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """Points and segments as surveyed.

    Args:
        points: x east, y north, m.
        lines: Between them.
        unread: Cells of both tables that could not be read, by table.
        by_no: Points by number; of several of one number the first.
        at_point: Segments that meet at a number, and with which end; each pair of points once.
    """

    points: Sequence[PointRecord]
    lines: Sequence[LineRecord]
    unread: Sequence[tuple[str, Unread]] = ()
    by_no: dict[str, PointRecord] = field(default_factory=dict)
    at_point: dict[str, list[tuple[LineRecord, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for point in self.points:
            self.by_no.setdefault(point.no, point)
        seen: set[frozenset[str]] = set()
        for line in self.lines:
            pair = frozenset(line.ends)
            if len(pair) < 2 or pair in seen:
                continue  # told by rules of their own; they would only blur the others
            seen.add(pair)
            for side, no in enumerate(line.ends):
                self.at_point.setdefault(no, []).append((line, side))

    def spot(self, no: str) -> Spot | None:
        """Where a point is; None where nobody says."""
        point = self.by_no.get(no)
        return None if point is None or point.x is None or point.y is None else (point.x, point.y)

    def middle(self, line: LineRecord) -> Spot | None:
        """Middle between the ends of a segment, or the end that is known."""
        spots = [spot for no in line.ends if (spot := self.spot(no)) is not None]
        if not spots:
            return None
        return sum(s[0] for s in spots) / len(spots), sum(s[1] for s in spots) / len(spots)

    def way(self, line: LineRecord) -> Floats | None:
        """(3,) from its start to its end, m; flat where an elevation is missing."""
        start, end = (self.spot(no) for no in line.ends)
        if start is None or end is None:
            return None
        low, high = line.elevations
        rise = 0.0 if low is None or high is None else high - low
        return np.array([end[0] - start[0], end[1] - start[1], rise])


def plain_number(no: str) -> str:
    """A point's number without what is easily mistaken: case, blanks, dashes, O and 0, zeros."""
    folded = unicodedata.normalize("NFKC", no).upper()
    folded = re.sub(r"[\s\-_.·/]", "", folded)
    folded = folded.replace("O", "0").replace("I", "1").replace("L", "1")
    return re.sub(r"(?<!\d)0+(?=\d)", "", folded)
