"""Bundles of terrain tiles: 8 × 8 of one level, written together and kept together.

A bundle depends on nothing but what ``decides`` tells, so that of an update only those are written
anew that look at something that has changed.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cim.store.files import write_atomic
from cim.tiles.terrain.depth import SIDE, around, cut
from cim.tiles.terrain.ground import Window
from cim.tiles.terrain.levels import Levels, children_of, tolerance
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.quantized_mesh import encode
from cim.tiles.terrain.rim import rim

Floats = npt.NDArray[np.float64]
Tiles = Mapping[int, frozenset[tuple[int, int]]]
KEPT = 64  # coarser tiles' posts
_BESIDE = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]


class Shown(Protocol):
    """Knows the heights that tiles show: elevation models, or those joined to something."""

    def posts(self, window: Window) -> Floats:
        """Ellipsoidal heights, m, of a window's posts; rows from the south."""

    def digest(self, window: Window) -> str:
        """Tells whether heights of a window may be others now."""


class Water(Protocol):
    """Knows where water stands."""

    def mask(self, place: Place) -> npt.NDArray[np.uint8]:
        """(256, 256) of a tile: rows from the north, 255 water, 0 land."""

    def digest(self, window: Window) -> str:
        """Tells whether masks of a window's tiles may be others now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Some tiles of one level, and what else is needed to write them.

    Args:
        z: Their level.
        tiles: x, y and the cell size, m, of the finest model there; within one block of 8 × 8.
        parents: Those of them that have children.
        steps: Height step of this level and of all above, the own one first, m.
        beside: Where they end in the lines of coarser tiles: by level, those within reach.
        above: Levels above whose posts count there.
    """

    z: int
    tiles: tuple[tuple[int, int, float], ...]
    parents: frozenset[tuple[int, int]]
    steps: tuple[float, ...]
    beside: Tiles
    above: int

    @property
    def name(self) -> str:
        """Unique and the same in every run; a legal file name."""
        x, y, _ = self.tiles[0]
        return f"terrain-{self.z}-{x // SIDE}-{y // SIDE}"

    @property
    def window(self) -> Window:
        """The smallest window around its tiles."""
        return around(self.z, [(x, y) for x, y, _ in self.tiles])

    def decides(self, ground: Shown, water: Water | None, *, metadata: bool) -> list[Any]:
        """What its tiles depend on, JSON values."""
        windows = [self.window]
        for _ in range(self.above):
            z, x, y, columns, rows = windows[-1]
            far = (x + columns - 1) // 2, (y + rows - 1) // 2
            windows.append(Window(z - 1, x // 2, y // 2, far[0] - x // 2 + 1, far[1] - y // 2 + 1))
        return [
            self.tiles,
            self.steps[: self.above + 1],
            {z: sorted(tiles) for z, tiles in self.beside.items()},
            sorted(self.parents) if metadata else None,
            [ground.digest(window) for window in windows],
            None if water is None else water.digest(self.window),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of a bundle.

    Args:
        tiles: Names of the files, ``z/x/y.terrain``.
        bytes: Of all files.
    """

    tiles: tuple[str, ...]
    bytes: int


def bundles(levels: Levels) -> Iterator[Bundle]:
    """All tiles in bundles, level by level."""
    for z, tiles in enumerate(levels.tiles):
        found: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
        for (x, y), metres in sorted(tiles.items()):
            found.setdefault((x // SIDE, y // SIDE), []).append((x, y, metres))
        for block in found.values():
            yield _bundle(levels, z, block)


def _bundle(levels: Levels, z: int, block: list[tuple[int, int, float]]) -> Bundle:
    above = max(_above(levels, z, x, y) for x, y, _ in block)
    beside = _within_reach(levels, around(z, [(x, y) for x, y, _ in block]), above)
    return Bundle(
        z=z,
        tiles=tuple(block),
        parents=frozenset((x, y) for x, y, _ in block if levels.holds(z + 1, 2 * x, 2 * y)),
        steps=levels.steps[: z + 1][::-1],
        beside=beside,
        above=above,
    )


def _above(levels: Levels, z: int, x: int, y: int) -> int:
    """How many levels above a tile settle its border: none where neighbours stand all around."""
    count = 0
    while any(_ends(levels, z, x + dx, y + dy) for dx, dy in _BESIDE):
        count, z, x, y = count + 1, z - 1, x // 2, y // 2
    return count


def _ends(levels: Levels, z: int, x: int, y: int) -> bool:
    """Whether a tile is missing where its parent stands; x goes round the globe."""
    x %= 2 ** (z + 1)
    return (
        z > 0
        and 0 <= y < 2**z
        and levels.holds(z - 1, x // 2, y // 2)
        and not levels.holds(z, x, y)
    )


def _within_reach(levels: Levels, window: Window, above: int) -> Tiles:
    if not above:
        return {}
    found = {}
    z, x0, y0, columns, rows = window
    x1, y1 = x0 + columns - 1, y0 + rows - 1
    for level in range(z, z - above - 1, -1):
        found[level] = frozenset(
            (x % 2 ** (level + 1), y)
            for x in range(x0 - 1, x1 + 2)
            for y in range(y0 - 1, y1 + 2)
            if levels.holds(level, x % 2 ** (level + 1), y)
        )
        x0, y0, x1, y1 = x0 // 2, y0 // 2, x1 // 2, y1 // 2
    return found


class Writer:
    """Writes the tiles of bundles.

    Args:
        ground: What they show.
        folder: Where ``z/x/y.terrain`` go.
        water: Where water stands; None writes no masks.
        metadata: Whether tiles tell which of their children there are.
        tolerance: Of a tile's mesh, m, from its level and the cell size of the finest model there.
    """

    def __init__(
        self,
        ground: Shown,
        folder: Path,
        water: Water | None = None,
        *,
        metadata: bool = False,
        tolerance: Callable[[int, float], float] = tolerance,
    ) -> None:
        self.ground = ground
        self.folder = folder
        self.water = water
        self.metadata = metadata
        self.tolerance = tolerance
        self._coarse = lru_cache(KEPT)(lambda place: ground.posts(Window.of(place)))

    def write(self, bundle: Bundle) -> Written:
        """Write a bundle."""
        names, size = [], 0
        window = bundle.window
        posts = self.ground.posts(window)
        for x, y, metres in bundle.tiles:
            place = Place(bundle.z, x, y)
            heights = cut(posts, window, x, y)
            content = gzip.compress(self._tile(place, heights, metres, bundle), 6, mtime=0)
            name = f"{place.z}/{place.x}/{place.y}.terrain"
            write_atomic(self.folder / name, content)
            names.append(name)
            size += len(content)
        return Written(tiles=tuple(names), bytes=size)

    def _tile(self, place: Place, heights: Floats, metres: float, bundle: Bundle) -> bytes:
        below = None
        if self.metadata:
            has = (place.x, place.y) in bundle.parents
            corners = children_of(place.x, place.y) if has else ()
            below = [[_square(*corners[0])] if corners else []]
        return encode(
            place,
            heights,
            bundle.steps[0],
            self.tolerance(place.z, metres),
            water=None if self.water is None else self.water.mask(place),
            children=below,
            rim=self._rim(place, heights, bundle),
        )

    def _rim(self, place: Place, heights: Floats, bundle: Bundle) -> Floats | None:
        """Heights of a border that ends in the lines of coarser tiles."""
        if not bundle.above:
            return None

        def exists(other: Place) -> bool:
            """Whether a tile stands there, or nothing that a border could end in."""
            tiles, parents = bundle.beside.get(other.z), bundle.beside.get(other.z - 1)
            if tiles is None or parents is None or (other.x, other.y) in tiles:
                return True
            return (other.x // 2, other.y // 2) not in parents

        def sample(other: Place) -> Floats:
            return heights if other == place else self._coarse(other)

        return rim(place, exists, sample, lambda z: bundle.steps[bundle.z - z])


def _square(x: int, y: int) -> dict[str, int]:
    return {"startX": x, "startY": y, "endX": x + 1, "endY": y + 1}
