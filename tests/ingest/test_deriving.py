"""Coverages and contours of a published terrain, published as layers of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import sqlalchemy as sa

from cim.catalog import registry
from cim.catalog.values import value_at
from cim.errors import NotFoundError, ParameterError
from cim.geo import terrain
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.ingest.deriving import derive
from cim.ingest.report import Exit, Report
from cim.installation import Installation
from cim.layers import Kind
from cim.store.database import ready
from tests.delivered import NORTH, WEST, ZONE, deliver, hills, raster

pytestmark = pytest.mark.db
CELL = 15.0


@pytest.fixture
def here(installation: Installation, tmp_path: Path) -> Installation:
    deliver(installation, raster(tmp_path / "dem.tif", hills()), "test.ground")
    return installation


def make(here: Installation, product: str, layer: str, interval: float | None = None) -> Report:
    return derive(
        "test.ground", product, layer, city=here.city, engine=here.engine, files=here.files,
        interval=interval,
    )  # fmt: skip


def current(here: Installation, layer: str) -> registry.Version:
    with ready(here.engine) as connection:
        return registry.published(connection, layer)


def place(row: int, column: int) -> tuple[float, float]:
    x, y = WEST + (column + 0.5) * CELL, NORTH - (row + 0.5) * CELL
    lon, lat = to_lonlat(ZONE, np.array([[x, y]]))[0]
    return float(lon), float(lat)


def test_a_slope_layer_shows_classes_and_knows_its_values(here: Installation) -> None:
    assert make(here, "slope", "test.steep").exit is Exit.PUBLISHED
    version = current(here, "test.steep")
    assert version.layer.kind is Kind.IMAGERY
    assert version.layer.title == "坡度"
    assert [step["title_en"] for step in version.media["legend"]][:2] == ["up to 2°", "2° to 6°"]
    assert version.media["of"]["layer"] == "test.ground"
    grid = Grid(heights=hills().astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL),
                crs=ZONE)  # fmt: skip
    truth = terrain.slope(grid)
    for row, column in ((5, 7), (40, 61), (60, 20)):
        found = value_at(here.files, version, *place(row, column))
        assert found.value == pytest.approx(truth[row, column], abs=1e-3)
        assert found.unit == "deg"
    assert value_at(here.files, version, *place(0, 0)).value is None  # the rim has no slope
    assert value_at(here.files, version, 0.0, 0.0).value is None


def test_the_picture_has_the_colour_of_each_cells_class(here: Installation) -> None:
    make(here, "slope", "test.steep")
    version = current(here, "test.steep")
    path = here.files.file("test.steep", version.version, str(version.media["cog"]))
    with rasterio.open(path) as image:
        picture = image.read()
        rows, columns = np.nonzero(image.dataset_mask())
    legend = np.array(
        [[int(s["color"][i : i + 2], 16) for i in (1, 3, 5)] for s in version.media["legend"]]
    )
    seen = picture[:3, rows, columns].T
    assert (seen[:, None, :] == legend[None]).all(axis=2).any(axis=1).all()
    grid = Grid(heights=hills().astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL),
                crs=ZONE)  # fmt: skip
    steep = np.searchsorted([2, 6, 15, 25, 35], terrain.slope(grid))
    for row, column in ((5, 7), (40, 61), (60, 20), (90, 110)):
        with rasterio.open(path) as image:
            (x,), (y,) = rasterio.warp.transform("EPSG:4490", image.crs, *zip(place(row, column)))
            there = next(image.sample([(x, y)]))[:3]
        assert (there == legend[steep[row, column]]).all()


def test_the_same_again_publishes_nothing_and_a_new_terrain_does(
    here: Installation, tmp_path: Path
) -> None:
    make(here, "hillshade", "test.shade")
    assert make(here, "hillshade", "test.shade").unchanged
    assert current(here, "test.shade").version == 1
    deliver(here, raster(tmp_path / "new.tif", hills() + 3 * np.sin(hills())), "test.ground")
    make(here, "hillshade", "test.shade")
    assert current(here, "test.shade").version == 2


def test_contours_become_a_layer_of_lines_with_heights(here: Installation) -> None:
    report = make(here, "contour", "test.line", interval=10)
    assert report.exit is Exit.PUBLISHED
    version = current(here, "test.line")
    with here.engine.connect() as connection:
        rows = connection.execute(
            sa.text(f"select height, index as main from {version.table}")
        ).all()
    assert len(rows) == version.features
    assert {row.height % 10 for row in rows} == {0.0}
    assert {row.height for row in rows if row.main} == {
        row.height for row in rows if row.height % 50 == 0
    }


def test_a_table_has_no_values_and_nonsense_is_refused(here: Installation) -> None:
    make(here, "contour", "test.line")
    with pytest.raises(NotFoundError, match="no values"):
        value_at(here.files, current(here, "test.line"), *place(5, 5))
    for product, interval, said in (
        ("gradient", None, "no product"),
        ("slope", 5.0, "only contours"),
        ("contour", -5.0, "only contours"),
    ):
        with pytest.raises(ParameterError, match=said):
            make(here, product, "test.wrong", interval)
    with pytest.raises(ParameterError, match="no terrain"):
        derive("test.line", "slope", "test.wrong", city=here.city, engine=here.engine,
               files=here.files)  # fmt: skip
    with pytest.raises(NotFoundError):
        derive("test.nothing", "slope", "test.wrong", city=here.city, engine=here.engine,
               files=here.files)  # fmt: skip
    assert not list((here.files.root / "staging").glob("footprints-*"))
