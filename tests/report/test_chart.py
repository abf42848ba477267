"""Charts on paper: values stand where they belong, gaps stay gaps, words cannot break out."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cim.report.chart import HEIGHT, WIDTH, chart, ticks

SVG = "{http://www.w3.org/2000/svg}"


def series(x: list[Any], *y: list[Any], bins: bool = False, title: str = "标题") -> dict[str, Any]:
    axis = {"title": title, "title_en": "Title", "unit": "m"}
    return {**axis, "x": axis | {"values": x}, "y": [axis | {"values": v} for v in y], "bins": bins}


def drawn(said: dict[str, Any]) -> ET.Element:
    return ET.fromstring(chart(said, "Noto Sans CJK SC"))  # noqa: S314


def paths(said: dict[str, Any]) -> list[list[tuple[float, float]]]:
    lines = [e.get("d", "") for e in drawn(said).iter(f"{SVG}path") if e.get("fill") == "none"]
    return [[(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", d)]
            for d in lines]  # fmt: skip


def test_a_straight_line_of_values_is_a_straight_line_on_paper() -> None:
    (line,) = paths(series([0.0, 1.0, 4.0], [10.0, 12.0, 18.0]))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert (x1 - x0) / (x2 - x0) == pytest.approx(1 / 4, abs=1e-3)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(1 / 4, abs=1e-3)
    assert y2 < y0  # up is more


def test_what_is_not_known_is_a_gap() -> None:
    said = series([0.0, 1, 2, 3, 4], [1.0, 2.0, None, 3.0, 4.0])
    assert [len(line) for line in paths(said)] == [2, 2]
    lonely = drawn(series([0.0, 1, 2], [None, 5.0, None]))
    assert len(list(lonely.iter(f"{SVG}circle"))) == 1


def test_columns_rise_from_zero_in_the_proportion_of_their_values() -> None:
    said = series([0.5, 1.5, 2.5], [1.0, 0.0, 4.0], bins=True)
    boxes = [e for e in drawn(said).iter(f"{SVG}rect") if e.get("height") != "4"]
    heights = [float(box.get("height", "")) for box in boxes]
    assert heights[2] == pytest.approx(4 * heights[0], rel=1e-3)
    assert heights[1] == 0


def test_endless_lines_keep_their_peaks() -> None:
    values = [0.0] * 100_000
    values[77_777] = 9.0
    (line,) = paths(series([float(n) for n in range(100_000)], values))
    assert len(line) <= 4002
    assert min(y for _, y in line) < min(y for x, y in line if x < WIDTH / 2) - 50


def test_words_of_a_title_stay_words() -> None:
    hostile = '</text><script>alert(1)</script>&<>"\x00'
    root = drawn(series(["a<b", "c&d"], [1.0, 2.0], title=hostile))
    assert not list(root.iter(f"{SVG}script"))
    texts = [e.text for e in root.iter(f"{SVG}text")]
    assert "a<b" in texts
    assert any("<script>" in (text or "") for text in texts)


number = st.floats(-1e12, 1e12)


@given(
    x=st.lists(number | st.none() | st.text(max_size=5), max_size=8),
    y=st.lists(st.lists(number | st.none(), max_size=8), min_size=1, max_size=3),
    bins=st.booleans(),
)
def test_whatever_the_values_the_drawing_is_whole(x: list[Any], y: list[Any], bins: bool) -> None:
    lines = [(line + [None] * len(x))[: len(x)] for line in y]
    root = drawn(series(x, *lines, bins=bins))
    text = ET.tostring(root, encoding="unicode")
    assert "nan" not in text
    assert "inf" not in text
    for path in paths(series(x, *lines)):
        assert all(-1 <= px <= WIDTH + 1 and -1 <= py <= HEIGHT + 1 for px, py in path)


@given(low=number, span=st.floats(1e-3, 1e9), about=st.integers(2, 9))
def test_ticks_are_round_and_inside(low: float, span: float, about: int) -> None:
    assume(span > abs(low) * 1e-9)  # nearer together than a float tells apart
    found = ticks(low, low + span, about)
    assert all(low - span * 1e-6 <= v <= low + span * (1 + 1e-6) for v in found)
    assert 1 <= len(found) <= 2 * about + 2
