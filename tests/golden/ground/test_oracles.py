"""Our slopes, curvatures, drainage and sun beside gdaldem's and GRASS'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cim.geo import terrain
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.geo.sun import sun_at, sunlight, true_solar
from tests.bench.bench_viewshed import mountains
from tests.delivered import NORTH, WEST, ZONE
from tests.golden.ground.make import PATH
from tests.golden.ground.oracles import (
    HEIGHTS,
    STEP,
    VALLEY,
    Array,
    gdal,
    gdal_slope,
    grass,
    horn,
)
from tests.golden.viewshed.oracles import CELL
from tests.outside import program


def ground(heights: npt.NDArray[np.float32]) -> Grid:
    return Grid(
        heights=heights.astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE
    )


@pytest.fixture(scope="module", params=["as stored", "as they say now"])
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    """All rasters of the peers: the committed ones, and what the programs say today."""
    if request.param == "as stored":
        return dict(np.load(PATH))
    for name in ("gdaldem", "grass"):
        program(name)
    folder: Path = tmp_path_factory.mktemp("ground")
    return {**gdal(folder), **grass(folder)}


Said = Mapping[str, Array]


def away(mine: Array, theirs: Array) -> Array:
    """Differences where both know; both must know the same cells."""
    assert (np.isfinite(mine) == np.isfinite(theirs)).all()
    known = np.isfinite(mine)
    assert known.mean() > 0.95
    return np.asarray(np.abs(mine[known] - theirs[known]))


def test_slopes_are_gdals_to_a_thousandth_of_a_degree(said: Said) -> None:
    assert away(terrain.slope(ground(HEIGHTS)), said["slope"]).max() <= 1e-3


def test_where_gdals_slope_and_ours_part_its_float32_sums_do_it(tmp_path: Path) -> None:
    heights = mountains(1200).astype(np.float32)  # 1,300 to 2,700 m
    lower = heights - np.float32(2048)  # the same ground: halving to doubling, no bit is lost
    assert (lower.astype(np.float64) + 2048 == heights).all()
    truth, mine = horn(heights, CELL), terrain.slope(ground(heights))
    assert away(mine, truth).max() <= 1e-9
    high, low = gdal_slope(tmp_path, heights), gdal_slope(tmp_path, lower)
    assert away(high, truth).max() > 3 * away(low, truth).max()
    assert away(mine, low).max() <= 1e-3
    assert away(mine, high) == pytest.approx(away(high, truth), abs=1e-9)


def test_aspects_are_gdals(said: Said) -> None:
    turn = away(terrain.aspect(ground(HEIGHTS)), said["aspect"])
    turn = np.minimum(turn, 360 - turn)
    assert np.percentile(turn, 99) < 0.01
    assert turn.max() < 0.2  # where it is all but level, float32 decides


def test_hillshade_is_gdals_to_its_rounding(said: Said) -> None:
    shade = terrain.hillshade(ground(HEIGHTS), azimuth=315, elevation=45)
    assert away(1 + 254 * shade, said["hillshade"]).max() <= 0.5 + 1e-3


def test_roughness_and_indices_are_gdals(said: Said) -> None:
    grid = ground(HEIGHTS)
    assert away(terrain.roughness(grid), said["roughness"]).max() <= 1e-3
    assert away(terrain.position_index(grid), said["tpi"]).max() <= 1e-3
    assert away(terrain.ruggedness(grid), said["tri"]).max() <= 1e-3


def test_curvatures_go_with_those_of_grass(said: Said) -> None:
    # GRASS weights the nine heights otherwise, so values differ by some per cent, signs do not.
    for mine, name in zip(terrain.curvature(ground(HEIGHTS)), ("pcurv", "tcurv"), strict=True):
        theirs = said[name]
        both = np.isfinite(mine) & np.isfinite(theirs) & (theirs != 0)
        assert np.corrcoef(mine[both], theirs[both])[0, 1] > 0.9999
        assert np.polyfit(theirs[both], mine[both], 1) == pytest.approx([1.0, 0.0], abs=0.01)


def test_an_open_valley_drains_as_grass_drains_it(said: Said) -> None:
    drained = terrain.flow(ground(VALLEY))
    assert (drained.filled == VALLEY).all()
    # r.watershed lets cells of the rim drain off the map and counts nothing of them.
    rim = np.ones(VALLEY.shape, bool)
    rim[1:-1, 1:-1] = False
    counted, receiver = np.where(rim, 0.0, 1.0).ravel(), drained.receiver.ravel()
    for cell in drained.order[::-1]:
        if receiver[cell] >= 0 and not rim.flat[cell]:
            counted[receiver[cell]] += counted[cell]
    inner = (slice(1, -1), slice(1, -1))
    theirs = np.abs(said["area"])[inner]
    mine = counted.reshape(VALLEY.shape)[inner]
    # It searches by cost and may take the second of two nearly equal neighbours.
    assert (mine == theirs).mean() > 0.97
    assert np.corrcoef(np.log(mine).ravel(), np.log(theirs).ravel())[0, 1] > 0.99


def test_hours_of_sun_are_those_of_grass(said: Said) -> None:
    x, y = WEST + 80 * CELL, NORTH - 70 * CELL
    lon, lat = map(float, to_lonlat(ZONE, np.array([[x, y]]))[0])
    grid = ground(HEIGHTS)
    suns = [
        sun_at(true_solar(date(2026, 1, 20), float(hours), lon), lon, lat)
        for hours in np.arange(6 + STEP / 2, 18, STEP)
    ]
    mine = sunlight(grid, suns, step=STEP, convergence=grid.convergence(x, y))
    assert mine.possible == pytest.approx(float(np.nanmax(said["hours"])), abs=STEP)
    difference = mine.hours - said["hours"]
    assert abs(np.nanmean(difference)) < 0.1
    assert np.nanpercentile(np.abs(difference), 95) <= 2 * STEP
