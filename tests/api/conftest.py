"""A client of the whole application over one small published city."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient

from cim.api import create_app
from cim.installation import open_installation
from cim.settings import Settings
from tests import home
from tests.conftest import CITY
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, raster


@pytest.fixture(scope="package")
def city_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with terrain, a picture and places, each published once."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "city.toml").write_text(CITY, "utf-8")
    worker = folder.parent.name.replace("-", "_")
    settings = Settings(
        database_url=home.clone(home.server(), f"api_{worker}"),
        data_dir=folder / "data",
        city=folder / "city.toml",
        viewer_dist=folder / "none",
    )
    here = open_installation(settings)
    ground = raster(folder / "dem.tif", hills())
    deliver(here, ground, "base.dem")
    random = np.random.default_rng(2)
    picture = random.integers(1, 255, (3, 300, 300), np.uint8)
    deliver(here, raster(folder / "ortho.tif", picture, cell=0.5), "test.ortho")
    lon, lat = lonlat(WEST + random.uniform(100, 2000, 50), NORTH - random.uniform(100, 1700, 50))
    frame = gpd.GeoDataFrame(
        {"name": [f"地点{i}" for i in range(50)], "rank": range(50)},
        geometry=shapely.points(lon, lat), crs=4490,
    )  # fmt: skip
    frame.to_file(folder / "place.gpkg")
    deliver(here, folder / "place.gpkg", "test.place")
    here.engine.dispose()
    return settings


@pytest.fixture(scope="package")
def client(city_settings: Settings) -> Iterator[TestClient]:
    """Talks to the application; what the server raises is an answer of 500 here."""
    with TestClient(create_app(city_settings), raise_server_exceptions=False) as opened:
        yield opened
