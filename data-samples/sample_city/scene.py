"""The scene: everything that is drawn, measured and delivered, at one scale."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import shapely

from sample_city.blocks import build
from sample_city.buildings import Building
from sample_city.frame import CENTRE, to_uv
from sample_city.town import Block, Street, blocks, streets
from sample_city.trees import Tree, plant

CELL = 128.0  # of the index, and side of an oblique tile, m
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Scene:
    """The city at one scale.

    Args:
        scale: 1 for the committed sample; the town's length grows with it, its core stays.
        seed: Of everything random.
        year: The city as it stood when this year began; None for the city of today.
    """

    scale: int = 1
    seed: int = 2026
    year: int | None = None
    _trees: dict[tuple[int, int], list[Tree]] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple[object, tuple[int, int, int | None]]:
        """Another process is told the numbers only, and builds the city once."""
        return (_scene, (self.scale, self.seed, self.year))

    @cached_property
    def _today(self) -> Scene:
        return Scene(self.scale, self.seed)

    @property
    def reach(self) -> float:
        """How far the town reaches either side of its middle, m."""
        return min(640.0 * self.scale, 12000.0)

    @cached_property
    def streets(self) -> list[Street]:
        """All streets."""
        return streets(self.reach)

    @cached_property
    def blocks(self) -> list[Block]:
        """All blocks; a field where none had been built yet."""
        if self.year is None:
            return blocks(self.reach)
        return [replace(b, use="field") if b.opened >= self.year else b for b in self._today.blocks]

    @cached_property
    def buildings(self) -> list[Building]:
        """All buildings; of those of today the ones that stood already."""
        if self.year is not None:
            return [b for b in self._today.buildings if b.year < self.year]
        return [b for block in self.blocks for b in build(block, self.seed)]

    @cached_property
    def _index(self) -> dict[tuple[int, int], list[Building]]:
        cells: dict[tuple[int, int], list[Building]] = defaultdict(list)
        for building in self.buildings:
            for key in _cells(building.footprint.bounds):
                cells[key].append(building)
        return dict(cells)

    def buildings_near(self, box: Box, margin: float) -> list[Building]:
        """Buildings whose footprint's box comes within ``margin`` m of a box, by number."""
        grown = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
        found = {b.number: b for key in _cells(grown) for b in self._index.get(key, ())}
        area = shapely.box(*grown)
        return [b for _, b in sorted(found.items()) if area.intersects(b.footprint.envelope)]

    def trees_near(self, box: Box, margin: float) -> list[Tree]:
        """Trees that stand within ``margin`` m of a box."""
        grown = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
        found = []
        for key in _cells(grown):
            found += [
                t
                for t in self.trees_of(key)
                if grown[0] < t.x < grown[2] and grown[1] < t.y < grown[3]
            ]
        return found

    def blocks_near(self, box: Box, margin: float) -> list[Block]:
        """Blocks that a box touches."""
        corners = np.array([[box[i], box[j]] for i in (0, 2) for j in (1, 3)])
        u, v = to_uv(corners[:, 0], corners[:, 1])
        return [
            b
            for b in self.blocks
            if b.west < u.max() + margin
            and b.east > u.min() - margin
            and b.south < v.max() + margin
            and b.north > v.min() - margin
        ]

    def trees_of(self, key: tuple[int, int]) -> list[Tree]:
        """Trees of one cell of the index, planted when they are first asked for."""
        if key not in self._trees:
            self._trees[key] = self._plant(key)
        return self._trees[key]

    def _plant(self, key: tuple[int, int]) -> list[Tree]:
        if self.year is not None:
            return [t for t in self._today.trees_of(key) if not self._is_field(t)]
        west, south = CENTRE[0] + key[0] * CELL, CENTRE[1] + key[1] * CELL
        box = (west, south, west + CELL, south + CELL)
        return plant(
            box,
            np.random.default_rng([self.seed, key[0] + 5000, key[1] + 5000]),
            self.buildings_near(box, 8.0),
            self.blocks_near(box, 0.0),
            self.streets,
        )

    def _is_field(self, tree: Tree) -> bool:
        """Whether a tree of today stands where there was a field yet."""
        u, v = (float(a[0]) for a in to_uv(np.array([tree.x]), np.array([tree.y])))
        return any(
            b.opened and b.use == "field" and b.west < u < b.east and b.south < v < b.north
            for b in self.blocks
        )


@lru_cache(maxsize=4)
def _scene(scale: int, seed: int, year: int | None) -> Scene:
    return Scene(scale, seed, year)


def _cells(box: Box) -> list[tuple[int, int]]:
    first = [int(np.floor((box[i] - CENTRE[i % 2]) / CELL)) for i in range(4)]
    return [
        (column, row)
        for column in range(first[0], first[2] + 1)
        for row in range(first[1], first[3] + 1)
    ]
