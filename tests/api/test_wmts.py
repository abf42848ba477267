"""WMTS as other programs see it: GDAL's own driver reads both grids, pixel for pixel."""

from __future__ import annotations

import io
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx2 as httpx
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from fastapi.testclient import TestClient
from PIL import Image

from cim.tiles.imagery.matrix import CGCS2000, GOOGLE
from tests.api.conftest import Photographed
from tests.outside import program, run

pytestmark = pytest.mark.db
SPACES = {
    "w": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1",
}  # fmt: skip
IMMUTABLE = "public, max-age=31536000, immutable"
KEYS = "/wmts?SERVICE=WMTS&VERSION=1.0.0"


def get(photographed: Photographed, path: str) -> httpx.Response:
    return httpx.get(photographed.address + path, timeout=60)


def capabilities(photographed: Photographed, path: str = "/wmts") -> ET.Element:
    answer = get(photographed, f"{path}?service=WMTS&request=GetCapabilities")
    assert answer.status_code == 200
    return ET.fromstring(answer.content)  # noqa: S314 - our own server's


def without_cache(folder: Path) -> dict[str, str]:
    """The environment of a GDAL that keeps what it fetched in a folder of this test's own."""
    return os.environ | {"GDAL_DEFAULT_WMS_CACHE_PATH": str(folder)}


def warped(source: Path, target: Path, like: Path) -> npt.NDArray[np.uint8]:
    """The source on another picture's grid, by gdalwarp."""
    with rasterio.open(like) as image:
        crs, box, shape = image.crs.to_string(), image.bounds, image.shape
    run(
        "gdalwarp", "-q", "-overwrite", "-t_srs", crs, "-r", "bilinear", "-et", 0, "-te", *box,
        "-ts", shape[1], shape[0], "-dstalpha", source, target,
    )  # fmt: skip
    with rasterio.open(target) as image:
        return np.asarray(image.read())


@pytest.mark.oracle
@pytest.mark.parametrize("grid", [GOOGLE, CGCS2000], ids=lambda g: g.id)
def test_gdal_reads_both_grids_and_finds_each_pixel_where_gdalwarp_puts_it(
    grid: object, photographed: Photographed, tmp_path: Path
) -> None:
    program("gdal_translate")
    name = GOOGLE.id if grid is GOOGLE else CGCS2000.id
    service = f"WMTS:{photographed.address}/wmts/1.0.0/WMTSCapabilities.xml,layer=test.ortho"
    with rasterio.open(photographed.newer) as image:
        left, _, _, top = image.bounds
        west, north = rasterio.warp.transform(
            image.crs, "EPSG:3857" if grid is GOOGLE else "EPSG:4326", [left + 120], [top - 100]
        )
    step = 300 if grid is GOOGLE else 0.003
    window = [west[0], north[0], west[0] + step, north[0] - step * 0.8]
    mine = tmp_path / "mine.tif"
    run(
        "gdal_translate", "-q", "-projwin", *window, f"{service},tilematrixset={name}", mine,
        env=without_cache(tmp_path),
    )  # fmt: skip
    theirs = warped(photographed.newer, tmp_path / "theirs.tif", mine)
    with rasterio.open(mine) as image:
        ours = image.read()
        assert image.crs.to_epsg() == (3857 if grid is GOOGLE else 4490)
    assert min(ours.shape[1:]) > 300
    assert (theirs[3] == 255).all()
    assert (ours[3] == 255).all()
    difference = np.abs(ours[:3].astype(int) - theirs[:3].astype(int))
    assert difference.mean() < 1.5
    assert np.percentile(difference, 99.9) <= 12
    for axis in (1, 2):
        shifted = np.abs(np.roll(ours[:3].astype(int), 8, axis=axis) - theirs[:3].astype(int))
        assert shifted.mean() > difference.mean() + 0.3


def test_the_capabilities_name_layers_grids_days_and_limits(photographed: Photographed) -> None:
    root = capabilities(photographed)
    layers = {
        layer.findtext("ows:Identifier", "", SPACES): layer
        for layer in root.findall("w:Contents/w:Layer", SPACES)
    }
    assert set(layers) == {"test.ortho", "test.wide"}
    days = [v.text for v in layers["test.ortho"].findall("w:Dimension/w:Value", SPACES)]
    assert days == ["2023-05-01", "2024-05-01"]
    assert layers["test.wide"].find("w:Dimension", SPACES) is None
    sets = {
        s.findtext("ows:Identifier", "", SPACES): s
        for s in root.findall("w:Contents/w:TileMatrixSet", SPACES)
    }
    assert set(sets) == {"GoogleMapsCompatible", "c"}
    first = sets["c"].find("w:TileMatrix", SPACES)
    assert first is not None
    assert first.findtext("ows:Identifier", "", SPACES) == "1"
    assert first.findtext("w:TopLeftCorner", "", SPACES) == "90.0 -180.0"
    shape = [first.findtext(f"w:Matrix{side}", "", SPACES) for side in ("Width", "Height")]
    assert shape == ["2", "1"]
    assert float(first.findtext("w:ScaleDenominator", "", SPACES)) == pytest.approx(
        0.703125 * 111319.49079327358 / 0.00028
    )


def place(photographed: Photographed, grid: str) -> tuple[int, int, int]:
    """Matrix, row and column of a tile in the middle of the finest level."""
    root = capabilities(photographed)
    link = next(
        link
        for layer in root.findall("w:Contents/w:Layer", SPACES)
        for link in layer.findall("w:TileMatrixSetLink", SPACES)
        if layer.findtext("ows:Identifier", "", SPACES) == "test.ortho"
        and link.findtext("w:TileMatrixSet", "", SPACES) == grid
    )
    last = link.findall("w:TileMatrixSetLimits/w:TileMatrixLimits", SPACES)[-1]
    found = {e.tag.split("}")[1]: int(e.text or "") for e in last}
    return (
        found["TileMatrix"], (found["MinTileRow"] + found["MaxTileRow"]) // 2,
        (found["MinTileCol"] + found["MaxTileCol"]) // 2,
    )  # fmt: skip


def kvp(place: tuple[int, int, int], grid: str, **others: str) -> str:
    asked = {
        "REQUEST": "GetTile", "LAYER": "test.ortho", "STYLE": "default", "FORMAT": "image/png",
        "TILEMATRIXSET": grid, "TILEMATRIX": str(place[0]), "TILEROW": str(place[1]),
        "TILECOL": str(place[2]),
    } | others  # fmt: skip
    return KEYS + "".join(f"&{k}={v}" for k, v in asked.items() if v)


def pixels(answer: httpx.Response) -> npt.NDArray[np.int64]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


@pytest.mark.parametrize("grid", ["GoogleMapsCompatible", "c"])
def test_a_tile_is_the_same_by_keys_by_address_and_under_a_version_of_its_own(
    grid: str, photographed: Photographed
) -> None:
    z, row, column = at = place(photographed, grid)
    by_keys = get(photographed, kvp(at, grid))
    lower = get(photographed, kvp(at, grid).replace("REQUEST", "request").replace("LAYER", "layer"))
    by_address = get(photographed, f"/wmts/test.ortho/latest/current/{grid}/{z}/{row}/{column}.png")
    assert by_keys.content == lower.content == by_address.content
    assert by_keys.headers["content-type"] == "image/png"
    assert by_keys.headers["cache-control"] == "no-cache"
    url = get(photographed, "/api/layers/test.ortho").json()["published"]["url"]
    version = url.strip("/").split("/")[-1]
    pinned = get(photographed, f"/wmts/test.ortho/{version}/current/{grid}/{z}/{row}/{column}.png")
    assert pinned.content == by_keys.content
    assert pinned.headers["cache-control"] == IMMUTABLE
    again = httpx.get(
        str(pinned.request.url), headers={"If-None-Match": pinned.headers["etag"]}, timeout=60
    )
    assert (again.status_code, again.content) == (304, b"")
    own = capabilities(photographed, f"/wmts/test.ortho/{version}")
    template = own.find("w:Contents/w:Layer/w:ResourceURL", SPACES)
    assert template is not None
    assert f"/wmts/test.ortho/{version}/current/" in template.attrib["template"]


def test_a_day_brings_the_picture_of_that_day(photographed: Photographed) -> None:
    at = place(photographed, "c")
    now = pixels(get(photographed, kvp(at, "c")))
    newer = pixels(get(photographed, kvp(at, "c", TIME="2024-05-01")))
    older = pixels(get(photographed, kvp(at, "c", TIME="2023-05-01T00:00:00Z")))
    assert (now == newer).all()
    assert np.abs(now - older).mean() > 5
    wrong = get(photographed, kvp(at, "c", TIME="2022-01-01"))
    assert wrong.status_code == 400
    assert "2023-05-01, 2024-05-01" in wrong.text


def test_a_tile_without_picture_is_an_empty_picture(photographed: Photographed) -> None:
    for form in ("png", "jpeg"):
        answer = get(photographed, kvp((12, 3, 5), "c", FORMAT=f"image/{form}"))
        assert answer.headers["content-type"] == f"image/{form}"
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.size == (256, 256)
        if form == "png":
            assert np.asarray(picture)[..., 3].max() == 0


@pytest.mark.parametrize(
    ("change", "code", "locator"),
    [
        ({"LAYER": "test.none"}, "LayerNotDefined", "LAYER"),
        ({"LAYER": ""}, "MissingParameterValue", "LAYER"),
        ({"STYLE": "dark"}, "InvalidParameterValue", "STYLE"),
        ({"FORMAT": "image/gif"}, "InvalidParameterValue", "FORMAT"),
        ({"TILEMATRIXSET": "x"}, "InvalidParameterValue", "TILEMATRIXSET"),
        ({"TILEMATRIX": "0"}, "InvalidParameterValue", "TILEMATRIX"),
        ({"TILEMATRIX": "25"}, "InvalidParameterValue", "TILEMATRIX"),
        ({"TILEMATRIX": "²"}, "InvalidParameterValue", "TILEMATRIX"),
        ({"TILEROW": "-1"}, "InvalidParameterValue", "TILEROW"),
        ({"TILEROW": "9" * 5000}, "InvalidParameterValue", "TILEROW"),
        ({"TILECOL": "4096"}, "TileOutOfRange", "TILECOL"),
        ({"REQUEST": "GetFeatureInfo"}, "OperationNotSupported", "REQUEST"),
        ({"VERSION": "2.0.0"}, "InvalidParameterValue", "VERSION"),
        ({"TIME": "yesterday"}, "InvalidParameterValue", "TIME"),
        ({"LAYER": "<&\0>"}, "LayerNotDefined", "LAYER"),
    ],
)
def test_what_a_client_gets_wrong_is_told_in_xml_with_the_parameter(
    change: dict[str, str], code: str, locator: str, photographed: Photographed
) -> None:
    asked = {
        "SERVICE": "WMTS", "VERSION": "1.0.0", "REQUEST": "GetTile", "LAYER": "test.ortho",
        "STYLE": "default", "FORMAT": "image/png", "TILEMATRIXSET": "c", "TILEMATRIX": "12",
        "TILEROW": "3", "TILECOL": "5",
    } | change  # fmt: skip
    params = {k: v for k, v in asked.items() if v}
    answer = httpx.get(f"{photographed.address}/wmts", params=params, timeout=60)
    assert answer.status_code in {400, 404}
    report = ET.fromstring(answer.content)  # noqa: S314 - our own server's
    assert report.tag == f"{{{SPACES['ows']}}}ExceptionReport"
    told = report.find("ows:Exception", SPACES)
    assert told is not None
    assert (told.attrib["exceptionCode"], told.attrib["locator"]) == (code, locator)
    assert told.findtext("ows:ExceptionText", "", SPACES)


def test_a_service_that_is_none_and_a_layer_that_is_no_picture_are_told(client: TestClient) -> None:
    for path, status in (
        ("/wmts", 400), ("/wmts?service=WFS&request=GetCapabilities", 400),
        ("/wmts/base.dem/latest?service=WMTS&request=GetCapabilities", 404),
        ("/wmts/test.ortho/latest/current/c/12/3/5.gif", 400),
        ("/wmts/test.ortho/9/current/c/12/3/5.png", 404),
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == status, path
        assert b"ExceptionReport" in answer.content
