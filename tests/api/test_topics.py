"""Questions over HTTP: one declaration, every face, computed once."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient
from PIL import Image

from cim.installation import open_installation
from cim.settings import Settings
from cim.topics import analysis as find
from tests.delivered import NORTH, WEST, lonlat

pytestmark = pytest.mark.db
JSON = {"Content-Type": "application/json"}
PATH = "/api/topics/forest_fire/viewshed"


def question(**changes: Any) -> dict[str, Any]:
    lon, lat = lonlat(WEST + 1100.0, NORTH - 900.0)  # type: ignore[arg-type]
    return {"observer": [float(lon), float(lat)], "observer_height": 25, "range": 800} | changes


def ask(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post(PATH, json=question(**changes))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_topics_and_the_form_of_each_question_are_listed(client: TestClient) -> None:
    topics = {t["name"]: t for t in client.get("/api/topics").json()["topics"]}
    assert "forest_fire.viewshed" in [a["id"] for a in topics["forest_fire"]["analyses"]]
    form = client.get(PATH).json()
    assert form["parameters"]["properties"]["observer"]["x-widget"] == "point"
    assert set(form["example"]) <= set(form["parameters"]["properties"])


def test_an_answer_holds_figures_outline_coverage_and_where_it_comes_from(
    client: TestClient,
) -> None:
    answer = ask(client)
    figures = {f["key"]: f for f in answer["summary"]}
    assert 0 < figures["looked_at_area"]["value"] <= np.pi * 0.8**2 * 1.05
    assert all(f["evidence"] for f in figures.values())
    assert answer["provenance"]["inputs"][0]["layer"] == "base.dem"
    assert answer["provenance"]["parameters"]["range"] == 800
    kinds = [f["geometry"]["type"] for f in answer["features"]["features"]]
    assert kinds == ["Point", "LineString"]


def test_a_coverage_is_served_as_tiles_and_as_a_file(client: TestClient) -> None:
    answer = ask(client)
    coverage = answer["coverage"]
    west, south, east, north = coverage["bounds"]
    z = 15
    x = int(((west + east) / 2 + 180) / 360 * 2**z)
    lat = np.radians((south + north) / 2)
    y = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 2**z)
    url = coverage["url"].format(z=z, x=x, y=y)
    picture = np.asarray(Image.open(io.BytesIO(client.get(url).content)).convert("RGBA"))
    painted = {tuple(int(v) for v in p) for p in picture.reshape(-1, 4) if p[3]}
    legend = {
        tuple(int(e["color"][i : i + 2], 16) for i in (1, 3, 5, 7)) for e in coverage["legend"]
    }
    assert painted
    assert painted <= legend
    assert client.get(coverage["url"].format(z=15, x=0, y=0)).status_code == 204
    with rasterio.MemoryFile(client.get(coverage["download"]).content) as file, file.open() as tif:
        seen = float((tif.read(1) == 1).sum()) * 225 / 1e6
    figures = {f["key"]: f["value"] for f in answer["summary"]}
    assert figures["visible_area"] == pytest.approx(seen, rel=0.002)


def test_the_same_question_is_computed_once(
    client: TestClient, city_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(client, target_height=3)
    folder = city_settings.data_dir / "results" / first["id"]
    stamp = (folder / "result.json").stat().st_mtime_ns
    again = ask(client, target_height=3.0, refraction=0.14286)
    assert again == first
    assert (folder / "result.json").stat().st_mtime_ns == stamp
    assert ask(client, target_height=4)["id"] != first["id"]
    assert client.get(f"/api/results/{first['id']}").json() == first
    monkeypatch.undo()


@pytest.mark.parametrize(
    "changed", [{"climate_zone": "IV"}, {"population": 9}, {"height_datum": "x"}, {"name": "x"}]
)
def test_the_same_question_of_another_city_is_another_question(
    city_settings: Settings, changed: dict[str, Any]
) -> None:
    """Size and climate choose the rule of sunlight: an answer kept from before is not it."""
    here = open_installation(city_settings)
    other = replace(here.asker, city=replace(here.city, **changed))
    asked = find("forest_fire.viewshed").parse(question(target_height=7))
    both = [asker._identity(find("forest_fire.viewshed"), asked) for asker in (here.asker, other)]
    assert both[0] != both[1]
    here.engine.dispose()


def test_many_that_ask_the_same_at_once_all_get_the_whole_answer(client: TestClient) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(client, target_height=11), range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert client.get(answers[0]["coverage"]["download"]).status_code == 200


def test_a_swept_cache_is_filled_again(client: TestClient, city_settings: Settings) -> None:
    first = ask(client, target_height=7)
    (city_settings.data_dir / "results" / first["id"] / "result.json").unlink()
    assert ask(client, target_height=7) == first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"range": 1}, "range"),
        ({"range": "far"}, "range"),
        ({"observer": [106.6]}, "observer"),
        ({"observer": None}, "observer"),
        ({"observer": [1e308, 1e308]}, "cover"),
        ({"observer": [0, 0]}, "does not cover"),
        ({"colour": "red"}, "colour"),
        ({"terrain": "test.ortho"}, "no terrain layer"),
        ({"terrain": "test.none"}, "not published"),
        ({"terrain": "a\u0000b"}, ""),
        ({"terrain": "\ud800"}, ""),
        ({"field_of_view": 0}, "field_of_view"),
        ({"azimuth": -1}, "azimuth"),
    ],
)
def test_a_question_that_does_not_fit_is_a_problem(
    changes: dict[str, Any], said: str, client: TestClient
) -> None:
    answer = client.post(PATH, content=json.dumps(question(**changes)).encode(), headers=JSON)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("body", ["", "[]", "3", "{", '{"observer": NaN}', '{"range": 1e999}'])
def test_a_body_that_is_no_object_is_a_problem(body: str, client: TestClient) -> None:
    answer = client.post(PATH, content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/topics/forest_fire/none", "/api/topics/none/none", "/api/results/none",
        "/api/results/..", "/api/results/%2e%2e%2f%2e%2e", "/api/results/" + "a" * 400,
        "/api/results/none/1/1/1.png", "/api/results/none/viewshed.tif",
    ],
)  # fmt: skip
def test_what_nobody_asked_is_not_found(path: str, client: TestClient) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "name", ["..%2fresult.json", "result.json", "x.tif", "%2e%2e", "\u00b2.tif"]
)
def test_only_the_coverage_of_a_result_is_handed_out(name: str, client: TestClient) -> None:
    answer = ask(client)
    assert client.get(f"/api/results/{answer['id']}/{name}").status_code == 404


@pytest.mark.parametrize("place", ["23/0/0", "-1/0/0", "2/9/0", "99999999999/1/1"])
def test_a_coverage_has_no_tile_beyond_the_grid(place: str, client: TestClient) -> None:
    answer = ask(client)
    assert client.get(f"/api/results/{answer['id']}/{place}.png").status_code == 404


def test_an_answer_is_printed_with_the_servers_map_or_the_viewers_own(client: TestClient) -> None:
    path = f"/api/results/{ask(client)['id']}/report.pdf"
    drawn = client.get(path)
    assert drawn.headers["content-type"] == "application/pdf"
    assert drawn.headers["cache-control"] == "no-store"
    assert drawn.content.startswith(b"%PDF-")
    picture = io.BytesIO()
    Image.new("RGB", (320, 180), "red").save(picture, "PNG")
    seen = client.post(path, content=picture.getvalue())
    assert seen.status_code == 200, seen.text
    assert seen.content.startswith(b"%PDF-")
    for body in (b"", b"no picture"):
        refused = client.post(path, content=body)
        assert refused.status_code == 422
        assert "PNG or JPEG" in refused.json()["remedy"]
    large = client.post(path, content=iter([b"x" * 10_000_001] * 4))
    assert large.status_code == 413
    assert client.get("/api/results/none/report.pdf").status_code == 404
