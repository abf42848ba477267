"""Contours: circles around a cone, GDAL's on hills, and always on the level they name."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely import get_coordinates
from shapely.ops import unary_union

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.ingest.sources.coverage import contours
from tests.delivered import NORTH, WEST, ZONE, Array, hills, raster
from tests.outside import run

CELL = 15.0


def drawn(target: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(target).to_crs(ZONE.to_wkt())


def cone(side: int = 161) -> Array:
    rows, columns = np.mgrid[0:side, 0:side]
    away = CELL * np.hypot(rows - side // 2, columns - side // 2)
    return np.asarray(2000 - 0.5 * away, np.float32)


def test_the_contours_of_a_cone_are_circles(tmp_path: Path) -> None:
    dem = raster(tmp_path / "cone.tif", cone())
    assert contours([dem], 50.0, tmp_path / "c.gpkg") > 5
    frame = drawn(tmp_path / "c.gpkg")
    x, y = WEST + 80.5 * CELL, NORTH - 80.5 * CELL
    for height, line in zip(frame["height"], frame.geometry, strict=True):
        away = np.hypot(*(get_coordinates(line) - [x, y]).T)
        assert away == pytest.approx((2000 - height) * 2, abs=CELL * 0.2)
    assert set(frame.loc[frame["index"].astype(bool), "height"] % 250) == {0.0}


def test_every_corner_of_a_contour_lies_on_its_height(tmp_path: Path) -> None:
    heights = hills()
    dem = raster(tmp_path / "dem.tif", heights)
    contours([dem], 10.0, tmp_path / "c.gpkg")
    grid = Grid(heights=heights.astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL),
                crs=ZONE)  # fmt: skip
    frame = drawn(tmp_path / "c.gpkg")
    for height, line in zip(frame["height"], frame.geometry, strict=True):
        corners = get_coordinates(line)
        assert grid.bilinear_at(corners[:, 0], corners[:, 1]) == pytest.approx(height, abs=0.02)


def test_the_contours_are_where_gdal_draws_them(tmp_path: Path) -> None:
    dem = raster(tmp_path / "dem.tif", hills())
    contours([dem], 20.0, tmp_path / "mine.gpkg")
    run("gdal_contour", "-q", "-i", "20", "-a", "height", dem, tmp_path / "gdal.gpkg")
    mine, theirs = drawn(tmp_path / "mine.gpkg"), gpd.read_file(tmp_path / "gdal.gpkg")
    assert sorted(set(mine["height"])) == sorted(set(theirs["height"]))
    for height in sorted(set(mine["height"])):
        one = unary_union(mine.geometry[mine["height"] == height])
        two = unary_union(theirs.geometry[theirs["height"] == height])
        # GDAL draws on to the model's very rim, half a cell beyond the centres.
        inner = two.intersection(mine.union_all().envelope.buffer(-CELL))
        assert one.buffer(CELL / 4).contains(inner)


def test_a_coarse_model_is_drawn_only_where_no_finer_one_lies(tmp_path: Path) -> None:
    fine = raster(tmp_path / "fine.tif", np.asarray(cone()[40:100, 40:100]), west=WEST + 40 * CELL,
                  north=NORTH - 40 * CELL)  # fmt: skip
    wide = raster(tmp_path / "wide.tif", cone() + 300)
    contours([fine, wide], 50.0, tmp_path / "c.gpkg")
    frame = drawn(tmp_path / "c.gpkg")
    inside = gpd.GeoSeries.from_xy(
        [WEST + 70 * CELL], [NORTH - 70 * CELL], crs=frame.crs
    ).buffer(25 * CELL).iloc[0]  # fmt: skip
    within = frame[frame.geometry.within(inside)]
    assert len(within)
    for height, line in zip(within["height"], within.geometry, strict=True):
        away = np.hypot(*(get_coordinates(line) - [WEST + 80.5 * CELL, NORTH - 80.5 * CELL]).T)
        assert away == pytest.approx((2000 - height) * 2, abs=CELL * 0.3)


def test_unknown_ground_has_no_contours(tmp_path: Path) -> None:
    heights = cone()
    heights[60:100, 60:100] = np.nan
    contours([raster(tmp_path / "dem.tif", heights, nodata=np.nan)], 25.0, tmp_path / "c.gpkg")
    hole = drawn(tmp_path / "c.gpkg").union_all()
    middle = gpd.GeoSeries.from_xy([WEST + 80 * CELL], [NORTH - 80 * CELL]).buffer(17 * CELL)
    assert not hole.intersects(middle.iloc[0])


def test_an_interval_that_meets_nothing_is_refused(tmp_path: Path) -> None:
    dem = raster(tmp_path / "dem.tif", np.full((9, 9), 1234.5, np.float32))
    with pytest.raises(ParameterError, match="no contour"):
        contours([dem], 100.0, tmp_path / "c.gpkg")
