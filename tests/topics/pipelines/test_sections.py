"""Sections: cylinders cut by planes, runs unrolled, and drawings that say what the tables say."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import ezdxf.filemanagement
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.installation import Installation
from cim.topic import Result
from cim.topics.pipelines.analysis.section import betweens, cuts, reaches, run_of
from cim.topics.pipelines.cross_section import CROSS_SECTION, outline
from cim.topics.pipelines.longitudinal_section import LONGITUDINAL_SECTION
from cim.topics.pipelines.section_sheet import scale_for, spread
from tests.outside import run
from tests.topics.pipelines.beds import answer, degrees, figures, ground, publish, segments, street
from tests.topics.pipelines.test_clearance import town

Floats = npt.NDArray[np.float64]
START, END = np.array([0.0, -10]), np.array([0.0, 10])  # northwards through the origin
angles = st.floats(-80, 80)


def crossing(bearing: float, rise: float, radius: float = 0.3) -> Any:
    """A pipe through (0, 0, 5) at an angle from square to the section, with a rise per metre."""
    way = np.array([np.cos(np.radians(bearing)), np.sin(np.radians(bearing))]) * 8
    a = np.array([[-way[0], -way[1], 5 - 8 * rise]])
    b = np.array([[way[0], way[1], 5 + 8 * rise]])
    return town(a, b, radius).laid


@given(angles, st.floats(-0.5, 0.5), st.floats(0.05, 1.0))
def test_every_place_of_the_outline_lies_on_the_cylinder(
    bearing: float, rise: float, radius: float
) -> None:
    laid = crossing(bearing, rise, radius)
    (cut,) = cuts(laid, START, END)
    s, z = outline(cut).T
    places = np.column_stack([np.zeros_like(s), s - 10, z])  # on the section's plane, x = 0
    way = laid.b[0] - laid.a[0]
    off = np.linalg.norm(np.cross(places - laid.a[0], way), axis=1) / np.linalg.norm(way)
    assert off.tolist() == pytest.approx([radius] * len(off), abs=1e-9)
    assert np.abs(s - 10).max() <= cut.half_width + 1e-9
    assert (cut.s, cut.at[2]) == pytest.approx((10, 5))


def test_a_level_pipe_is_stretched_by_one_over_the_cosine() -> None:
    (square,) = cuts(crossing(0, 0), START, END)
    assert (square.major, square.minor, square.angle) == pytest.approx((0.3, 0.3, 90))
    (slant,) = cuts(crossing(60, 0), START, END)
    assert (slant.major, slant.minor, slant.tilt) == pytest.approx((0.6, 0.3, 0))
    assert slant.half_width == pytest.approx(0.6)
    (beside,) = cuts(crossing(87, 0), START, END)
    assert beside.runs_along
    assert cuts(crossing(0, 0), START + 30, END + 30) == []


def test_neighbours_are_measured_along_the_section_plumb_and_in_space() -> None:
    a = np.array([[-5.0, -2, 5], [-5, 1, 6]])
    b = np.array([[5.0, -2, 5], [5, 1, 6]])
    laid = town(a, b, 0.25).laid
    found = cuts(laid, START, END)
    (between,) = betweens(laid, found)
    assert (between.axes, between.walls, between.plumb) == pytest.approx((3, 2.5, 0.5))
    assert between.space == pytest.approx(np.sqrt(10) - 0.5)


def test_a_run_goes_through_its_pipes_in_their_direction_or_against_it() -> None:
    a = np.array([[0.0, 0, 10], [90, 0, 9]])
    b = np.array([[50.0, 0, 9.5], [50, 0, 9.5]])  # the second was drawn backwards
    laid = town(a, b, 0.2).laid
    steps = run_of(np.array([[0, 1], [2, 1]]), [0, 1], 0)
    assert [s.forward for s in steps] == [True, False]
    first, second = reaches(laid, steps, [50.0, 40.0])
    assert (first.slope, second.slope) == pytest.approx((10.0, 12.5))
    assert (second.begin, second.end) == (50, 90)
    assert (*second.invert, *second.top) == pytest.approx((9.3, 8.8, 9.7, 9.2))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20).map(sorted))
def test_columns_of_figures_never_overlap_and_keep_their_order(at: list[float]) -> None:
    moved = spread(at, 4.0, 0.0, 100.0)
    assert all(b - a >= 4.0 - 1e-9 for a, b in pairwise(moved))
    if all(b - a >= 4.0 for a, b in pairwise(at)):
        assert moved == at


def test_a_section_takes_the_next_scale_or_a_longer_sheet_or_is_refused() -> None:
    scales = [(100.0, 100.0), (200.0, 200.0)]
    assert scale_for(30, 5, (350, 100), scales) == (100, 100, 420)
    assert scale_for(60, 5, (350, 100), scales) == (100, 100, 840)
    assert scale_for(30, 15, (350, 100), scales) == (200, 200, 420)
    with pytest.raises(ParameterError, match="fit on no sheet at 1:200 → draw a shorter section"):
        scale_for(900, 5, (350, 100), scales)


def files(result: Result) -> dict[str, Path]:
    return {a.path.suffix: a.path for a in result.attachments}


def drawn_words(result: Result) -> list[set[str]]:
    """What each of the three drawings says."""
    found = files(result)
    drawing = ezdxf.filemanagement.readfile(found[".dxf"])
    assert not drawing.audit().has_errors
    svg = found[".svg"].read_text("utf-8")
    return [
        {t.dxf.text for t in drawing.modelspace().query("TEXT")},
        set(re.findall(r"<text[^>]*>([^<]*)</text>", svg)),
        set(run("pdftotext", "-raw", found[".pdf"], "-").split()),
    ]


@pytest.mark.db
def test_a_cross_section_of_a_street_says_the_same_in_table_and_drawings(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street())
    line = degrees((20, -14), (20, 8))
    result = answer(installation, CROSS_SECTION, tmp_path / "out", line=line)
    rows = {r["no"]: r for r in result.tables[0].rows}
    assert list(rows) == ["W5", "W4", "W3", "W1", "S1"]
    assert rows["W1"]["s"] == pytest.approx(14 / 1.0001874, abs=1e-3)
    assert (rows["W1"]["top"], rows["W1"]["invert"]) == (1398.0, 1397.7)
    assert rows["W1"]["ground"] == pytest.approx(ground(20), abs=2e-3)
    assert rows["W1"]["cover"] == pytest.approx(ground(20) - 1398, abs=2e-3)
    assert rows["S1"]["invert"] == pytest.approx(1396.6 - 0.1 / 3, abs=1e-3)
    assert rows["W3"]["top"] is None
    assert "not known" in rows["W5"]["note"]
    assert figures(result)["unknown"] == 2
    between = {(r["left"][-2:], r["right"][-2:]): r for r in result.tables[1].rows}
    pair = between["W1", "S1"]
    assert pair["axes"] == pytest.approx(2, abs=1e-3)
    assert pair["walls"] == pytest.approx(2 - 0.35, abs=1e-3)
    for said in drawn_words(result):
        for row in rows.values():
            for key in ("s", "ground", "top", "invert", "cover"):
                assert (f"{row[key]:.3f}" if row[key] is not None else "—") in said
        assert "1:100" in said
    assert [y.title for y in result.series[0].y][:3] == ["地面", "给水 W4 上", "给水 W4 下"]
    upper = [v for v in result.series[0].y[3].values if v is not None]
    assert max(upper) == pytest.approx(1398.0, abs=1e-3)


@pytest.mark.db
def test_a_cross_section_where_nothing_lies_is_refused_with_the_reason(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street(), dem=False)
    with pytest.raises(ParameterError, match=r"no pipe of .* lies there"):
        answer(installation, CROSS_SECTION, tmp_path / "a", line=degrees((20, 40), (20, 60)))
    with pytest.raises(ParameterError, match=r"is 799.9 m long → draw one of 0.5 to 500 m"):
        answer(installation, CROSS_SECTION, tmp_path / "b", line=degrees((-400, 0), (400, 0)))
    with pytest.raises(ParameterError, match="outside the city"):
        answer(installation, CROSS_SECTION, tmp_path / "c", line=[[10.0, 50.0], [10.0, 50.001]])
    with pytest.raises(ParameterError, match="neither the ground nor the height"):
        answer(installation, CROSS_SECTION, tmp_path / "d", line=degrees((20, -14), (20, -11)))


def sewer() -> dict[str, Any]:
    """Three segments with a drop at the second manhole; the last one lacks its heights."""
    frames = street()
    frames["pipelines.sewage_pipe"] = segments([
        {"seg_id": "S1", "from_no": "P", "to_no": "Q", "line": [(0, 2), (60, 2)], "dn": 400,
         "start_elev": 1396.6, "end_elev": 1396.3},
        {"seg_id": "S2", "from_no": "R", "to_no": "Q", "line": [(120, 1.5), (60, 2)], "dn": 500,
         "start_elev": 1395.2, "end_elev": 1395.8},
        {"seg_id": "S3", "from_no": "R", "to_no": "T", "line": [(120, 1.5), (160, 1.5)], "dn": 500},
        {"seg_id": "S9", "from_no": "X", "to_no": "Y", "line": [(0, 90), (50, 90)], "dn": 300,
         "start_elev": 1396.6, "end_elev": 1396.3},
    ], elev_ref="invert")  # fmt: skip
    return frames


@pytest.mark.db
def test_a_longitudinal_section_says_the_same_in_tables_and_drawings(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, sewer())
    start, end = degrees((1, 3), (161, 0))
    result = answer(installation, LONGITUDINAL_SECTION, tmp_path / "out", start=start, end=end)
    joints = list(result.tables[0].rows)
    pipes = {r["no"]: r for r in result.tables[1].rows}
    assert [j["no"] for j in joints] == ["P", "Q", "R", "T"]
    assert [j["ground"] for j in joints[:3]] == [1400.05, 1401.2, 1402.4]  # the manholes'
    assert joints[3]["ground"] == pytest.approx(ground(160), abs=2e-3)  # the model's
    assert (joints[1]["invert_in"], joints[1]["invert_out"]) == (1396.3, 1395.8)
    assert joints[1]["depth"] == pytest.approx(1401.2 - 1395.8)
    assert joints[1]["well_bottom"] == pytest.approx(1401.2 - 4.7)
    assert (joints[3]["invert_in"], joints[3]["well_bottom"]) == (None, None)
    assert pipes["S1"]["length"] == pytest.approx(60 / 1.0001874, abs=2e-3)
    assert pipes["S1"]["slope"] == pytest.approx(5.0, abs=0.01)
    assert pipes["S2"]["slope"] == pytest.approx(10.0, abs=0.01)
    assert (pipes["S2"]["invert_begin"], pipes["S2"]["top_end"]) == (1395.8, 1395.7)
    assert (pipes["S3"]["slope"], pipes["S3"]["dn"]) == (None, 500)
    said = figures(result)
    assert (said["segments"], said["unknown"], said["against"]) == (3, 1, 0)
    for words in drawn_words(result):
        for joint in joints:
            for key in ("s", "ground", "invert_in", "invert_out", "depth"):
                assert (f"{joint[key]:.3f}" if joint[key] is not None else "—") in words
        for pipe in pipes.values():
            assert (f"{pipe['slope']:.2f}" if pipe["slope"] is not None else "—") in words
            assert f"{pipe['length']:.3f}" in words
    back = answer(installation, LONGITUDINAL_SECTION, tmp_path / "b", start=end, end=start)
    assert [r["no"] for r in back.tables[1].rows] == ["S3", "S2", "S1"]
    assert back.tables[1].rows[2]["slope"] == pytest.approx(-5.0, abs=0.01)


@pytest.mark.db
def test_runs_that_lead_nowhere_are_refused_with_the_reason(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, sewer(), dem=False)

    def ask(*places: tuple[float, float], **more: Any) -> Result:
        start, end = degrees(*places)
        return answer(installation, LONGITUDINAL_SECTION, tmp_path / "o", start=start, end=end,
                      **more)  # fmt: skip

    with pytest.raises(ParameterError, match="no way along the pipes leads from start to end"):
        ask((0, 2), (50, 90))
    with pytest.raises(ParameterError, match="start and end mean the same joint"):
        ask((0, 2), (2, 2))
    with pytest.raises(ParameterError, match=r"within 30 m of the end; the nearest is 1\d\d m"):
        ask((0, 2), (0, -150))
    with pytest.raises(ParameterError, match="neither the ground nor the height"):
        ask((121, 2), (160, 2))
