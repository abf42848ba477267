"""Points in the memory there is: a cloud that does not fit is laid out on disk in cells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Cloud = npt.NDArray[np.void]

POINT = np.dtype(
    [("x", "f8"), ("y", "f8"), ("z", "f8"), ("intensity", "u2"), ("classification", "u1"),
     ("return_number", "u1"), ("rgb", "u2", (3,)), ("spare", "u2", (3,))]
)  # fmt: skip
WORDS = POINT.itemsize // 8
MOST = 3_000_000  # points held at once: about 0.4 GB with what the sorting needs
BLOCK = 1_000_000
DEEPEST = 12


def take(points: Cloud, which: npt.NDArray[np.int64]) -> Cloud:
    """Some points, in order; whole words are moved four times as fast as records."""
    words = points.view(np.uint64).reshape(-1, WORDS)
    return np.take(words, which, axis=0).reshape(-1).view(POINT)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cube of the octree and its points, in memory or in a file.

    Args:
        depth: Of the cube; the root's is 0.
        index: Its x, y, z among the cubes of that depth.
        count: Of points.
        path: Of the file, or None.
    """

    depth: int
    index: tuple[int, int, int]
    count: int
    path: Path | None


class Spool:
    """Takes the points of a cloud and gives them back cell by cell.

    Args:
        folder: For files, removed by ``close``.
        most: Points that may be held at once.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self.folder = folder
        self.most = most
        self.held: list[Cloud] = []
        self.count = 0
        self.low = np.full(3, np.inf)
        self.high = np.full(3, -np.inf)
        self.file: Path | None = None

    def add(self, points: Cloud) -> None:
        """Take some points."""
        if not len(points):
            return
        for axis, name in enumerate("xyz"):
            self.low[axis] = min(self.low[axis], points[name].min())
            self.high[axis] = max(self.high[axis], points[name].max())
        self.count += len(points)
        self.held.append(points)
        if self.count > self.most:
            self._write()

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "all"
        with self.file.open("ab") as file:
            for points in self.held:
                file.write(points.data)
        self.held = []

    def cube(self) -> tuple[Floats, float]:
        """Lowest corner and side of the cube around all points, m."""
        side = float((self.high - self.low).max())
        return self.low.copy(), max(side * (1 + 1e-9), 0.001)

    def cells(self) -> Iterator[tuple[Cell, Cloud]]:
        """Every point once, in cubes that fit into memory."""
        if self.file is None:
            everything = np.concatenate(self.held)
            self.held = []
            yield Cell(0, (0, 0, 0), len(everything), None), everything
            return
        waiting = [Cell(0, (0, 0, 0), self.count, self.file)]
        while waiting:
            cell = waiting.pop()
            assert cell.path is not None  # noqa: S101 - only the whole cloud may be in memory
            if cell.count > self.most and cell.depth < DEEPEST:
                waiting.extend(self._split(cell))
                cell.path.unlink()
                continue
            for start in range(0, cell.count, self.most):  # more than one: exact doubles
                many = min(self.most, cell.count - start)
                yield cell, np.fromfile(cell.path, POINT, many, offset=start * POINT.itemsize)
            cell.path.unlink()

    def _split(self, cell: Cell) -> list[Cell]:
        """Lay a cell out in the cubes of a lower depth, block by block."""
        assert cell.path is not None  # noqa: S101
        steps = min(3, max(1, int(np.ceil(np.log(cell.count / self.most) / np.log(4)))))
        depth = min(cell.depth + steps, DEEPEST)
        low, side = self.cube()
        counts: dict[tuple[int, int, int], int] = {}
        for start in range(0, cell.count, BLOCK):
            points = np.fromfile(cell.path, POINT, BLOCK, offset=start * POINT.itemsize)
            place = np.stack([points[name] for name in "xyz"], axis=1)
            index = ((place - low) / (side / 2**depth)).astype(np.int64).clip(0, 2**depth - 1)
            key = (index[:, 0] << 42) | (index[:, 1] << 21) | index[:, 2]
            order = np.argsort(key, kind="stable")
            key, points, index = key[order], take(points, order), index[order]
            begins = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
            for a, b in zip(begins, [*begins[1:], len(key)], strict=True):
                x, y, z = (int(v) for v in index[a])
                with self._path(depth, (x, y, z)).open("ab") as file:
                    file.write(points[a:b].data)
                counts[x, y, z] = counts.get((x, y, z), 0) + int(b - a)
        return [Cell(depth, i, n, self._path(depth, i)) for i, n in sorted(counts.items())]

    def _path(self, depth: int, index: tuple[int, int, int]) -> Path:
        return self.folder / f"{depth}_{'_'.join(map(str, index))}"

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)
