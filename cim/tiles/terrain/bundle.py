"""Bundles of terrain tiles: 8 × 8 of one level, written together and kept together.

A bundle depends on nothing but what its digest is made of, so that of an update only those are
written anew that look at something that has changed.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cim.store.files import write_atomic
from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.levels import EXTRA_LEVELS, MESH_SHARE, Levels, height_bound, tolerance
from cim.tiles.terrain.place import POSTS, STEPS, Place
from cim.tiles.terrain.quantized_mesh import encode

Floats = npt.NDArray[np.float64]
SIDE = 8  # tiles along a bundle


class Water(Protocol):
    """Knows where water stands."""

    def mask(self, place: Place) -> npt.NDArray[np.uint8] | None:
        """(256, 256) of a tile: rows from the north, 255 water, 0 land; None where it has none."""

    def digest(self, window: Window) -> str:
        """Tells whether masks of a window's tiles may be others now."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A regular tile.

    Args:
        x: Counted from the west.
        y: Counted from the south.
        metres: Cell size of the finest model that knows a height there, m.
        ended: Cell size of the finest model there whose posts are as close as its cells, m; None
            where all models go deeper.
        ends: Quarters (x, y) that no regular tile of the next level shows.
        nests: Quarters that one shows.
    """

    x: int
    y: int
    metres: float
    ended: float | None
    ends: tuple[tuple[int, int], ...]
    nests: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Some tiles of one level, and what else is needed to write them.

    Args:
        z: Their level.
        tiles: Within one block of 8 × 8.
        steps: Height steps of this level and the ``EXTRA_LEVELS`` below, m.
    """

    z: int
    tiles: tuple[Tile, ...]
    steps: tuple[float, ...]

    @property
    def name(self) -> str:
        """Unique and the same in every run; a legal file name."""
        tile = self.tiles[0]
        return f"terrain-{self.z}-{tile.x // SIDE}-{tile.y // SIDE}"

    @property
    def window(self) -> Window:
        """The smallest window around its tiles."""
        xs, ys = [t.x for t in self.tiles], [t.y for t in self.tiles]
        return Window(self.z, min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1)

    def decides(self, ground: Ground, water: Water | None = None) -> list[Any]:
        """What its tiles depend on, JSON values."""
        deepest = self.z + EXTRA_LEVELS if any(map(_ends_here, self.tiles)) else self.z
        return [
            [[t.x, t.y, t.metres, t.ended, t.ends] for t in self.tiles],
            self.steps,
            ground.digest(self.window, deepest),
            None if water is None else water.digest(self.window),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of a bundle.

    Args:
        tiles: Names of the files, ``z/x/y.terrain``.
        bytes: Of all files.
        error: How far the finest tiles miss the models at most, m: the mesh's tolerance, and what
            lies halfway between their posts.
    """

    tiles: tuple[str, ...]
    bytes: int
    error: float


def bundles(levels: Levels) -> Iterator[Bundle]:
    """All regular tiles in bundles, level by level."""
    for z, tiles in enumerate(levels.tiles):
        blocks: dict[tuple[int, int], list[Tile]] = {}
        for (x, y), metres in sorted(tiles.items()):
            below = Place(z, x, y).children()
            nests = tuple((c.x, c.y) for c in below if levels.holds(*_zxy(c)))
            ends = tuple((c.x, c.y) for c in below if not levels.holds(*_zxy(c)))
            block = blocks.setdefault((x // SIDE, y // SIDE), [])
            block.append(Tile(x, y, metres, levels.ended(z, x, y), ends, nests))
        steps = levels.steps[z : z + EXTRA_LEVELS + 1]
        for block in blocks.values():
            yield Bundle(z=z, tiles=tuple(block), steps=steps)


def _zxy(place: Place) -> tuple[int, int, int]:
    return place.z, place.x, place.y


class Writer:
    """Writes the tiles of bundles.

    Args:
        ground: What they show.
        folder: Where ``z/x/y.terrain`` go.
        water: Where water stands; None writes no masks.
        metadata: Whether tiles tell which of their children there are.
    """

    def __init__(
        self, ground: Ground, folder: Path, water: Water | None = None, *, metadata: bool = False
    ) -> None:
        self.ground = ground
        self.folder = folder
        self.water = water
        self.metadata = metadata
        self._names: list[str] = []
        self._bytes = 0
        self._error = 0.0

    def write(self, bundle: Bundle) -> Written:
        """Write a bundle, and deeper tiles where straight lines between posts miss the models."""
        self._names, self._bytes, self._error = [], 0, 0.0
        window = bundle.window
        posts = self.ground.posts(window)
        finer = None
        if any(map(_ends_here, bundle.tiles)):
            below = Window(window.z + 1, 2 * window.x, 2 * window.y,
                           2 * window.columns, 2 * window.rows)  # fmt: skip
            finer = (below, self.ground.posts(below))
        for tile in bundle.tiles:
            place = Place(bundle.z, tile.x, tile.y)
            heights = _cut(posts, window, place)
            extra = self._extra(tile, place, heights, finer)
            self._write(place, heights, bundle.steps[0], tile.metres, (*tile.nests, *extra))
            for child, cut in extra.items():
                self._deepen(Place(place.z + 1, *child), cut, bundle.steps[1:], tile.ended or 0.0)
        return Written(tiles=tuple(self._names), bytes=self._bytes, error=self._error)

    def _extra(
        self, tile: Tile, place: Place, heights: Floats, finer: tuple[Window, Floats] | None
    ) -> dict[tuple[int, int], Floats]:
        """Quarters of a finest tile that it shows too coarsely, with their posts."""
        if finer is None or tile.ended is None:
            return {}
        window, posts = finer
        cuts = {(x, y): _cut(posts, window, Place(place.z + 1, x, y)) for x, y in tile.ends}
        return self._missing(place.z, heights, cuts, tile.ended)

    def _missing(
        self, z: int, heights: Floats, cuts: dict[tuple[int, int], Floats], metres: float
    ) -> dict[tuple[int, int], Floats]:
        """Which quarters of a tile miss the models by too much."""
        wanted = {}
        for (x, y), cut in cuts.items():
            miss = missed(heights, cut, Place(z + 1, x, y))
            if miss > (1 - 2 * MESH_SHARE) * height_bound(metres):
                wanted[x, y] = cut
            else:
                self._error = max(self._error, 2 * tolerance(z, metres) + miss)
        return wanted

    def _deepen(
        self, place: Place, heights: Floats, steps: tuple[float, ...], metres: float
    ) -> None:
        """Write an extra tile, and those below it as long as there are steps for them."""
        below = Window(place.z + 1, 2 * place.x, 2 * place.y, 2, 2)
        posts = self.ground.posts(below)
        cuts = {(c.x, c.y): _cut(posts, below, c) for c in place.children()}
        wanted = self._missing(place.z, heights, cuts, metres)
        if wanted and len(steps) == 1:
            worst = max(missed(heights, cut, Place(place.z + 1, *c)) for c, cut in wanted.items())
            self._error = max(self._error, 2 * tolerance(place.z, metres) + worst)
            wanted = {}
        self._write(place, heights, steps[0], metres, tuple(wanted))
        for (x, y), cut in wanted.items():
            self._deepen(Place(place.z + 1, x, y), cut, steps[1:], metres)

    def _write(
        self,
        place: Place,
        heights: Floats,
        step: float,
        metres: float,
        children: tuple[tuple[int, int], ...],
    ) -> None:
        content = gzip.compress(
            encode(place, heights, step, tolerance(place.z, metres)), 6, mtime=0
        )
        name = f"{place.z}/{place.x}/{place.y}.terrain"
        write_atomic(self.folder / name, content)
        self._names.append(name)
        self._bytes += len(content)


def _ends_here(tile: Tile) -> bool:
    """Whether a model has no regular tile below this one, though it lies there."""
    return bool(tile.ends) and tile.ended is not None


def _cut(posts: Floats, window: Window, place: Place) -> Floats:
    """A tile's posts with their halo, (67, 67), out of a window's."""
    row, column = (place.y - window.y) * STEPS, (place.x - window.x) * STEPS
    return posts[row : row + POSTS + 2, column : column + POSTS + 2]


def missed(heights: Floats, finer: Floats, child: Place) -> float:
    """How far straight lines between a tile's posts miss the posts of one of its quarters, m.

    Args:
        heights: (67, 67) of the tile.
        finer: (67, 67) of the quarter.
        child: Which quarter.
    """
    row, column = child.y % 2 * (STEPS // 2) + 1, child.x % 2 * (STEPS // 2) + 1
    coarse = heights[row : row + STEPS // 2 + 1, column : column + STEPS // 2 + 1]
    rows = np.repeat(coarse, 2, axis=0)[:-1]
    rows[1::2] = (coarse[:-1] + coarse[1:]) / 2
    both = np.repeat(rows, 2, axis=1)[:, :-1]
    both[:, 1::2] = (rows[:, :-1] + rows[:, 1:]) / 2
    return float(np.abs(finer[1:-1, 1:-1] - both).max())
