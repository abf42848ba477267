"""Terrain tiles beside peers in one run, one core: ``python -m tests.bench.bench_terrain``.

First the tile alone: posts in, gzipped quantized mesh with normals out, over smooth hills and over
rough mountains; CPU time, best of three. All are read by our reader: the worst miss of a post and
the worst seam between neighbours stand beside the speed. Then the whole pyramid from a DEM of 15 m:
sampling, meshing, packing and writing. A peer that is not installed is named as such;
cesium-terrain-builder (C++, -f Mesh -C -N) was measured at 520 tiles a CPU second with reading,
with seams of up to 60 mm and no bound on heights.
"""

from __future__ import annotations

import gzip
import importlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.geo.crs import lonlat_bounds
from cim.geo.heights import ConstantGeoid
from cim.tiles.terrain.place import POSTS, STEPS, Place
from cim.tiles.terrain.pyramid import Model, write_pyramid
from cim.tiles.terrain.quantized_mesh import encode, level_step
from cim.tiles.terrain.reader import decode, gap
from tests.delivered import NORTH, WEST, ZONE, hills
from tests.tiles.terrain_posts import at_posts

Floats = npt.NDArray[np.float64]
Writer = Callable[[Place, Floats], bytes]
PEER = 520.0
CELL = 15.0
SIDE = 10  # tiles
CORNER = (52_000, 22_800)
TOLERANCE = 1.0


def mountains(size: int) -> Floats:
    """Ridges of 900 m down to ripples of a decimetre: heights fall with the wave's length."""
    random = np.random.default_rng(7)
    waves = np.fft.fftfreq(size)
    length = np.hypot(*np.meshgrid(waves, waves))
    length[0, 0] = 1.0
    phase = np.exp(2j * np.pi * random.random((size, size)))
    ground = np.fft.ifft2(phase * length**-2.2).real
    return np.asarray(1600 + 450 * ground / np.abs(ground).max())


def ours(ground: Floats) -> Writer:
    step = level_step(float(np.ptp(ground)))
    return lambda place, posts: encode(place, posts, step, TOLERANCE)


def peer(mesh: Callable[[Floats], tuple[Any, Any, Any]], encoder: ModuleType) -> Writer:
    """Writes tiles with quantized-mesh-encoder, from columns, rows and triangles of a mesher."""

    def write(place: Place, posts: Floats) -> bytes:
        inner = posts[1:-1, 1:-1]
        columns, rows, triangles = mesh(inner)
        lon, lat = place.longitudes(), place.latitudes()
        positions = np.stack([lon[columns], lat[rows], inner[rows, columns]], axis=1)
        normals = encoder.VertexNormalsExtension(indices=triangles, positions=positions)
        file = io.BytesIO()
        box = (lon[0], lat[0], lon[-1], lat[-1])
        encoder.encode(file, positions, triangles, bounds=box, extensions=(normals,))
        return file.getvalue()

    return write


def delatin(module: ModuleType) -> Callable[[Floats], tuple[Any, Any, Any]]:
    def mesh(posts: Floats) -> tuple[Any, Any, Any]:
        found = module.Delatin(np.ascontiguousarray(posts[::-1], np.float32), max_error=TOLERANCE)
        vertices = np.asarray(found.vertices).round().astype(int)
        return vertices[:, 0], vertices[:, 1], np.asarray(found.triangles).astype(np.uint32)

    return mesh


def martini(module: ModuleType) -> Callable[[Floats], tuple[Any, Any, Any]]:
    grid = module.Martini(POSTS)

    def mesh(posts: Floats) -> tuple[Any, Any, Any]:
        tile = grid.create_tile(np.ascontiguousarray(posts, np.float32))
        vertices, triangles = tile.get_mesh(TOLERANCE)
        places = np.asarray(vertices).reshape(-1, 2).astype(int)
        corners = np.asarray(triangles).reshape(-1, 3)[:, ::-1]
        return places[:, 0], places[:, 1], np.ascontiguousarray(corners, np.uint32)

    return mesh


def writers(ground: Floats) -> dict[str, Writer | None]:
    """Ours and the peers'; None where one is not installed."""
    found: dict[str, Writer | None] = {"ours": ours(ground)}
    for name, mesher in (("pydelatin", delatin), ("pymartini", martini)):
        try:
            encoder = importlib.import_module("quantized_mesh_encoder")
            found[name] = peer(mesher(importlib.import_module(name)), encoder)
        except ImportError:
            found[name] = None
    return found


def measure(name: str, write: Writer | None, ground: Floats) -> None:
    """One line of the table."""
    if write is None:
        print(f"  {name:<10} not installed (it takes {name} and quantized-mesh-encoder)")  # noqa: T201
        return
    places = {
        Place(15, CORNER[0] + x, CORNER[1] + y):
            ground[STEPS * y : STEPS * y + 67, STEPS * x : STEPS * x + 67]
        for x in range(SIDE) for y in range(SIDE)
    }  # fmt: skip
    spent, packed = [], {}
    for _ in range(4):  # the first round warms
        start = time.process_time()
        packed = {p: gzip.compress(write(p, h), 6, mtime=0) for p, h in places.items()}
        spent.append(time.process_time() - start)
    tiles = {place: decode(data) for place, data in packed.items()}
    seams = [
        gap(tile, tiles[beside], side)
        for place, tile in tiles.items()
        for side, beside in (("east", Place(15, place.x + 1, place.y)),
                             ("north", Place(15, place.x, place.y + 1)))
        if beside in tiles
    ]  # fmt: skip
    some = list(tiles)[:: len(tiles) // 10]
    miss = max(float(np.abs(at_posts(tiles[p]) - places[p][1:-1, 1:-1]).max()) for p in some)
    rate = len(tiles) / min(spent[1:])
    size = sum(map(len, packed.values())) / len(packed)
    triangles = sum(len(tile.triangles) for tile in tiles.values()) / len(tiles)
    print(  # noqa: T201
        f"  {name:<10}{rate:9.0f} tiles/cpu-s{size:9.0f} B{triangles:8.0f} triangles"
        f"{miss:8.2f} m worst miss{1000 * float(np.median(seams)):8.1f} /{1000 * max(seams):8.1f}"
        " mm seam median / worst"
    )


def whole() -> None:
    """The pyramid of a DEM of 9 km by 9 km, with sampling and writing."""
    side = 600
    box = (WEST, NORTH - side * CELL, WEST + side * CELL, NORTH)
    model = Model(
        heights=hills(side, side), crs=ZONE, west=WEST, north=NORTH, cell=(CELL, CELL),
        extent=Bounds(*lonlat_bounds(ZONE, box)), metres=CELL,
    )  # fmt: skip
    rates = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            figures = write_pyramid(model, ConstantGeoid(-36.0), Path(folder), "1", lambda _: None)
            rates.append(figures["tiles"] / (time.process_time() - start))
    print(f"  {figures['tiles']} tiles, {max(rates):.0f} tiles/cpu-s, "  # noqa: T201
          f"{max(rates) / PEER:.2f} of cesium-terrain-builder's {PEER:.0f}")  # fmt: skip


def main() -> None:
    """Print the tables."""
    size = SIDE * STEPS + 3
    for name, ground in (
        ("smooth hills", np.asarray(hills(size, size, cell=7.8), np.float64)),
        ("rough mountains", mountains(size)),
    ):
        print(f"{name}, tolerance {TOLERANCE} m, {SIDE * SIDE} tiles of 65 x 65 posts")  # noqa: T201
        for peer_name, write in writers(ground).items():
            measure(peer_name, write, ground)
    print(f"the whole pyramid from {CELL:.0f} m cells")  # noqa: T201
    whole()


if __name__ == "__main__":
    main()
