"""The viewshed beside gdal_viewshed on one DEM, in turn: ``python -m tests.bench.bench_viewshed``.

Wall seconds, best of four; both read the file. GDAL's include starting its program, ours are those
of a running server. "Agree" is the share of cells of which gdal_viewshed says what the exact line
of sight says; ours agrees everywhere, as tests/geo/test_visibility.py proves.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from cim.geo.grid import Grid
from cim.geo.visibility import SEEN, Classes, Eye, radius_of_curvature, viewshed
from tests.delivered import NORTH, WEST, ZONE, hills, raster
from tests.outside import run

CELL = 15.0
BEND = (1 - 1 / 7) / (2 * radius_of_curvature(35.2))


def mountains(side: int) -> npt.NDArray[np.float64]:
    """Fractal terrain, 1300 to 2700 m, spectral amplitude r^-2 under a low pass."""
    noise = np.fft.rfft2(np.random.default_rng(1).normal(size=(side, side)))
    r = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    r[0, 0] = 1.0
    noise *= r**-2 * np.exp(-((r / 0.15) ** 2))
    noise[0, 0] = 0.0
    heights = np.fft.irfft2(noise, (side, side))
    return np.asarray(1300 + 1400 * (heights - heights.min()) / np.ptp(heights))


def best(work: Callable[[], object]) -> float:
    """Wall seconds of the best of four rounds."""
    spent = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


def ours(path: Path, x: float, y: float) -> Classes:
    """Read and look, as an analysis does."""
    with rasterio.open(path) as image:
        heights = image.read(1).astype(np.float64)
    ground = Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)
    eye = Eye(x=x, y=y, height=20.0)
    return viewshed(ground, eye, reach=1e6, target_height=0.0, bend=BEND)


def main() -> None:
    """Print the table."""
    print(f"{'terrain':12}{'cells':>10}{'gdal s':>9}{'ours s':>9}{'ours/gdal':>11}"  # noqa: T201
          f"{'seen':>8}{'gdal agrees':>13}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (("mountains", mountains), ("hills", lambda n: hills(n, n))):
            for side in (400, 1200, 2300):
                dem = raster(Path(folder) / f"{side}.tif", make(side).astype(np.float32))
                out = dem.with_suffix(".out.tif")
                x, y = WEST + (side // 2 + 0.5) * CELL, NORTH - (side // 2 + 0.5) * CELL
                arguments = ("-q", "-ox", x, "-oy", y, "-oz", 20, "-tz", 0, "-md", 0,
                             "-cc", 0.857143, dem, out)  # fmt: skip
                mine = best(lambda: ours(dem, x, y))  # noqa: B023
                theirs = best(lambda: run("gdal_viewshed", *arguments))  # noqa: B023
                seen = ours(dem, x, y) == SEEN
                with rasterio.open(out) as image:
                    agree = float(((image.read(1) > 0) == seen).mean())
                print(f"{name:12}{side * side:10}{theirs:9.3f}{mine:9.3f}"  # noqa: T201
                      f"{mine / theirs:11.2f}{seen.mean():8.3f}{agree:13.5f}")  # fmt: skip


if __name__ == "__main__":
    main()
