"""Which tiles a pyramid of terrain has: as deep as the models there resolve, and no deeper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.geo.crs import CGCS2000, rows, transformer
from cim.tiles.terrain.ground import METRES, Ground, spacing
from cim.tiles.terrain.place import STEPS, Place, level_error
from cim.tiles.terrain.quantized_mesh import level_step
from cim.tiles.terrain.surface import BLOCK, Surface

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Tiles = Mapping[tuple[int, int], float]

MESH_SHARE = 0.5  # of the bound on heights is the mesh's tolerance
EXTRA_LEVELS = 2
DEEPEST = 20
MARGIN = 10.0  # m of relief that posts between and beyond blocks may add


def finest_zoom(metres: float) -> int:
    """The level whose posts lie closer than the model's cells: 15 for 15 m."""
    degrees = metres / METRES
    return max(0, min(DEEPEST, math.ceil(math.log2(180.0 / STEPS / degrees) - 0.1)))


def height_bound(metres: float) -> float:
    """What the finest tiles may differ from a model with cells of that size, m.

    0.5 m for cells up to 15 m, then growing with the cell's square, as what lies between two cells
    grows unknown; a fifth of the cell at most.

    Example:
        >>> [height_bound(m) for m in (5.0, 15.0, 30.0)]
        [0.5, 0.5, 2.0]
    """
    return max(0.5, min(0.5 * (metres / 15) ** 2, metres / 5))


def tolerance(z: int, metres: float) -> float:
    """Of a tile's mesh, m: tight where the tile is the finest that its model has."""
    own = MESH_SHARE * height_bound(metres)
    return own if z >= finest_zoom(metres) else max(own, level_error(z) / 4)


def tiles_over(extent: Bounds, z: int) -> tuple[int, int, int, int]:
    """First and last x and y of the tiles that touch an extent."""
    width = 180.0 / 2**z
    return (
        max(0, math.floor((extent.west + 180) / width)),
        min(2 ** (z + 1) - 1, math.floor((extent.east + 180) / width)),
        max(0, math.floor((extent.south + 90) / width)),
        min(2**z - 1, math.floor((extent.north + 90) / width)),
    )


def places(extent: Bounds, maxzoom: int) -> Iterator[Place]:
    """All tiles over an extent, level by level; both of level 0."""
    for z in range(maxzoom + 1):
        x0, x1, y0, y1 = (0, 1, 0, 0) if z == 0 else tiles_over(extent, z)
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                yield Place(z, x, y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The tiles of a ground; of one parent there are all four, or none.

    Args:
        tiles: For each level its tiles (x, y), each with the cell size, m, of the finest model
            that knows a height there.
        steps: Height step of each level, m, and of the ``EXTRA_LEVELS`` below.
        models: Of each model its finest level, its cell size, m, and its tiles of that level.
    """

    tiles: tuple[Tiles, ...]
    steps: tuple[float, ...]
    models: tuple[tuple[int, float, frozenset[tuple[int, int]]], ...]

    @classmethod
    def of(cls, ground: Ground) -> Levels:
        """The levels down to the one whose posts lie closer than a model's cells, where it lies."""
        found: list[dict[tuple[int, int], float]] = []
        models = []
        for surface in ground.surfaces:
            finest = finest_zoom(surface.metres)
            found += [{} for _ in range(finest + 1 - len(found))]
            known = _known_tiles(surface, finest)
            models.append((finest, surface.metres, frozenset(map(tuple, known.tolist()))))
            for z, tiles in _ancestors(known, finest):
                for tile in map(tuple, tiles.tolist()):
                    found[z][tile] = min(found[z].get(tile, math.inf), surface.metres)
        coarsest = max(surface.metres for surface in ground.surfaces)
        found[0] = {(0, 0): coarsest, (1, 0): coarsest} | found[0]
        for z in range(1, len(found)):
            for x, y in {(x // 2, y // 2) for x, y in found[z]}:
                found[z] = dict.fromkeys(children_of(x, y), found[z - 1][x, y]) | found[z]
        return cls(tiles=tuple(found), steps=_steps(ground, found), models=tuple(models))

    def deepened(self, extra: Iterable[tuple[int, int, int, float]]) -> Levels:
        """The same with further tiles (z, x, y, cell size)."""
        tiles: list[dict[tuple[int, int], float]] = [dict(level) for level in self.tiles]
        for z, x, y, metres in sorted(extra):
            tiles += [{} for _ in range(z + 1 - len(tiles))]
            tiles[z][x, y] = metres
        return Levels(tiles=tuple(tiles), steps=self.steps, models=self.models)

    def ends(self, z: int) -> Iterator[tuple[int, int, float]]:
        """Tiles of a level with none below them, where a model lies that goes no deeper.

        Each with the cell size, m, of the finest model there.
        """
        for x, y in sorted(self.tiles[z]):
            metres = None if self.holds(z + 1, 2 * x, 2 * y) else self.ended(z, x, y)
            if metres is not None:
                yield x, y, metres

    def ended(self, z: int, x: int, y: int) -> float | None:
        """Cell size, m, of the finest model in a tile that goes no deeper; None without any."""
        over = [
            metres
            for finest, metres, tiles in self.models
            if finest <= z and (x >> (z - finest), y >> (z - finest)) in tiles
        ]
        return min(over, default=None)

    def holds(self, z: int, x: int, y: int) -> bool:
        """Whether there is a tile."""
        return z < len(self.tiles) and (x, y) in self.tiles[z]


def _known_tiles(surface: Surface, z: int) -> Ints:
    """Tiles (n, 2) of a level that touch a block in which a model knows a height."""
    level = surface.levels[0]
    block = np.argwhere(level.blocks.counts > 0)
    low = np.maximum((block + level.blocks.first) * BLOCK, level.first)
    high = np.minimum((block + level.blocks.first + 1) * BLOCK,
                      np.array(level.first) + level.known.shape)  # fmt: skip
    mid = (low + high) / 2
    ends = np.stack([low, mid, high])
    picked = np.array([(r, c) for r in range(3) for c in range(3)])
    around = np.stack([ends[picked[:, 0], :, 0], ends[picked[:, 1], :, 1]], axis=-1)
    lon, lat = _lonlat(surface, around)
    west, east = (_tile(v + 180, z, 2 ** (z + 1)) for v in (lon.min(axis=0), lon.max(axis=0)))
    south, north = (_tile(v + 90, z, 2**z) for v in (lat.min(axis=0), lat.max(axis=0)))
    tiles = {
        (x, y)
        for x0, x1, y0, y1 in zip(west, east, south, north, strict=True)
        for x in range(x0, x1 + 1)
        for y in range(y0, y1 + 1)
    }
    return np.array(sorted(tiles), np.int64).reshape(-1, 2)


def _tile(degrees: Floats, z: int, count: int) -> list[int]:
    number = np.floor(degrees / (180.0 / 2**z)).astype(np.int64)
    found: list[int] = np.clip(number, 0, count - 1).tolist()
    return found


def _lonlat(surface: Surface, cells: Floats) -> tuple[Floats, Floats]:
    """Longitude and latitude of upper left corners of cells, (..., 2) rows and columns."""
    lattice = surface.lattice
    x, y = lattice.place(cells[..., 0], cells[..., 1])
    xy: Floats = np.stack([np.ravel(x), np.ravel(y)], axis=1)
    lon, lat = rows(transformer(lattice.crs, CGCS2000), xy).T
    return lon.reshape(cells.shape[:-1]), lat.reshape(cells.shape[:-1])


def _ancestors(tiles: Ints, z: int) -> Iterator[tuple[int, Ints]]:
    for level in range(z, -1, -1):
        yield level, tiles
        tiles = np.unique(tiles // 2, axis=0)


def _steps(ground: Ground, found: list[dict[tuple[int, int], float]]) -> tuple[float, ...]:
    """Height step of each level, from the greatest relief that one of its tiles may have.

    Tiles below a regular level are part of tiles that end there, so their relief counts as well.
    No level has a larger step than the one above it.
    """
    here, ends = [], []
    for z, tiles in enumerate(found):
        reliefs = dict(zip(tiles, _reliefs(ground, z, list(tiles)).tolist(), strict=True))
        below = found[z + 1] if z + 1 < len(found) else {}
        here.append(max(reliefs.values()))
        last = [r for t, r in reliefs.items() if children_of(*t)[0] not in below]
        ends.append(max(last, default=0.0))
    steps = []
    for z in range(len(found) + EXTRA_LEVELS):
        above = ends[max(0, z - EXTRA_LEVELS) : z]
        steps.append(level_step(max([*here[z : z + 1], *above]) + MARGIN))
    return tuple(np.maximum.accumulate(steps[::-1])[::-1].tolist())


def children_of(x: int, y: int) -> tuple[tuple[int, int], ...]:
    """The four tiles of the next level that cover one."""
    return (2 * x, 2 * y), (2 * x + 1, 2 * y), (2 * x, 2 * y + 1), (2 * x + 1, 2 * y + 1)


def _reliefs(ground: Ground, z: int, tiles: Sequence[tuple[int, int]]) -> Floats:
    """An upper bound of the relief within each of some tiles of a level, m."""
    along = np.linspace(-1 / STEPS, 1 + 1 / STEPS, 5)  # with a post of halo
    width = 180.0 / 2**z
    x, y = np.array(tiles, np.float64).T[:, :, None, None]
    lon, lat = np.broadcast_arrays(
        (x + along[None, None]) * width - 180.0, (y + along[None, :, None]) * width - 90.0
    )
    low, high = np.full(len(tiles), np.inf), np.full(len(tiles), -np.inf)
    for anyway in (False, True):  # what no model touches shows the nearest, so any may be it
        for surface in ground.surfaces:
            west, south, east, north = surface.box
            mine = (lon.min(axis=(1, 2)) <= east) & (lon.max(axis=(1, 2)) >= west)
            mine &= (lat.min(axis=(1, 2)) <= north) & (lat.max(axis=(1, 2)) >= south)
            which = np.flatnonzero(np.isinf(low) if anyway else mine)
            if len(which):
                lowest, highest = _extremes(ground, surface, z, (lon[which], lat[which]))
                low[which] = np.minimum(low[which], lowest)
                high[which] = np.maximum(high[which], highest)
    relief: Floats = high - low
    return relief


def _extremes(
    ground: Ground, surface: Surface, z: int, places: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Lowest and highest of the blocks of a model around each of n groups of places."""
    number = surface.level_for(spacing(z))
    level = surface.levels[number]
    row, column = surface.lattice.posts(*ground.project(surface, *places), number)
    ends = [
        np.stack([np.floor(pick(row, (1, 2))), np.floor(pick(column, (1, 2)))], axis=1) + beyond
        for pick, beyond in ((np.min, -1), (np.max, 2))
    ]
    first, last = level.range(ends[0].astype(np.int64), ends[1].astype(np.int64))
    blocks = level.blocks
    parts = [
        (slice(top, bottom + 1), slice(left, right + 1))
        for (top, left), (bottom, right) in zip(first.tolist(), last.tolist(), strict=True)
    ]
    return (
        np.array([blocks.lows[part].min() for part in parts], np.float64),
        np.array([blocks.highs[part].max() for part in parts], np.float64),
    )
