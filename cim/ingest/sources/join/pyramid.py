"""Which tiles of a terrain a join touches, and where it needs deeper ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.geo.crs import CGCS2000, rows, transformer
from cim.ingest.sources.join.fit import RAMP
from cim.ingest.sources.join.relief import ADDED, CEILING, NEAR, NEARNESS, Relief
from cim.tiles.terrain.bundle import Shown
from cim.tiles.terrain.ground import Window, spacing
from cim.tiles.terrain.levels import Levels, children_of
from cim.tiles.terrain.place import STEPS
from cim.tiles.terrain.quantized_mesh import level_step

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Tile = tuple[int, int, int]
WIDE = 13  # down to this level tiles are so wide that their relief may outgrow the step
POSTS = 3.0  # steps from post to post on either side of the border that must be fine enough


def deepened(bare: Levels, relief: Relief, crs: CRS, finest: int) -> Levels:
    """A terrain's levels, and all four children of tiles that the border crosses, down to one."""
    near = relief.array(NEARNESS)
    extra: list[tuple[int, int, int, float]] = []
    tiles = [dict(level) for level in bare.tiles]
    for z in range(1, finest + 1):
        tiles += [{} for _ in range(z + 1 - len(tiles))]
        ring = _boxes(relief, np.argwhere(near <= POSTS * spacing(z) + RAMP), crs)
        for x, y in {(x // 2, y // 2) for x, y in _tiles(ring, z, 0)}:
            child = children_of(x, y)[0]
            if (x, y) not in tiles[z - 1] or child in tiles[z]:
                continue
            for cx, cy in children_of(x, y):
                tiles[z][cx, cy] = tiles[z - 1][x, y]
                extra.append((z, cx, cy, tiles[z - 1][x, y]))
    return bare.deepened(extra)


def touched(bare: Levels, levels: Levels, relief: Relief, crs: CRS) -> frozenset[Tile]:
    """Tiles (z, x, y) that may differ from the bare ones: all that lie within reach, and new ones.

    Also those beside new ones, whose border ended in a coarser tile's line and does not now, and
    those whose border ends in the line of one that is touched.
    """
    cells = np.argwhere(_reached(relief))
    boxes = _boxes(relief, cells, crs)
    found: set[Tile] = set()
    for z, tiles in enumerate(levels.tiles):
        here = {t for t in _tiles(boxes, z, 2) if t in tiles}
        old = bare.tiles[z] if z < len(bare.tiles) else {}
        fresh = {t for t in tiles if t not in old}
        here |= fresh | {t for t in _around(fresh) if t in tiles}
        above = {(x, y) for level, x, y in found if level == z - 1}
        here |= {t for t in tiles if (t[0] // 2, t[1] // 2) in above
                 and any(not levels.holds(z, *other) for other in _around([t]))}  # fmt: skip
        found |= {(z, x, y) for x, y in here}
    return frozenset(found)


def raised(
    levels: Levels, ground: Shown, wanted: frozenset[Tile]
) -> tuple[Levels, frozenset[Tile]]:
    """Levels whose height steps reach over the relief of all joined tiles, and what to write.

    Far above, posts are kilometres apart and may have to go down by many metres; where a level's
    step becomes too small for that, all of its tiles are written anew with a larger one.
    """
    steps = list(levels.steps)
    for z, x, y in wanted:
        if z <= WIDE:
            relief = float(np.ptp(ground.posts(Window(z, x, y, 1, 1))))
            steps[z] = max(steps[z], level_step(relief + 2 * steps[z]))
    steps = np.maximum.accumulate(steps[::-1])[::-1].tolist()
    other = [z for z, tiles in enumerate(levels.tiles) if tiles and steps[z] != levels.steps[z]]
    more = {(z, x, y) for z in other for x, y in levels.tiles[z]}
    return replace(levels, steps=tuple(steps)), wanted | more


def _around(tiles: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    return {(x + dx, y + dy) for x, y in tiles for dx in (-1, 0, 1) for dy in (-1, 0, 1)}


def _reached(relief: Relief) -> npt.NDArray[np.bool_]:
    """Of 8 × 8 cells each, whether something is added there or the mesh lies there."""
    shape = relief.shape[0] // NEAR, relief.shape[1] // NEAR
    found = np.zeros(shape, bool)
    for block in relief.blocks():
        added, ceiling = relief.array(ADDED)[block], relief.array(CEILING)[block]
        any_ = (added != 0) | np.isfinite(ceiling)
        part = tuple(slice(s.start // NEAR, s.stop // NEAR) for s in block)
        rows_, columns = any_.shape
        found[part] = any_.reshape(rows_ // NEAR, NEAR, columns // NEAR, NEAR).any(axis=(1, 3))
    return found


def _boxes(relief: Relief, cells: Ints, crs: CRS) -> Floats:
    """West, south, east, north, degrees, of 8 × 8 cells each, (n, 4)."""
    corners = (cells[:, None, :] + np.array([(0, 0), (0, 1), (1, 0), (1, 1)])) * NEAR
    place = (corners + np.array(relief.first)) * relief.cell
    xy = np.stack([place[..., 1], -place[..., 0]], axis=-1).reshape(-1, 2)
    if not len(xy):
        return np.zeros((0, 4))
    lonlat = rows(transformer(crs, CGCS2000), xy).reshape(-1, 4, 2)
    return np.concatenate([lonlat.min(axis=1), lonlat.max(axis=1)], axis=1)


def _tiles(boxes: Floats, z: int, posts: int) -> set[tuple[int, int]]:
    """Tiles of a level within so many posts of some boxes."""
    if not len(boxes):
        return set()
    width = 180.0 / 2**z
    more = posts * width / STEPS
    low = np.floor((boxes[:, :2] - more + (180.0, 90.0)) / width).astype(np.int64)
    high = np.floor((boxes[:, 2:] + more + (180.0, 90.0)) / width).astype(np.int64)
    found = np.unique(np.concatenate([low, high], axis=1), axis=0)
    return {
        (x, y)
        for x0, y0, x1, y1 in found.tolist()
        for x in range(x0, x1 + 1)
        for y in range(y0, y1 + 1)
    }
