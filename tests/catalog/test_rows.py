"""Rows of vector layers: as GeoJSON, by box, by text, by name; judged by shapely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapely.geometry import shape

from cim.catalog import registry, rows
from cim.catalog.registry import Version
from cim.city import Bounds
from cim.errors import NotFoundError
from cim.installation import Installation
from cim.layers import Field, FieldType, Geometry, Kind, Layer, Style
from cim.store.database import ready
from tests.delivered import deliver

pytestmark = pytest.mark.db
NAMES = [
    "华亭一中",
    "华亭一中分校",
    "100%纯净水厂",
    "a_b路",
    "axb路",
    "反\\斜杠",
    "单'引\"号",
    None,
]
PLACE = Layer(
    id="test.place",
    title="地点",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    fields=(
        Field(name="name", title="名称"),
        Field(name="rank", title="级", type=FieldType.INTEGER),
        Field(name="note", title="备注"),
    ),
    style=Style(label_field="name"),
)


def triangles(count: int) -> list[Any]:
    random = np.random.default_rng(7)
    centres = random.uniform([106.52, 35.12], [106.80, 35.32], (count, 2))
    corners = centres[:, None] + random.uniform(-0.004, 0.004, (count, 3, 2))
    return list(shapely.polygons(corners))


@pytest.fixture
def places(installation: Installation, tmp_path: Path) -> tuple[Installation, gpd.GeoDataFrame]:
    shapes = triangles(200)
    names = [NAMES[i] if i < len(NAMES) else f"地点{i}" for i in range(200)]
    frame = gpd.GeoDataFrame(
        {"name": names, "rank": range(200), "note": ["备忘"] * 200}, geometry=shapes, crs=4490
    )
    frame.to_file(tmp_path / "places.gpkg")
    deliver(installation, tmp_path / "places.gpkg", "test.place", PLACE)
    return installation, frame


def current(here: Installation) -> Version:
    with ready(here.engine) as connection:
        return registry.published(connection, "test.place")


def page(here: Installation, **asked: Any) -> dict[str, Any]:
    with ready(here.engine) as connection:
        return rows.page(connection, registry.published(connection, "test.place"), **asked)


def test_geojson_is_what_was_delivered_to_a_millimetre(
    places: tuple[Installation, gpd.GeoDataFrame],
) -> None:
    here, frame = places
    names = [*NAMES, *(f"地点{i}" for i in range(len(NAMES), 200))]
    found = page(here)
    assert found["type"] == "FeatureCollection"
    assert (found["numberMatched"], found["numberReturned"]) == (200, 200)
    assert len({f["id"] for f in found["features"]}) == 200
    for feature in found["features"]:
        wanted = frame[frame["rank"] == feature["properties"]["rank"]].iloc[0]
        assert feature["properties"]["name"] == names[wanted["rank"]]
        assert feature["properties"]["note"] == "备忘"
        mine = shape(feature["geometry"])
        assert mine.geom_type == "MultiPolygon"
        assert shapely.hausdorff_distance(mine, wanted.geometry) < 2e-8  # degrees, 2 mm


@pytest.mark.parametrize(
    "box",
    [(106.6, 35.2, 106.65, 35.25), (106.5, 35.1, 106.82, 35.34), (106.7, 35.2, 106.7, 35.2),
     (0, 0, 1, 1), (106.4, 35.3, 107, 36)],
)  # fmt: skip
def test_a_box_finds_what_shapely_finds(
    box: tuple[float, float, float, float], places: tuple[Installation, gpd.GeoDataFrame]
) -> None:
    here, frame = places
    wanted = set(frame[frame.intersects(shapely.box(*box))]["rank"])
    found = page(here, bbox=Bounds(*box))
    assert {f["properties"]["rank"] for f in found["features"]} == wanted
    assert found["numberMatched"] == len(wanted)


def test_pages_are_a_partition(places: tuple[Installation, gpd.GeoDataFrame]) -> None:
    here, _ = places
    parts = [page(here, limit=64, offset=at) for at in range(0, 256, 64)]
    assert [p["numberReturned"] for p in parts] == [64, 64, 64, 8]
    ids = [f["id"] for p in parts for f in p["features"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 200


@pytest.mark.parametrize(
    ("text", "count"),
    [("一中", 2), ("%", 1), ("_", 1), ("\\", 1), ("'", 1), ('"', 1), ("100%纯", 1),
     ("备忘", 200), ("没有", 0), ("A_B", 1), ("", 200)],
)  # fmt: skip
def test_text_is_found_as_it_is_written(
    text: str, count: int, places: tuple[Installation, gpd.GeoDataFrame]
) -> None:
    assert page(places[0], query=text)["numberMatched"] == count


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("一中", ["华亭一中", "华亭一中分校"]),
        ("%", ["100%纯净水厂"]),
        ("a_b", ["a_b路"]),
        ("AXB", ["axb路"]),
        ("\\", ["反\\斜杠"]),
        ("没有", []),
    ],
)
def test_a_search_by_name_puts_the_shortest_first(
    text: str, names: list[str], places: tuple[Installation, gpd.GeoDataFrame]
) -> None:
    here, frame = places
    with ready(here.engine) as connection:
        found = rows.search(connection, [current(here)], text, 20)
    assert [f["name"] for f in found] == names
    for item in found:
        wanted = frame[frame["name"] == item["name"]].iloc[0].geometry
        assert wanted.buffer(1e-7).contains(shapely.Point(item["lon"], item["lat"]))
        around = shapely.box(*item["bbox"])  # of the rotated box in the city's zone: a bit larger
        assert around.buffer(1e-8).contains(wanted)
        assert item["bbox"] == pytest.approx(wanted.bounds, abs=1e-4)


def test_a_search_stops_at_its_limit(places: tuple[Installation, gpd.GeoDataFrame]) -> None:
    here, _ = places
    with ready(here.engine) as connection:
        assert len(rows.search(connection, [current(here)], "地点", 5)) == 5


@given(text=st.text(max_size=30))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_breaks_the_query_and_python_agrees_on_what_holds_it(
    text: str, places: tuple[Installation, gpd.GeoDataFrame]
) -> None:
    here, frame = places
    plain = text.replace("\x00", "")
    found = page(here, query=plain, limit=10000)
    got = {f["properties"]["rank"] for f in found["features"]}
    columns = (frame["name"], frame["note"])
    sure = {i for i in range(200) if any(plain in str(c[i] or "") for c in columns)}
    assert sure <= got
    if plain.isascii() and not any(c.isalpha() for c in plain):
        assert got == sure


def test_one_feature_is_found_by_id_or_named_missing(
    places: tuple[Installation, gpd.GeoDataFrame],
) -> None:
    here, _ = places
    first = page(here, limit=1)["features"][0]
    with ready(here.engine) as connection:
        assert rows.one(connection, current(here), first["id"]) == first
        with pytest.raises(NotFoundError, match=r"test\.place has no feature 9999"):
            rows.one(connection, current(here), 9999)
