"""A client of the whole application over one small published city."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import uvicorn
from fastapi.testclient import TestClient

from cim.api import create_app
from cim.installation import open_installation
from cim.settings import Settings
from tests import home
from tests.conftest import CITY
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, photo, raster


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


@dataclass(frozen=True)
class Photographed:
    """A running server with one orthophoto of two days, and a satellite picture without a day."""

    address: str
    older: Path
    newer: Path
    wide: Path


@pytest.fixture(scope="package")
def photographed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Photographed]:
    """A server for programs that speak HTTP."""
    folder = tmp_path_factory.mktemp("photographed")
    (folder / "city.toml").write_text(CITY, "utf-8")
    worker = folder.parent.name.replace("-", "_")
    settings = Settings(
        database_url=home.clone(home.server(), f"photo_{worker}"),
        data_dir=folder / "data",
        city=folder / "city.toml",
        viewer_dist=folder / "none",
    )
    here = open_installation(settings)
    older = raster(folder / "older.tif", photo(900, 1000, fields=0)[::-1].copy(), cell=0.5)
    newer = raster(folder / "newer.tif", photo(900, 1000, fields=0), cell=0.5)
    wide = raster(folder / "wide.tif", photo(300, 400, fields=0), cell=15, north=NORTH + 1500,
                  west=WEST - 2000)  # fmt: skip
    deliver(here, older, "test.ortho", options={"date": "2023-05-01"})
    deliver(here, newer, "test.ortho", options={"date": "2024-05-01"})
    deliver(here, wide, "test.wide")
    here.engine.dispose()
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=0, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Photographed(f"http://127.0.0.1:{port}", older, newer, wide)
    server.should_exit = True
    thread.join(20)
