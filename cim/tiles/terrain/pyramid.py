"""A pyramid of terrain tiles over one elevation model, and its layer.json."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter

from cim.city import Bounds
from cim.geo.crs import CGCS2000, transformer
from cim.geo.heights import Geoid
from cim.store.files import write_atomic, write_json
from cim.tiles.terrain.place import POSTS, STEPS, Place, level_error
from cim.tiles.terrain.quantized_mesh import encode, level_step

Floats = npt.NDArray[np.float64]
MESH_SHARE = 0.25  # of the bound on heights is the mesh's tolerance, which its rim may double
EXTRA_LEVELS = 2
_NODE = 16  # every 16th post is projected exactly, those between linearly: under 2 mm at 250 m


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An elevation model in memory.

    Args:
        heights: (rows from the north, columns) orthometric heights at cell centres, m; no gaps.
        crs: Its CRS.
        west: x of the left side of the first column.
        north: y of the upper side of the first row.
        cell: Cell size (x, y) in units of the CRS, both positive.
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

    def halved(self) -> Model:
        """The model at half the resolution, means of four cells."""
        rows, columns = (n // 2 * 2 for n in self.heights.shape)
        four = self.heights[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2)
        return Model(
            heights=four.mean(axis=(1, 3), dtype=np.float64).astype(np.float32),
            crs=self.crs,
            west=self.west,
            north=self.north,
            cell=(self.cell[0] * 2, self.cell[1] * 2),
            extent=self.extent,
            metres=self.metres * 2,
        )

    def sample(self, place: Place) -> Floats:
        """Heights at a tile's posts and halo, (67, 67), rows from the south.

        Beyond the model the height of its rim goes on, so that no cliff stands there.
        """
        x, y = _projected(self.crs, place)
        column = (x - self.west) / self.cell[0] - 0.5
        row = (self.north - y) / self.cell[1] - 0.5
        placed = np.isfinite(column) & np.isfinite(row)
        sampled = map_coordinates(
            self.heights,
            [np.where(placed, row, 0.0), np.where(placed, column, 0.0)],
            order=1,
            mode="nearest",
            output=np.float64,
        )
        return np.where(placed, sampled, np.float64(self.heights.mean(dtype=np.float64)))


def _projected(crs: CRS, place: Place) -> tuple[Floats, Floats]:
    """Coordinates of a tile's posts and halo.

    Deep tiles are projected at every 16th post; neighbours share those nodes, and between two
    nodes of a border nothing but the border counts, so their posts agree to the bit.
    """
    lon, lat = place.longitudes(1), place.latitudes(1)
    step = transformer(CGCS2000, crs)
    if place.width > 0.05:
        flat_lon, flat_lat = np.meshgrid(lon, lat)
        x, y = step.transform(flat_lon.ravel(), flat_lat.ravel(), errcheck=False)
        return x.reshape(flat_lon.shape), y.reshape(flat_lon.shape)
    nodes = np.arange(-_NODE, STEPS + 2 * _NODE, _NODE)
    unit = 180.0 / (2**place.z * STEPS)
    node_lon = (nodes + place.x * STEPS) * unit - 180.0
    node_lat = (nodes + place.y * STEPS) * unit - 90.0
    grid_lon, grid_lat = np.meshgrid(node_lon, node_lat)
    x, y = step.transform(grid_lon.ravel(), grid_lat.ravel())
    return (_between(x.reshape(grid_lon.shape)), _between(y.reshape(grid_lon.shape)))


_AT = np.arange(-1, POSTS + 1)
_CELL = np.floor_divide(_AT, _NODE)
_PART = (_AT - _CELL * _NODE) / _NODE
_CELL = _CELL + 1  # nodes begin one step before the tile


def _between(nodes: Floats) -> Floats:
    part_x, part_y = _PART[None, :], _PART[:, None]
    row = nodes[_CELL] * (1 - part_y) + nodes[np.minimum(_CELL + 1, len(nodes) - 1)] * part_y
    right = np.minimum(_CELL + 1, nodes.shape[1] - 1)
    posts: Floats = row[:, _CELL] * (1 - part_x) + row[:, right] * part_x
    return posts


def finest_zoom(metres: float) -> int:
    """The level whose posts lie closer than the model's cells: 15 for 15 m."""
    degrees = metres / 111_132.0
    return max(0, min(20, math.ceil(math.log2(180.0 / STEPS / degrees) - 0.1)))


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
    """All tiles of the regular pyramid; both of level 0."""
    for z in range(maxzoom + 1):
        x0, x1, y0, y1 = (0, 1, 0, 0) if z == 0 else tiles_over(extent, z)
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                yield Place(z, x, y)


def height_bound(metres: float) -> float:
    """What the finest tiles may differ from a model with cells of that size, m.

    0.5 m for cells up to 15 m, then growing with the cell's square, as what lies between two cells
    grows unknown; a fifth of the cell at most.

    Example:
        >>> [height_bound(m) for m in (5.0, 15.0, 30.0)]
        [0.5, 0.5, 2.0]
    """
    return max(0.5, min(0.5 * (metres / 15) ** 2, metres / 5))


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
    bound = height_bound(model.metres)
    regular = finest_zoom(model.metres)
    pyramid = _pyramid(model, regular)
    written: list[Place] = []
    size = 0

    def write(place: Place, source: Model, step: float) -> None:
        nonlocal size
        heights = source.sample(place) + _undulation(geoid, place, model.extent)
        tolerance = MESH_SHARE * bound
        if place.z < regular:
            tolerance = max(tolerance, level_error(place.z) / 4)
        content = gzip.compress(encode(place, heights, step, tolerance), 6, mtime=0)
        write_atomic(folder / f"{place.z}/{place.x}/{place.y}.terrain", content)
        size += len(content)
        written.append(place)
        done(place)

    steps = {z: level_step(_relief(pyramid[z], z)) for z in range(regular + 1)}
    for place in places(model.extent, regular):
        write(place, pyramid[place.z], steps[place.z])
    deepest = [place for place in written if place.z == regular]
    for _ in range(EXTRA_LEVELS):
        deepest = [
            child
            for place in deepest
            if missed(model, place) > (1 - 2 * MESH_SHARE) * bound
            for child in place.children()
            if _touches(child, model.extent)
        ]
        for place in deepest:
            write(place, model, steps[regular])
    maxzoom = max(place.z for place in written)
    write_json(folder / "layer.json", layer_json(model.extent, written, version))
    return {
        "tiles": len(written), "tile_bytes": size, "maxzoom": maxzoom, "regular": regular,
        "bound": bound,
    }  # fmt: skip


def missed(model: Model, place: Place) -> float:
    """How far straight lines between a tile's posts miss the model halfway between them, m."""
    coarse = model.sample(place)[1:-1, 1:-1]
    rows = np.repeat(coarse, 2, axis=0)[:-1]
    rows[1::2] = (coarse[:-1] + coarse[1:]) / 2
    both = np.repeat(rows, 2, axis=1)[:, :-1]
    both[:, 1::2] = (rows[:, :-1] + rows[:, 1:]) / 2
    worst = 0.0
    for child in place.children():
        right, upper = child.x % 2, child.y % 2
        part = both[upper * STEPS : upper * STEPS + POSTS, right * STEPS : right * STEPS + POSTS]
        worst = max(worst, float(np.abs(model.sample(child)[1:-1, 1:-1] - part).max()))
    return worst


def _touches(place: Place, extent: Bounds) -> bool:
    west, south = place.x * place.width - 180, place.y * place.width - 90
    return extent.touches(Bounds(west, south, west + place.width, south + place.width))


def _pyramid(model: Model, maxzoom: int) -> dict[int, Model]:
    """For each level the coarsest model whose cells are not wider than its posts."""
    models: dict[int, Model] = {}
    now = model
    for z in range(maxzoom, -1, -1):
        spacing = 180.0 / 2**z / STEPS * 111_132.0
        while now.metres * 2 <= spacing and min(now.heights.shape) >= 4:
            now = now.halved()
        models[z] = now
    return models


def _relief(model: Model, z: int) -> float:
    """An upper bound of the relief within any one tile of a level, m."""
    side = 180.0 / 2**z * 111_132.0 / model.metres + 6
    size = tuple(max(1, min(n, math.ceil(side))) for n in model.heights.shape)
    high = maximum_filter(model.heights, size=size, mode="nearest")
    low = minimum_filter(model.heights, size=size, mode="nearest")
    return float((high - low).max()) + 10.0


def _undulation(geoid: Geoid, place: Place, extent: Bounds) -> Floats:
    """Geoid heights at the posts; beyond the city those of its rim."""
    lon = np.clip(place.longitudes(1), extent.west, extent.east)
    lat = np.clip(place.latitudes(1), extent.south, extent.north)
    grid_lon, grid_lat = np.meshgrid(lon, lat)
    return geoid.undulation(grid_lon, grid_lat)


def layer_json(extent: Bounds, written: Iterable[Place], version: str) -> dict[str, Any]:
    """The description that clients ask for first."""
    levels: dict[int, dict[int, list[int]]] = {}
    for place in written:
        levels.setdefault(place.z, {}).setdefault(place.x, []).append(place.y)
    maxzoom = max(levels)
    return {
        "tilejson": "2.1.0",
        "name": "terrain",
        "version": version,
        "format": "quantized-mesh-1.0",
        "scheme": "tms",
        "projection": "EPSG:4326",
        "tiles": ["{z}/{x}/{y}.terrain?v={version}"],
        "minzoom": 0,
        "maxzoom": maxzoom,
        "bounds": list(extent),
        "extensions": ["octvertexnormals"],
        "available": [_rectangles(levels[z]) for z in range(maxzoom + 1)],
    }


def _rectangles(columns: Mapping[int, list[int]]) -> list[dict[str, int]]:
    """Tiles of one level as few rectangles: runs up a column, then equal runs side by side."""
    found: list[dict[str, int]] = []
    for x in sorted(columns):
        for low, high in _runs(sorted(columns[x])):
            beside = next(
                (r for r in found
                 if r["endX"] == x - 1 and (r["startY"], r["endY"]) == (low, high)),
                None,
            )  # fmt: skip
            if beside is None:
                found.append({"startX": x, "startY": low, "endX": x, "endY": high})
            else:
                beside["endX"] = x
    return found


def _runs(values: list[int]) -> Iterator[tuple[int, int]]:
    first = last = values[0]
    for value in values[1:]:
        if value != last + 1:
            yield first, last
            first = value
        last = value
    yield first, last
