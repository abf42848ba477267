"""WMS as other programs see it: axis order, days, colours, and GDAL's own driver."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx2 as httpx
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform_bounds

from tests.api.conftest import Photographed
from tests.api.test_wmts import warped, without_cache
from tests.outside import program, run

pytestmark = pytest.mark.db
WMS = {"w": "http://www.opengis.net/wms"}
CRS = ["EPSG:3857", "EPSG:4326", "EPSG:4490", "CRS:84", "EPSG:4545"]
NORTH_FIRST = {"EPSG:4326", "EPSG:4490", "EPSG:4545"}
Box = tuple[float, float, float, float]


def get_map(photographed: Photographed, **change: Any) -> httpx.Response:
    asked: dict[str, Any] = {
        "SERVICE": "WMS", "VERSION": "1.3.0", "REQUEST": "GetMap", "LAYERS": "test.ortho",
        "STYLES": "", "CRS": "EPSG:3857", "WIDTH": 300, "HEIGHT": 200, "FORMAT": "image/png",
        "BBOX": "0,0,1,1",
    } | change  # fmt: skip
    params = {k: v for k, v in asked.items() if v is not None}
    return httpx.get(f"{photographed.address}/wms", params=params, timeout=60)


def box_in(path: Path, crs: str, margin: float) -> Box:
    """A box inside (or, with a negative margin, around) the picture: x, y, x, y."""
    target = "OGC:CRS84" if crs == "CRS:84" else crs
    with rasterio.open(path) as image:
        left, bottom, right, top = image.bounds
        inner = (left + margin, bottom + margin, right - margin, top - margin)
        found = transform_bounds(image.crs, target, *inner)
    return found[0], found[1], found[2], found[3]


def written(box: Box, crs: str) -> str:
    """As the authority orders it."""
    order = (1, 0, 3, 2) if crs in NORTH_FIRST else (0, 1, 2, 3)
    return ",".join(repr(box[i]) for i in order)


def pixels(answer: httpx.Response) -> npt.NDArray[np.int64]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)


@pytest.mark.oracle
@pytest.mark.parametrize("crs", CRS)
def test_a_map_lies_where_gdalwarp_puts_it_in_every_crs_with_its_own_axis_order(
    crs: str, photographed: Photographed, tmp_path: Path
) -> None:
    program("gdalwarp")
    box = box_in(photographed.newer, crs, 60)
    answer = get_map(photographed, CRS=crs, BBOX=written(box, crs), WIDTH=640, HEIGHT=560)
    mine = pixels(answer)[..., :3]
    like = tmp_path / "like.tif"
    with rasterio.open(
        like, "w", driver="GTiff", dtype="uint8", count=1, width=640, height=560,
        crs="EPSG:4326" if crs == "CRS:84" else crs,
        transform=rasterio.transform.from_bounds(*box, 640, 560),
    ) as image:  # fmt: skip
        image.write(np.zeros((1, 560, 640), np.uint8))
    theirs = np.moveaxis(warped(photographed.newer, tmp_path / "theirs.tif", like), 0, -1)
    assert (theirs[..., 3] == 255).all()
    difference = np.abs(mine - theirs[..., :3].astype(int))
    assert difference.mean() < 1.5
    assert np.percentile(difference, 99.9) <= 12


@pytest.mark.oracle
def test_gdals_wms_driver_reads_the_service(photographed: Photographed, tmp_path: Path) -> None:
    program("gdal_translate")
    box = box_in(photographed.newer, "EPSG:4490", 60)
    left, bottom, right, top = box
    (tmp_path / "wms.xml").write_text(
        f"""<GDAL_WMS><Service name="WMS"><Version>1.3.0</Version>
        <ServerUrl>{photographed.address}/wms?</ServerUrl><CRS>EPSG:4490</CRS>
        <ImageFormat>image/jpeg</ImageFormat><Layers>test.ortho</Layers><BBoxOrder>yxYX</BBoxOrder>
        </Service><DataWindow><UpperLeftX>{left}</UpperLeftX><UpperLeftY>{top}</UpperLeftY>
        <LowerRightX>{right}</LowerRightX><LowerRightY>{bottom}</LowerRightY><SizeX>600</SizeX>
        <SizeY>500</SizeY></DataWindow><Projection>EPSG:4490</Projection><BandsCount>3</BandsCount>
        <BlockSizeX>300</BlockSizeX><BlockSizeY>250</BlockSizeY></GDAL_WMS>"""
    )
    mine = tmp_path / "mine.tif"
    run("gdal_translate", "-q", tmp_path / "wms.xml", mine, env=without_cache(tmp_path))
    theirs = warped(photographed.newer, tmp_path / "theirs.tif", mine)
    with rasterio.open(mine) as image:
        difference = np.abs(image.read().astype(int) - theirs[:3].astype(int))
    assert difference.mean() < 2
    assert np.percentile(difference, 99.9) <= 16


@pytest.mark.oracle
def test_gdal_finds_the_layers_and_their_boxes_in_the_capabilities(
    photographed: Photographed, tmp_path: Path
) -> None:
    told = run(
        "gdalinfo", f"WMS:{photographed.address}/wms?VERSION=1.3.0", env=without_cache(tmp_path)
    )
    assert "LAYERS=test.ortho" in told
    assert "LAYERS=test.wide" in told


def test_the_capabilities_name_crs_boxes_and_days(photographed: Photographed) -> None:
    answer = httpx.get(
        f"{photographed.address}/wms?service=WMS&request=GetCapabilities", timeout=60
    )
    root = ET.fromstring(answer.content)  # noqa: S314 - our own server's
    top = root.find("w:Capability/w:Layer", WMS)
    assert top is not None
    assert [e.text for e in top.findall("w:CRS", WMS)] == CRS
    layer = next(e for e in top.findall("w:Layer", WMS) if e.findtext("w:Name", "", WMS) ==
                 "test.ortho")  # fmt: skip
    boxes = {b.attrib["CRS"]: b.attrib for b in layer.findall("w:BoundingBox", WMS)}
    assert 35 < float(boxes["EPSG:4490"]["minx"]) < 36
    assert 106 < float(boxes["CRS:84"]["minx"]) < 107
    assert float(boxes["EPSG:4545"]["minx"]) > 3_800_000
    day = layer.find("w:Dimension", WMS)
    assert day is not None
    assert day.text == "2023-05-01,2024-05-01"
    assert root.findtext("w:Service/w:MaxWidth", "", WMS) == "4096"


def test_ground_shows_where_no_picture_is_in_the_colour_asked_for(
    photographed: Photographed,
) -> None:
    around = written(box_in(photographed.newer, "EPSG:4545", -300), "EPSG:4545")
    asked = {"CRS": "EPSG:4545", "BBOX": around}
    white = pixels(get_map(photographed, **asked))
    assert (white[0, 0] == (255, 255, 255)).all()
    green = pixels(get_map(photographed, **asked, BGCOLOR="0x10F020"))
    assert (green[0, 0] == (16, 240, 32)).all()
    clear = pixels(get_map(photographed, **asked, TRANSPARENT="TRUE"))
    assert clear[0, 0, 3] == 0
    assert clear[100, 150, 3] == 255
    jpeg = pixels(get_map(photographed, **asked, TRANSPARENT="TRUE", FORMAT="image/jpeg"))
    assert jpeg.shape == (200, 300, 3)
    assert jpeg[0, 0].min() > 245


def test_the_later_layer_lies_on_top_and_a_day_chooses_the_version(
    photographed: Photographed,
) -> None:
    inside = {"BBOX": written(box_in(photographed.newer, "EPSG:3857", 60), "EPSG:3857")}
    ortho = pixels(get_map(photographed, **inside))
    wide = pixels(get_map(photographed, **inside, LAYERS="test.wide"))
    both = pixels(get_map(photographed, **inside, LAYERS="test.wide,test.ortho"))
    assert (both == ortho).all()
    assert np.abs(wide - ortho).mean() > 5
    older = pixels(get_map(photographed, **inside, TIME="2023-05-01"))
    assert np.abs(older - ortho).mean() > 5


def test_a_map_of_4096_by_4096_comes_and_of_one_pixel_more_does_not(
    photographed: Photographed,
) -> None:
    inside = {"BBOX": written(box_in(photographed.newer, "EPSG:3857", 60), "EPSG:3857"),
              "FORMAT": "image/jpeg"}  # fmt: skip
    assert pixels(get_map(photographed, **inside, WIDTH=4096, HEIGHT=4096)).shape[0] == 4096
    assert pixels(get_map(photographed, **inside, WIDTH=4096, HEIGHT=1)).shape[:2] == (1, 4096)
    assert get_map(photographed, **inside, WIDTH=4097).status_code == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"LAYERS": "test.none"}, "LayerNotDefined"), ({"LAYERS": ""}, "LayerNotDefined"),
        ({"LAYERS": None}, "MissingParameterValue"), ({"STYLES": "dark"}, "StyleNotDefined"),
        ({"CRS": "EPSG:32648"}, "InvalidCRS"), ({"CRS": "../x"}, "InvalidCRS"),
        ({"FORMAT": "image/tiff"}, "InvalidFormat"), ({"BBOX": "1,2,3"}, "InvalidParameterValue"),
        ({"BBOX": "1,1,1,2"}, "InvalidParameterValue"), ({"BBOX": "nan,0,1,1"},
                                                        "InvalidParameterValue"),
        ({"BBOX": "2,0,1,1"}, "InvalidParameterValue"), ({"WIDTH": "0"}, "InvalidParameterValue"),
        ({"HEIGHT": "1e3"}, "InvalidParameterValue"), ({"VERSION": "1.1.1"},
                                                       "InvalidParameterValue"),
        ({"REQUEST": "GetFeatureInfo"}, "OperationNotSupported"),
        ({"TIME": "1999-01-01"}, "InvalidDimensionValue"),
        ({"BGCOLOR": "red"}, "InvalidParameterValue"),
        ({"LAYERS": ",".join(["test.ortho"] * 17)}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_what_a_client_gets_wrong_is_told_in_xml(
    change: dict[str, Any], code: str, photographed: Photographed
) -> None:
    answer = get_map(photographed, **change)
    assert answer.status_code in {400, 404}
    told = ET.fromstring(answer.content).find("{http://www.opengis.net/ogc}ServiceException")  # noqa: S314 - our own server's
    assert told is not None
    assert told.attrib["code"] == code
    assert told.text


@pytest.mark.parametrize(
    "box",
    ["-1e300,-1e300,1e300,1e300", "-90,-180,90,180", "89,0,90,1", "1e-300,1e-300,2e-300,3e-300"],
)
def test_a_box_beyond_the_earth_or_of_no_size_is_answered_without_a_fault(
    box: str, photographed: Photographed
) -> None:
    for crs in CRS:
        answer = get_map(photographed, CRS=crs, BBOX=box)
        assert answer.status_code == 200, (crs, answer.text)
        assert pixels(answer).shape[:2] == (200, 300)


def test_a_map_of_one_version_may_be_kept_for_ever(photographed: Photographed) -> None:
    url = httpx.get(f"{photographed.address}/api/layers/test.ortho", timeout=60).json()
    version = url["published"]["url"].strip("/").split("/")[-1]
    answer = httpx.get(
        f"{photographed.address}/wms/test.ortho/{version}?service=WMS&version=1.3.0&request=GetMap"
        "&layers=test.ortho&styles=&crs=EPSG:3857&bbox=0,0,1,1&width=10&height=10&format=image/png",
        timeout=60,
    )
    assert "immutable" in answer.headers["cache-control"]
    assert len(url["versions"]) == 2
    assert [v["date"] for v in url["versions"]] == ["2024-05-01", "2023-05-01"]
    assert all(v["url"].startswith("/tiles/test.ortho/") for v in url["versions"])
