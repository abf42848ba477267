"""Tiles over HTTP: right types, right encodings, caches that never lie, and no way out."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cim.settings import Settings
from cim.tiles.terrain.reader import decode, faults
from tests.tiles.mvt_reader import read

pytestmark = pytest.mark.db
IMMUTABLE = "public, max-age=31536000, immutable"


def pinned(client: TestClient, layer: str) -> str:
    return str(client.get(f"/api/layers/{layer}").json()["published"]["url"])


def media(client: TestClient, layer: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/layers/{layer}").json()["published"]
    return found


def covering(lon: float, lat: float, z: int) -> str:
    x = (lon + 180) / 360 * 2**z
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z
    return f"{z}/{int(x)}/{int(y)}"


def middle(client: TestClient, layer: str, z: int) -> str:
    west, south, east, north = media(client, layer)["extent"]
    return covering((west + east) / 2, (south + north) / 2, z)


def test_terrain_is_announced_and_every_announced_tile_decodes(client: TestClient) -> None:
    url = pinned(client, "base.dem")
    told = client.get(url + "layer.json")
    assert told.headers["content-type"] == "application/json"
    for z, ranges in enumerate(told.json()["available"]):
        x, y = ranges[0]["startX"], ranges[0]["startY"]
        answer = client.get(f"{url}{z}/{x}/{y}.terrain")
        assert answer.headers["content-type"] == "application/vnd.quantized-mesh"
        assert faults(decode(answer.content)) == []


def test_gzip_is_for_those_who_ask_and_says_so(client: TestClient) -> None:
    url = pinned(client, "base.dem") + "0/1/0.terrain"
    packed = client.get(url, headers={"Accept-Encoding": "gzip"})
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
    assert "Accept-Encoding" in plain.headers["vary"]


def test_a_tile_stored_gzipped_is_unpacked_for_those_who_do_not_take_it(
    client: TestClient, city_settings: Settings
) -> None:
    url = pinned(client, "base.dem")
    folder = city_settings.data_dir / "layers" / "base.dem" / "1"
    plain = (folder / "0/1/0.terrain").read_bytes()
    (folder / "0/1/7.terrain").write_bytes(gzip.compress(plain))
    for accepted in ("gzip", "identity"):
        answer = client.get(f"{url}0/1/7.terrain", headers={"Accept-Encoding": accepted})
        assert answer.content == plain
        assert ("content-encoding" in answer.headers) is (accepted == "gzip")


@pytest.mark.parametrize("suffix", ["jpg", "png", "auto"])
def test_a_picture_comes_in_the_form_asked_for(suffix: str, client: TestClient) -> None:
    maxzoom = media(client, "test.ortho")["media"]["maxzoom"]
    url = pinned(client, "test.ortho") + f"{middle(client, 'test.ortho', maxzoom)}.{suffix}"
    answer = client.get(url)
    assert answer.status_code == 200
    kind = {"jpg": "JPEG", "png": "PNG"}.get(suffix)
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (256, 256)
    assert answer.headers["content-type"] == f"image/{str(picture.format).lower()}"
    assert kind in {None, picture.format}


@pytest.mark.parametrize("layer", ["test.ortho", "test.place"])
def test_where_nothing_lies_the_answer_is_empty(layer: str, client: TestClient) -> None:
    suffix = "auto" if layer == "test.ortho" else "mvt"
    answer = client.get(f"{pinned(client, layer)}12/0/0.{suffix}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_vector_tile_holds_the_features(client: TestClient) -> None:
    answer = client.get(f"{pinned(client, 'test.place')}{middle(client, 'test.place', 11)}.mvt")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    (layer,) = read(answer.content)
    assert layer.name == "place"
    assert len(layer.features) > 10


def test_a_pinned_address_may_be_kept_for_ever_and_the_latest_never(client: TestClient) -> None:
    for url, kept in (
        (pinned(client, "base.dem"), IMMUTABLE),
        ("/tiles/base.dem/latest/", "no-cache"),
        ("/tiles/base.dem/1/", "no-cache"),
    ):
        for name in ("layer.json", "0/1/0.terrain"):
            answer = client.get(url + name)
            assert answer.headers["cache-control"] == kept, url
            again = client.get(url + name, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == answer.headers["etag"]
            weak = client.get(
                url + name, headers={"If-None-Match": f'"x", W/{answer.headers["etag"]}'}
            )
            assert weak.status_code == 304
            assert client.get(url + name, headers={"If-None-Match": '"x"'}).status_code == 200


def test_two_tiles_do_not_share_an_etag(client: TestClient) -> None:
    url = pinned(client, "base.dem")
    tags = {client.get(f"{url}{n}").headers["etag"] for n in ("0/0/0.terrain", "0/1/0.terrain",
                                                              "layer.json")}  # fmt: skip
    assert len(tags) == 3


def test_a_pinned_address_of_another_content_is_not_found(client: TestClient) -> None:
    answer = client.get("/tiles/base.dem/1.0123456789abcdef/layer.json")
    assert answer.status_code == 404
    assert "load the page again" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "path",
    [
        "../../../city.toml", "..%2f..%2f..%2fcity.toml", "%2e%2e/%2e%2e/city.toml",
        "/etc/passwd", "%2fetc%2fpasswd", "....//....//city.toml", "0/../../../../city.toml",
        "0/1/..%2f..%2f..%2f..%2fcity.toml", "none.json", "", "0", "dem.exe",
        "0/1/%00.terrain", "0/1/0.terrain%00.json", "a" * 5000 + ".json", "0/0/²",
        "0/0/" + "9" * 5000 + ".png", "0/0/1_0.terrain", "9999999999/0/0.terrain",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_a_version(path: str, client: TestClient) -> None:
    for layer in ("base.dem", "test.ortho", "test.place"):
        answer = client.get(f"/tiles/{layer}/latest/{path}")
        assert answer.status_code in {404, 422}, (layer, answer.status_code, answer.text[:200])
        assert "root:" not in answer.text


@pytest.mark.parametrize(
    "version", ["0", "2", "-1", "²", "1.", "latest.x", "99999999999", "9" * 5000, "1e0", "%00"]
)
def test_a_version_that_is_none_is_not_found(version: str, client: TestClient) -> None:
    answer = client.get(f"/tiles/base.dem/{version}/layer.json")
    expected = {200} if version == "1." else {404, 422}
    assert answer.status_code in expected, answer.text[:200]


def test_a_cog_is_served_with_ranges(client: TestClient) -> None:
    url = pinned(client, "test.ortho") + "ortho.tif"
    part = client.get(url, headers={"Range": "bytes=0-15"})
    assert (part.status_code, len(part.content)) == (206, 16)
    assert part.content[:2] in {b"II", b"MM"}
    assert part.headers["content-type"].startswith("image/tiff")


def test_json_is_what_the_disk_holds(client: TestClient, city_settings: Settings) -> None:
    folder = city_settings.data_dir / "layers" / "base.dem" / "1"
    on_disk = json.loads((folder / "layer.json").read_text())
    assert client.get("/tiles/base.dem/latest/layer.json").json() == on_disk
