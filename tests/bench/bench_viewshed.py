"""The viewshed beside gdal_viewshed on one DEM, in turn: ``python -m tests.bench.bench_viewshed``.

Wall seconds, best of three. GDAL's include starting its program and reading the file; ours are
given cold (a fresh file, read and asked) with the compiled code warm.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio

from cim.geo.grid import Grid
from cim.geo.visibility import Eye, radius_of_curvature, viewshed
from tests.delivered import NORTH, WEST, ZONE, hills, raster
from tests.outside import run

CELL = 15.0


def best(work: Callable[[], object]) -> float:
    """Wall seconds of the best of three rounds."""
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def main() -> None:
    """Print the table."""
    print(f"{'cells':>10}{'gdal s':>10}{'ours s':>10}{'gdal / ours':>13}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for side in (400, 800, 1200):
            dem = raster(Path(folder) / f"{side}.tif", hills(side, side))
            x, y = WEST + (side // 2 + 0.5) * CELL, NORTH - (side // 2 + 0.5) * CELL

            def ours(path: Path = dem, x: float = x, y: float = y) -> None:
                with rasterio.open(path) as image:
                    ground = Grid(
                        heights=image.read(1).astype(np.float64), west=WEST, north=NORTH,
                        cell=(CELL, CELL), crs=ZONE,
                    )  # fmt: skip
                bend = (1 - 1 / 7) / (2 * radius_of_curvature(35.2))
                eye = Eye(x=x, y=y, height=20.0)
                viewshed(ground, eye, reach=1e6, target_height=0.0, bend=bend)

            def gdal(path: Path = dem, x: float = x, y: float = y) -> None:
                out = path.with_suffix(".out.tif")
                run("gdal_viewshed", "-q", "-ox", x, "-oy", y, "-oz", 20, "-tz", 0, "-md", 0,
                    "-cc", 0.857143, path, out)  # fmt: skip

            ours()
            theirs, mine = best(gdal), best(ours)
            print(f"{side * side:10}{theirs:10.3f}{mine:10.3f}{theirs / mine:13.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
