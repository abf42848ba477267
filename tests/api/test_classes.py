"""A layer of classes over HTTP: legend colours alone, and formats that keep them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cim.api import create_app
from cim.ingest.deriving import derive
from cim.ingest.sources.coverage import PRODUCTS
from cim.installation import Installation
from tests.delivered import deliver, hills, raster

pytestmark = pytest.mark.db
LEGEND = {step.color for step in PRODUCTS["aspect"].legend}
WMTS = {"w": "http://www.opengis.net/wmts/1.0"}
WMS = {"w": "http://www.opengis.net/wms"}


@pytest.fixture
def client(installation: Installation, tmp_path: Path) -> Iterator[TestClient]:
    deliver(installation, raster(tmp_path / "dem.tif", hills()), "test.ground")
    for product, layer in (("aspect", "test.facing"), ("hillshade", "test.shade")):
        derive(
            "test.ground", product, layer, city=installation.city, engine=installation.engine,
            files=installation.files,
        )  # fmt: skip
    with TestClient(create_app(installation.settings)) as opened:
        yield opened


def colours(content: bytes) -> set[str]:
    """Of all pixels that are seen, as a legend writes them."""
    shown: npt.NDArray[np.uint8] = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    pixels = np.unique(shown[shown[..., 3] > 0][:, :3], axis=0)
    return {"#{:02x}{:02x}{:02x}".format(*pixel) for pixel in pixels}


def tiles(client: TestClient, layer: str) -> list[tuple[int, int, int]]:
    """The tiles of the coarsest to the finest zoom about the layer's middle."""
    version = client.get(f"/api/layers/{layer}").json()["published"]
    box, media = version["extent"], version["media"]
    west, south, east, north = box if isinstance(box, list) else box.values()
    lon, lat = (west + east) / 2, np.radians((south + north) / 2)
    across, down = (lon + 180) / 360, (1 - np.arcsinh(np.tan(lat)) / np.pi) / 2
    return [
        (z, int(across * 2**z), int(down * 2**z))
        for z in range(media["minzoom"], media["maxzoom"] + 2)
    ]


def test_tiles_have_the_legends_colours_alone(client: TestClient) -> None:
    met: set[str] = set()
    for z, x, y in tiles(client, "test.facing"):
        for suffix, media_type in (("auto", "image/webp"), ("png", "image/png")):
            answer = client.get(f"/tiles/test.facing/latest/{z}/{x}/{y}.{suffix}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert colours(answer.content) <= LEGEND
            met |= colours(answer.content)
        refused = client.get(f"/tiles/test.facing/latest/{z}/{x}/{y}.jpg")
        assert refused.status_code == 404
        assert "classes" in refused.text
    assert len(met) >= 6


def test_a_hillshade_is_served_as_a_photograph(client: TestClient) -> None:
    z, x, y = tiles(client, "test.shade")[-1]
    z, x, y = z + 3, 8 * x + 4, 8 * y + 4  # within the picture, whose rim is clear
    answer = client.get(f"/tiles/test.shade/latest/{z}/{x}/{y}.auto")
    assert answer.headers["content-type"] == "image/jpeg"
    assert client.get(f"/tiles/test.shade/latest/{z}/{x}/{y}.jpg").status_code == 200


def test_wmts_offers_classes_as_png_alone_and_draws_them_so(client: TestClient) -> None:
    told = ET.fromstring(  # noqa: S314 - our own server's
        client.get("/wmts?SERVICE=WMTS&REQUEST=GetCapabilities").content
    )
    offered = {
        layer[-1].get("template", "").split("/wmts/")[1].split("/")[0]:
        [form.text for form in layer.findall("w:Format", WMTS)]
        for layer in told.findall("w:Contents/w:Layer", WMTS)
    }  # fmt: skip
    assert offered["test.facing"] == ["image/png"]
    assert offered["test.shade"] == ["image/png", "image/jpeg"]
    z, x, y = tiles(client, "test.facing")[-2]
    lon = (x + 0.5) / 2**z * 360 - 180  # of the tile's middle: the other grid is in degrees
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + 0.5) / 2**z))))
    there = int((90 - lat) / 360 * 2**z), int((lon + 180) / 360 * 2**z)
    for grid, (row, column) in (("GoogleMapsCompatible", (y, x)), ("c", there)):
        path = f"/wmts/test.facing/latest/current/{grid}/{z}/{row}/{column}"
        answer = client.get(f"{path}.png")
        assert answer.headers["content-type"] == "image/png"
        assert len(colours(answer.content)) > 0
        assert colours(answer.content) <= LEGEND
        refused = client.get(f"{path}.jpg")
        assert refused.status_code == 400
        assert "image/png" in refused.text


def test_wms_draws_classes_in_any_crs_as_png_alone(client: TestClient) -> None:
    told = ET.fromstring(  # noqa: S314 - our own server's
        client.get("/wms/test.facing/latest?SERVICE=WMS&REQUEST=GetCapabilities").content
    )
    forms = told.findall("w:Capability/w:Request/w:GetMap/w:Format", WMS)
    assert [form.text for form in forms] == ["image/png"]
    version = client.get("/api/layers/test.facing").json()["published"]
    box = version["extent"]
    west, south, east, north = box if isinstance(box, list) else box.values()
    asked = (
        "/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=test.facing&STYLES=&CRS=EPSG:4490"
        f"&BBOX={south},{west},{north},{east}&WIDTH=333&HEIGHT=251&TRANSPARENT=TRUE&FORMAT="
    )
    answer = client.get(asked + "image/png")
    assert len(colours(answer.content)) >= 6
    assert colours(answer.content) <= LEGEND
    refused = client.get(asked + "image/jpeg")
    assert refused.status_code == 400
    assert "InvalidFormat" in refused.text
