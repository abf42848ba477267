"""Slope beside gdaldem, sunlight beside GRASS' r.sun: ``python -m tests.bench.bench_ground``.

Wall seconds, best of six, in turn. The peers' include starting their programs; all read the file.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import rasterio

from cim.geo import terrain
from cim.geo.grid import Grid
from cim.geo.sun import sun_at, sunlight, true_solar
from tests.bench.bench_viewshed import CELL, best, mountains
from tests.delivered import NORTH, WEST, ZONE, raster
from tests.golden.ground.oracles import gdal_slope, horn
from tests.outside import run

DAY = date(2026, 1, 20)


def ground(path: Path) -> Grid:
    """Read a DEM."""
    with rasterio.open(path) as image:
        heights = image.read(1).astype(np.float64)
    return Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)


def slope(folder: Path) -> None:
    """2300 × 2300 cells; how far both are from the truth, and from each other on lower ground.

    Gdaldem sums float32 heights in float32. Lowered by 2,048 m, without losing a bit, the ground is
    the same and those sums are finer.
    """
    heights = mountains(2300).astype(np.float32)
    dem = raster(folder / "wide.tif", heights)
    (theirs, _), (mine, _) = best(
        lambda: run("gdaldem", "slope", dem, folder / "out.tif", "-q"),
        lambda: terrain.slope(ground(dem)),
    )
    row("slope, 5.29 M cells", theirs, mine, "")
    said, ours, truth = gdal_slope(folder, heights), terrain.slope(ground(dem)), horn(heights, CELL)
    lower = gdal_slope(folder, heights - np.float32(2048))
    for what, one, two in (
        ("ours from the truth", ours, truth),
        ("gdaldem's from the truth", said, truth),
        ("ours from gdaldem's", ours, said),
        ("ours from gdaldem's, ground lowered by 2,048 m", ours, lower),
    ):
        away = np.abs(one - two)
        print(f"  {what}: at most {np.nanmax(away):.1e}°, "  # noqa: T201
              f"{int((away > 1e-3).sum())} cells beyond 1e-3°")  # fmt: skip


def sun(folder: Path) -> None:
    """1000 × 1000 cells, an hour's step over a winter day."""
    dem = raster(folder / "dem.tif", mountains(1000).astype(np.float32))
    script = folder / "sun.sh"
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\ng.region raster=dem\n"
        "r.sun --q elevation=dem day=20 step=1 nprocs=2 insol_time=hours\n"
        f"r.out.gdal --o --q -f -c input=hours output={folder}/hours.tif type=Float64\n"
    )
    suns = [sun_at(true_solar(DAY, h + 0.5, 106.65), 106.65, 35.22) for h in range(5, 19)]
    (theirs, _), (mine, _) = best(
        lambda: run("grass", "--tmp-location", dem, "--exec", "bash", script),
        lambda: sunlight(ground(dem), suns, step=1.0, convergence=-0.78),
    )
    row("hours of sun, 1 M cells", theirs, mine, "")


def row(name: str, theirs: float, mine: float, note: str) -> None:
    """One line of the table."""
    print(f"{name:26}{theirs:9.3f}{mine:9.3f}{mine / theirs:9.2f}  {note}")  # noqa: T201


def main() -> None:
    """Print the table."""
    print(f"{'':26}{'peer s':>9}{'ours s':>9}{'ratio':>9}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        slope(Path(folder))
        sun(Path(folder))


if __name__ == "__main__":
    main()
