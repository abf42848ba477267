"""Looks between the levels of terrain: the step to the coarser tile, and what tiles announce.

A client that draws a tile beside one of a coarser level shows the step between their lines, down to
the skirt, which hangs five times the level's error below the finer one. Where deeper tiles end for
good the two should meet; elsewhere the step is passing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cim.errors import FormatError
from cim.tiles.look import Look
from cim.tiles.terrain.place import level_error
from cim.tiles.terrain.reader import SIDES, DecodedTile, children, decode, drop

SKIRT = 5.0  # level errors deep, in CesiumJS
Box = dict[str, int]
Levels = Sequence[Sequence[Box]]
_BESIDE = ((-1, 0), (0, -1), (1, 0), (0, 1))


class Between:
    """Looks between levels, tile by tile; parents are decoded when asked for and kept a while.

    Args:
        folder: Of layer.json.
        levels: ``available`` of layer.json.
        every: ``metadataAvailability`` of layer.json, or None.
        strict: A patch whose rim gapes below its skirt is an error, and not a note.
    """

    def __init__(self, folder: Path, levels: Levels, every: int | None, *, strict: bool) -> None:
        self.steps, self.told = Look("terrain.levels"), Look("terrain.metadata")
        self.steps.figures |= {"worst_step_m": 0.0, "worst_step_of_skirt": 0.0, "worst_join_m": 0.0}
        self._folder, self._levels, self._every, self._strict = folder, levels, every, strict
        self._kept: dict[tuple[int, int, int], DecodedTile | None] = {}

    def look(self, z: int, x: int, y: int, tile: DecodedTile) -> None:
        """Look from one tile to its parent, and at its metadata.

        From the sides that it shares with its parent, and from those where a sibling is missing.
        """
        self._metadata(z, x, y, tile)
        parent = self._parent(z - 1, x // 2, y // 2) if z else None
        if parent is None:
            return
        quarter = x % 2, y % 2
        for side, (dx, dy) in enumerate(_BESIDE):
            ends = not has(self._levels[z], x + dx, y + dy)
            outer = quarter[side % 2] == side // 2  # the parent's side too
            beyond = has(self._levels[z - 1], (x + dx) // 2, (y + dy) // 2)
            if outer or ends:
                width = drop(tile, parent, side, quarter)
                self._step(f"{z}/{x}/{y}", side, width, SKIRT * level_error(z),
                           joins=ends and beyond)  # fmt: skip

    def _parent(self, z: int, x: int, y: int) -> DecodedTile | None:
        if not any(key[:2] == (z, x) for key in self._kept):
            self._kept.clear()
        key = (z, x, y)
        if key not in self._kept:
            try:
                self._kept[key] = decode((self._folder / f"{z}/{x}/{y}.terrain").read_bytes())
            except (OSError, FormatError, ValueError, IndexError):
                self._kept[key] = None  # told where its own level is looked at
        return self._kept[key]

    def _step(self, name: str, side: int, width: float, skirt: float, *, joins: bool) -> None:
        steps = self.steps
        steps.looked_at += 1
        _raise(steps.figures, "worst_step_m", width)
        _raise(steps.figures, "worst_step_of_skirt", width / skirt)
        if joins:
            _raise(steps.figures, "worst_join_m", width)
        if width > skirt:
            tell = steps.fail if joins and self._strict else steps.note
            tell(
                f"{name}: {width:.2f} m to the coarser level in the {SIDES[side]}, "
                f"its skirt hides {skirt:.2f} m"
            )

    def _metadata(self, z: int, x: int, y: int, tile: DecodedTile) -> None:
        name = f"{z}/{x}/{y}.terrain"
        try:
            told = children(tile)
        except FormatError:
            return  # a fault of the tile, told there
        last = len(self._levels) - 1
        if told is None:
            if self._every and z % self._every == 0 and z < last:
                self.told.fail(f"{name}: metadata are missing, {self._every} levels ask for them")
            return
        self.told.looked_at += 1
        wanted = min(self._every or 1, last - z)
        if len(told) < wanted:
            self.told.fail(f"{name}: its metadata tell {len(told)} levels, not {wanted}")
        for below, boxes in enumerate(told, start=1):
            true = self._levels[z + below] if z + below <= last else []
            if not _same(boxes, true, _square(x, y, below)):
                self.told.fail(f"{name}: its metadata differ from the tiles of level {z + below}")


def has(boxes: Sequence[Box], x: int, y: int) -> bool:
    """Whether rectangles hold a tile."""
    return any(b["startX"] <= x <= b["endX"] and b["startY"] <= y <= b["endY"] for b in boxes)


def _raise(figures: dict[str, float], name: str, value: float) -> None:
    figures[name] = max(figures[name], value)


def _square(x: int, y: int, below: int) -> Box:
    """A tile's descendants so many levels below."""
    side: int = 2**below
    return {"startX": x * side, "startY": y * side,
            "endX": (x + 1) * side - 1, "endY": (y + 1) * side - 1}  # fmt: skip


def _same(told: Sequence[Box], true: Sequence[Box], square: Box) -> bool:
    """Whether rectangles hold exactly the tiles that others hold within a square."""
    clipped = [c for box in true if _size(c := _common(box, square))]
    both = sum(_size(_common(a, b)) for a in told for b in clipped)
    return both == sum(map(_size, told)) == sum(map(_size, clipped))


def _common(one: Box, two: Box) -> Box:
    return {
        "startX": max(one["startX"], two["startX"]), "endX": min(one["endX"], two["endX"]),
        "startY": max(one["startY"], two["startY"]), "endY": min(one["endY"], two["endY"]),
    }  # fmt: skip


def _size(box: Box) -> int:
    return max(0, box["endX"] - box["startX"] + 1) * max(0, box["endY"] - box["startY"] + 1)
