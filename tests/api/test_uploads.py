"""Files over HTTP: handed in, read as areas, refused beyond the limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient

from cim.api import create_app
from cim.settings import Settings
from tests.delivered import NORTH, WEST, lonlat

pytestmark = pytest.mark.db


def square(x: float, y: float, side: float) -> dict[str, Any]:
    lon, lat = lonlat(*(shapely.box(x, y, x + side, y + side).exterior.coords.xy))
    return {"type": "Polygon", "coordinates": [[list(at) for at in zip(lon, lat, strict=True)]]}


def test_a_file_handed_in_is_known_by_its_content(
    client: TestClient, city_settings: Settings
) -> None:
    said = client.post("/api/uploads", params={"name": "../表.csv"}, content=b"a,b\n1,2\n").json()
    assert said["name"] == "表.csv"
    assert said["bytes"] == 8
    kept = city_settings.data_dir / "uploads" / said["id"]
    assert kept.read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize("name", ["", "..", "a\x00/"])
def test_a_file_without_a_name_is_a_problem(name: str, client: TestClient) -> None:
    answer = client.post("/api/uploads", params={"name": name}, content=b"x")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/api/uploads", content=b"x").status_code == 422
    assert client.post("/api/uploads", params={"name": "a"}, content=b"").status_code == 422


@pytest.mark.parametrize("path", ["/api/uploads", "/api/shapes"])
def test_a_file_beyond_the_limit_is_413_with_a_remedy(
    path: str, city_settings: Settings, tmp_path: Path
) -> None:
    small = city_settings.model_copy(update={"upload_mb": 0.001, "data_dir": tmp_path})
    with TestClient(create_app(small)) as client:
        told = client.post(path, params={"name": "a.json"}, content=b"x" * 1001)
        silent = client.post(path, params={"name": "a.json"}, content=iter([b"x" * 600] * 2))
        assert client.get("/api/city").json()["upload_bytes"] == 1000
    for answer in (told, silent):
        assert answer.status_code == 413
        assert answer.json()["title"] == "TooLargeError"
        assert "CIM_UPLOAD_MB" in answer.json()["remedy"]
    assert [p for p in (tmp_path / "uploads").iterdir() if p.is_dir()] == []


def test_a_polygon_file_is_read_as_an_area(client: TestClient, city_settings: Settings) -> None:
    body = json.dumps(square(WEST + 200, NORTH - 900, 100)).encode()
    said = client.post("/api/shapes", params={"name": "plan.geojson"}, content=body).json()
    assert said["geometry"]["type"] == "MultiPolygon"
    assert said["area"] == pytest.approx(10_000, rel=5e-4)
    assert said["notes"] == []
    assert list((city_settings.data_dir / "uploads").glob(".incoming*")) == []


@pytest.mark.parametrize(
    ("name", "content", "crs", "said"),
    [
        ("a.exe", b"x", "", "none of GeoJSON"),
        ("a.geojson", b"{", "", "no GeoJSON"),
        ("a.geojson", json.dumps(square(WEST, NORTH, 9)).encode(), "EPSG:x", "not a coordinate"),
        ("a.geojson", json.dumps(square(WEST + 1e5, NORTH, 9)).encode(), "", "outside"),
    ],
)
def test_what_is_no_area_here_is_a_problem_in_words(
    name: str, content: bytes, crs: str, said: str, client: TestClient
) -> None:
    answer = client.post("/api/shapes", params={"name": name, "crs": crs}, content=content)
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]
    assert answer.json()["remedy"]
