"""Heights and the terrain's questions over HTTP, held against the array they were made from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.ndimage import map_coordinates

from cim.geo.crs import to_lonlat
from tests.delivered import NORTH, WEST, ZONE, hills

pytestmark = pytest.mark.db
CELL = 15.0


def place(x: float, y: float) -> list[float]:
    """Degrees of a place given in metres east and south of the model's corner."""
    lon, lat = to_lonlat(ZONE, np.array([[WEST + x, NORTH - y]]))[0]
    return [float(lon), float(lat)]


def truth(x: float, y: float) -> float:
    """The array's own height there."""
    found = map_coordinates(
        hills().astype(np.float64), [[y / CELL - 0.5], [x / CELL - 0.5]], order=1
    )
    return float(found[0])


def ask(client: TestClient, name: str, **question: Any) -> dict[str, Any]:
    answer = client.post(f"/api/topics/terrain/{name}", json=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    found["figures"] = {f["key"]: f["value"] for f in found["summary"]}
    return found


def test_a_height_says_its_model_its_accuracy_and_that_there_is_no_surface(
    client: TestClient,
) -> None:
    lon, lat = place(700.0, 555.0)
    said = client.get("/api/elevation", params={"lon": lon, "lat": lat}).json()
    assert said["height"] == pytest.approx(truth(700.0, 555.0), abs=1e-3)
    assert said["layer"] == "base.dem"
    assert said["accuracy"] is None
    assert said["surface"] is None


def test_many_heights_come_in_their_order_and_null_where_nothing_is_known(
    client: TestClient,
) -> None:
    spots = [(300.0, 400.0), (-9000.0, 400.0), (1200.0, 900.0)]
    answer = client.post("/api/elevation", json={"points": [place(*spot) for spot in spots]})
    assert answer.status_code == 200, answer.text
    first, none, last = answer.json()["heights"]
    assert first == pytest.approx(truth(*spots[0]), abs=1e-3)
    assert none is None
    assert last == pytest.approx(truth(*spots[2]), abs=1e-3)


@pytest.mark.parametrize(
    "points", [[], [[200.0, 35.0]], [["a", 35.0]], [[106.0, 35.0]] * 10_001, "x"]
)
def test_places_that_are_none_are_the_askers_fault(client: TestClient, points: object) -> None:
    answer = client.post("/api/elevation", json={"points": points})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_profile_runs_over_the_array(client: TestClient) -> None:
    line = [place(200.0, 300.0), place(1400.0, 300.0)]
    found = ask(client, "profile", line=line, step=10)
    chart = found["series"][0]
    distance, heights = chart["x"]["values"], chart["y"][0]["values"]
    assert distance[-1] == pytest.approx(1200.0, rel=1e-3)
    for share in (0, 30, 77, len(distance) - 1):
        x = 200 + 1200 * distance[share] / distance[-1]
        assert heights[share] == pytest.approx(truth(x, 300.0), abs=0.02)
    assert found["figures"]["highest"] == pytest.approx(max(heights), abs=1e-3)
    assert found["figures"]["climb"] - found["figures"]["descent"] == pytest.approx(
        heights[-1] - heights[0], abs=0.01
    )


def test_the_figures_of_an_area_are_those_of_the_array(client: TestClient) -> None:
    ring = [place(300, 300), place(1200, 300), place(1200, 900), place(300, 900)]
    found = ask(client, "area", polygon=ring, level=1500)["figures"]
    cells = hills().astype(np.float64)[20:60, 20:80]
    assert found["area"] == pytest.approx(900 * 600, rel=1e-3)
    assert found["mean"] == pytest.approx(float(cells.mean()), abs=0.1)
    assert found["lowest"] == pytest.approx(float(cells.min()), abs=1.0)
    assert found["highest"] == pytest.approx(float(cells.max()), abs=1.0)
    above = np.maximum(cells - 1500, 0).sum() * CELL**2
    below = np.maximum(1500 - cells, 0).sum() * CELL**2
    assert found["above"] == pytest.approx(above, rel=0.01, abs=1000)
    assert found["below"] == pytest.approx(below, rel=0.01, abs=1000)


def test_a_line_of_sight_agrees_with_the_viewshed_from_the_same_place(client: TestClient) -> None:
    observer, target = place(700.0, 555.0), place(1282.5, 337.5)
    sight = ask(client, "line_of_sight", observer=observer, target=target, observer_height=2)
    high = ask(
        client, "line_of_sight", observer=observer, target=target, observer_height=400,
        target_height=50,
    )  # fmt: skip
    assert sight["figures"]["visible"].split()[0] in {"通视", "不通视"}
    assert (sight["figures"]["clearance"] < 0) is sight["figures"]["visible"].startswith("不")
    assert high["figures"]["visible"].startswith("通视")
    assert sight["figures"]["distance"] == pytest.approx(math.hypot(582.5, 217.5), abs=0.5)


@pytest.mark.parametrize(
    ("name", "question", "said"),
    [
        ("profile", {"line": [[106.0, 35.0]]}, "line"),
        ("profile", {"line": [[106.0, 35.0], [106.0, 35.0]]}, "no length"),
        ("area", {"polygon": [[106.0, 35.0], [106.1, 35.0]]}, "polygon"),
        ("area", {"polygon": [[500.0, 35.0], [106.1, 35.0], [106.1, 35.1]]}, "degrees"),
        ("skyline", {"observer": [20.0, 20.0]}, "does not cover"),
        ("slopes", {"centre": [106.6, 35.2], "terrain": "test.ortho"}, "no terrain"),
        ("sunshine", {"centre": [106.6, 35.2], "begin": 16, "end": 8}, "ends before"),
        ("catchment", {"outlet": [106.6, 35.2], "model": "mesh"}, "model"),
    ],
)
def test_a_question_that_does_not_fit_says_why(
    client: TestClient, name: str, question: dict[str, Any], said: str
) -> None:
    answer = client.post(f"/api/topics/terrain/{name}", json=question)
    assert 400 <= answer.status_code < 500
    assert said in answer.text


def test_without_a_joined_mesh_the_surface_is_told_to_be_missing(client: TestClient) -> None:
    answer = client.post(
        "/api/topics/terrain/slopes", json={"centre": place(700, 555), "model": "surface"}
    )
    assert answer.status_code == 422
    assert "knows no surface" in answer.text
    assert "cim join" in answer.text
