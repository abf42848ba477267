"""Drawings: what programs of others read out of our files is what was drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import ezdxf.filemanagement
import numpy as np
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.sheet import Ellipse, Line, Pen, Sheet, Text, framed, write_dxf, write_pdf, write_svg
from cim.sheet.model import clip_words, path
from tests.outside import run

WATER = Pen(name="管线_给水", color="#00ffff", width=0.5)
GROUND = Pen(name="地面线", color="#6d4c41", width=0.35, dash=(3.0, 1.5))


@pytest.fixture
def sheet() -> Sheet:
    return framed(
        [
            Ellipse(pen=WATER, centre=(100.0, 150.0), axes=(20.0, 10.0), tilt=30.0),
            Ellipse(pen=WATER, centre=(150.0, 150.0), axes=(5.0, 9.0)),
            Ellipse(pen=WATER, centre=(180.0, 150.0), axes=(4.0, 4.0)),
            Line(pen=GROUND, points=path((50, 180), (200, 190), (300, 185))),
            Text(pen=WATER, at=(100.0, 150.0), words="给水 DN300 <1398.123> & 顶", turn=90.0),
        ],
        "横断面图",
        [("比例", "1:100"), ("资料", "pipelines.water_pipe v1")],
    )


WORDS = {"给水 DN300 <1398.123> & 顶", "横断面图", "1:100", "pipelines.water_pipe v1", "图名",
         "比例", "资料"}  # fmt: skip


def test_a_pdf_is_a_page_of_the_sheets_size_with_words_and_lines_and_no_picture(
    sheet: Sheet, tmp_path: Path, program: Callable[[str], Path]
) -> None:
    program("pdftotext")
    target = tmp_path / "s.pdf"
    write_pdf(sheet, target)
    words = run("pdftotext", "-raw", target, "-")
    for said in WORDS:
        assert said in re.sub(r"\s+", " ", words)
    facts = run("pdfinfo", target)
    width, height = (float(v) for v in re.findall(r"Page size:\s+([\d.]+) x ([\d.]+)", facts)[0])
    assert (width / 72 * 25.4, height / 72 * 25.4) == pytest.approx((420, 297), abs=0.1)
    assert "Pages:           1" in facts
    assert len(run("pdfimages", "-list", target).splitlines()) == 2  # a head without rows


def test_a_dxf_has_layers_a_chinese_style_and_the_true_shapes(sheet: Sheet, tmp_path: Path) -> None:
    target = tmp_path / "s.dxf"
    write_dxf(sheet, target)
    drawing = ezdxf.filemanagement.readfile(target)
    assert not drawing.audit().has_errors
    assert {"管线_给水", "地面线", "图框", "图签"} <= {layer.dxf.name for layer in drawing.layers}
    assert drawing.layers.get("管线_给水").rgb == (0, 255, 255)
    assert drawing.layers.get("地面线").dxf.linetype.startswith("DASH")
    texts = list(drawing.modelspace().query("TEXT"))
    assert {t.dxf.text for t in texts} == WORDS
    assert {t.dxf.style for t in texts} == {"CJK"}
    tilted, upright = drawing.modelspace().query("ELLIPSE")
    assert tuple(tilted.dxf.major_axis)[:2] == pytest.approx(
        (20 * np.cos(np.pi / 6), 20 * np.sin(np.pi / 6))
    )
    assert tilted.dxf.ratio == 0.5
    assert tuple(upright.dxf.major_axis)[:2] == pytest.approx((0, 9), abs=1e-9)
    (circle,) = drawing.modelspace().query("CIRCLE")
    assert circle.dxf.radius == 4.0


def test_gdal_reads_the_dxf_with_the_same_layers_and_lengths(sheet: Sheet, tmp_path: Path) -> None:
    target = tmp_path / "s.dxf"
    write_dxf(sheet, target)
    frame = pyogrio.read_dataframe(target)
    ground = frame[frame["Layer"] == "地面线"].geometry
    assert ground.length.tolist() == pytest.approx([np.hypot(150, 10) + np.hypot(100, 5)])
    water = frame[(frame["Layer"] == "管线_给水") & (frame.geometry.geom_type == "LineString")]
    assert sorted(water.geometry.bounds["maxx"].tolist()) == pytest.approx(
        [100 + np.hypot(20 * np.cos(np.pi / 6), 10 * np.sin(np.pi / 6)), 155, 184], abs=0.05
    )
    assert set(frame["Text"].dropna()) >= {"横断面图", "1:100"}


def test_an_svg_is_drawn_from_the_upper_left_in_millimetres(sheet: Sheet, tmp_path: Path) -> None:
    target = tmp_path / "s.svg"
    write_svg(sheet, target)
    root = ET.fromstring(target.read_text("utf-8"))  # noqa: S314 our own file
    assert (root.get("width"), root.get("height")) == ("420mm", "297mm")
    space = "{http://www.w3.org/2000/svg}"
    assert {t.text for t in root.iter(f"{space}text")} == WORDS
    first = next(root.iter(f"{space}ellipse"))
    assert (first.get("cx"), first.get("cy"), first.get("rx")) == ("100.000", "147.000", "20.0000")
    assert "rotate(-30.0000 100.000 147.000)" in (first.get("transform") or "")
    line = next(p for p in root.iter(f"{space}polyline") if p.get("data-layer") == "地面线")
    assert line.get("points") == "50.000,117.000 200.000,107.000 300.000,112.000"


@given(st.text(max_size=60), st.floats(5, 200))
def test_words_that_are_clipped_begin_as_the_whole_and_say_so(words: str, width: float) -> None:
    shown = clip_words(words, width, 2.5)
    assert shown == words or (shown.endswith("…") and words.startswith(shown[:-1]))
    assert clip_words(words, 1e9, 2.5) == words
