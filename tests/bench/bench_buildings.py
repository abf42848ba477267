"""Speed of footprints to solid buildings, one core: ``python -m tests.bench.bench_buildings``.

CPU time from the file to written tiles: reading, repair, ground, triangles, overlaps, attributes.
The peer, pg2b3dm (.NET, from 3D geometry in PostGIS; it extrudes nothing), is quoted from its
README: 1,415 to 3,830 features a second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shapely.affinity import rotate

from cim.city import Bounds, City
from cim.geo.heights import ConstantGeoid
from cim.ingest.source import Request
from cim.ingest.sources.buildings import FootprintSource
from tests.delivered import NORTH, WEST, ZONE, hills, raster

PEER = (1415.0, 3830.0)
STEP = 40.0  # m from one building to the next


def footprints(path: Path, count: int) -> Path:
    """A town of oblongs, angles and courtyards with six attributes."""
    random = np.random.default_rng(1)
    side = int(np.ceil(np.sqrt(count)))
    place = np.arange(count)
    west, south = WEST + 200 + STEP * (place % side), NORTH - 1000 - STEP * (place // side)
    shapes = []
    for x, y, w, h, kind, turn in zip(
        west, south, random.uniform(8, 26, count), random.uniform(8, 26, count),
        random.integers(3, size=count), random.uniform(0, 30, count), strict=True,
    ):  # fmt: skip
        shape = shapely.box(x, y, x + w, y + h)
        if kind == 1:
            shape = shape.difference(shapely.box(x + w / 2, y + h / 2, x + w, y + h))
        elif kind == 2:
            shape = shape.difference(shapely.box(x + w / 3, y + h / 3, x + w / 2, y + h / 2))
        shapes.append(rotate(shape, turn))
    columns = {
        "building_id": [f"B{i:07d}" for i in place],
        "name": [f"{i}号楼" for i in place],
        "use": random.choice(["住宅", "办公", "商业"], count),
        "floors": random.integers(1, 30, count),
        "height": random.uniform(3, 90, count),
        "year": random.integers(1960, 2024, count),
    }
    gpd.GeoDataFrame(columns, geometry=shapes, crs=4545).to_file(path)
    return path


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    city = City(
        name="", name_en="", bounds=Bounds(106.0, 34.5, 107.5, 36.0), compute_crs=ZONE,
        geoid=ConstantGeoid(-36.0),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = footprints(folder / "town.gpkg", options.count)
        dem = raster(folder / "dem.tif", hills(600, 600))
        source = FootprintSource()
        for geometry in ("float32", "meshopt"):
            request = Request(
                paths=(path,), layer_id="base.building_model", layer=None, city=city,
                elevation=(dem,), options={"geometry": geometry},
            )  # fmt: skip
            plan = source.plan(request)
            best = np.inf
            for _ in range(options.rounds):
                start = time.process_time()
                built = source.build(plan.parcels[0], plan, request, folder)
                best = min(best, time.process_time() - start)
            size = built.facts["bytes"] / options.count
            rate = options.count / best
            print(  # noqa: T201
                f"{geometry:10}{rate:8,.0f} features/cpu-s, {size:,.0f} bytes each, "
                f"{rate / PEER[1]:.1f} to {rate / PEER[0]:.1f} times what pg2b3dm says of itself"
            )


if __name__ == "__main__":
    main()
