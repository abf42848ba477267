"""Pictures of a ground: the values are those of the whole, block by block; colours name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from cim.geo import terrain
from cim.geo.grid import Grid
from cim.ingest.sources.coverage import PRODUCTS, picture
from tests.delivered import NORTH, WEST, ZONE, hills, raster

CELL = 15.0


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_values_painted_block_by_block_are_those_of_the_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = hills()
    heights[30:33, 40:50] = np.nan
    dem = raster(tmp_path / "dem.tif", heights, nodata=np.nan)
    monkeypatch.setattr(picture, "BLOCK", 48)  # no divisor of the sides
    values, painted = tmp_path / "v" / "values.tif", tmp_path / "picture.tif"
    picture.paint(PRODUCTS[name], dem, values, painted)
    grid = Grid(heights=heights.astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL),
                crs=ZONE)  # fmt: skip
    whole = PRODUCTS[name].values(grid)
    with rasterio.open(values) as image:
        found = image.read(1)
    assert (np.isfinite(found) == np.isfinite(whole)).all()
    away = np.abs(found - whole)[np.isfinite(whole)]
    # The convergence of an aspect is that of each block's middle.
    assert np.minimum(away, 360 - away if name == "aspect" else away).max() < 0.02
    with rasterio.open(painted) as image:
        assert ((image.read(4) > 0) == np.isfinite(whole)).all()


def test_each_class_of_slope_has_the_colour_of_its_legend() -> None:
    slope = PRODUCTS["slope"]
    values = np.array([[0.0, 2.0, 2.001, 14.0, 25.0, 35.1, 89.0, np.nan]])
    colours = np.moveaxis(slope.colours(values), 0, -1)[0]
    names = ["#{:02x}{:02x}{:02x}".format(*c[:3]) for c in colours]
    legend = [step.color for step in slope.legend]
    assert names[:7] == [legend[i] for i in (0, 0, 1, 2, 3, 5, 5)]
    assert colours[:, 3].tolist() == [255] * 7 + [0]


def test_north_is_red_from_both_sides() -> None:
    aspect = PRODUCTS["aspect"]
    colours = np.moveaxis(aspect.colours(np.array([[350.0, 10.0, 90.0, 22.5, 22.6]])), 0, -1)[0]
    assert (colours[0] == colours[1]).all()
    assert (colours[0] == colours[3]).all()
    assert (colours[2] != colours[0]).any()
    assert (colours[4] != colours[3]).any()


def test_a_facing_slope_is_white_and_a_turned_one_dark() -> None:
    rows, columns = np.mgrid[0:9, 0:9]
    facing = Grid(heights=1000 + 1.0 * CELL * (rows + columns) / np.sqrt(2), west=WEST,
                  north=NORTH, cell=(CELL, CELL), crs=ZONE)  # fmt: skip
    assert terrain.hillshade(facing)[4, 4] == pytest.approx(1.0, abs=1e-9)
    grey = PRODUCTS["hillshade"].colours(np.array([[1.0, 0.0, np.nan]]))
    assert grey[0].tolist() == [[255, 1, 0]]
