"""Heights from versions that hold several models, and from those that hold one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cim.catalog import elevation, registry
from cim.errors import StorageError
from cim.installation import Installation
from cim.store.database import ready
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, raster

pytestmark = pytest.mark.db
TOWN = (WEST + 2000.0, NORTH - 2000.0)  # upper left corner, 1,000 m wide


def place(x: float, y: float) -> tuple[float, float]:
    lon, lat = lonlat(np.array([x, x]), np.array([y, y]))
    return float(lon[0]), float(lat[0])


@pytest.fixture
def county(installation: Installation, tmp_path: Path) -> Installation:
    """A county of 1,500 m in cells of 30 m, and in it a town of 1,501 m in cells of 2 m."""
    raster(tmp_path / "s" / "county.tif", np.full((200, 200), 1500, np.float32), cell=30.0)
    town = np.full((500, 500), 1501, np.float32)
    town[100:200, 100:200] = np.nan
    raster(tmp_path / "s" / "town.tif", town, cell=2.0, west=TOWN[0], north=TOWN[1])
    deliver(installation, tmp_path / "s", "test.dem")
    return installation


def test_the_ground_around_a_town_goes_on_in_the_county(county: Installation) -> None:
    x, y = TOWN[0] + 800, TOWN[1] - 800
    found = elevation.around(county.engine, county.files, "test.dem", place(x, y), 600.0)
    assert found.models == ("models/0.tif", "models/1.tif")
    assert found.grid.cell == (2.0, 2.0)
    heights = found.grid.heights
    assert np.isfinite(heights).all()
    assert set(np.unique(heights)) == {1500.0, 1501.0}

    def at(dx: float, dy: float) -> float:
        row = int((found.grid.north - (TOWN[1] - dy)) / 2)
        return float(heights[row, int((TOWN[0] + dx - found.grid.west) / 2)])

    assert at(600, 600) == 1501.0
    assert at(300, 300) == 1500.0  # the hole of the town
    assert at(1200, 800) == 1500.0  # beyond it


def test_far_around_a_town_the_county_serves(
    county: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elevation, "MOST_CELLS", 100_000)
    x, y = TOWN[0] + 500, TOWN[1] - 500
    found = elevation.around(county.engine, county.files, "test.dem", place(x, y), 1500.0)
    assert found.grid.cell == (30.0, 30.0)
    assert found.models == ("models/1.tif",)


def test_a_place_has_the_height_of_the_finest_model_that_knows_it(county: Installation) -> None:
    with ready(county.engine) as connection:
        versions = elevation.terrain(registry.entries(connection))
    wanted = {(600.0, 600.0): (1501.0, 2.0), (300.0, 300.0): (1500.0, 30.0),
              (-500.0, 0.0): (1500.0, 30.0)}  # fmt: skip
    for (dx, dy), (metres, cell) in wanted.items():
        found = elevation.at(county.files, versions, *place(TOWN[0] + dx, TOWN[1] - dy))
        assert found is not None
        assert (found.metres, found.resolution) == (metres, cell)
    assert elevation.at(county.files, versions, *place(WEST - 900, NORTH)) is None


def test_models_of_several_layers_come_finest_first_and_each_layer_in_its_own_order(
    county: Installation, tmp_path: Path
) -> None:
    deliver(county, raster(tmp_path / "other.tif", hills(60, 60), cell=10.0), "test.other")
    with ready(county.engine) as connection:
        entries = registry.entries(connection)
    models = elevation.models(elevation.terrain(entries))
    assert [(m.version.layer.id, m.cell) for m in models] == [
        ("test.dem", 2.0), ("test.other", 10.0), ("test.dem", 30.0),
    ]  # fmt: skip
    assert all(path.is_file() for path in elevation.rasters(entries, county.files))


def test_a_version_of_before_has_the_one_model_that_it_names(county: Installation) -> None:
    with ready(county.engine) as connection:
        registry.add_version(
            connection, registry.published(connection, "test.dem").layer, 2, key="old",
            extent=registry.published(connection, "test.dem").extent,
            media={"dem": "dem.tif", "resolution": 15.0, "minzoom": 0, "maxzoom": 15},
            heights=(1400.0, 1600.0), features=None, report={},
        )  # fmt: skip
        connection.commit()
        versions = elevation.terrain(registry.entries(connection))
    ground = hills(200, 200)
    raster(county.files.version("test.dem", 2) / "dem.tif", ground)
    (model,) = elevation.models(versions)
    assert (model.name, model.cell) == ("dem.tif", 15.0)
    found = elevation.at(county.files, versions, *place(WEST + 15 * 50.5, NORTH - 15 * 60.5))
    assert found is not None
    assert found.metres == pytest.approx(float(ground[60, 50]), abs=0.01)


def test_a_model_that_is_lost_is_told_by_name_and_does_not_stop_the_delivery_that_mends_it(
    county: Installation, tmp_path: Path
) -> None:
    place_there = place(TOWN[0] + 800, TOWN[1] - 800)
    (county.files.version("test.dem", 1) / "models" / "0.tif").unlink()
    with ready(county.engine) as connection:
        grounds = elevation.terrain(registry.entries(connection))
    with pytest.raises(StorageError, match=r"test\.dem version 1 has lost its file models/0\.tif"):
        elevation.at(county.files, grounds, *place_there)
    report = deliver(county, tmp_path / "s", "test.dem", force=True)
    with ready(county.engine) as connection:
        grounds = elevation.terrain(registry.entries(connection))
    found = elevation.at(county.files, grounds, *place_there)
    assert found is not None
    assert (found.metres, found.version) == (1501.0, report.version)
