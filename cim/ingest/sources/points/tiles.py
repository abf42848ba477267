"""A cloud of points → an additive octree of glb, every point in exactly one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.geo.frames import lonlat_height, moved
from cim.geo.octree import DIGITS, levels, morton
from cim.ingest.sources.points.cells import Cell, Cloud, Spool, take
from cim.ingest.sources.points.place import Place
from cim.tiles.glb import Encoding, Primitive, write
from cim.tiles.nested import Node, write_nested
from cim.tiles.tileset import Box

Floats = npt.NDArray[np.float64]
Index = tuple[int, int, int]
Key = tuple[int, Index]

GRID = 7  # a tile of side s shows one point in each cube of s / 2^7
LEAF = 50_000  # points that are not worth to be divided further
FULLEST = 200_000  # points in one file


@dataclass(slots=True)
class Sums:
    """Figures of what was written, and what a viewer can style by."""

    points: int = 0
    tiles: int = 0
    bytes: int = 0
    intensity: tuple[int, int] = (65535, 0)
    classes: set[int] = field(default_factory=set)
    returns: set[int] = field(default_factory=set)
    low: Floats = field(default_factory=lambda: np.full(3, np.inf))
    high: Floats = field(default_factory=lambda: np.full(3, -np.inf))


class Octree:
    """Writes the tiles of one file.

    Args:
        place: Of its coordinates.
        spool: Its points.
        folder: For the tiles.
        encoding: Of glb files.
        shift: Bits by which colours are taken down to eight; None for a cloud without colours.
    """

    def __init__(
        self, place: Place, spool: Spool, folder: Path, encoding: Encoding, shift: int | None
    ) -> None:
        self.place, self.spool, self.folder = place, spool, folder
        self.encoding, self.shift = encoding, shift
        self.low, self.side = spool.cube()
        self.sums = Sums()
        self.made: dict[Key, list[Node]] = defaultdict(list)
        self.above: dict[Key, list[Cloud]] = defaultdict(list)

    def write(self) -> dict[str, Any]:
        """Write everything; what ``finish`` joins it by, JSON values."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for cell, points in self.spool.cells():
            self._cell(cell, points)
        for (depth, index), held in self.above.items():
            self._content((depth, index), np.concatenate(held))
        root = self._tree()
        box = write_nested(self.folder / "tileset.json", root, self.side)
        sums = self.sums
        return {
            "root": root.uri,
            "matrix": root.matrix.tolist(),
            "low": box.low.tolist(),
            "high": box.high.tolist(),
            "error": max(self.side, root.error),
            "spacing": root.error,
            "points": sums.points,
            "tiles": sums.tiles,
            "bytes": sums.bytes,
            "intensity": list(sums.intensity),
            "classes": sorted(sums.classes),
            "returns": sorted(sums.returns),
            "colored": self.shift is not None,
            "place": [sums.low.tolist(), sums.high.tolist()],
        }

    def _cell(self, cell: Cell, points: Cloud) -> None:
        """Sort the points of a cell and hand them down to their tiles."""
        codes = morton(points["x"], points["y"], points["z"], self.low, self.side)
        order = np.argsort(codes)
        codes = codes[order]
        level = levels(codes)
        over = level < cell.depth + GRID  # what a tile above the cell has room for
        over &= cell.depth > 0
        for depth in range(cell.depth):
            mine = over & (level == depth + GRID) if depth else over & (level <= GRID)
            if mine.any():
                shift = cell.depth - depth
                x, y, z = (v >> shift for v in cell.index)
                self.above[depth, (x, y, z)].append(take(points, order[mine]))
        kept = ~over
        if kept.any():
            self._branch(codes[kept], order[kept], level[kept], points, (cell.depth, cell.index))

    def _branch(
        self,
        codes: npt.NDArray[np.uint64],
        which: npt.NDArray[np.int64],
        level: npt.NDArray[np.uint8],
        points: Cloud,
        key: Key,
    ) -> None:
        """Tiles of a cube.

        Args:
            codes: (n,) sorted.
            which: (n,) rows of ``points``.
            level: (n,) of detail.
            points: Of the whole cell.
            key: Depth and index of the cube.
        """
        depth, (x, y, z) = key
        if len(codes) <= LEAF or depth + GRID >= DIGITS:
            for start in range(0, len(codes), FULLEST):
                self._content(key, take(points, which[start : start + FULLEST]))
            return
        own = level <= depth + GRID
        if own.any():
            self._content(key, take(points, which[own]))
        rest = ~own
        codes, which, level = codes[rest], which[rest], level[rest]
        digit = (codes >> np.uint64(3 * (DIGITS - depth - 1))) & np.uint64(7)
        begins = np.searchsorted(digit, np.arange(9, dtype=np.uint64))
        for child in range(8):
            a, b = begins[child], begins[child + 1]
            if b > a:
                index = (2 * x + (child & 1), 2 * y + (child >> 1 & 1), 2 * z + (child >> 2))
                self._branch(codes[a:b], which[a:b], level[a:b], points, (depth + 1, index))

    def _content(self, key: Key, points: Cloud) -> None:
        """Write one file of points."""
        xyz = np.stack([points[name] for name in "xyz"], axis=1)
        matrix, local = self.place.framed(xyz)
        sums = self.sums
        name = f"{sums.tiles}.glb"
        part = Primitive(
            positions=local,
            triangles=None,
            colors=None if self.shift is None else (points["rgb"] >> self.shift).astype(np.uint8),
            attributes={
                "intensity": np.ascontiguousarray(points["intensity"]),
                "classification": np.ascontiguousarray(points["classification"]),
                "return_number": np.ascontiguousarray(points["return_number"]),
            },
        )
        sums.bytes += write(self.folder / name, [part], encoding=self.encoding)
        sums.tiles += 1
        sums.points += len(points)
        low, high = sums.intensity
        sums.intensity = (
            min(low, int(points["intensity"].min())),
            max(high, int(points["intensity"].max())),
        )
        sums.classes |= set(np.flatnonzero(np.bincount(points["classification"])).tolist())
        sums.returns |= set(np.flatnonzero(np.bincount(points["return_number"])).tolist())
        around = _box(local, self.encoding)
        corners = moved(around.corners(), matrix)
        places = lonlat_height(corners)
        sums.low = np.minimum(sums.low, places.min(axis=0))
        sums.high = np.maximum(sums.high, places.max(axis=0))
        self.made[key].append(Node(matrix, around, 0.0, name))

    def _tree(self) -> Node:
        """Hang the tiles of each cube under those of the cube around it."""
        for depth in range(max(key[0] for key in self.made), 0, -1):
            for key in sorted(k for k in self.made if k[0] == depth):
                above = (depth - 1, (key[1][0] >> 1, key[1][1] >> 1, key[1][2] >> 1))
                self._hang(above, self._one(key))
        return self._one((0, (0, 0, 0)))

    def _hang(self, key: Key, child: Node) -> None:
        nodes = self.made[key]
        if not nodes:
            nodes.append(Node(child.matrix))
        nodes[0].children.append(child)

    def _one(self, key: Key) -> Node:
        """The tile of a cube; a cube of several files has them side by side under the first."""
        first, *others = self.made[key]
        first.children.extend(others)
        if first.children:
            first.error = self.side / 2 ** (key[0] + GRID)  # the distance of points shown so far
        return first


def _box(local: npt.NDArray[np.float32], encoding: Encoding) -> Box:
    """The box around points, with what quantizing may move them by."""
    low = np.array([local[:, i].min() for i in range(3)], np.float64)
    high = np.array([local[:, i].max() for i in range(3)], np.float64)
    box = Box(low, high)
    if encoding.geometry == "float32":
        return box
    slack = float((box.high - box.low).max()) / 65535
    return Box(box.low - slack, box.high + slack)
