"""Published versions in an S3-compatible store: a real server speaking the protocol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from moto.server import ThreadedMotoServer

from cim.api.app import create_app
from cim.errors import StorageError
from cim.ingest import pipeline
from cim.ingest.source import Request
from cim.installation import Installation
from cim.store.files import Files
from cim.store.objects import Store
from tests.delivered import deliver, hills, raster
from tests.ingest.toy import ToySource

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("default")]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "ENDPOINT_URL": f"http://{host}:{port}", "ALLOW_HTTP": "true", "REGION": "us-east-1",
        "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", value)
    _make_bucket(f"http://{host}:{port}/huating")
    yield "s3://huating/cim"
    server.stop()


def _make_bucket(url: str) -> None:
    from httpx2 import put  # noqa: PLC0415

    assert put(url).status_code == 200


def with_store(here: Installation, url: str) -> Installation:
    files = Files(here.files.root, Store(url))
    return replace(here, files=files, settings=here.settings.model_copy(update={"store_url": url}))


def test_a_version_is_served_from_the_store_when_the_folder_is_gone(
    installation: Installation, bucket: str, tmp_path: Path
) -> None:
    here = with_store(installation, bucket)
    report = deliver(here, raster(tmp_path / "a.tif", hills()), "test.dem")
    folder = here.files.version("test.dem", 1)
    tiles = sorted(p.relative_to(folder) for p in folder.rglob("*.terrain"))
    before = (folder / tiles[0]).read_bytes()
    shutil.rmtree(folder)
    with TestClient(create_app(here.settings)) as client:
        assert client.get("/tiles/test.dem/1/layer.json").json()["format"] == "quantized-mesh-1.0"
        assert client.get(f"/tiles/test.dem/1/{tiles[0]}").status_code == 200
        assert client.get("/tiles/test.dem/1/0/0/99.terrain").status_code == 404
        assert client.get("/tiles/test.dem/1/.parts.json").status_code == 404
        west, south, east, north = report.extent or (0, 0, 0, 0)
        middle = {"lon": (west + east) / 2, "lat": (south + north) / 2}
        assert client.get("/api/elevation", params=middle).json()["layer"] == "test.dem"
    assert (folder / tiles[0]).read_bytes() == before
    assert (folder / "models/0.tif").is_file()


def test_nothing_of_a_run_is_put_there_but_what_lasts(
    installation: Installation, bucket: str, tmp_path: Path
) -> None:
    here = with_store(installation, bucket)
    (tmp_path / "a.toy").write_text("hello")
    request = Request(paths=(tmp_path,), layer_id="test.toy", layer=None, city=here.city)
    for _ in range(2):  # what a failed run left under the same number does not remain
        here.files.store.replace("test.toy/1", tmp_path, [Path("a.toy")])  # type: ignore[union-attr]
    pipeline.ingest(request, engine=here.engine, files=here.files, source=ToySource())
    store = Store(bucket)
    assert store.read("test.toy/1/parts/a/out.txt") == b"HELLO"
    assert store.read("test.toy/1/a.toy") is None
    assert store.read("test.toy/1/.parts/a.json") is None
    assert store.read("test.toy/1/.parts.json") is not None


def test_a_store_that_takes_nothing_is_one_sentence_and_nothing_is_published(
    installation: Installation, bucket: str, tmp_path: Path
) -> None:
    here = with_store(installation, bucket.replace("huating", "nobodys"))
    with pytest.raises(StorageError, match="the object store s3://nobodys/cim"):
        deliver(here, raster(tmp_path / "a.tif", hills()), "test.dem")
    assert not here.files.version("test.dem", 1).exists()
    again = deliver(installation, raster(tmp_path / "a.tif", hills()), "test.dem")
    assert (again.version, again.resumed) == (1, 1 + again.joined)


def test_a_whole_version_is_fetched_for_what_is_made_from_it(
    installation: Installation, bucket: str, tmp_path: Path
) -> None:
    here = with_store(installation, bucket)
    (tmp_path / "a.toy").write_text("hello")
    request = Request(paths=(tmp_path,), layer_id="test.toy", layer=None, city=here.city)
    pipeline.ingest(request, engine=here.engine, files=here.files, source=ToySource())
    folder = here.files.version("test.toy", 1)
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    shutil.rmtree(folder)
    assert here.files.whole("test.toy", 1) == folder
    after = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert before == after
    assert len(before) == 3
