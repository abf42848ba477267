"""Water in bowls and behind ridges, and r.lake's answer on the same ground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.topics.planning.analysis.flood import flood, stages
from cim.topics.planning.inundation import tilted
from tests.delivered import NORTH, WEST, ZONE, hills, raster
from tests.outside import run

Floats = npt.NDArray[np.float64]


def bowl(side: int = 201) -> Floats:
    """A paraboloid: h = r² / 1000."""
    rows, columns = np.mgrid[0:side, 0:side] - side // 2
    return np.asarray((rows**2 + columns**2) / 1000.0, np.float64)


def test_a_bowl_holds_what_a_paraboloid_holds() -> None:
    levels = np.array([0.0, 2.0, 5.0, 9.0])
    areas, volumes = stages(bowl(), (100, 100), levels, 1.0)
    assert areas[0] == volumes[0] == 0.0
    assert areas[1:] == pytest.approx(np.pi * 1000 * levels[1:], rel=0.02)
    assert volumes[1:] == pytest.approx(np.pi * 1000 * levels[1:] ** 2 / 2, rel=0.02)


def test_low_ground_behind_a_ridge_stays_dry_and_is_told() -> None:
    ground = np.zeros((20, 41))
    ground[:, 20] = 10.0
    ground[[0, -1]] = ground[:, [0, -1]] = 50.0
    found = flood(ground, 5.0, (10, 5))
    assert np.isfinite(found.depth[5, 10])
    assert np.isnan(found.depth[5, 30])
    assert found.low[5, 30]
    assert not found.rim
    assert np.isfinite(flood(ground, 11.0, (10, 5)).depth[5, 30])


def test_water_that_reaches_unknown_ground_or_the_edge_says_so() -> None:
    ground = bowl(41)
    assert flood(ground, 1e3, (20, 20)).rim
    ground[20, 24] = np.nan
    assert flood(ground, 0.05, (20, 20)).rim


@pytest.mark.parametrize(("seed", "said"), [((0, 0), "unknown"), ((5, 5), "above a water level")])
def test_a_source_that_is_no_water_is_refused(seed: tuple[int, int], said: str) -> None:
    ground = np.full((10, 10), 100.0)
    ground[0, 0] = np.nan
    with pytest.raises(ParameterError, match=said):
        flood(ground, 50.0, seed)


@pytest.mark.parametrize("downstream", [0.0, 77.0, 200.0])
def test_a_river_that_falls_with_its_bed_is_as_deep_everywhere(downstream: float) -> None:
    """A valley of 4 per mille: a level surface is metres too high below, its own fall is not."""
    rows, columns = np.mgrid[0:161, 0:161]
    grid = Grid(heights=np.zeros((161, 161)), west=WEST, north=NORTH, cell=(10.0, 10.0), crs=ZONE)
    turn = np.radians(downstream - grid.convergence(WEST + 805, NORTH - 805))
    east, north = (columns - 80) * 10.0, (80 - rows) * 10.0
    along, aside = (east * np.sin(turn) + north * np.cos(turn),
                    east * np.cos(turn) - north * np.sin(turn))  # fmt: skip
    valley = Grid(heights=100.0 - 0.004 * along + 0.02 * abs(aside), west=WEST, north=NORTH,
                  cell=(10.0, 10.0), crs=ZONE)  # fmt: skip
    level = flood(valley.heights, 102.0, (80, 80))
    falls = flood(tilted(valley, (80, 80), 0.004, downstream), 102.0, (80, 80))
    assert np.nanmax(level.depth) > 4.5
    assert np.nanmax(falls.depth) == pytest.approx(2.0, abs=0.01)
    wet = np.isfinite(falls.depth)
    assert (wet == (abs(aside) < 100.0 - 1e-6))[abs(abs(aside) - 100.0) > 1.0].all()
    assert tilted(valley, (80, 80), 0.0, downstream) is valley.heights


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(1, 12))
def test_more_water_never_reaches_less(seed: int, level: float) -> None:
    ground = np.random.default_rng(seed).uniform(0, 12, (12, 12))
    lowest = np.unravel_index(np.argmin(ground), ground.shape)
    here = (int(lowest[0]), int(lowest[1]))
    if ground[here] >= level:
        return
    less, more = flood(ground, level, here), flood(ground, level + 1, here)
    assert not (np.isfinite(less.depth) & ~np.isfinite(more.depth)).any()
    assert np.nanmax(more.depth) >= np.nanmax(less.depth)


@pytest.mark.oracle
def test_the_lake_is_that_of_grass(tmp_path: Path, program: Callable[[str], Path]) -> None:
    ground = hills(120, 120).astype(np.float32)
    dem = raster(tmp_path / "dem.tif", ground)
    row, column = np.unravel_index(np.argmin(ground), ground.shape)
    level = float(ground.min()) + 40.0
    with rasterio.open(dem) as image:
        x, y = image.xy(int(row), int(column))
    script = tmp_path / "lake.sh"
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\ng.region raster=dem\n"
        f"r.lake --q elevation=dem water_level={level} coordinates={x},{y} lake=lake\n"
        f"r.out.gdal --o --q -f -c input=lake output={tmp_path}/lake.tif type=Float64\n"
    )
    run(str(program("grass")), "--tmp-location", dem, "--exec", "bash", script)
    with rasterio.open(tmp_path / "lake.tif") as image:
        theirs = image.read(1, masked=True).filled(np.nan)
    mine = flood(ground.astype(np.float64), level, (int(row), int(column))).depth
    # r.lake counts a cell at the very level as wet; ours asks for some depth
    wet = np.nan_to_num(theirs) > 1e-4
    assert (wet == (np.nan_to_num(mine) > 1e-4)).all()
    assert np.nanmax(np.abs(theirs[wet] - mine[wet])) < 1e-3
