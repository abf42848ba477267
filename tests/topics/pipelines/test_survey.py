"""The check of surveys: its rules, its reading of hostile files, what it refuses."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from cim.city import City
from cim.errors import FormatError, InputError, OutsideCityError, ParameterError, TooLargeError
from cim.store.files import Files
from cim.store.uploads import Uploads
from cim.topic import Context
from cim.topics.pipelines import survey_file
from cim.topics.pipelines.analysis.survey import check, scale_of_lengths
from cim.topics.pipelines.analysis.survey_rows import (
    LineRecord,
    PointRecord,
    Reader,
    Survey,
    placed,
    plain_number,
    reference,
    text,
)
from cim.topics.pipelines.analysis.survey_rules import RULES, Limits, Tally
from cim.topics.pipelines.survey_check import SURVEY, _inert
from cim.topics.pipelines.survey_file import read
from cim.topics.pipelines.survey_taken import SurveyParameters, take

NORTH, EAST = 3_899_000.0, 377_000.0


def street(count: int, step: float = 30.0, depth: float = 1.5, **more: Any) -> Survey:
    """A straight water main without a fault."""
    points = [
        PointRecord(row=i + 2, no=f"JS{i}", x=EAST + step * i, y=NORTH, ground=1400.0, kind="JS",
                    feature="起止点" if i in (0, count - 1) else "直线点")
        for i in range(count)
    ]  # fmt: skip
    lines = [
        LineRecord(row=i + 2, no=f"G{i}", ends=(f"JS{i}", f"JS{i + 1}"), depths=(depth, depth),
                   elevations=(1400 - depth, 1400 - depth), reference="top", size=200.0, kind="JS",
                   material="PE", flow=0)
        for i in range(count - 1)
    ]  # fmt: skip
    return Survey(points=more.get("points", points), lines=more.get("lines", lines))


def changed(line: LineRecord, **values: Any) -> LineRecord:
    names = ("row", "no", "ends", "depths", "elevations", "reference", "size", "kind", "material",
             "flow", "length", "line")  # fmt: skip
    return LineRecord(**{name: values.get(name, getattr(line, name)) for name in names})


def rules(survey: Survey, limits: Limits | None = None) -> Counter[str]:
    return Counter(finding.rule for finding in check(survey, limits).findings)


@settings(max_examples=40)
@given(st.integers(3, 12), st.floats(1.0, 74.0), st.floats(0.5, 5.0))
def test_a_survey_without_a_fault_has_no_finding(count: int, step: float, depth: float) -> None:
    assert rules(street(count, step, round(depth, 3))) == {}


@settings(max_examples=40)
@given(st.integers(4, 12), st.data())
def test_a_fault_planted_anywhere_is_found_there(count: int, data: st.DataObject) -> None:
    survey = street(count)
    lines = list(survey.lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["point_missing", "elev_ref", "balance", "code"]))
    values: dict[str, dict[str, Any]] = {
        "point_missing": {"ends": (lines[at].ends[0], "XX99")},
        "elev_ref": {"reference": ""},
        "balance": {"elevations": (1398.5, 1398.6)},
        "code": {"kind": "QQ"},
    }
    lines[at] = changed(lines[at], **values[kind])
    found = [f for f in check(street(count, lines=lines)).findings if f.rule == kind]
    assert [f.no for f in found] == [f"G{at}"]
    assert found[0].rows == (at + 2,)


@settings(max_examples=20)
@given(st.integers(4, 9), st.randoms())
def test_the_order_of_rows_changes_no_finding(count: int, random: Any) -> None:
    survey = street(count, step=80.0)
    points, lines = list(survey.points), list(survey.lines)
    random.shuffle(points)
    random.shuffle(lines)
    assert rules(Survey(points=points, lines=lines)) == rules(survey)
    assert rules(survey) == {"too_long": count - 1}


def test_a_missing_attribute_is_unknown_and_never_passes() -> None:
    survey = street(3)
    lines = [changed(survey.lines[0], elevations=(None, 1398.5)), survey.lines[1]]
    tally = check(street(3, lines=lines))
    assert tally.unknown["balance"] == 1
    assert tally.verdict("balance") == "UNKNOWN"
    assert tally.verdict("same_depth") == "PASS"
    lines[0] = changed(lines[0], reference="")
    assert check(street(3, lines=lines)).unknown["balance"] == 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_unverified_rule_ever_says_pass(rule: Any) -> None:
    tally = Tally(Limits())
    assert tally.verdict(rule.id) == "UNKNOWN"
    tally.apply(rule.id, 5)
    assert tally.verdict(rule.id) == ("PASS" if rule.cited else "NEEDS_REVIEW")
    tally.find(rule.id, "points", (1,), "x")
    assert tally.verdict(rule.id) == ("FAIL" if rule.cited else "NEEDS_REVIEW")
    assert rule.evidence


def test_a_drop_manhole_may_have_two_depths_and_a_tee_needs_three_segments() -> None:
    survey = street(3)
    lines = [survey.lines[0], changed(survey.lines[1], depths=(1.9, 1.5),
                                      elevations=(1398.1, 1398.5))]  # fmt: skip
    assert rules(street(3, lines=lines)) == {"same_depth": 1}
    points = list(survey.points)
    points[1] = PointRecord(row=3, no="JS1", x=EAST + 30, y=NORTH, ground=1400.0, kind="JS",
                            feature="三通", appurtenance="跌水井")  # fmt: skip
    tally = check(street(3, lines=lines, points=points))
    assert {(f.rule, f.value, f.verdict) for f in tally.findings} == {("degree", 2.0, "FAIL")}


def test_slopes_and_lengths_are_measured_in_space() -> None:
    survey = street(3, step=30.0)
    lines = [changed(survey.lines[0], elevations=(1398.5, 1398.5 + 30.0), depths=(1.5, -28.5)),
             survey.lines[1]]  # fmt: skip
    tally = check(street(3, lines=lines), Limits(steepest=44.0))
    (steep,) = [f for f in tally.findings if f.rule == "too_steep"]
    assert steep.value == pytest.approx(45.0, abs=1e-3)
    assert "too_steep" not in rules(street(3, lines=lines), Limits(steepest=46.0))


def test_a_sharp_angle_is_that_between_the_ways_away_from_the_point() -> None:
    survey = street(3)
    points = list(survey.points)
    points[2] = PointRecord(row=4, no="JS2", x=EAST + 30 * np.cos(np.radians(20)) * 0.5,
                            y=NORTH + 30 * np.sin(np.radians(20)) * 0.5, ground=1400.0, kind="JS",
                            feature="起止点")  # fmt: skip
    (found,) = [f for f in check(street(3, points=points)).findings if f.rule == "sharp_angle"]
    away = np.array([points[2].x or 0, points[2].y or 0]) - [EAST + 30, NORTH]
    assert found.value == pytest.approx(np.degrees(np.arctan2(away[1], -away[0])), abs=1e-3)


@pytest.mark.parametrize(
    ("cell", "size"),
    [("DN200", 200.0), ("Φ150", 150.0), ("300×200", 300.0), ("２００", 200.0), (110, 110.0),
     ("200mm", 200.0), (0, None), ("", None), (None, None), ("不详", None), ("粗", None),
     (dt.datetime(1900, 7, 18), None)],  # noqa: DTZ001
)  # fmt: skip
def test_sizes_are_read_as_surveyors_write_them(cell: Any, size: float | None) -> None:
    assert Reader().size(1, "管径", cell) == size


def test_what_cannot_be_read_is_remembered_and_what_is_empty_is_not() -> None:
    reader = Reader()
    cells = ["1,423.51", "1.4m", "约2", "#REF!", None, "-", dt.date(2026, 1, 1), True, float("nan")]
    assert [reader.number(1, "c", cell) for cell in cells] == [
        1423.51, 1.4, None, None, None, None, None, None, None
    ]  # fmt: skip
    assert len(reader.unread) == 4
    assert Reader(metre=0.3048).height(1, "c", 10) == pytest.approx(3.048)


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.booleans(), st.dates()))
def test_no_cell_makes_the_reader_fail(cell: Any) -> None:
    reader = Reader()
    for value in (reader.number(1, "c", cell), reader.size(1, "c", cell)):
        assert value is None or np.isfinite(value)
    assert isinstance(text(cell), str)
    assert reference(cell) in {"", "top", "invert", "centre"}


def test_numbers_that_are_easily_mistaken_are_the_same() -> None:
    assert plain_number("JSO6") == plain_number("js-06") == plain_number("ＪＳ006") == "JS6"
    assert plain_number("JS10") != plain_number("JS1")


def test_which_column_is_the_northing_is_told_by_where_the_points_lie() -> None:
    given_points = [PointRecord(row=1, no="A", x=NORTH, y=EAST)]
    turned = placed(given_points, lambda at: at[:, 1] > at[:, 0])
    assert turned is not None
    assert (turned[0][0].x, turned[0][0].y) == (EAST, NORTH)
    assert "X is north" in turned[1]
    assert placed(given_points, lambda at: np.zeros(len(at), bool)) is None
    assert placed([PointRecord(row=1, no="A")], lambda at: np.ones(len(at), bool)) is None


def test_lengths_in_feet_beside_coordinates_in_metres_are_found_out() -> None:
    survey = street(6)
    lines = [changed(line, length=30.0 / 0.3048) for line in survey.lines]
    assert scale_of_lengths(street(6, lines=lines)) == pytest.approx(0.3048)
    assert scale_of_lengths(survey) is None


# --- files ------------------------------------------------------------------------------------

POINT_HEAD = ["点号", "X", "Y", "地面高程", "管类", "特征"]
LINE_HEAD = ["起点点号", "终点点号", "起点埋深", "终点埋深", "管径(mm)", "材质", "高程部位"]


def book(path: Path, *sheets: tuple[str, list[list[Any]]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def small(path: Path, shift: float = 0.0) -> Path:
    """Two points and a pipe, X to the north."""
    rows = [["A", NORTH + shift, EAST, 1400.0, "JS", "起止点"],
            ["B", NORTH + shift, EAST + 30, 1400.0, "JS", "起止点"]]  # fmt: skip
    return book(path, ("点", [["说明"], POINT_HEAD, *rows]),
                ("线", [LINE_HEAD, ["A", "B", 1.5, 1.5, "DN200", "PE", "管顶"]]))  # fmt: skip


def test_a_header_is_found_below_titles_and_by_any_of_its_names(tmp_path: Path) -> None:
    sheets = {sheet.role: sheet for sheet in read(small(tmp_path / "s.xlsx"))}
    assert sheets["points"].first == 3
    assert sheets["lines"].rows[0]["size"] == "DN200"
    assert sheets["lines"].columns["size"] == "管径(mm)"


def test_formulas_give_their_last_value_and_are_told(tmp_path: Path) -> None:
    path = book(tmp_path / "f.xlsx", ("点", [POINT_HEAD, ["A", "=1+1", 2.0, 3.0, "JS", ""]]))
    (sheet,) = read(path)
    assert sheet.rows[0]["x"] is None  # never computed by a spreadsheet
    assert any("公式" in note for note in sheet.notes)


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_000)
    monkeypatch.setattr(survey_file, "MOST_UNPACKED", 1_000_000)
    with pytest.raises(TooLargeError, match="2 MB, more than 1"):
        read(path)


def test_a_sheet_with_too_many_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[list[Any]] = [POINT_HEAD, *([f"A{i}", 1.0, 2.0, 3.0, "JS", ""] for i in range(60))]
    monkeypatch.setattr(survey_file, "MOST_ROWS", 50)
    with pytest.raises(TooLargeError, match="more than 50 rows"):
        read(book(tmp_path / "s.xlsx", ("点", rows)))
    (tmp_path / "s.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    with pytest.raises(TooLargeError, match="more than 50 rows"):
        read(tmp_path / "s.csv")


def test_a_sheet_that_lies_about_its_size_is_read_to_its_true_end(tmp_path: Path) -> None:
    path = small(tmp_path / "s.xlsx")
    lying = tmp_path / "l.xlsx"
    with zipfile.ZipFile(path) as made, zipfile.ZipFile(lying, "w") as kept:
        for name in made.namelist():
            data = made.read(name)
            kept.writestr(name, data.replace(b'ref="A1:F4"', b'ref="A1:XFD1048576"'))
    assert len(read(lying)[0].rows) == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"hello", "no Excel workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "no Excel workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "saved anew"),
        ("a.csv", b"\x80\x81\0\xff" * 9, "neither UTF-8 nor GBK"),
        ("a.csv", "甲,乙\n1,2\n".encode("gbk"), "has the header"),
        ("a.zip", b"PK\x05\x06" + b"\0" * 18, "holds no"),
        ("a.pdf", b"%PDF", "no table of a survey"),
    ],
    ids=["words", "encrypted", "old", "bytes", "other", "empty", "pdf"],
)
def test_a_file_that_is_no_survey_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


def test_csv_is_read_in_gbk_and_with_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "点.csv"
    path.write_bytes("点号；\n点号;X坐标;Y坐标\nA;1.5;2\nB;;\n".encode("gbk"))
    (sheet,) = read(path)
    assert [dict(row) for row in sheet.rows] == [
        {"no": "A", "x": "1.5", "y": "2"}, {"no": "B", "x": None, "y": None}
    ]  # fmt: skip


def test_a_zipped_shapefile_brings_its_places_and_lines(tmp_path: Path) -> None:
    spots = [Point(EAST, NORTH), Point(EAST + 30, NORTH)]
    points = gpd.GeoDataFrame({"点号": ["A", "B"]}, geometry=spots, crs=4545)
    way = LineString([(EAST, NORTH), (EAST + 29, NORTH)])
    lines = gpd.GeoDataFrame({"起点点号": ["A"], "止点点号": ["B"]}, geometry=[way], crs=4545)
    for name, frame in (("p", points), ("l", lines)):
        frame.to_file(tmp_path / f"{name}.shp", encoding="GBK")
        (tmp_path / f"{name}.cpg").unlink()  # older programs write none
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for part in tmp_path.glob(f"{name}.*"):
                if part.suffix != ".zip":
                    archive.write(part, part.name)
    (drawn,) = read(tmp_path / "p.zip")
    assert (drawn.rows[1]["x"], drawn.rows[1]["y"]) == (NORTH, EAST + 30)
    (segments,) = read(tmp_path / "l.zip")
    assert segments.role == "lines"
    line = LineRecord(row=1, no="1", ends=("A", "B"), line=segments.rows[0]["line"])
    found = check(Survey(points=street(2).points, lines=[changed(line, ends=("JS0", "JS1"))]))
    assert [(f.value, f.detail) for f in found.findings if f.rule == "line_off"] == [(1.0, "JS1")]


# --- taking in --------------------------------------------------------------------------------


@pytest.fixture
def context(tmp_path: Path, city: City) -> Context:
    uploads = Uploads(root=tmp_path / "uploads")
    nothing: Any = None  # no question of these reaches the database
    return Context(
        city=city, engine=nothing, files=Files(tmp_path), folder=tmp_path, uploads=uploads
    )  # fmt: skip


def asked(context: Context, path: Path, **more: Any) -> SurveyParameters:
    assert context.uploads is not None
    upload = context.uploads.add(path)
    found = SURVEY.parse({"points": upload.id, **more})
    assert isinstance(found, SurveyParameters)
    return found


def test_a_survey_is_taken_in_with_its_northing_in_x(tmp_path: Path, context: Context) -> None:
    taken = take(asked(context, small(tmp_path / "s.xlsx")), context)
    assert (taken.survey.points[1].x, taken.survey.points[1].y) == (EAST + 30, NORTH)
    assert "X is north" in taken.axes


def test_coordinates_outside_the_city_are_refused_whichever_way_round(
    tmp_path: Path, context: Context
) -> None:
    with pytest.raises(OutsideCityError, match="whichever of the two"):
        take(asked(context, small(tmp_path / "s.xlsx", shift=9e6)), context)
    with pytest.raises(OutsideCityError):
        take(asked(context, small(tmp_path / "s.xlsx"), crs="EPSG:4544"), context)
    with pytest.raises(ParameterError, match="degrees"):
        take(asked(context, small(tmp_path / "s.xlsx"), crs="EPSG:4490"), context)


def test_one_table_alone_is_no_survey(tmp_path: Path, context: Context) -> None:
    path = book(tmp_path / "p.xlsx", ("点", [POINT_HEAD, ["A", NORTH, EAST, 1400, "JS", ""]]))
    with pytest.raises(ParameterError, match="no table of segments"):
        take(asked(context, path), context)


def test_elevations_in_feet_become_metres_where_it_is_said(
    tmp_path: Path, context: Context
) -> None:
    taken = take(asked(context, small(tmp_path / "s.xlsx"), units="ft"), context)
    assert taken.survey.points[0].ground == pytest.approx(1400 * 0.3048)
    assert taken.survey.lines[0].depths[0] == pytest.approx(1.5 * 0.3048)


def test_stated_lengths_in_feet_are_refused(tmp_path: Path, context: Context) -> None:
    rows = [["A", NORTH, EAST, 1400.0, "JS", ""], ["B", NORTH, EAST + 30, 1400.0, "JS", ""]]
    pipe = ["A", "B", 1, 1, 200, "PE", "管顶", 98.43]
    lines: list[list[Any]] = [[*LINE_HEAD, "长度"], pipe]
    path = book(tmp_path / "s.xlsx", ("点", [POINT_HEAD, *rows]), ("线", lines))
    with pytest.raises(ParameterError, match="stated lengths look like feet"):
        take(asked(context, path), context)


def test_words_of_a_survey_never_become_formulas_of_the_findings() -> None:
    assert _inert("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _inert("JS01") == "JS01"
    assert _inert(-0.5) == -0.5


def test_a_format_error_tells_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"no")
    with pytest.raises(FormatError) as caught:
        read(tmp_path / "x.xlsx")
    assert caught.value.remedy
