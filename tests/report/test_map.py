"""The server's map: things stand where they are, at the scale the bar tells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import shapely

from cim.drawn import collection, feature
from cim.report.map import COLUMNS, ROWS, draw
from tests.delivered import NORTH, WEST, ZONE

SVG = "{http://www.w3.org/2000/svg}"
X, Y = WEST + 500.0, NORTH - 900.0


def answer(*features: dict[str, Any]) -> dict[str, Any]:
    return {"features": collection(features), "coverage": None}


def mapped(*features: dict[str, Any]) -> ET.Element:
    found = draw(answer(*features), Path(), [], ZONE, "Noto Sans CJK SC")
    assert found is not None
    return ET.fromstring(found.svg)  # noqa: S314


def test_the_bar_is_as_long_as_it_says_beside_a_line_of_known_length() -> None:
    ends = [(X, Y), (X + 800, Y)]
    root = mapped(feature(shapely.LineString(ends), "线", "Line", crs=ZONE, color="#123456"))
    (line,) = [e.get("d", "") for e in root.iter(f"{SVG}path") if e.get("stroke") == "#123456"]
    (x0, y0), (x1, _) = [(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", line)]
    assert (x0 + x1) / 2 == pytest.approx(COLUMNS / 2, abs=0.2)
    assert y0 == pytest.approx(ROWS / 2, abs=0.2)
    bar = next(e.get("d", "") for e in root.iter(f"{SVG}path") if e.get("stroke") == "#111")
    left, right = re.findall(r"M([\d.]+).*H([\d.]+)", bar)[0]
    said = next(e.text or "" for e in root.iter(f"{SVG}text") if (e.text or "").endswith(" m"))
    assert float(said[:-2]) / (float(right) - float(left)) == pytest.approx(
        800 / (x1 - x0), rel=1e-3
    )


def test_north_is_up_and_east_is_right() -> None:
    places = {"#ff0000": (0, 0), "#00ff00": (300, 0), "#0000ff": (0, 300)}
    root = mapped(
        *(feature(shapely.Point(X + x, Y + y), "点", "Point", crs=ZONE, color=color)
          for color, (x, y) in places.items())
    )  # fmt: skip
    at = {e.get("fill"): (float(e.get("cx", "")), float(e.get("cy", "")))
          for e in root.iter(f"{SVG}circle")}  # fmt: skip
    assert at["#00ff00"][0] > at["#ff0000"][0]
    assert at["#0000ff"][1] < at["#ff0000"][1]
    assert at["#00ff00"][0] - at["#ff0000"][0] == pytest.approx(
        at["#ff0000"][1] - at["#0000ff"][1], rel=1e-3
    )


def test_an_area_and_its_hole_have_their_size() -> None:
    hole = shapely.box(X + 20, Y + 20, X + 40, Y + 40).exterior.coords
    whole = shapely.Polygon(shapely.box(X, Y, X + 100, Y + 100).exterior.coords, [hole])
    root = mapped(feature(whole, "面", "Area", crs=ZONE, color="#abcdef", fill="#abcdef80"))
    area = next(e for e in root.iter(f"{SVG}path") if e.get("stroke") == "#abcdef")
    rings = [
        shapely.Polygon([(float(x), float(y)) for x, y in re.findall(r"([\d.-]+) ([\d.-]+)", ring)])
        for ring in area.get("d", "").split("Z")[:-1]
    ]
    assert rings[1].area / rings[0].area == pytest.approx(0.04, rel=0.02)
    assert area.get("fill-opacity") == "0.50"


def test_a_style_from_outside_draws_nothing_of_its_own() -> None:
    hostile = feature(
        shapely.Point(X, Y), '"/><script/>', "x", crs=ZONE, color='"/><script>', width="9",
        fill={"a": 1}, label=True, dash="url(#x)",
    )  # fmt: skip
    root = mapped(hostile)
    assert not list(root.iter(f"{SVG}script"))
    assert next(iter(root.iter(f"{SVG}circle"))).get("fill") == "#ffd54a"


def test_an_answer_that_lies_nowhere_has_no_map() -> None:
    assert draw({"features": None, "coverage": None}, Path(), [], ZONE, "") is None


def test_a_single_place_is_shown_with_its_surroundings() -> None:
    root = mapped(feature(shapely.Point(X, Y), "点", "Point", crs=ZONE))
    said = [e.text for e in root.iter(f"{SVG}text")]
    assert "20 m" in said
