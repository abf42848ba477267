"""The rasters of a whole mesh, in files: put together, fitted block by block, ready to be sampled.

Nothing wider than a block and its surroundings comes into memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from pyproj import CRS

from cim.ingest.sources.join.border import LARGEST, away, footprint
from cim.ingest.sources.join.fit import WIDE, fit, widest
from cim.ingest.sources.join.joined import Ceiling, model_heights
from cim.ingest.sources.join.options import JoinOptions
from cim.ingest.sources.join.raster import BOTTOM, COARSEST, SIDE, TOP, Sheets, pooling
from cim.store.files import write_json
from cim.tiles.terrain.ground import Ground
from cim.tiles.terrain.surface import Lattice, Surface, files

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]
BLOCK = 1024  # cells fitted at once
NEAR = 8  # cells along a cell of the raster that tells how near the border is
COVER, ADDED, RESIDUAL, CEILING, NEARNESS = "cover", "added", "residual", "ceiling", "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """Rasters of a mesh in a folder.

    Args:
        folder: Where their files lie.
        cell: Side of a cell, m.
        first: Row and column of the first cell.
        shape: Rows and columns; multiples of the widest cell's side.
        coarse: Terrain levels that have rasters of coarser mesh files.
        finest: The deepest terrain level.
    """

    folder: Path
    cell: float
    first: tuple[int, int]
    shape: tuple[int, int]
    coarse: tuple[int, ...]
    finest: int

    @property
    def transform(self) -> Affine:
        """Of the first cell."""
        row, column = self.first
        return Affine(self.cell, 0, column * self.cell, 0, -self.cell, -row * self.cell)

    def array(self, name: str, dtype: Any = np.float32, halved: int = 0) -> Any:
        """A raster for writing; a new one is empty."""
        path = self.folder / f"{name}.npy"
        if path.exists():
            return np.load(path, mmap_mode="r+")
        shape = self.shape[0] >> halved, self.shape[1] >> halved
        new: Any = np.lib.format.open_memmap
        made = new(path, mode="w+", dtype=dtype, shape=shape)
        if dtype is np.float32 and name != ADDED:
            made[:] = np.nan
        return made

    @classmethod
    def assemble(
        cls, parts: Sequence[Path], folder: Path, options: JoinOptions, finest: int
    ) -> Relief:
        """Put the rasters of all folders of a mesh together."""
        loaded = [Sheets.load(path) for path in parts]
        keys = [key for sheets in loaded for key in sheets.blocks if key[0] == BOTTOM]
        pad = int(2 * options.band / options.cell) + 2
        unit = 2 ** pooling(COARSEST, options.cell)
        low = np.min([key[1:] for key in keys], axis=0) * SIDE - pad
        high = (np.max([key[1:] for key in keys], axis=0) + 1) * SIDE + pad
        low, high = low // unit * unit, -(-high // unit) * unit
        names = sorted({key[0] for sheets in loaded for key in sheets.blocks} - {BOTTOM, TOP})
        relief = cls(
            folder=folder,
            cell=options.cell,
            first=(int(low[0]), int(low[1])),
            shape=(int(high[0] - low[0]), int(high[1] - low[1])),
            coarse=tuple(sorted(map(int, names))),
            finest=finest,
        )
        folder.mkdir(parents=True, exist_ok=True)
        for sheets in loaded:
            relief._lay(sheets)
        return relief

    def _lay(self, sheets: Sheets) -> None:
        for (name, i, j), block in sheets.blocks.items():
            halved = 0 if name in {BOTTOM, TOP} else pooling(int(name), self.cell)
            whole = self.array(name, halved=halved)
            top, left = i * SIDE - (self.first[0] >> halved), j * SIDE - (self.first[1] >> halved)
            part = block[max(-top, 0) :, max(-left, 0) :]
            here = whole[max(top, 0) : top + SIDE, max(left, 0) : left + SIDE]
            part = part[: here.shape[0], : here.shape[1]]
            (np.fmax if name == TOP else np.fmin)(here, part, out=here)

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Windows that are fitted one after the other."""
        for top in range(0, self.shape[0], BLOCK):
            for left in range(0, self.shape[1], BLOCK):
                yield (slice(top, min(top + BLOCK, self.shape[0])),
                       slice(left, min(left + BLOCK, self.shape[1])))  # fmt: skip

    def fit(self, ground: Ground, crs: CRS, options: JoinOptions) -> dict[str, Floats]:
        """Fit all blocks; what was found at the border.

        Returns:
            ``residual``: (n, 2) mesh ground minus model in the ring, m, and the direction of the
            outside, degrees from north; ``edge``: (n, 3) row and column just outside the border,
            and the height of the mesh carried on to it, m.
        """
        halo = int((max(4 * widest(options.band) + WIDE, LARGEST) + 16) / self.cell)
        found: dict[str, list[Floats]] = {"residual": [], "edge": []}
        for block in self.blocks():
            around = tuple(
                slice(max(s.start - halo, 0), min(s.stop + halo, n))
                for s, n in zip(block, self.shape, strict=True)
            )
            core = tuple(
                slice(s.start - a.start, s.stop - a.start)
                for s, a in zip(block, around, strict=True)
            )
            bottom = np.asarray(self.array(BOTTOM)[around], np.float64)
            if np.isfinite(bottom).any():
                for name, values in self._fitted(
                    bottom, around, core, (ground, crs, options)
                ).items():
                    found[name].append(values)
        return {name: np.concatenate(values) for name, values in found.items()}

    def _fitted(
        self, bottom: Floats, around: Any, core: Any, wishes: tuple[Ground, CRS, JoinOptions]
    ) -> dict[str, Floats]:
        ground, crs, options = wishes
        top, left = around[0].start, around[1].start
        first = self.first[0] + top, self.first[1] + left
        there = np.isfinite(bottom)
        cover = footprint(there, self.cell)
        distance = away(cover, self.cell)
        model = model_heights(ground, crs, self.cell, first, (there.shape[0], there.shape[1]))
        made = fit(bottom, model, distance, self.cell, options.band, options.margin)
        here = tuple(
            slice(c.start + a.start, c.stop + a.start) for c, a in zip(core, around, strict=True)
        )
        self.array(COVER, np.uint8)[here] = cover[core]
        self.array(ADDED)[here] = made.added[core]
        self.array(RESIDUAL)[here] = made.residual[core]
        self.array(CEILING)[here] = (bottom - made.headroom)[core]
        self._note_nearness(distance[core], here)
        inside = np.zeros(cover.shape, bool)
        inside[core] = True
        south, east = np.gradient(np.where(np.isfinite(distance), distance, 0.0))
        ring = np.isfinite(made.residual) & inside
        angle = np.degrees(np.arctan2(east, -south)) % 360
        row, column = np.nonzero(np.isfinite(made.edge) & inside)
        out = _outside(cover, row, column)
        beyond = row + out[0], column + out[1]
        height = made.edge[row, column] + model[beyond]  # the slope from cell to cell is no step
        edge = np.column_stack([beyond[0] + top, beyond[1] + left, height])
        return {"residual": np.column_stack([made.residual[ring], angle[ring]]), "edge": edge}

    def _note_nearness(self, distance: Floats, here: Any) -> None:
        """The nearest that each 8 × 8 cells come to the border."""
        near = self.array(NEARNESS, halved=NEAR.bit_length() - 1)
        pooled = np.abs(distance).reshape(
            distance.shape[0] // NEAR, NEAR, distance.shape[1] // NEAR, NEAR
        )
        part = tuple(slice(s.start // NEAR, s.stop // NEAR) for s in here)
        near[part] = pooled.min(axis=(1, 3))

    def finish(self, crs: CRS) -> None:
        """Halve what is added, and the ceilings of all levels."""
        ceiling = np.asarray(self.array(CEILING))
        halved = 0
        for z in range(self.finest, COARSEST - 1, -1):
            while halved < pooling(z, self.cell):
                ceiling, halved = _pooled(ceiling), halved + 1
            if z in self.coarse:
                ceiling = np.fmin(ceiling, self.array(str(z)))
            np.save(self.folder / f"{CEILING}-{z}.npy", ceiling)
        lattice = Lattice.through(crs, (self.cell, self.cell), (0.0, 0.0))
        folder = self.folder / ADDED
        added = self.array(ADDED)
        Surface.make(added, self.first, lattice, self.cell, files(folder)).save(folder)
        np.save(folder / "known-0.npy", added)
        about = {
            "cell": self.cell, "first": self.first, "shape": self.shape, "coarse": self.coarse,
            "finest": self.finest,
        }  # fmt: skip
        write_json(self.folder / "relief.json", about)

    @classmethod
    def open(cls, folder: Path) -> Relief:
        """Rasters that were finished."""
        told = json.loads((folder / "relief.json").read_text("utf-8"))
        return cls(
            folder=folder, cell=told["cell"], first=tuple(told["first"]),
            shape=tuple(told["shape"]), coarse=tuple(told["coarse"]), finest=told["finest"],
        )  # fmt: skip

    def ceilings(self) -> dict[int, Ceiling]:
        """What terrain must stay below, by level."""
        found = {}
        for z in range(COARSEST, self.finest + 1):
            halved = pooling(z, self.cell)
            heights = np.load(self.folder / f"{CEILING}-{z}.npy", mmap_mode="r")
            first = self.first[0] >> halved, self.first[1] >> halved
            found[z] = Ceiling(first, self.cell * 2**halved, heights)
        return found

    def added(self) -> Surface:
        """What is added to the models."""
        return Surface.open(self.folder / ADDED)


def _outside(cover: npt.NDArray[np.bool_], row: Any, column: Any) -> tuple[Any, Any]:
    """Steps (rows, columns) from covered cells to a neighbour that is not covered."""
    padded = np.pad(cover, 1, constant_values=True)
    down, right = np.zeros(len(row), np.int64), np.zeros(len(row), np.int64)
    for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        free = ~padded[row + 1 + dy, column + 1 + dx] & (down == 0) & (right == 0)
        down[free], right[free] = dy, dx
    return down, right


def _pooled(cells: Cells) -> Cells:
    """The lowest of four cells each."""
    low = np.fmin(cells[::2], cells[1::2])
    return np.ascontiguousarray(np.fmin(low[:, ::2], low[:, 1::2]))
