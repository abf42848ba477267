"""The orthophoto of 2021: the city as it stood then, and the same as today's everywhere else."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.windows import from_bounds
from sample_city import raster
from sample_city.frame import CENTRE, to_xy
from sample_city.noise import Window
from sample_city.overhead import SHADE, picture
from sample_city.scene import Scene

Floats = npt.NDArray[np.float64]
YEAR = raster.EARLIER_YEAR


@pytest.fixture(scope="module")
def past() -> Scene:
    return Scene(year=YEAR)


def sheet_of(huating: Path) -> Path:
    (path,) = sorted((huating / "ortho_2021").glob("*.tif"))
    return path


def grown() -> shapely.Geometry:
    """The outline of the block that was a field."""
    (block,) = [b for b in Scene().blocks if b.opened >= YEAR]
    x, y = to_xy(
        np.array([block.west, block.east, block.east, block.west]),
        np.array([block.south, block.south, block.north, block.north]),
    )
    return shapely.Polygon(np.stack([x, y], axis=1))


def test_the_sheet_knows_its_day_and_covers_what_todays_sheets_cover(huating: Path) -> None:
    with rasterio.open(sheet_of(huating)) as sheet:
        assert sheet.tags()["TIFFTAG_DATETIME"][:10] == "2021:04:25"
        assert sheet.crs.to_epsg() == 4545
        box = sheet.bounds
    today = [rasterio.open(p).bounds for p in sorted((huating / "ortho").glob("*.tif"))]
    assert tuple(box) == (today[0].left, today[0].bottom, today[-1].right, today[-1].top)
    assert sheet_of(huating).stat().st_size < 0.3e6


def test_the_committed_picture_shows_the_city_of_its_year(huating: Path, past: Scene) -> None:
    gsd = raster.EARLIER_GSD
    window = Window(CENTRE[0] - 160.0, CENTRE[1] + 400.0, gsd, 100, 100)
    painted = picture(past, window, sharper=2).astype(np.float64)
    with rasterio.open(sheet_of(huating)) as sheet:
        assert sheet.res == (gsd, gsd)
        kept = sheet.read(window=from_bounds(*window.bounds, sheet.transform))
    # It is painted here with other seams, and JPEG has been at it.
    assert np.abs(painted - np.moveaxis(kept, 0, 2)).mean() < 6.0


def test_what_stood_already_is_of_the_buildings_of_today(past: Scene) -> None:
    today = {b.number: b for b in Scene().buildings}
    then = {b.number: b for b in past.buildings}
    assert then.keys() == {n for n, b in today.items() if b.year < YEAR}
    assert 20 < len(today) - len(then) < len(today) / 5
    assert all(then[n].footprint.equals(today[n].footprint) for n in then)


def test_the_towers_of_one_block_stand_where_a_field_was(huating: Path, past: Scene) -> None:
    block = grown().buffer(-6.0)
    assert not [b for b in past.buildings if block.intersects(b.footprint)]
    towers = gpd.read_file(huating / "vector" / "buildings.shp")
    inside = towers[towers.geometry.intersects(block)]
    assert len(inside) > 6
    assert set(inside["年份"]) == {2023}
    tree_box = block.bounds
    assert not [t for t in past.trees_near(tree_box, 0.0) if block.contains(shapely.Point(t.x, t.y))
                ]  # fmt: skip
    assert [t for t in Scene().trees_near(tree_box, 0.0)
            if block.contains(shapely.Point(t.x, t.y))]  # fmt: skip


def test_delivered_years_tell_which_roofs_the_earlier_picture_lacks(huating: Path) -> None:
    """Today's sheets, shrunk, beside the earlier one, roof by roof."""
    with rasterio.open(sheet_of(huating)) as sheet:
        then, transform = sheet.read().astype(np.float64), sheet.transform
    today = np.zeros_like(then)
    for path in sorted((huating / "ortho").glob("*.tif")):
        with rasterio.open(path) as now:
            box = now.bounds
            columns = round((box.right - box.left) / raster.EARLIER_GSD)
            rows = round((box.top - box.bottom) / raster.EARLIER_GSD)
            left = round((box.left - transform.c) / raster.EARLIER_GSD)
            today[:, :, left : left + columns] = now.read(
                out_shape=(3, rows, columns), resampling=rasterio.enums.Resampling.average
            )
    buildings = gpd.read_file(huating / "vector" / "buildings.shp").to_crs(4545)
    away = np.abs(then - today).mean(axis=0)
    differs = {}
    for number, roof in enumerate(buildings.geometry.buffer(-2.0)):
        if roof.area > 60.0:
            inside = rasterize([roof], away.shape, transform=transform).astype(bool)
            differs[number] = float(away[inside].mean())
    new = [differs[n] for n in differs if buildings["年份"][n] >= YEAR]
    old = [differs[n] for n in differs if buildings["年份"][n] < YEAR]
    assert len(new) > 8
    assert np.median(new) > 3 * np.median(old)
    assert np.median(old) < 8.0


def test_only_places_near_what_was_built_since_look_different(past: Scene) -> None:
    missing = [b.footprint for b in Scene().buildings if b.year >= YEAR]
    window = Window(CENTRE[0] - 330.0, CENTRE[1] + 420.0, 2.0, 320, 130)
    then, now = picture(past, window), picture(Scene(), window)
    near = shapely.union_all([f.buffer(SHADE) for f in missing] + [grown().buffer(12.0)])
    changed = (then != now).any(axis=2)
    rows, columns = np.nonzero(changed)
    places = shapely.points(window.x[columns], window.y[rows])
    assert shapely.contains(near, places).all()
    assert 0.05 < changed.mean() < 0.5
