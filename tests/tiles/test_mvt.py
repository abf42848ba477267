"""Vector tiles, read by a reader of the tests' own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from cim.catalog import registry
from cim.errors import NotFoundError
from cim.installation import Installation
from cim.store.database import ready
from cim.tiles import mvt
from tests.delivered import deliver
from tests.tiles.mvt_reader import TileLayer, read

pytestmark = pytest.mark.db
HALF = math.pi * 6378137.0


def covering(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return z, int(x), int(y)


@pytest.fixture
def wells(installation: Installation, tmp_path: Path) -> Installation:
    random = np.random.default_rng(3)
    points = random.uniform([106.52, 35.12], [106.80, 35.32], (500, 2))
    frame = gpd.GeoDataFrame(
        {"name": [f"井{i}" for i in range(500)], "depth": random.uniform(1, 99, 500),
         "number": range(500)},
        geometry=shapely.points(points), crs=4490,
    )  # fmt: skip
    frame.to_file(tmp_path / "wells.gpkg")
    deliver(installation, tmp_path / "wells.gpkg", "test.well")
    return installation


def tile(here: Installation, place: tuple[int, int, int], layer_id: str = "test.well") -> bytes:
    with ready(here.engine) as connection:
        version = registry.published(connection, layer_id)
        return mvt.tile(connection, version.table, version.layer, 4545, place)


def only(data: bytes) -> TileLayer:
    (layer,) = read(data)
    return layer


def count(here: Installation, place: tuple[int, int, int], units: int) -> int:
    sql = (
        "select count(*) from test.well where ST_Intersects(ST_Transform(geom, 3857), "
        f"ST_Buffer(ST_TileEnvelope(:z, :x, :y), {units} * {2 * HALF / 2 ** place[0] / 4096}))"
    )
    with ready(here.engine) as connection:
        values: dict[str, Any] = dict(zip("zxy", place, strict=True))
        return int(connection.execute(sa.text(sql), values).scalar_one())


@pytest.mark.parametrize("z", [0, 2, 4, 5, 6, 8, 10, 12, 14])
def test_a_tile_holds_as_many_features_as_postgis_counts(z: int, wells: Installation) -> None:
    place = covering(106.65, 35.22, z)
    layer = only(tile(wells, place))
    assert (layer.name, layer.extent, layer.version) == ("well", 4096, 2)
    within, touching = (count(wells, place, units) for units in (-1, 1))
    assert within <= len(layer.features) <= touching <= within + 5
    assert len(layer.features) > 0
    assert all(f.kind == 1 for f in layer.features)


def test_positions_and_attributes_are_those_of_the_rows(wells: Installation) -> None:
    z, x, y = place = covering(106.65, 35.22, 12)
    side = 2 * HALF / 2**z
    with ready(wells.engine) as connection:
        found = connection.execute(
            sa.text("select fid, name, depth, number, ST_X(p), ST_Y(p) from "
                    "(select *, ST_Transform(geom, 3857) as p from test.well) t")
        )  # fmt: skip
        rows = {r[0]: tuple(r[1:]) for r in found}
    for feature in only(tile(wells, place)).features:
        assert feature.id is not None
        name, depth, number, mx, my = rows[feature.id]
        assert feature.properties == {"name": name, "depth": depth, "number": number}
        ((at,),) = feature.parts
        wanted = ((mx + HALF) / side - x) * 4096, ((HALF - my) / side - y) * 4096
        assert at == pytest.approx(wanted, abs=1.0)


def test_where_nothing_lies_there_is_no_byte(wells: Installation) -> None:
    assert tile(wells, covering(0.0, 0.0, 10)) == b""


@pytest.mark.parametrize("place", [(23, 0, 0), (-1, 0, 0), (3, 8, 0), (3, 0, -1)])
def test_a_tile_beyond_the_grid_is_not_found(
    place: tuple[int, int, int], wells: Installation
) -> None:
    with pytest.raises(NotFoundError, match="no tile"):
        tile(wells, place)


def test_a_polygon_keeps_its_area_near_and_its_place_afar(
    installation: Installation, tmp_path: Path
) -> None:
    ring = shapely.Point(106.65, 35.22).buffer(0.002, quad_segs=64)
    frame = gpd.GeoDataFrame({"name": ["圆"]}, geometry=[ring], crs=4490)
    frame.to_file(tmp_path / "p.gpkg")
    deliver(installation, tmp_path / "p.gpkg", "test.pond")
    near = only(tile(installation, covering(106.65, 35.22, 13), "test.pond")).features[0]
    afar = only(tile(installation, covering(106.65, 35.22, 8), "test.pond")).features[0]
    assert near.kind == afar.kind == 3
    assert len(afar.parts[0]) < len(near.parts[0])
    mine = shapely.Polygon(near.parts[0]).area * (2 * HALF / 2**13 / 4096) ** 2
    assert mine == pytest.approx(frame.to_crs(3857).area[0], rel=0.02)


def test_heights_do_not_reach_a_tile(installation: Installation, tmp_path: Path) -> None:
    line = shapely.LineString([(106.64, 35.22, 1400), (106.66, 35.22, 1390)])
    gpd.GeoDataFrame({"dn": [1]}, geometry=[line], crs=4490).to_file(tmp_path / "l.gpkg")
    deliver(installation, tmp_path / "l.gpkg", "test.pipe")
    feature = only(tile(installation, covering(106.65, 35.22, 10), "test.pipe")).features[0]
    assert (feature.kind, len(feature.parts)) == (2, 1)
