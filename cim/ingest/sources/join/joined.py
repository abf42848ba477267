"""The ground that joined terrain shows: the elevation models' own, bent and pushed below a mesh."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import CRS

from cim.geo.crs import CGCS2000, rows, transformer
from cim.geo.heights import Geoid
from cim.tiles.terrain.gaps import between, lay, lay_nearest
from cim.tiles.terrain.ground import Ground, Window, spacing, touch
from cim.tiles.terrain.place import level_error
from cim.tiles.terrain.surface import Surface

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]

NODE = 16  # every 16th cell is projected, those between linearly
FINE = 16  # from this level on tiles follow the border closely
CLOSELY = 0.1  # m
SLACK = 0.05  # m, for what triangles do between posts


def tolerance(z: int) -> float:
    """Of the mesh of a joined tile, m: tight, for the terrain lies that much deeper."""
    return CLOSELY if z >= FINE else min(max(0.25, level_error(z) / 32), 1.0)


class Ceiling(NamedTuple):
    """What the terrain of a level must stay below.

    Args:
        first: Row and column of the first cell on the lattice of this side.
        side: Of a cell, m.
        heights: (rows from the north, columns) orthometric, m; NaN where there is no mesh.
    """

    first: tuple[int, int]
    side: float
    heights: Cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined:
    """Elevation models joined to a mesh.

    Args:
        bare: The models.
        added: What is added to them, m; nothing beyond its cells.
        ceilings: By level, what its terrain must stay below.
        steps: Height step of each level, m.
        crs: Of the rasters.
    """

    bare: Ground
    added: Surface
    ceilings: dict[int, Ceiling]
    steps: tuple[float, ...]
    crs: CRS

    def posts(self, window: Window) -> Floats:
        """Ellipsoidal heights, m, of a window's posts; rows from the south."""
        z, x, y, columns, rows_ = window
        south, north = max(y - 1, 0), min(y + rows_ + 1, 2**z)
        wide = Window(z, x - 1, south, columns + 2, north - south)
        if not touch(self.box, wide.box):
            return self.bare.posts(window)
        heights = self.bare.posts(wide)
        more = self._added(wide)
        np.add(heights, more, out=heights, where=more != 0)
        heights -= self._push(wide, heights)
        top, left = (y - south) * 64, 64
        found: Floats = np.ascontiguousarray(
            heights[top : top + window.shape[0], left : left + window.shape[1]]
        )
        return found

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north beyond which nothing is joined, degrees."""
        return self.added.box

    def digest(self, window: Window) -> str:
        """Tells whether heights of a window may be others now."""
        heights = self.posts(window)
        return hashlib.sha256(heights.tobytes()).hexdigest()[:16]

    def _added(self, window: Window) -> Floats:
        number = self.added.level_for(spacing(window.z))
        row, column = self.bare._on(self.added, window, number)  # noqa: SLF001 - its own kind
        level = self.added.levels[number]
        found = np.full(window.shape, np.nan)
        lay(level.known, *level.first, row, column, found)
        known: Floats = np.nan_to_num(found)
        return known

    def _push(self, window: Window, heights: Floats) -> Floats:
        """How far posts must go down so that nothing between them rises above the ceiling."""
        pushed = np.zeros(window.shape)
        levels = sorted(self.ceilings)
        ceiling = self.ceilings[min(max(window.z, levels[0]), levels[-1])]
        cut = _cells(ceiling, window, self.crs)
        if cut is None:
            return pushed
        top, left, part = cut
        step = self.steps[min(window.z, len(self.steps) - 1)]
        below = tolerance(window.z) + step + SLACK
        lon, lat = _lonlat(self.crs, ceiling.side, (top, left), part.shape)
        lift = _lifted(self.bare.geoid, self.bare.within, lon, lat, part.shape)
        (first_row, first_column), unit = window.first, window.unit
        row = _between((lat + 90.0) / unit - first_row, part.shape)
        column = _between((lon + 180.0) / unit - first_column, part.shape)
        finest = min(one.side for one in self.ceilings.values())
        half = (ceiling.side - finest) / spacing(window.z) / 2
        push(heights, row, column, part + lift - below, half, pushed)
        return pushed


def _cells(ceiling: Ceiling, window: Window, crs: CRS) -> tuple[int, int, Cells] | None:
    """Cells of a ceiling around a window: row and column of the first, and heights."""
    west, south, east, north = window.box
    edge = np.linspace(0, 1, 9)
    lon, lat = np.meshgrid(west + edge * (east - west), south + edge * (north - south))
    if not (west >= -180 and east <= 180) or window.z < 6:
        low, high = np.array(ceiling.first), np.array(ceiling.first) + ceiling.heights.shape
    else:
        xy = rows(transformer(CGCS2000, crs), np.column_stack([lon.ravel(), lat.ravel()]))
        cell = np.column_stack([-xy[:, 1], xy[:, 0]]) / ceiling.side
        low = np.floor(cell.min(axis=0)).astype(np.int64) - 1
        high = np.ceil(cell.max(axis=0)).astype(np.int64) + 2
    low = np.maximum(low, ceiling.first)
    high = np.minimum(high, np.array(ceiling.first) + ceiling.heights.shape)
    if (low >= high).any():
        return None
    (top, left), (bottom, right) = low - ceiling.first, high - ceiling.first
    part = np.asarray(ceiling.heights[top:bottom, left:right])
    return None if np.isnan(part).all() else (int(low[0]), int(low[1]), part)


def _lonlat(
    crs: CRS, side: float, first: tuple[int, int], shape: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Longitude and latitude of nodes, every 16th cell centre of a window and one more."""
    row, column = (np.arange(n // NODE + 2) * NODE + 0.5 + f
                   for n, f in zip(shape, first, strict=True))  # fmt: skip
    x, y = np.meshgrid(column * side, -row * side)
    lon, lat = rows(transformer(crs, CGCS2000), np.column_stack([x.ravel(), y.ravel()])).T
    return lon.reshape(x.shape), lat.reshape(x.shape)


def _between(nodes: Floats, shape: tuple[int, ...]) -> Floats:
    values = np.empty(shape)
    between(np.ascontiguousarray(nodes), 0, 0, 0, 0, NODE, values)
    return values


def _lifted(
    geoid: Geoid, within: tuple[float, ...], lon: Floats, lat: Floats, shape: tuple[int, ...]
) -> Floats:
    west, south, east, north = within
    lift = geoid.undulation(np.clip(lon, west, east), np.clip(lat, south, north))
    return _between(lift, shape)


def model_heights(
    ground: Ground, crs: CRS, side: float, first: tuple[int, int], shape: tuple[int, int]
) -> Floats:
    """Orthometric heights of elevation models at cell centres of another lattice, m.

    Args:
        ground: The models, finest cells.
        crs: Of the lattice.
        side: Of its cells, m.
        first: Row (from the north) and column of the first cell.
        shape: Rows and columns.
    """
    lon, lat = _lonlat(crs, side, first, shape)
    heights, distance = np.full(shape, np.nan), np.full(shape, np.inf)
    places = []
    for surface in ground.surfaces:
        row, column = surface.lattice.posts(*ground.project(surface, lon, lat), 0)
        places.append((_between(row, shape), _between(column, shape)))
        level = surface.levels[0]
        lay(level.known, *level.first, *places[-1], heights)
    unknown = np.isnan(heights)
    for surface, place in zip(ground.surfaces, places, strict=True):
        level = surface.levels[0]
        lay_nearest(level.filled, *level.first, *place, surface.metres, unknown, distance, heights)
    return heights


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def push(
    heights: Floats, row: Floats, column: Floats, ceiling: Floats, half: float, pushed: Floats
) -> None:
    """Lower the four posts around each cell by what the ground between them rises too high.

    Args:
        heights: (rows from the south, columns) of posts, m.
        row: Where cells lie among the posts.
        column: The same.
        ceiling: What the ground must stay below there, m; NaN where nothing is asked.
        half: Half a cell's side in steps from post to post.
        pushed: Gets for each post by how much it must be lower, m.
    """
    last_row, last_column = heights.shape[0] - 1, heights.shape[1] - 1
    for i in range(ceiling.shape[0]):
        for j in range(ceiling.shape[1]):
            r, c = row[i, j], column[i, j]
            if np.isnan(ceiling[i, j]) or not (0 <= r < last_row and 0 <= c < last_column):
                continue
            top, left = int(r), int(c)
            fr, fc = r - top, c - left
            a, b = heights[top, left], heights[top, left + 1]
            d, e = heights[top + 1, left], heights[top + 1, left + 1]
            here = (a * (1 - fc) + b * fc) * (1 - fr) + (d * (1 - fc) + e * fc) * fr
            east = abs((b - a) * (1 - fr) + (e - d) * fr)
            north = abs((d - a) * (1 - fc) + (e - b) * fc)
            over = here + (east + north) * half - ceiling[i, j]
            if over <= 0:
                continue
            for k in range(2):
                for m in range(2):
                    pushed[top + k, left + m] = max(pushed[top + k, left + m], over)
