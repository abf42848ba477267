"""The peers' viewsheds over a small synthetic terrain that a seed makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from tests.delivered import NORTH, WEST, hills, raster
from tests.outside import run

CELL = 15.0
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One terrain and one observer: row and column of its cell, eye and target in m."""

    name: str
    seed: int
    at: tuple[int, int]
    eye: float
    target: float

    @property
    def heights(self) -> npt.NDArray[np.float32]:
        """The terrain: hills with ridges that cast shadows."""
        ground = hills(140, 160, cell=CELL, seed=self.seed).astype(np.float64)
        y, x = np.mgrid[0:140, 0:160] * CELL
        ridges = 35 * np.sin(x / 160 + self.seed) * np.cos(y / 210) + 14 * np.sin((x + y) / 70)
        return np.asarray(ground + ridges, np.float32)

    @property
    def place(self) -> tuple[float, float]:
        """The observer in the terrain's CRS, the centre of its cell."""
        row, column = self.at
        return WEST + (column + 0.5) * CELL, NORTH - (row + 0.5) * CELL


CASES = (
    Case(name="tower", seed=1, at=(70, 80), eye=20.0, target=0.0),
    Case(name="camera", seed=2, at=(30, 120), eye=6.0, target=5.0),
    Case(name="valley", seed=3, at=(100, 40), eye=2.0, target=0.0),
)


def gdal(case: Case, folder: Path) -> Mask:
    """What gdal_viewshed sees, with curvature and refraction (-cc 6/7)."""
    dem, out = raster(folder / "dem.tif", case.heights), folder / "gdal.tif"
    x, y = case.place
    run(
        "gdal_viewshed", "-q", "-ox", x, "-oy", y, "-oz", case.eye, "-tz", case.target, "-md", 0,
        "-cc", 0.857143, dem, out,
    )  # fmt: skip
    with rasterio.open(out) as image:
        return np.asarray(image.read(1) == 255)


def grass(case: Case, folder: Path) -> Mask:
    """What GRASS' r.viewshed sees, with curvature (-c) and refraction (-r)."""
    dem, out = raster(folder / "dem.tif", case.heights), folder / "grass.tif"
    x, y = case.place
    script = folder / "see.sh"
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\ng.region raster=dem\n"
        f"r.viewshed --q -c -r -b input=dem output=v coordinates={x},{y} "
        f"observer_elevation={case.eye} target_elevation={case.target} refraction_coeff=0.142857\n"
        f"r.out.gdal --q -f -c input=v output={out} type=Byte\n"
    )
    run("grass", "--tmp-location", dem, "--exec", "bash", script)
    with rasterio.open(out) as image:
        return np.asarray(image.read(1) == 1)
