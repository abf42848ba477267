"""Earthworks whose volumes are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from cim.errors import ParameterError
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.geo.terrain.sample import sampled_over
from cim.topics.planning.analysis.earth import Plane, balance
from tests.delivered import NORTH, WEST, ZONE, hills, raster
from tests.outside import run


def test_half_a_slope_fills_the_other_half() -> None:
    heights = np.linspace(100.0, 110.0, 1001)
    assert balance(heights, np.zeros(1001), 1.0) == pytest.approx(105.0, abs=1e-9)


@given(st.lists(st.floats(0, 500), min_size=1, max_size=60), st.floats(0.5, 1.5))
def test_at_the_balancing_level_swollen_cut_is_the_fill(heights: list[float], swell: float) -> None:
    ground = np.array(heights)
    level = balance(ground, np.zeros(len(heights)), swell)
    cut = np.maximum(ground - level, 0).sum() * swell
    fill = np.maximum(level - ground, 0).sum()
    assert cut == pytest.approx(fill, abs=1e-6 * max(1.0, cut))


def test_nothing_known_cannot_be_balanced() -> None:
    with pytest.raises(ParameterError, match="no height"):
        balance(np.array([]), np.array([]), 1.0)


def test_a_plane_over_a_parallel_plane_moves_a_prism() -> None:
    rows, columns = np.mgrid[0:100, 0:100]
    grid = Grid(heights=1500 + 0.05 * columns * 10 - 0.02 * rows * 10, west=WEST, north=NORTH,
                cell=(10.0, 10.0), crs=ZONE)  # fmt: skip
    corners = [(WEST + 200, NORTH - 200), (WEST + 500, NORTH - 200), (WEST + 500, NORTH - 400),
               (WEST + 200, NORTH - 400)]  # fmt: skip
    sample = sampled_over(grid, Polygon(to_lonlat(ZONE, np.array(corners))))
    design = Plane(level=1500 - 3 + 0.05 * 195 - 0.02 * 195, origin=(WEST + 200, NORTH - 200),
                   east=0.05, north=0.02)  # fmt: skip
    cut, fill = sample.volume(design.at(sample.places))
    assert fill == 0.0
    assert cut == pytest.approx(3 * sample.area, rel=1e-3)


def test_a_pyramid_has_a_third_of_its_box() -> None:
    rows, columns = np.mgrid[0:401, 0:401]
    away = np.maximum(abs(rows - 200), abs(columns - 200))
    grid = Grid(heights=100.0 + np.maximum(0, 150 - away) * 0.2, west=WEST, north=NORTH,
                cell=(1.0, 1.0), crs=ZONE)  # fmt: skip
    box = [(WEST + 20.5, NORTH - 20.5), (WEST + 380.5, NORTH - 20.5),
           (WEST + 380.5, NORTH - 380.5), (WEST + 20.5, NORTH - 380.5)]  # fmt: skip
    sample = sampled_over(grid, Polygon(to_lonlat(ZONE, np.array(box))))
    cut, _ = sample.volume(100.0)
    assert cut == pytest.approx(300 * 300 * 30 / 3, rel=5e-3)


@pytest.mark.oracle
def test_cut_and_fill_are_those_of_grass_cell_by_cell(
    tmp_path: Path, program: Callable[[str], Path]
) -> None:
    """GRASS sums whole cells on the plane of the zone; ours samples areas of the ellipsoid."""
    ground = hills(120, 120).astype(np.float32)
    dem = raster(tmp_path / "dem.tif", ground)
    with rasterio.open(dem) as image:
        cell, west, north = image.transform.a, image.transform.c, image.transform.f
    level = float(np.median(ground[20:100, 30:90]))
    edges = {"w": west + 30 * cell, "e": west + 90 * cell, "n": north - 20 * cell,
             "s": north - 100 * cell}  # fmt: skip
    script = tmp_path / "earth.sh"
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\n"
        "g.region raster=dem\ng.region " + " ".join(f"{k}={v}" for k, v in edges.items()) + "\n"
        f"r.mapcalc --q 'cut = max(double(dem) - {level}, 0)'\n"
        f"r.mapcalc --q 'fill = max({level} - double(dem), 0)'\n"
        f"for m in cut fill; do r.univar -g map=$m | grep ^sum= > {tmp_path}/$m; done\n"
    )
    run(str(program("grass")), "--tmp-location", dem, "--exec", "bash", script)
    theirs = [float((tmp_path / m).read_text().split("=")[1]) * cell**2 for m in ("cut", "fill")]
    corners = [(edges["w"], edges["n"]), (edges["e"], edges["n"]), (edges["e"], edges["s"]),
               (edges["w"], edges["s"])]  # fmt: skip
    along = [
        (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)
        for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
        for t in np.linspace(0, 1, 20, endpoint=False)
    ]
    grid = Grid(heights=ground.astype(np.float64), west=west, north=north, cell=(cell, cell),
                crs=ZONE)  # fmt: skip
    mine = sampled_over(grid, Polygon(to_lonlat(ZONE, np.array(along)))).volume(level)
    assert mine == pytest.approx(theirs, rel=1.5e-3)
