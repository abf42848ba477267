"""One elevation model made ready to be sampled: halved again and again, its gaps closed.

It lies in arrays of memory or of files; of the latter only what is looked at comes into memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from cim.geo.crs import CGCS2000, resolve, rows, transformer
from cim.store.files import write_json
from cim.tiles.terrain.gaps import close, halve, survey

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Room = Callable[[str, tuple[int, int]], Cells]

BLOCK = 64  # cells along a block whose content is summed up


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Cells without end in a CRS: cell (0, 0) has its upper left corner at ``phase``.

    Args:
        crs: Projected, axes in metres.
        cell: Side of a cell (x, y), both positive.
        phase: x and y of a corner of cells, x in [0, cell), y in [0, cell).
    """

    crs: CRS
    cell: tuple[float, float]
    phase: tuple[float, float]

    @classmethod
    def through(cls, crs: CRS, cell: tuple[float, float], corner: tuple[float, float]) -> Self:
        """The lattice that has a corner of its cells at a place."""
        x, y = (round(v % c, 6) % c for v, c in zip(corner, cell, strict=True))
        return cls(crs=crs, cell=cell, phase=(x, y))

    def corner(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the cell whose upper left corner lies nearest."""
        return (
            round((self.phase[1] - y) / self.cell[1]),
            round((x - self.phase[0]) / self.cell[0]),
        )

    def place(self, row: Any, column: Any) -> tuple[Any, Any]:
        """Coordinates of the upper left corner of a cell."""
        return (
            self.phase[0] + column * self.cell[0],
            self.phase[1] - row * self.cell[1],
        )

    def posts(self, x: Floats, y: Floats, level: int) -> tuple[Floats, Floats]:
        """Rows and columns on the lattice halved ``level`` times, whole at centres of cells."""
        wide, high = (side * 2**level for side in self.cell)
        return (self.phase[1] - y) / high - 0.5, (x - self.phase[0]) / wide - 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """What blocks of 64 × 64 cells of a level hold; (rows, columns) of each.

    Args:
        first: Row and column of the first block on the lattice of blocks.
        digests: Tell whether anything has changed.
        counts: Known cells.
        lows: Lowest height, gaps closed, m.
        highs: Highest height, gaps closed, m.
    """

    first: tuple[int, int]
    digests: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int32]
    lows: Cells
    highs: Cells


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """A model halved so many times.

    Args:
        first: Row and column of the first cell on the lattice of this level.
        known: Heights, m; NaN where unknown.
        filled: The same without gaps.
        blocks: What it holds.
    """

    first: tuple[int, int]
    known: Cells
    filled: Cells
    blocks: Blocks

    def range(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Blocks that hold cells from row, column ``low`` to ``high``, (n, 2), kept inside."""
        last = np.array(self.blocks.counts.shape) - 1
        first = np.array(self.blocks.first)
        return (
            np.clip(low // BLOCK - first, 0, last),
            np.clip(high // BLOCK - first, 0, last),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A model, finest level first.

    Args:
        lattice: Where its cells lie.
        metres: Side of a cell on the ground, m.
        levels: Of 1, 2, 4, ... cells along one.
    """

    lattice: Lattice
    metres: float
    levels: tuple[Level, ...]

    @classmethod
    def make(
        cls, known: Cells, first: tuple[int, int], lattice: Lattice, metres: float, room: Room
    ) -> Self:
        """Halve a model to the end and close its gaps on all levels.

        Args:
            known: (rows from the north, columns) heights, m; NaN where unknown, not everywhere.
            first: Row and column of its first cell on the lattice.
            lattice: Its cells.
            metres: Side of a cell on the ground, m.
            room: Gives an array for a name and a shape.
        """
        kept = [(first, known)]
        while max(kept[-1][1].shape) > 2:
            kept.append(_halved(*kept[-1], room, len(kept)))
        whole = list(_closed(kept, room))
        levels = tuple(
            Level(first=at, known=cells, filled=full, blocks=_surveyed(cells, full, at))
            for (at, cells), full in zip(kept, whole, strict=True)
        )
        return cls(lattice=lattice, metres=metres, levels=levels)

    def level_for(self, spacing: float) -> int:
        """The coarsest level whose cells are not wider than posts lie apart, m."""
        fitting = math.floor(math.log2(max(spacing / self.metres, 1.0)) + 1e-9)
        return min(fitting, len(self.levels) - 1)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all cells, degrees, and half a cell more."""
        top, left = self.levels[0].first
        height, width = self.levels[0].known.shape
        along = np.linspace(-0.5, 0.5, 21)
        row = top + height / 2 + along * (height + 1)
        column = left + width / 2 + along * (width + 1)
        around = [(r, c) for r in row for c in (column[0], column[-1])]
        around += [(r, c) for r in (row[0], row[-1]) for c in column]
        xy = np.array([self.lattice.place(r, c) for r, c in around])
        lon, lat = rows(transformer(self.lattice.crs, CGCS2000), xy).T
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    @cached_property
    def step(self) -> Transformer:
        """From degrees into its CRS."""
        return transformer(CGCS2000, self.lattice.crs)

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest known height, m; what closes gaps lies between."""
        blocks = self.levels[0].blocks
        return float(blocks.lows.min()), float(blocks.highs.max())

    def save(self, folder: Path) -> None:
        """Keep what is not in the arrays of ``room`` beside them; see ``files``."""
        for number, level in enumerate(self.levels):
            b = level.blocks
            np.savez(folder / f"blocks-{number}.npz", first=b.first, digests=b.digests,
                     counts=b.counts, lows=b.lows, highs=b.highs)  # fmt: skip
        write_json(
            folder / "surface.json",
            {
                "crs": self.lattice.crs.to_wkt(), "cell": self.lattice.cell,
                "phase": self.lattice.phase, "metres": self.metres,
                "levels": [
                    {"first": level.first, "gaps": level.filled is not level.known}
                    for level in self.levels
                ],
            },
        )  # fmt: skip

    @classmethod
    def open(cls, folder: Path) -> Self:
        """A model as it was saved; its arrays stay on disk."""
        told = json.loads((folder / "surface.json").read_text("utf-8"))
        lattice = Lattice(
            crs=resolve(told["crs"]).crs, cell=tuple(told["cell"]), phase=tuple(told["phase"])
        )
        levels = tuple(_opened(folder, number, one) for number, one in enumerate(told["levels"]))
        return cls(lattice=lattice, metres=told["metres"], levels=levels)


def in_memory(_name: str, shape: tuple[int, int]) -> Cells:
    """Room for a small model."""
    return np.empty(shape, np.float32)


def files(folder: Path) -> Room:
    """Room in files, for models that are wider than memory."""
    folder.mkdir(parents=True, exist_ok=True)

    def room(name: str, shape: tuple[int, int]) -> Cells:
        path = folder / f"{name}.npy"
        new: Any = np.lib.format.open_memmap
        return np.asarray(new(path, mode="w+", dtype=np.float32, shape=shape))

    return room


def _opened(folder: Path, number: int, told: dict[str, Any]) -> Level:
    def cells(name: str) -> Cells:
        return np.asarray(np.load(folder / f"{name}-{number}.npy", mmap_mode="r"))

    known = cells("known")
    with np.load(folder / f"blocks-{number}.npz") as kept:
        blocks = Blocks(
            first=(int(kept["first"][0]), int(kept["first"][1])), digests=kept["digests"],
            counts=kept["counts"], lows=kept["lows"], highs=kept["highs"],
        )  # fmt: skip
    return Level(
        first=(told["first"][0], told["first"][1]), known=known,
        filled=cells("filled") if told["gaps"] else known, blocks=blocks,
    )  # fmt: skip


def _halved(
    first: tuple[int, int], fine: Cells, room: Room, level: int
) -> tuple[tuple[int, int], Cells]:
    at = (first[0] // 2, first[1] // 2)
    last = [(f + n - 1) // 2 for f, n in zip(first, fine.shape, strict=True)]
    coarse = room(f"known-{level}", (last[0] - at[0] + 1, last[1] - at[1] + 1))
    halve(fine, first[0], first[1], coarse)
    return at, coarse


def _closed(kept: list[tuple[tuple[int, int], Cells]], room: Room) -> Iterator[Cells]:
    """All levels without gaps, finest first; one without any is itself."""
    above: tuple[tuple[int, int], Cells] | None = None
    whole: list[Cells] = []
    for level in range(len(kept) - 1, -1, -1):
        first, known = kept[level]
        filled = known
        if above is None:
            filled = np.where(np.isnan(known), np.nanmean(known), known).astype(np.float32)
            if np.isnan(known).any():
                room(f"filled-{level}", known.shape)[:] = filled
            else:
                filled = known
        elif _has_gaps(known):
            filled = room(f"filled-{level}", (known.shape[0], known.shape[1]))
            close(known, first[0], first[1], above[1], above[0][0], above[0][1], filled)
        above = (first, filled)
        whole.append(filled)
    return reversed(whole)


def _has_gaps(cells: Cells) -> bool:
    return any(bool(np.isnan(cells[r : r + 256]).any()) for r in range(0, len(cells), 256))


def _surveyed(known: Cells, filled: Cells, first: tuple[int, int]) -> Blocks:
    at = (first[0] // BLOCK, first[1] // BLOCK)
    last = [(f + n - 1) // BLOCK for f, n in zip(first, known.shape, strict=True)]
    shape = (last[0] - at[0] + 1, last[1] - at[1] + 1)
    digests, counts = np.empty(shape, np.uint64), np.empty(shape, np.int32)
    lows, highs = np.empty(shape, np.float32), np.empty(shape, np.float32)
    survey(known, filled, first[0], first[1], BLOCK, digests, counts, lows, highs)
    return Blocks(first=at, digests=digests, counts=counts, lows=lows, highs=highs)
