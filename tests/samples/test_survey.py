"""The sample survey has the faults that were planted in it, and the check finds each of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sample_city import survey as sample

from cim.topics.pipelines.analysis.survey import check
from cim.topics.pipelines.analysis.survey_rows import Reader, Survey, lines_of, placed, points_of
from cim.topics.pipelines.survey_file import read


def taken(*paths: Path) -> Survey:
    sheets = [sheet for path in paths for sheet in read(path)]
    readers = {"points": Reader(), "lines": Reader()}
    points = [p for s in sheets if s.role == "points"
              for p in points_of(s.rows, s.first, readers["points"])]  # fmt: skip
    lines = [k for s in sheets if s.role == "lines"
             for k in lines_of(s.rows, s.first, readers["lines"])]  # fmt: skip
    turned = placed(points, lambda at: at[:, 1] > 1_000_000)
    assert turned is not None
    unread = [(role, cell) for role, reader in readers.items() for cell in reader.unread]
    return Survey(points=turned[0], lines=lines, unread=unread)


def test_every_planted_fault_is_found_and_nothing_else(huating: Path) -> None:
    found = check(taken(huating / "survey" / "survey.xlsx")).findings
    assert Counter(finding.rule for finding in found) == sample.FAULTS


def test_text_in_gbk_says_the_same_as_the_workbook(huating: Path) -> None:
    folder = huating / "survey"
    found = check(taken(folder / "points.csv", folder / "lines.csv")).findings
    assert Counter(finding.rule for finding in found) == sample.FAULTS


def test_findings_name_the_rows_that_a_spreadsheet_shows(huating: Path) -> None:
    tally = check(taken(huating / "survey" / "survey.xlsx"))
    rows = {f.rule: f.rows for f in tally.findings}
    points, lines = sample.tables()
    heads = 2  # a title and the header
    assert rows["balance"] == (heads + 1 + [k[0] for k in lines].index("JSX006"),)
    twins = [i for i, p in enumerate(points) if p[0] == "WS02"]
    assert rows["point_twice"] == tuple(heads + 1 + i for i in twins)
    place = next(f.place for f in tally.findings if f.rule == "loose_end")
    assert place is not None
    assert 376_000 < place[0] < 378_000
    proposed = {(p.no, p.target) for p in tally.proposals}
    assert proposed == {("JS41", "JS08"), ("JS30", "JSX004"), ("JSO6", "JS06")}


def test_without_the_planted_faults_only_the_layout_remains(tmp_path: Path) -> None:
    points, lines = sample.clean()
    sample._workbook(tmp_path / "clean.xlsx", points, lines)
    found = Counter(f.rule for f in check(taken(tmp_path / "clean.xlsx")).findings)
    assert found == {"too_long": 1, "near_points": 1, "loose_end": 1, "degree": 1}


def test_every_run_writes_the_same_survey(tmp_path: Path, huating: Path) -> None:
    sample.deliver(tmp_path)
    for name in ("survey.xlsx", "points.csv", "lines.csv"):
        assert (tmp_path / name).read_bytes() == (huating / "survey" / name).read_bytes(), name


@pytest.mark.parametrize("name", ["survey.xlsx", "points.csv"])
def test_the_sample_survey_is_small_enough_to_send(huating: Path, name: str) -> None:
    assert (huating / "survey" / name).stat().st_size < 40_000
