"""Which cells a mesh is cut into: a quadtree whose leaves hold about as much as one tile should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DEEPEST = 9  # levels: 512 × 512 cells
SAMPLES = 8  # along the side of a triangle that reaches over many cells


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A square of the quadtree: level 0 is the whole."""

    level: int
    column: int
    row: int

    @property
    def name(self) -> str:
        """Short and legal as a file name."""
        return f"{self.level}-{self.column}-{self.row}"

    @property
    def parent(self) -> Cell:
        """The cell above."""
        return Cell(self.level - 1, self.column // 2, self.row // 2)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A quadtree as tables.

    Args:
        middles: (n, 2) where the lines of each node run, m.
        children: (n, 4) nodes below: west-south, east-south, west-north, east-north; -1: a leaf.
        leaf: (n,) number of a leaf, -1 for others.
        cells: The leaves by their number.
    """

    middles: Floats
    children: npt.NDArray[np.int32]
    leaf: npt.NDArray[np.int32]
    cells: tuple[Cell, ...]


@dataclass(slots=True, eq=False)
class Census:
    """How much lies where, counted on the finest grid.

    Args:
        low: Lowest corner of the whole square, m.
        side: Its side, m.
        counts: (512, 512) triangles.
        weights: (512, 512) what their pictures hold, texels.
    """

    low: Floats
    side: float
    counts: Floats
    weights: Floats

    @classmethod
    def over(cls, low: Floats, high: Floats) -> Census:
        """An empty one for everything between two (2,) corners."""
        side = max(float((high - low).max()), 1e-3)
        shape = (1 << DEEPEST, 1 << DEEPEST)
        return cls(low - (side - (high - low)) / 2, side, np.zeros(shape), np.zeros(shape))

    def add(self, corners: Floats, texels: Floats) -> None:
        """Count (n, 3, 3) triangles, each with (n,) texels of its picture."""
        _count(corners, texels, self.low, self.side, self.counts, self.weights)

    def tree(self, most: float, heaviest: float) -> Tree:
        """Divide until a cell holds at most so many triangles and texels; empty cells are left."""
        counts, weights = _pyramid(self.counts), _pyramid(self.weights)
        middles: list[tuple[float, float]] = []
        children: list[list[int]] = []
        leaf: list[int] = []
        cells: list[Cell] = []

        def grow(cell: Cell) -> int:
            number = len(middles)
            side = self.side / (1 << cell.level)
            x, y = self.low + (np.array([cell.column, cell.row]) + 0.5) * side
            middles.append((float(x), float(y)))
            children.append([-1] * 4)
            leaf.append(-1)
            at = (cell.row, cell.column)
            full = counts[cell.level][at] > most or weights[cell.level][at] > heaviest
            if full and cell.level < DEEPEST:
                children[number] = [grow(child) for child in _quarters(cell)]
            else:
                leaf[number] = len(cells)
                cells.append(cell)
            return number

        grow(Cell(0, 0, 0))
        return Tree(
            np.array(middles), np.array(children, np.int32), np.array(leaf, np.int32), tuple(cells)
        )


def _quarters(cell: Cell) -> Iterator[Cell]:
    for quarter in range(4):
        yield Cell(cell.level + 1, cell.column * 2 + (quarter & 1), cell.row * 2 + (quarter >> 1))


def _pyramid(finest: Floats) -> list[Floats]:
    """Sums from the finest grid up; the coarsest first."""
    levels = [finest]
    while len(levels[0]) > 1:
        half = len(levels[0]) // 2
        levels.insert(0, levels[0].reshape(half, 2, half, 2).sum(axis=(1, 3)))
    return levels


@numba.njit(cache=True)
def _count(corners, texels, low, side, counts, weights):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Share each triangle out over the cells that it covers, by even samples."""
    width = len(counts)
    step = side / width
    for i in range(len(corners)):
        a, b, c = corners[i]
        reach = 0.0
        for axis in range(2):
            lowest = min(a[axis], b[axis], c[axis])
            highest = max(a[axis], b[axis], c[axis])
            reach = max(reach, highest - lowest)
        n = max(1, min(SAMPLES, int(reach / step)))
        share = 1.0 / (n * (n + 1) / 2)
        for j in range(n):
            for k in range(n - j):
                u, v = (j + 1 / 3) / n, (k + 1 / 3) / n
                x = a[0] + (b[0] - a[0]) * u + (c[0] - a[0]) * v
                y = a[1] + (b[1] - a[1]) * u + (c[1] - a[1]) * v
                column = min(max(int((x - low[0]) / step), 0), width - 1)
                row = min(max(int((y - low[1]) / step), 0), width - 1)
                counts[row, column] += share
                weights[row, column] += share * texels[i]
