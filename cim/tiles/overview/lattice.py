"""The quadtree above the tiles of a survey: where its cells lie, and what they are called.

Cells are counted from the origin of the survey's own plane, so that a node has the same name
whatever else was delivered, and a changed tile touches its own ancestors only. The finest cells
follow the survey's tile grid: borders of nodes then lie on borders of tiles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SIDE = 32  # quads along a cell
PIXELS = (5, 7)  # texels along a tile of the survey: 2^5 to 2^7
COARSEST = 2  # at least 2^2 texels along a tile, however wide others are
WIDEST = 4096  # texels along one folder's raster
SHARPNESS = 16.0  # error over texel: at that error a texel is as wide as a pixel (SSE 16)
ALIGNED = 0.95  # mean resultant length of centres from which tiles are said to lie on a grid


class Cell(NamedTuple):
    """A cell of the quadtree: level 0 is the finest; column and row count east and north."""

    level: int
    column: int
    row: int

    @property
    def name(self) -> str:
        """A legal file name.

        Example:
            >>> Cell(2, -1, 7).name
            '2_-1_7'
        """
        return f"{self.level}_{self.column}_{self.row}"

    @property
    def parent(self) -> Cell:
        """The cell of the next coarser level that holds this one.

        Example:
            >>> Cell(0, -1, 5).parent
            Cell(level=1, column=-1, row=2)
        """
        return Cell(self.level + 1, self.column // 2, self.row // 2)


def coarser(cells: Collection[Cell]) -> dict[Cell, list[Cell]]:
    """Cells of one level by the cell of the next coarser level that they stand below.

    The last few stand below one root, whichever lines of the quadtree run between them.

    Example:
        >>> len(coarser([Cell(0, -1, 0), Cell(0, 0, 0)]))
        1
    """
    columns, rows = {c.column for c in cells}, {c.row for c in cells}
    close = max(columns) - min(columns) <= 1 and max(rows) - min(rows) <= 1
    groups: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in cells:
        corner = Cell(cell.level + 1, min(columns) // 2, min(rows) // 2)
        groups[corner if close else cell.parent].append(cell)
    return dict(groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Cells and texels over a plane.

    Args:
        pitch: Side of the survey's tiles, m.
        phase: x and y of one corner of its grid, m.
        texel: Side of the finest texels, m: ``pitch`` over a power of two.
    """

    pitch: float
    phase: tuple[float, float]
    texel: float

    @property
    def side(self) -> float:
        """Side of the finest cells, m: two tiles, or one that has many texels itself."""
        return self.pitch if self.pitch / self.texel >= 2 ** PIXELS[1] else 2 * self.pitch

    @property
    def quad(self) -> int:
        """Texels along a quad of a node's mesh."""
        return max(round(self.side / self.texel) // SIDE, 1)

    def cell(self, x: float, y: float) -> Cell:
        """The finest cell around a place of the plane."""
        return Cell(
            0,
            math.floor((x - self.phase[0]) / self.side),
            math.floor((y - self.phase[1]) / self.side),
        )

    @classmethod
    def fit(cls, low: Floats, high: Floats, errors: Sequence[float]) -> Lattice:
        """The lattice that suits tiles with these boxes.

        Args:
            low: (n, 2) lowest x and y of every tile, m.
            high: (n, 2) highest.
            errors: Geometric error of every tile's own coarsest content, m; 0 or infinite where
                it has none.
        """
        pitch, phase = _grid(low, high)
        wanted = [e for e in errors if 0 < e < math.inf]
        error = float(np.median(wanted)) if wanted else 0.0
        while error > HEAVY:
            error /= 2
        exponent = PIXELS[0]
        if error:
            exponent = math.ceil(math.log2(SHARPNESS * pitch / error) - 0.05)
        exponent = min(max(exponent, PIXELS[0]), PIXELS[1])
        # a block that is far wider than most must still fit on a raster: coarser texels for all
        widest = max(float((high - low).max()), pitch)
        room = math.floor(math.log2((WIDEST - SIDE) * pitch / widest))
        exponent = max(min(exponent, room), COARSEST)
        return cls(pitch=pitch, phase=phase, texel=pitch / 2**exponent)


HEAVY = 40.0  # m: producers' files of a larger error weigh more than they show


def _grid(low: Floats, high: Floats) -> tuple[float, tuple[float, float]]:
    """Pitch and phase of a grid of tiles: whole metres that the centres agree with best.

    A tile may overhang its cell (trees, eaves, a seam of the producer's), so that its own size is
    not the pitch; the distances of centres are. Where they agree with nothing, the tiles lie
    freely and their median size is as good as any.
    """
    size = float(np.median(np.maximum(high - low, 0.001).max(axis=1)))
    if size < 8:
        return max(size, 0.001), (0.0, 0.0)
    centres = (low + high) / 2
    reach = max(1, round(size * 0.04))
    tries = sorted(range(round(size) - reach, round(size) + reach + 1), key=lambda p: abs(p - size))
    turns = [np.exp(2j * np.pi * centres / p).mean(axis=0) for p in tries]
    scores = [float(np.abs(t).min()) for t in turns]
    best = next(i for i, s in enumerate(scores) if s >= max(scores) - 1e-6)
    if scores[best] < ALIGNED:
        return float(round(size)), (0.0, 0.0)
    pitch = float(tries[best])
    phase = (np.angle(turns[best]) / (2 * np.pi) - 0.5) * pitch
    near = np.round(phase / pitch) * pitch
    phase = np.where(np.abs(phase - near) < 0.05 * pitch, 0.0, np.round(phase))
    return pitch, (float(phase[0]), float(phase[1]))
