"""The application as a whole: healthy, described, and never at a loss for words."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cim.api import create_app
from cim.errors import DatabaseError
from cim.settings import Settings
from cim.store import cluster
from tests import home

pytestmark = pytest.mark.db


def test_it_says_that_it_is_well(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"


def test_without_a_viewer_it_says_how_to_build_one(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make viewer" in answer.text


def test_a_built_viewer_is_served_hashed_files_for_ever(
    city_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>viewer")
    (tmp_path / "assets" / "a-123.js").write_text("1")
    chosen = city_settings.model_copy(update={"viewer_dist": tmp_path})
    with TestClient(create_app(chosen)) as opened:
        assert opened.get("/").headers["cache-control"] == "no-cache"
        assert "immutable" in opened.get("/assets/a-123.js").headers["cache-control"]
        assert opened.get("/api/city").status_code == 200
        assert opened.get("/../city.toml").status_code == 404


def test_the_description_names_every_route(client: TestClient) -> None:
    told = client.get("/openapi.json").json()
    assert told["openapi"].startswith("3.")
    for path in (
        "/api/city", "/api/layers", "/api/layers/{layer_id}", "/api/search", "/api/elevation",
        "/api/topics", "/api/topics/{topic}/{name}", "/tiles/{layer_id}/{version}/{path}",
        "/healthz",
    ):  # fmt: skip
        operations = told["paths"][path]
        assert all(o.get("description") for o in operations.values()), path


def test_a_wrong_method_is_a_problem(client: TestClient) -> None:
    answer = client.delete("/api/city")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_database_that_went_down_is_503_and_comes_back(tmp_path: Path) -> None:
    folder = home.folder() / "api-mortal"
    private = cluster.locate(folder)
    cluster.up(private)
    chosen = Settings(database_url=home.clone(private, "mortal"), data_dir=tmp_path)
    try:
        with TestClient(create_app(chosen), raise_server_exceptions=False) as opened:
            assert opened.get("/api/layers").status_code == 200
            cluster.down(private)
            for path in ("/api/layers", "/healthz", "/tiles/a.b/latest/x.json"):
                answer = opened.get(path)
                assert answer.status_code == 503, path
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["type"] == "urn:cim:DatabaseError"
            cluster.up(private)
            assert opened.get("/api/layers").status_code == 200
    finally:
        home.stop(private)


def test_an_application_without_a_database_does_not_start(tmp_path: Path) -> None:
    chosen = Settings(database_url="postgresql://x@127.0.0.1:1/x", data_dir=tmp_path)
    with (
        pytest.raises(DatabaseError, match="does not answer"),
        TestClient(create_app(chosen)) as opened,
    ):
        opened.get("/healthz")


WORD = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["latest", "1", "test.place", "base.dem", "test.ortho", "..", "%", "\x00",
                     "²", "9" * 30, "1.png", "0.mvt", "1.jpg", "0.terrain", "a" * 300]),
)  # fmt: skip
PATHS = st.sampled_from([
    "/api/layers/{}", "/api/layers/{}/features", "/api/layers/test.place/features/{}",
    "/api/layers/test.place/versions/{}/report", "/api/layers/{}/versions/{}/report",
    "/api/layers/test.place/features?bbox={}&q={}&limit={}&offset={}",
    "/api/layers/test.place/features?q={}", "/api/layers/test.place/features?offset={}",
    "/api/layers/test.place/features?bbox={},{},{},{}",
    "/api/search?q={}&limit={}", "/api/elevation?lon={}&lat={}", "/api/topics/{}/{}",
    "/api/results/{}", "/api/results/{}/{}/{}/{}.png", "/api/results/{}/{}",
    "/tiles/{}/{}/{}", "/tiles/{}/latest/{}/{}/{}", "/tiles/test.place/latest/{}/{}/{}.mvt",
    "/tiles/test.ortho/1/{}/{}/{}.auto", "/tiles/base.dem/{}/{}/{}/{}",
])  # fmt: skip


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pattern=PATHS, words=st.lists(WORD, min_size=4, max_size=4))
def test_whatever_a_user_asks_it_is_never_the_servers_fault(
    pattern: str, words: list[str], client: TestClient
) -> None:
    path = pattern.format(*(quote(w.encode("utf-8", "replace"), safe="") for w in words))
    answer = client.get(path)
    if answer.url.path == "/":  # the client itself follows .. up to the unbuilt viewer
        return
    assert answer.status_code < 500, (path, answer.text[:300])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", path


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = ("observer", "observer_height", "target_height", "range", "azimuth", "field_of_view",
         "curvature", "refraction", "terrain", "other")  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4))
def test_whatever_parameters_come_the_answer_is_a_result_or_a_problem(
    values: dict[str, object], client: TestClient
) -> None:
    sent = {"observer": [106.65, 35.25]} | values
    answer = client.post(
        "/api/topics/forest_fire/viewshed",
        content=json.dumps(sent).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code < 500, (sent, answer.text[:300])
