"""Where a ground's finest regular tiles are not fine enough: straight lines miss the models there.

Neighbours must know of each other's deeper tiles before any is written, so that a patch of them can
end in the lines of what lies beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.levels import (
    EXTRA_LEVELS,
    MESH_SHARE,
    Levels,
    children_of,
    height_bound,
    tolerance,
)
from cim.tiles.terrain.place import POSTS, STEPS

Floats = npt.NDArray[np.float64]
SIDE = 8  # tiles along a block
End = tuple[int, int, float]


@dataclass(slots=True)
class Depth:
    """What is needed below some finest tiles.

    Args:
        tiles: Deeper tiles (z, x, y, cell size of the model, m).
        error: How far the finest tiles miss the models at most, m: the mesh's tolerance, and what
            lies halfway between their posts.
    """

    tiles: list[tuple[int, int, int, float]] = field(default_factory=list)
    error: float = 0.0


def blocks(levels: Levels) -> dict[tuple[int, int, int], list[End]]:
    """Finest tiles by level and block of 8 × 8."""
    found: dict[tuple[int, int, int], list[End]] = {}
    for z in range(len(levels.tiles)):
        for x, y, metres in levels.ends(z):
            found.setdefault((z, x // SIDE, y // SIDE), []).append((x, y, metres))
    return found


def depth_below(ground: Ground, z: int, ends: Sequence[End]) -> Depth:
    """Which deeper tiles some finest ones of a level need, up to ``EXTRA_LEVELS`` of them.

    Args:
        ground: The models.
        z: Level of the tiles.
        ends: The tiles, of one block, each with the cell size of the finest model there, m.
    """
    depth = Depth()
    window = around(z, [(x, y) for x, y, _ in ends])
    below = Window(z + 1, 2 * window.x, 2 * window.y, 2 * window.columns, 2 * window.rows)
    posts = ground.posts(below)
    for x, y, metres in ends:
        row, column = 2 * (y - window.y) * STEPS + 1, 2 * (x - window.x) * STEPS + 1
        finer = posts[row : row + 2 * STEPS + 1, column : column + 2 * STEPS + 1]
        _look(ground, (z, x, y, metres), finer, depth)
    return depth


def _look(
    ground: Ground, tile: tuple[int, int, int, float], finer: Floats, depth: Depth, level: int = 1
) -> None:
    """Look whether a tile needs children, and whether those do.

    ``finer`` are the posts (129, 129) of its children; every other one is its own.
    """
    z, x, y, metres = tile
    miss = missed(finer)
    if miss <= (1 - MESH_SHARE) * height_bound(metres) or level > EXTRA_LEVELS:
        depth.error = max(depth.error, tolerance(z, metres) + miss)
        return
    posts = ground.posts(Window(z + 2, 4 * x, 4 * y, 4, 4))[1:-1, 1:-1]
    for cx, cy in children_of(x, y):
        depth.tiles.append((z + 1, cx, cy, metres))
        row, column = cy % 2 * 2 * STEPS, cx % 2 * 2 * STEPS
        part = posts[row : row + 2 * STEPS + 1, column : column + 2 * STEPS + 1]
        _look(ground, (z + 1, cx, cy, metres), part, depth, level + 1)


def around(z: int, tiles: Sequence[tuple[int, int]]) -> Window:
    """The smallest window around some tiles of a level."""
    xs, ys = [x for x, _ in tiles], [y for _, y in tiles]
    return Window(z, min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1)


def cut(posts: Floats, window: Window, x: int, y: int) -> Floats:
    """A tile's posts with their halo, (67, 67), out of a window's."""
    row, column = (y - window.y) * STEPS, (x - window.x) * STEPS
    return posts[row : row + POSTS + 2, column : column + POSTS + 2]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def missed(posts: Floats) -> float:
    """How far straight lines between every other post miss those between, m.

    Example:
        >>> missed(np.array([[0.0, 3.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]))
        2.0
    """
    worst = 0.0
    rows, columns = posts.shape
    for i in range(rows):
        up, down = i - i % 2, i + i % 2
        for j in range(columns):
            left, right = j - j % 2, j + j % 2
            line = (posts[up, left] + posts[up, right] + posts[down, left] + posts[down, right]) / 4
            worst = max(worst, abs(posts[i, j] - line))
    return worst
