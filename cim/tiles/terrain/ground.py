"""The ground that terrain tiles show: elevation models laid over each other.

At each post the first model that knows the height gives it, bilinear between its cells and at the
resolution of the level. What none knows comes from the nearest model, its gaps closed from their
surroundings and its rim going on for ever: no pit, no cliff. A post gets the same bits whatever
tile, window or run asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.geo.heights import Geoid
from cim.tiles.terrain.gaps import between, lay, lay_nearest
from cim.tiles.terrain.place import STEPS, Place
from cim.tiles.terrain.surface import BLOCK, Level, Surface

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METRES = 111_132.0  # of a degree of latitude
NODE = 16  # every 16th post is projected, those between linearly: under 2 mm at 250 m
SMALL = 12  # from this level on


class Window(NamedTuple):
    """Posts of some tiles of a level, with a halo of one: a rectangle of tiles."""

    z: int
    x: int
    y: int
    columns: int
    rows: int

    @classmethod
    def of(cls, place: Place) -> Window:
        """One tile."""
        return cls(place.z, place.x, place.y, 1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Posts: rows from the south, columns."""
        return self.rows * STEPS + 3, self.columns * STEPS + 3

    @property
    def unit(self) -> float:
        """Degrees from post to post."""
        return 180.0 / float(2**self.z * STEPS)

    @property
    def first(self) -> tuple[int, int]:
        """Number of the first row and column of posts."""
        return self.y * STEPS - 1, self.x * STEPS - 1

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees."""
        (row, column), (rows, columns) = self.first, self.shape
        return (
            column * self.unit - 180.0,
            row * self.unit - 90.0,
            (column + columns - 1) * self.unit - 180.0,
            (row + rows - 1) * self.unit - 90.0,
        )


def spacing(z: int) -> float:
    """Metres from post to post along a meridian."""
    return 180.0 / float(2**z * STEPS) * METRES


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """Elevation models by priority.

    Args:
        surfaces: The models; the first that knows a place wins.
        geoid: Lifts heights onto the ellipsoid.
        within: Where the geoid is asked; beyond, its rim goes on.
    """

    surfaces: tuple[Surface, ...]
    geoid: Geoid
    within: Bounds

    def posts(self, window: Window) -> Floats:
        """Ellipsoidal heights, m, of a window's posts; rows from the south."""
        return self.orthometric(window) + self._lift(window)

    def orthometric(self, window: Window) -> Floats:
        """Orthometric heights, m, of a window's posts; rows from the south."""
        heights = np.full(window.shape, np.nan)
        looked_up: dict[int, tuple[Floats, Floats]] = {}
        for index, surface in enumerate(self.surfaces):
            if touch(surface.box, window.box):
                number = surface.level_for(spacing(window.z))
                looked_up[index] = self._on(surface, window, number)
                level = surface.levels[number]
                lay(level.known, *level.first, *looked_up[index], heights)
        unknown = np.isnan(heights)
        if unknown.any():
            self._lay_nearest(window, unknown, looked_up, heights)
        return heights

    def _lay_nearest(
        self,
        window: Window,
        unknown: npt.NDArray[np.bool_],
        looked_up: dict[int, tuple[Floats, Floats]],
        heights: Floats,
    ) -> None:
        """What no model knows comes from the nearest, of those that lie there from the last."""
        distance = np.full(window.shape, np.inf)
        for index in range(len(self.surfaces) - 1, -1, -1):
            surface = self.surfaces[index]
            number = surface.level_for(spacing(window.z))
            row, column = looked_up.get(index) or self._on(surface, window, number)
            level, metres = surface.levels[number], surface.metres * 2**number
            lay_nearest(level.filled, *level.first, row, column, metres, unknown, distance, heights)

    def _on(self, surface: Surface, window: Window, number: int) -> tuple[Floats, Floats]:
        """Rows and columns of a window's posts on a level of a model.

        Of deep windows every 16th post is projected, and those between lie linearly.
        """
        row, column = _by_nodes(
            window,
            lambda lon, lat: surface.lattice.posts(*self.project(surface, lon, lat), number),
        )
        return row, column

    @cached_property
    def reach(self) -> tuple[float, float, float, float]:
        """Whole degrees around all models, beyond which no post is projected."""
        boxes = np.array([surface.box for surface in self.surfaces])
        low, high = np.floor(boxes[:, :2].min(axis=0)), np.ceil(boxes[:, 2:].max(axis=0))
        return float(low[0] - 1), float(low[1] - 1), float(high[0] + 1), float(high[1] + 1)

    def project(self, surface: Surface, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Coordinates of places in a model's CRS; far beyond all models, of their rim's."""
        west, south, east, north = self.reach
        x, y = surface.step.transform(
            np.clip(lon, west, east).ravel(), np.clip(lat, max(south, -89.9), north).ravel()
        )
        return x.reshape(lon.shape), y.reshape(lon.shape)

    def _lift(self, window: Window) -> Floats:
        """Geoid heights at a window's posts, m."""
        area = self.within

        def lifted(lon: Floats, lat: Floats) -> tuple[Floats]:
            lon, lat = np.clip(lon, area.west, area.east), np.clip(lat, area.south, area.north)
            return (self.geoid.undulation(lon, lat),)

        return _by_nodes(window, lifted)[0]

    def cells(self, surface: Surface, window: Window, number: int) -> tuple[Ints, Ints]:
        """First and last row and column that a window's posts look at on a level of a model."""
        west, south, east, north = window.box
        along = np.linspace(0, 1, 5 if window.z >= SMALL else 33)
        lon, lat = np.meshgrid(west + along * (east - west), south + along * (north - south))
        row, column = surface.lattice.posts(*self.project(surface, lon, lat), number)
        low = np.floor([row.min(), column.min()]).astype(np.int64) - 1
        return low, np.ceil([row.max(), column.max()]).astype(np.int64) + 1

    def digest(self, window: Window) -> str:
        """Tells whether heights of a window may be others now."""
        found = hashlib.sha256()
        if window.z < SMALL:
            found.update(repr(self.reach).encode())
        here = [touch(surface.box, window.box) for surface in self.surfaces]
        far = [s for s, near in zip(self.surfaces, here, strict=True) if not near]
        near = [s for s, near in zip(self.surfaces, here, strict=True) if near]
        for surface in (*near, *far):  # those afar show where the near ones know nothing
            lattice = surface.lattice
            number = surface.level_for(spacing(window.z))
            where = (lattice.crs.to_wkt(), lattice.cell, lattice.phase, number)
            found.update(repr(where).encode())
            if _add(found, surface.levels[number], *self.cells(surface, window, number)):
                break  # nothing else shows
        return found.hexdigest()[:16]


def _add(found: Any, level: Level, low: Ints, high: Ints) -> bool:
    """Add the content of blocks to a digest; whether all heights from low to high are known."""
    last = np.array(level.first) + level.known.shape - 1
    (top, left), (bottom, right) = level.range(low, high)
    part = (slice(top, bottom + 1), slice(left, right + 1))
    blocks = level.blocks
    found.update(repr((blocks.first[0] + int(top), blocks.first[1] + int(left))).encode())
    found.update(blocks.digests[part].tobytes())
    inside = bool((low >= level.first).all() and (high <= last).all())
    return inside and bool((blocks.counts[part] == BLOCK * BLOCK).all())


def _by_nodes(window: Window, function: Any) -> tuple[Floats, ...]:
    """Values at a window's posts; from level 12 on of every 16th, linear between."""
    rows, columns = window.shape
    row, column = window.first
    if window.z < SMALL:
        lon, lat = np.meshgrid(
            np.arange(column, column + columns) * window.unit - 180.0,
            np.arange(row, row + rows) * window.unit - 90.0,
        )
        return tuple(np.ascontiguousarray(v) for v in function(lon, lat))
    first_row, first_column = row // NODE, column // NODE
    node_rows = np.arange(first_row, (row + rows - 1) // NODE + 2) * NODE
    node_columns = np.arange(first_column, (column + columns - 1) // NODE + 2) * NODE
    lon, lat = np.meshgrid(node_columns * window.unit - 180.0, node_rows * window.unit - 90.0)
    found = []
    for nodes in function(lon, lat):
        values = np.empty((rows, columns))
        between(np.ascontiguousarray(nodes), first_row, first_column, row, column, NODE, values)
        found.append(values)
    return tuple(found)


def touch(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes (west, south, east, north) have a point in common."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
