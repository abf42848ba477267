"""A report holds what the answer says, in both languages, whatever the texts contain."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from cim.errors import MissingError, ParameterError
from cim.installation import Installation
from cim.report import typeset
from tests.browser import showcase
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, raster

pytestmark = pytest.mark.db
EVERYTHING, DRAWN = showcase.TOPIC.analyses
HOSTILE = '#eval("1+1") ] $x^2$ <b> *_`` @ref \\ \u202e \x00 \ud800 #import "/etc/passwd"'


@dataclass(frozen=True)
class Pages:
    """A report as other programs read it."""

    text: str
    images: int
    count: int


@pytest.fixture
def read(program: Callable[[str], Path], tmp_path: Path) -> Callable[[bytes], Pages]:
    """Reads a PDF by poppler."""

    def reading(pdf: bytes) -> Pages:
        path = tmp_path / "report.pdf"
        path.write_bytes(pdf)

        def run(*words: str) -> str:
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            return done.stdout

        text = run(str(program("pdftotext")), "-layout", str(path), "-")
        images = run(str(program("pdfimages")), "-list", str(path)).splitlines()[2:]
        return Pages(text, len(images), text.count("\f"))

    return reading


@pytest.fixture
def told(installation: Installation, tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    """Asks a question of the showcase and prints the answer."""

    def printing(
        analysis: Any, picture: bytes | None = None, change: Any = None, **values: Any
    ) -> bytes:
        answer = installation.asker.ask(analysis, {**analysis.example, **values})
        if change is not None:
            change(answer)
        folder = installation.asker.folder(answer["id"])
        return installation.reporter.pdf(answer, analysis, folder, "2026-01-02 03:04", picture)

    del tmp_path
    yield printing
    installation.engine.dispose()


def test_a_report_holds_figures_parameters_tables_and_page_numbers(
    told: Callable[..., bytes], read: Callable[[bytes], Pages]
) -> None:
    places = [[106.6 + n / 1000, 35.2] for n in range(35)]
    pages = read(told(EVERYTHING, cameras=places))
    for words in (
        "表单样例", "A form of everything", "试验城", "2026-01-02 03:04", "角点数 Corners",
        "未核实 unverified", "待复核 needs review", "机位检查 Cameras checked", "机位 30",
        "另有 5 行 5 more rows", "甲井", "2026-07-20 08:00:00 北京时间", "快速 quick",
        "3 个角点 corners", "共 35 点 35 places", "安全系数 Factor", "适用范围 Applicability",
        "第 1 页", f"page {pages.count} of {pages.count}", "水井表 Table of wells",
    ):  # fmt: skip
        assert words in pages.text, words
    assert "机位 31" not in pages.text
    assert pages.images == 1


def test_hostile_texts_are_shown_as_they_stand(
    told: Callable[..., bytes], read: Callable[[bytes], Pages]
) -> None:
    def change(answer: dict[str, Any]) -> None:
        answer["title"] = HOSTILE
        answer["summary"][0] |= {"title": HOSTILE, "evidence": HOSTILE, "value": HOSTILE}
        answer["tables"][0]["title"] = HOSTILE
        answer["tables"][0]["rows"] = [{"name": HOSTILE, "depth": "x" * 400, "verdict": None}]
        answer["provenance"] |= {"applicability": HOSTILE, HOSTILE: {"a": HOSTILE}}

    pages = read(told(EVERYTHING, change=change, wells=[{"name": HOSTILE[:30], "depth": 1}]))
    assert '#eval("1+1") ] $x^2$ <b> *_``' in pages.text
    assert '#import "/etc/passwd"' in pages.text
    assert "root:" not in pages.text


def test_charts_are_vectors_and_the_map_is_the_only_picture(
    installation: Installation, told: Callable[..., bytes], read: Callable[[bytes], Pages],
    tmp_path: Path,
) -> None:  # fmt: skip
    deliver(installation, raster(tmp_path / "dem.tif", hills()), "base.dem")
    random = np.random.default_rng(2).integers(1, 255, (3, 300, 300), np.uint8)
    deliver(installation, raster(tmp_path / "ortho.tif", random, cell=5), "base.ortho",
            options={"date": "2024-05-01"})  # fmt: skip
    lon, lat = lonlat(WEST + 700.0, NORTH - 700.0)  # type: ignore[arg-type]
    pdf = told(DRAWN, centre=[float(lon), float(lat)])
    pages = read(pdf)
    assert "水位 Level" in pages.text
    assert "污水管 Sewer" in pages.text
    assert "底图 base: 正射影像" in pages.text
    assert pages.images == 1
    assert pdf == told(DRAWN, centre=[float(lon), float(lat)])  # nothing in it asks the clock


def test_what_was_read_is_named_with_its_dates(
    installation: Installation, told: Callable[..., bytes], read: Callable[[bytes], Pages],
    tmp_path: Path,
) -> None:  # fmt: skip
    frame = gpd.GeoDataFrame({"name": ["甲"]}, geometry=[shapely.Point(106.6, 35.2)], crs=4490)
    frame.to_file(tmp_path / "place.gpkg")
    deliver(installation, tmp_path / "place.gpkg", "test.place")

    def change(answer: dict[str, Any]) -> None:
        answer["provenance"]["inputs"] = [
            {"layer": "test.place", "version": 1}, {"layer": "test.gone", "version": 7},
        ]  # fmt: skip

    pages = read(told(EVERYTHING, change=change))
    assert "test.place v1" in pages.text
    assert "test.gone v7" in pages.text


def test_a_picture_of_the_screen_takes_the_maps_place(
    told: Callable[..., bytes], read: Callable[[bytes], Pages]
) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (640, 360), (200, 30, 30, 255)).save(out, "PNG")
    pages = read(told(EVERYTHING, picture=out.getvalue()))
    assert "屏幕所见的三维视图" in pages.text
    assert "north up" not in pages.text
    assert pages.images == 1


@pytest.mark.parametrize("picture", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40,
                                     b"GIF89a" + b"\x00" * 40])  # fmt: skip
def test_what_is_no_picture_is_refused(picture: bytes, told: Callable[..., bytes]) -> None:
    with pytest.raises(ParameterError, match="picture"):
        told(EVERYTHING, picture=picture)


def test_without_a_chinese_font_the_remedy_is_said(
    told: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    typeset._family.cache_clear()
    monkeypatch.setattr(typeset, "FONTS", ("No Such Font",))
    with pytest.raises(MissingError, match="apt-get install fonts-noto-cjk"):
        told(EVERYTHING)
    monkeypatch.undo()
    typeset._family.cache_clear()
