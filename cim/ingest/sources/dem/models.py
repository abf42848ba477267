"""Which sheets become one model: those whose cells fall on one lattice and that lie together.

Sheets of other resolution, CRS or phase become models of their own: nothing is resampled that does
not have to be, and a fine town in a coarse county stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from affine import Affine
from pyproj import CRS

from cim.tiles.terrain.surface import Lattice

SPREAD = 4  # times its sheets' cells a model may span
SMALL = 16_000_000  # cells that it may span in any case
PHASE = 0.01  # cells by which two lattices may differ
MOST = 24  # models, before sheets of other phase are resampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sheet in a model.

    Args:
        id: Of its parcel.
        name: As the user knows it.
        file: Below staging.
        first: Row and column of its first cell on the model's lattice.
        shape: Rows and columns.
        aligned: Whether its cells are the lattice's own; others are resampled onto it.
    """

    id: str
    name: str
    file: str
    first: tuple[int, int]
    shape: tuple[int, int]
    aligned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model that is to be made.

    Args:
        lattice: Its cells.
        metres: Side of a cell on the ground, m.
        parts: Its sheets, by priority.
        boxes: Where each lies, degrees.
    """

    lattice: Lattice
    metres: float
    parts: tuple[Part, ...]
    boxes: tuple[tuple[float, ...], ...] = field(default=())

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the first cell."""
        return min(p.first[0] for p in self.parts), min(p.first[1] for p in self.parts)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns around all its sheets."""
        row, column = self.first
        return (
            max(p.first[0] + p.shape[0] for p in self.parts) - row,
            max(p.first[1] + p.shape[1] for p in self.parts) - column,
        )

    @property
    def transform(self) -> Affine:
        """Of its first cell."""
        x, y = self.lattice.place(*self.first)
        return Affine(self.lattice.cell[0], 0, x, 0, -self.lattice.cell[1], y)

    @property
    def together(self) -> bool:
        """Whether its sheets lie close enough for one grid around them."""
        held = sum(p.shape[0] * p.shape[1] for p in self.parts)
        return self.shape[0] * self.shape[1] <= max(SMALL, SPREAD * held)

    def with_part(self, part: Part, box: tuple[float, ...]) -> ModelPlan:
        """The same with one more sheet, below all others."""
        return replace(self, parts=(*self.parts, part), boxes=(*self.boxes, box))


def models_of(sheets: Sequence[Mapping[str, Any]]) -> list[ModelPlan]:
    """Sheets, given by priority, in models by priority.

    A sheet joins a model unless that would lift it over a sheet between the two that it overlaps.
    """
    models: list[ModelPlan] = []
    for sheet in sheets:
        lattice = lattice_of(sheet)
        box = tuple(float(v) for v in sheet["extent"])
        if not _joined(models, sheet, lattice, box):
            part = part_of(sheet, lattice)
            models.append(
                ModelPlan(lattice=lattice, metres=sheet["cell"], parts=(part,), boxes=(box,))
            )
    return models


def _joined(
    models: list[ModelPlan], sheet: Mapping[str, Any], lattice: Lattice, box: tuple[float, ...]
) -> bool:
    """Put a sheet into the last model that takes it; whether one did."""
    for index in range(len(models) - 1, -1, -1):
        model = models[index]
        aligned = _alike(model.lattice, lattice)
        if aligned or (len(models) >= MOST and _close(model.lattice, lattice)):
            joined = model.with_part(part_of(sheet, model.lattice, aligned=aligned), box)
            if joined.together:
                models[index] = joined
                return True
        if any(_overlap(box, other) for other in model.boxes):
            return False
    return False


def lattice_of(sheet: Mapping[str, Any]) -> Lattice:
    """The lattice of a cleaned sheet."""
    a, _, c, _, e, f = sheet["transform"]
    return Lattice.through(CRS.from_wkt(sheet["crs"]), (a, -e), (c, f))


def part_of(sheet: Mapping[str, Any], lattice: Lattice, *, aligned: bool = True) -> Part:
    """A cleaned sheet on a lattice."""
    a, _, c, _, e, f = sheet["transform"]
    rows, columns = sheet["shape"]
    first = lattice.corner(c, f)
    if not aligned:
        last = lattice.corner(c + a * columns, f + e * rows)
        first, rows, columns = (
            (first[0] - 1, first[1] - 1), last[0] - first[0] + 2, last[1] - first[1] + 2,
        )  # fmt: skip
    return Part(
        id=sheet["id"], name=sheet["name"], file=sheet["file"], first=first,
        shape=(rows, columns), aligned=aligned,
    )  # fmt: skip


def _alike(one: Lattice, other: Lattice) -> bool:
    """Whether cells of the two fall upon each other."""
    if one.crs != other.crs:
        return False
    for side, side2, phase, phase2 in zip(
        one.cell, other.cell, one.phase, other.phase, strict=True
    ):
        off = abs(phase - phase2) / side
        if abs(side / side2 - 1) > 1e-9 or min(off, 1 - off) > PHASE:
            return False
    return True


def _close(one: Lattice, other: Lattice) -> bool:
    """Whether cells of the two are as wide, in one CRS."""
    ratio = [a / b for a, b in zip(one.cell, other.cell, strict=True)]
    return one.crs == other.crs and all(0.96 < r < 1.04 for r in ratio)


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
