"""The viewshed beside gdal_viewshed on one DEM, in turn: ``python -m tests.bench.bench_viewshed``.

Wall seconds and seconds of processor, the best of six each; both read the file. GDAL's include
starting its program, ours are those of a running server with all its processors; where others work
on the machine too, the processor's ratio is the steadier one, and the worse for us. "Agree" is the
share of cells of which gdal_viewshed says what the exact line of sight says; ours agrees
everywhere, as tests/geo/test_visibility.py proves.
"""

from __future__ import annotations

import resource
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


def processor() -> float:
    """Seconds of processor spent by this process and the programs it has started."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in both)


def best(*works: Callable[[], object]) -> list[tuple[float, float]]:
    """Wall and processor seconds of each work's best rounds; they take turns."""
    spent: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(6):
        for work, times in zip(works, spent, strict=True):
            start, before = time.perf_counter(), processor()
            work()
            times.append((time.perf_counter() - start, processor() - before))
    return [(min(wall for wall, _ in times), min(cpu for _, cpu in times)) for times in spent]


def ours(path: Path, x: float, y: float) -> Classes:
    """Read and look, as an analysis does."""
    with rasterio.open(path) as image:
        heights = image.read(1).astype(np.float64)
    ground = Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)
    eye = Eye(x=x, y=y, height=20.0)
    return viewshed(ground, eye, reach=1e6, target_height=0.0, bend=BEND)


def main() -> None:
    """Print the table."""
    print(f"{'terrain':12}{'cells':>9}{'gdal s':>9}{'ours s':>9}{'ratio':>7}{'gdal cpu':>10}"  # noqa: T201
          f"{'ours cpu':>10}{'ratio':>7}{'seen':>8}{'gdal agrees':>13}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        ours(raster(Path(folder) / "first.tif", mountains(64).astype(np.float32)), WEST + 500,
             NORTH - 500)  # fmt: skip
        for name, make in (("mountains", mountains), ("hills", lambda n: hills(n, n))):
            for side in (400, 1200, 2300):
                dem = raster(Path(folder) / f"{side}.tif", make(side).astype(np.float32))
                out = dem.with_suffix(".out.tif")
                x, y = WEST + (side // 2 + 0.5) * CELL, NORTH - (side // 2 + 0.5) * CELL
                arguments = ("-q", "-ox", x, "-oy", y, "-oz", 20, "-tz", 0, "-md", 0,
                             "-cc", 0.857143, dem, out)  # fmt: skip
                (mine, my_cpu), (theirs, their_cpu) = best(
                    lambda: ours(dem, x, y),  # noqa: B023
                    lambda: run("gdal_viewshed", *arguments),  # noqa: B023
                )
                seen = ours(dem, x, y) == SEEN
                with rasterio.open(out) as image:
                    agree = float(((image.read(1) > 0) == seen).mean())
                print(f"{name:12}{side * side:9}{theirs:9.3f}{mine:9.3f}{mine / theirs:7.2f}"  # noqa: T201
                      f"{their_cpu:10.3f}{my_cpu:10.3f}{my_cpu / their_cpu:7.2f}"
                      f"{seen.mean():8.3f}{agree:13.5f}")  # fmt: skip


if __name__ == "__main__":
    main()
