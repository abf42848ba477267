"""Real mountains (Big Tujunga, 30 m): what holds on planes and cones must hold there too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.windows import Window
from scipy import ndimage

from cim.errors import ParameterError
from cim.geo.crs import resolve
from cim.geo.grid import Grid
from cim.geo.terrain import slope
from cim.geo.visibility import Eye, line_of_sight
from cim.topics.forest_fire.analysis.fuel import Moisture
from cim.topics.forest_fire.analysis.ray import Camera, locate
from cim.topics.forest_fire.analysis.spread import Wind, arrival, ellipses
from cim.topics.geohazards.analysis.runout import run_out
from cim.topics.geohazards.analysis.slope import Soil, safety
from cim.topics.planning.analysis.flood import flood
from tests.outside import run

pytestmark = pytest.mark.shared
Floats = npt.NDArray[np.float64]
SIDE = 240


@pytest.fixture(scope="module")
def mountain(shared_data: Path) -> Grid:
    """The steepest window of 7.2 km of the model."""
    with rasterio.open(shared_data / "dem/topotoolbox/bigtujunga.tif") as image:
        whole = image.read(1, masked=True).astype(np.float64).filled(np.nan)
        rough = ndimage.uniform_filter(np.nan_to_num(whole, nan=-1e4), SIDE)
        spread = np.where(rough > 0, ndimage.generic_gradient_magnitude(rough, ndimage.sobel), 0)
        row, column = (int(v) for v in np.unravel_index(np.argmax(spread), spread.shape))
        top = min(max(row - SIDE // 2, 0), whole.shape[0] - SIDE)
        left = min(max(column - SIDE // 2, 0), whole.shape[1] - SIDE)
        turn = image.window_transform(Window(left, top, SIDE, SIDE))
        return Grid(heights=np.ascontiguousarray(whole[top : top + SIDE, left : left + SIDE]),
                    west=turn.c, north=turn.f, cell=(turn.a, -turn.e),
                    crs=resolve(image.crs.to_wkt()).crs)  # fmt: skip


def summit(grid: Grid) -> tuple[int, int]:
    """The highest cell that is not at the rim."""
    inner = np.full(grid.heights.shape, -np.inf)
    inner[30:-30, 30:-30] = np.nan_to_num(grid.heights[30:-30, 30:-30], nan=-np.inf)
    row, column = np.unravel_index(np.argmax(inner), inner.shape)
    return int(row), int(column)


def steepest(grid: Grid) -> tuple[int, int]:
    """The steepest cell that is not near the rim."""
    inner = np.zeros(grid.heights.shape)
    inner[60:-60, 60:-60] = np.nan_to_num(slope(grid))[60:-60, 60:-60]
    row, column = np.unravel_index(np.argmax(inner), inner.shape)
    return int(row), int(column)


def place(grid: Grid, row: int, column: int) -> tuple[float, float]:
    return grid.west + (column + 0.5) * grid.cell[0], grid.north - (row + 0.5) * grid.cell[1]


def test_it_is_a_mountain(mountain: Grid) -> None:
    assert np.nanmax(mountain.heights) - np.nanmin(mountain.heights) > 500
    assert np.nanmedian(slope(mountain)) > 15


def test_every_ray_ends_on_ground_that_the_camera_sees(mountain: Grid) -> None:
    x, y = place(mountain, *summit(mountain))
    bend = (1 - 1 / 7) / (2 * 6_371_000)
    hits = 0
    for azimuth in range(0, 360, 15):
        camera = Camera(x=x, y=y, height=20.0, azimuth=azimuth, pitch=-12.0, sigma_azimuth=0.3,
                        sigma_pitch=0.1)  # fmt: skip
        try:
            hit = locate(mountain, camera, reach=3000.0, bend=bend)
        except ParameterError:
            continue  # it leaves the window
        hits += 1
        assert hit.z == pytest.approx(mountain.bilinear(hit.x, hit.y), abs=1e-6)
        away = np.hypot(hit.x - x, hit.y - y)
        foot = mountain.bilinear(x, y)
        line = foot + 20 - away * np.tan(np.radians(12)) + bend * away**2
        assert line == pytest.approx(hit.z, abs=1e-3)
        seen = line_of_sight(mountain, Eye(x=x, y=y, height=20.0), (hit.x, hit.y),
                             target_height=0.3, bend=bend)  # fmt: skip
        assert seen.seen is True
    assert hits > 12


def test_a_slide_never_goes_farther_than_its_energy_allows(mountain: Grid) -> None:
    row, column = steepest(mountain)
    release = np.zeros(mountain.heights.shape, bool)
    release[row, column] = True
    found = run_out(mountain, release, angle=20.0, exponent=8.0)
    reached = np.isfinite(found.energy)
    assert reached.sum() > 20
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    away = np.hypot((rows - row) * mountain.cell[1], (columns - column) * mountain.cell[0])
    most = mountain.heights[row, column] - mountain.heights - np.tan(np.radians(20)) * away
    assert (found.energy[reached] <= most[reached] + 1e-6).all()
    assert (found.energy[reached] >= -1e-9).all()


@pytest.mark.oracle
def test_factors_of_safety_are_those_of_gdals_slopes(mountain: Grid, tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="float64", nodata=-9999,
        crs=mountain.crs.to_wkt(),
        transform=rasterio.Affine(mountain.cell[0], 0, mountain.west, 0, -mountain.cell[1],
                                  mountain.north),
    ) as image:  # fmt: skip
        image.write(np.nan_to_num(mountain.heights, nan=-9999), 1)
    run("gdaldem", "slope", path, tmp_path / "slope.tif")
    with rasterio.open(tmp_path / "slope.tif") as image:
        theirs = np.radians(image.read(1, masked=True).astype(np.float64).filled(np.nan))
    soil = Soil(cohesion=10, friction=30, weight=18, depth=2, transmissivity=10)
    ours = safety(slope(mountain), np.full(1, 0.5), soil)
    expected = (10 + (18 - 0.5 * 9.81) * 2 * np.cos(theirs) ** 2 * np.tan(np.radians(30))) / (
        18 * 2 * np.sin(theirs) * np.cos(theirs)
    )
    both = np.isfinite(ours) & np.isfinite(theirs) & (np.degrees(theirs) > 2)
    assert both.sum() > 0.9 * SIDE**2
    np.testing.assert_allclose(ours[both], np.minimum(expected[both], 100.0), rtol=1e-3)
    assert 0.0 < (ours[both] < 1).mean() < 0.9  # some of it slides, some of it holds


def test_water_in_a_canyon_is_the_label_of_its_lowest_place(mountain: Grid) -> None:
    row, column = np.unravel_index(np.nanargmin(mountain.heights), mountain.heights.shape)
    level = float(mountain.heights[row, column]) + 60.0
    found = flood(mountain.heights, level, (int(row), int(column)))
    label, _ = ndimage.label(mountain.heights < level, structure=np.ones((3, 3)))
    assert (np.isfinite(found.depth) == (label == label[row, column])).all()
    wet = np.isfinite(found.depth)
    assert np.nansum(found.depth) == pytest.approx((level - mountain.heights[wet]).sum())
    assert found.rim  # the lowest place of a window lies at its rim: the lake goes on


def test_fire_runs_up_a_mountain_faster_than_down(mountain: Grid) -> None:
    row, column = steepest(mountain)
    moist = Moisture(one=6, ten=7, hundred=8, live=100)
    found = ellipses(mountain, np.full((SIDE, SIDE), 2, np.uint8), moist, Wind(speed=0, toward=0))
    when = arrival(mountain, found, np.array([[row, column]]), 180.0)
    rows, columns = np.nonzero(np.isfinite(when))
    rise = mountain.heights[rows, columns] - mountain.heights[row, column]
    away = np.hypot((rows - row) * mountain.cell[1], (columns - column) * mountain.cell[0])
    far = away > 60
    speed = away[far] / when[rows, columns][far]
    above, below = rise[far] > 0.2 * away[far], rise[far] < -0.2 * away[far]
    assert above.sum() > 20
    assert below.sum() > 20
    assert np.median(speed[above]) > 1.2 * np.median(speed[below])
