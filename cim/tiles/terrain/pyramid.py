"""A whole pyramid of terrain tiles over one elevation model in memory, and its layer.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.city import Bounds
from cim.geo.heights import ConstantGeoid, Geoid
from cim.store.files import write_json
from cim.tiles.terrain.bundle import Writer, bundles
from cim.tiles.terrain.depth import blocks, depth_below
from cim.tiles.terrain.description import layer_json
from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.levels import Levels, finest_zoom, height_bound, places, tiles_over
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.surface import Lattice, Surface, in_memory

__all__ = [
    "Model", "finest_zoom", "height_bound", "places", "tiles_over", "write_pyramid",
]  # fmt: skip

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An elevation model in memory.

    Args:
        heights: (rows from the north, columns) orthometric heights at cell centres, m; NaN where
            unknown.
        crs: Its CRS, in metres.
        west: x of the left side of the first column.
        north: y of the upper side of the first row.
        cell: Cell size (x, y), m, both positive.
        extent: Where it lies, degrees.
        metres: Cell size on the ground, m.
    """

    heights: npt.NDArray[np.float32]
    crs: CRS
    west: float
    north: float
    cell: tuple[float, float]
    extent: Bounds
    metres: float

    def ground(self, geoid: Geoid) -> Ground:
        """The ground that is this model alone."""
        lattice = Lattice.through(self.crs, self.cell, (self.west, self.north))
        first = lattice.corner(self.west, self.north)
        surface = Surface.make(self.heights, first, lattice, self.metres, in_memory)
        return Ground(surfaces=(surface,), geoid=geoid, within=self.extent)

    def sample(self, place: Place) -> Floats:
        """Orthometric heights at a tile's posts and halo, (67, 67), rows from the south."""
        return self.ground(ConstantGeoid(0.0)).orthometric(Window.of(place))


def write_pyramid(
    model: Model, geoid: Geoid, folder: Path, version: str, done: Callable[[Place], None]
) -> dict[str, Any]:
    """Write all tiles and layer.json; the figures of what was written.

    Every level down to the one whose posts lie closer than the model's cells is complete. Below
    it, only where straight lines between those posts miss the model's edges by too much, up to
    two levels more are written; clients cut the rest from its parents.

    Args:
        model: Orthometric heights; they become ellipsoidal here, through ``geoid``.
        geoid: The city's.
        folder: Where ``{z}/{x}/{y}.terrain`` and layer.json go.
        version: Fills ``?v=`` of the tile addresses.
        done: Is told of each tile.
    """
    ground = model.ground(geoid)
    levels = Levels.of(ground)
    deeper = [depth_below(ground, z, ends) for (z, _, _), ends in blocks(levels).items()]
    levels = levels.deepened(tile for depth in deeper for tile in depth.tiles)
    writer = Writer(ground, folder)
    written: list[Place] = []
    size = 0
    for bundle in bundles(levels):
        made = writer.write(bundle)
        size += made.bytes
        for place in map(named, made.tiles):
            written.append(place)
            done(place)
    write_json(folder / "layer.json", layer_json(model.extent, written, version))
    return {
        "tiles": len(written), "tile_bytes": size, "maxzoom": max(p.z for p in written),
        "regular": finest_zoom(model.metres),
        "bound": max([height_bound(model.metres), *(depth.error for depth in deeper)]),
    }  # fmt: skip


def named(name: str) -> Place:
    """The tile of a file ``z/x/y.terrain``.

    Example:
        >>> named("3/4/5.terrain")
        Place(z=3, x=4, y=5)
    """
    z, x, y = name.removesuffix(".terrain").split("/")
    return Place(int(z), int(x), int(y))
