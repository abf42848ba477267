"""Frame and title block of a sheet, after GB/T 14689 (A3: 25 mm to bind, 5 mm elsewhere)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cim.sheet.model import Item, Line, Pen, Sheet, Text, clip_words, path

SMALLEST = (420.0, 297.0)  # A3
BIND, RIM = 25.0, 5.0
BLOCK = (180.0, 8.0)  # width of the title block, height of a row
ROOM = 4.0  # between frame and drawing
_FRAME = Pen(name="图框", width=0.7)
_BLOCK = Pen(name="图签", width=0.25)
_WORDS = Pen(name="图签文字")


def inner(width: float, height: float, rows: int) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of what a drawing may use above a title block of some rows, mm."""
    above = RIM + rows * BLOCK[1] + ROOM
    return BIND + ROOM, above, width - RIM - ROOM, height - RIM - ROOM


def framed(
    items: Iterable[Item], title: str, block: Sequence[tuple[str, str]], *,
    size: tuple[float, float] = SMALLEST,
) -> Sheet:  # fmt: skip
    """A sheet with frame and title block.

    Args:
        items: The drawing.
        title: Of the drawing.
        block: (what, words) of the rows of the title block, from above; the title comes first.
        size: Width and height, mm.
    """
    width, height = size
    rows = [("图名", title), *block]
    right, bottom = width - RIM, RIM
    left, high = right - BLOCK[0], BLOCK[1]
    drawn: list[Item] = [
        Line(pen=_FRAME, closed=True, points=path(
            (BIND, RIM), (right, RIM), (right, height - RIM), (BIND, height - RIM))),
        Line(pen=_BLOCK, closed=True, points=path(
            (left, bottom), (right, bottom), (right, bottom + len(rows) * high),
            (left, bottom + len(rows) * high))),
        Line(pen=_BLOCK, points=path((left + 28, bottom),
                                     (left + 28, bottom + len(rows) * high))),
    ]  # fmt: skip
    for i, (what, words) in enumerate(reversed(rows)):
        y = bottom + i * high
        drawn.append(Line(pen=_BLOCK, points=path((left, y + high), (right, y + high))))
        drawn.append(Text(pen=_WORDS, at=(left + 2, y + 2.6), words=what, height=2.5))
        drawn.append(Text(pen=_WORDS, at=(left + 30, y + 2.6), height=2.5,
                          words=clip_words(words, BLOCK[0] - 32, 2.5)))  # fmt: skip
    return Sheet(width=width, height=height, title=title, items=(*drawn, *items))
