"""What the peers say of a small synthetic terrain that a seed makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from tests.delivered import raster
from tests.golden.viewshed.oracles import CASES
from tests.outside import run

Array = npt.NDArray[np.float64]
HEIGHTS = CASES[0].heights
_Y, _X = np.mgrid[0:140, 0:160]
# A valley that falls to the south, with spurs, and without any pit: its drainage is beyond dispute.
VALLEY = (
    1500 - 1.3 * _Y + 0.011 * (_X - 77.3) ** 2 + 3 * np.sin(_X / 5.1) * np.cos(_Y / 31)
).astype(np.float32)
DAY = 20  # of the year: Dahan, the day of the sunlight rules
STEP = 0.25  # h

_GDAL = {
    "slope": ("slope",),
    "aspect": ("aspect",),
    "hillshade": ("hillshade", "-az", "315", "-alt", "45"),
    "roughness": ("roughness",),
    "tpi": ("TPI",),
    "tri": ("TRI", "-alg", "Riley"),
}


def _read(path: Path) -> Array:
    with rasterio.open(path) as image:
        return np.asarray(image.read(1, masked=True).astype(np.float64).filled(np.nan))


def gdal(folder: Path) -> dict[str, Array]:
    """Gdaldem's rasters; NaN where it says nothing."""
    dem = raster(folder / "dem.tif", HEIGHTS)
    found = {}
    for name, arguments in _GDAL.items():
        out = folder / f"{name}.tif"
        run("gdaldem", arguments[0], dem, out, "-q", *arguments[1:])
        found[name] = _read(out)
    return found


def horn(heights: npt.NDArray[np.float32], cell: float) -> Array:
    """Slope in degrees after Horn (1981), summed with the longest floats there are; NaN on the rim.

    GDAL sums the float32 heights in float32, and at 2,700 m those are 0.24 mm apart.
    """
    z = heights.astype(np.longdouble)
    down = z[:-2] + 2 * z[1:-1] + z[2:]
    across = z[:, :-2] + 2 * z[:, 1:-1] + z[:, 2:]
    rise = np.hypot(down[:, 2:] - down[:, :-2], across[2:] - across[:-2]) / (8 * cell)
    degrees = np.full(heights.shape, np.nan)
    degrees[1:-1, 1:-1] = np.arctan(rise) * (180 / np.longdouble(np.pi))
    return degrees


def gdal_slope(folder: Path, heights: npt.NDArray[np.float32]) -> Array:
    """Gdaldem's slope of these heights."""
    dem, out = raster(folder / "dem.tif", heights), folder / "slope.tif"
    run("gdaldem", "slope", dem, out, "-q")
    return _read(out)


def grass(folder: Path) -> dict[str, Array]:
    """GRASS' curvatures, hours of sun on a level plate, and cells drained through each (D8)."""
    dem, open_valley = raster(folder / "dem.tif", HEIGHTS), raster(folder / "valley.tif", VALLEY)
    script = folder / "ask.sh"
    names = ("pcurv", "tcurv", "hours", "area")
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\ng.region raster=dem\n"
        "r.slope.aspect --q elevation=dem pcurvature=pcurv tcurvature=tcurv\n"
        f"r.sun --q elevation=dem day={DAY} step={STEP} insol_time=hours\n"
        f"r.in.gdal -o --q input={open_valley} output=valley\n"
        "r.watershed --q -s -a elevation=valley accumulation=area\n"
        + "".join(
            f"r.out.gdal --q -f -c input={name} output={folder}/{name}.tif type=Float64\n"
            for name in names
        )
    )
    run("grass", "--tmp-location", dem, "--exec", "bash", script)
    return {name: _read(folder / f"{name}.tif") for name in names}
