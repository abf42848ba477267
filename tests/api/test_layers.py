"""Layers, features, search and ground over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from cim import city as cities
from cim.api.layers import _undulations
from cim.geo.heights import GridGeoid
from cim.settings import Settings
from tests.delivered import NORTH, WEST, hills, lonlat

pytestmark = pytest.mark.db


def get(client: TestClient, path: str, **asked: Any) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_city_says_where_it_is(client: TestClient) -> None:
    city = get(client, "/api/city")
    assert city["name"] == "试验城"
    assert city["bounds"] == [106.5, 35.1, 106.82, 35.34]
    assert city["compute_crs"] == "EPSG:4545"
    assert city["geoid"]["undulation_at_centre"] == -36.0


def test_layers_are_listed_with_what_is_published(client: TestClient) -> None:
    layers = {one["id"]: one for one in get(client, "/api/layers")["layers"]}
    published = {i for i, one in layers.items() if one["published"]}
    assert published == {"base.dem", "test.ortho", "test.place"}
    place = layers["test.place"]["published"]
    assert (place["version"], place["count"]) == (1, 50)
    dem = layers["base.dem"]["published"]
    assert dem["heights"] == pytest.approx([hills().min(), hills().max()])
    assert client.get(dem["url"] + "layer.json").status_code == 200


def test_a_layer_tells_its_versions_and_their_lineage(client: TestClient) -> None:
    layer = get(client, "/api/layers/test.place")
    (version,) = layer["versions"]
    report = get(client, version["report"])
    assert report["layer"] == "test.place"
    assert report["inputs"][0]["bytes"] > 0


def test_features_come_as_geojson_by_page_box_and_text(client: TestClient) -> None:
    path = "/api/layers/test.place/features"
    assert get(client, path)["numberMatched"] == 50
    assert get(client, path, limit=7, offset=45)["numberReturned"] == 5
    assert get(client, path, q="地点7")["numberMatched"] == 1
    assert get(client, path, bbox="0,0,1,1")["numberMatched"] == 0
    first = get(client, path, limit=1)["features"][0]
    assert get(client, f"{path}/{first['id']}") == first


def test_a_search_says_how_high_a_place_lies(client: TestClient) -> None:
    (found,) = get(client, "/api/search", q="地点13")["results"]
    ground = get(client, "/api/elevation", lon=found["lon"], lat=found["lat"])
    assert found["height"] == pytest.approx(ground["ellipsoidal"])
    assert found["layer"] == "test.place"


def test_the_ground_is_the_dem_between_cell_centres(client: TestClient) -> None:
    heights = hills()
    for row, column in [(30, 40), (70, 100)]:
        # The corner that four cells share.
        lon, lat = lonlat(*np.array([WEST + 15 * (column + 1.0), NORTH - 15 * (row + 1.0)]))
        found = get(client, "/api/elevation", lon=float(lon), lat=float(lat))
        wanted = float(heights[row : row + 2, column : column + 2].mean(dtype=float))
        assert found["height"] == pytest.approx(wanted, abs=1e-3)
        assert found["ellipsoidal"] == pytest.approx(wanted - 36.0, abs=1e-3)
        assert (found["layer"], found["version"]) == ("base.dem", 1)


def test_beyond_the_dem_there_is_no_height(client: TestClient) -> None:
    answer = client.get("/api/elevation", params={"lon": 0, "lat": 0})
    assert answer.status_code == 422
    assert answer.json()["remedy"] == "ingest a DEM there"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/layers/test.none", 404),
        ("/api/layers/test.none/features", 404),
        ("/api/layers/base.dem/features", 404),
        ("/api/layers/test.place/features/99999", 404),
        ("/api/layers/test.place/features/x", 422),
        ("/api/layers/test.place/versions/9/report", 404),
        ("/api/layers/test.place/features?limit=0", 422),
        ("/api/layers/test.place/features?limit=10001", 422),
        ("/api/layers/test.place/features?offset=-1", 422),
        ("/api/layers/test.place/features?bbox=1,2,3", 422),
        ("/api/layers/test.place/features?bbox=1,2,3,4,5", 422),
        ("/api/layers/test.place/features?bbox=a,b,c,d", 422),
        ("/api/layers/test.place/features?bbox=nan,nan,nan,nan", 422),
        ("/api/layers/test.place/features?bbox=inf,0,inf,1", 422),
        ("/api/layers/test.place/features?bbox=107,35,106,36", 422),
        ("/api/search", 422),
        ("/api/search?q=", 422),
        ("/api/elevation?lon=181&lat=0", 422),
        ("/api/elevation?lon=nan&lat=0", 422),
        ("/api/nothing", 404),
    ],
)
def test_a_users_error_is_a_problem_with_a_remedy(
    path: str, status: int, client: TestClient
) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "remedy"}
    assert problem["type"].startswith("urn:cim:")
    assert problem["status"] == status
    assert problem["detail"]


@pytest.mark.parametrize(
    "bbox", ["-180,-90,180,90", "106,-90,107,90", "18,30,180,40", "0,0,180,90", "60,0,150,70"]
)
def test_a_box_far_beyond_the_city_still_holds_all_of_it(bbox: str, client: TestClient) -> None:
    answer = client.get("/api/layers/test.place/features", params={"bbox": bbox})
    assert answer.status_code == 200
    assert answer.json()["numberMatched"] == 50


def test_a_box_elsewhere_holds_nothing(client: TestClient) -> None:
    answer = client.get("/api/layers/test.place/features", params={"bbox": "0,0,1,1"})
    assert answer.json()["features"] == []


def test_more_callers_than_threads_are_all_answered(client: TestClient) -> None:
    with ThreadPoolExecutor(80) as callers:
        path = "/api/layers/test.place/features"
        answers = list(callers.map(lambda _: client.get(path).status_code, range(160)))
    assert set(answers) == {200}


def test_pages_of_other_departments_may_read(client: TestClient) -> None:
    answer = client.get("/api/city", headers={"Origin": "http://planning.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_city_tells_its_geoid_from_corner_to_corner(
    client: TestClient, city_settings: Settings
) -> None:
    said = client.get("/api/city").json()
    west, south, east, north = said["bounds"]
    posts = said["geoid"]["posts"]
    assert [len(posts), *{len(row) for row in posts}] == [9, 9]
    profile = cities.load(city_settings.city)
    corners = [(posts[0][0], west, south), (posts[0][8], east, south), (posts[8][8], east, north)]
    for told, lon, lat in corners:
        assert told == pytest.approx(profile.undulation(lon, lat), abs=1e-3)
    grid = replace(
        profile,
        geoid=GridGeoid(
            west - 1, south - 1, (1.0, 1.0), np.arange(16, dtype=np.float64).reshape(4, 4)
        ),
    )
    sloping = _undulations(grid)
    assert sloping[0][0] < sloping[0][8] < sloping[8][0]
