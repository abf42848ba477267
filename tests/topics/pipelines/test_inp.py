"""What is wrong with a model's text is told by its line, and what is right is let through."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.topics.pipelines.analysis.inp import check
from cim.topics.pipelines.own_model import solve

GOOD = """[TITLE]
 any [words here
[JUNCTIONS]
;id elevation
 J1  10  5 ; a comment
 J2
[RESERVOIRS]
 R1  60
[PIPES]
 P1  R1  J1  100  300  130
 P2  J1  J2  100  300  130  0  Open
[OPTIONS]
 Units  LPS
[COORDINATES]
 J1  0  0
[END]
"""


def test_a_good_text_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("P2  J1  J2  100  300  130", "P2  J1  J2", "line 11: pipe P2 has 5 columns of at least 6"),
        ("P2  J1  J2  100", "P2  J1  J9  100", "line 11: pipe P2 begins or ends at J9"),
        ("P2  J1  J2  100", "P2  J1  J2  1oo", "line 11: pipe P2: 1oo in column 4 is no number"),
        ("J1  10  5", "J1  ten  5", "line 5: junction J1: ten in column 2"),
        ("P2  J1", "P1  J1", "line 11: P1 is there twice"),
        (" J2\n", " J1\n", "line 6: J1 is there twice"),
        ("Units  LPS", "Units  XYZ", "line 13: UNITS XYZ are none of"),
        ("[COORDINATES]", "[FOO]", "line 14: [FOO] is no section"),
        ("[COORDINATES]", "[CONDUITS]", "line 14: [CONDUITS] belongs to a drainage model of SWMM"),
        (" R1  60\n", "", "R1, which is no node"),
    ],
)
def test_a_bad_line_is_named(was: str, now: str, said: str, tmp_path: Path) -> None:
    assert was in GOOD
    with pytest.raises(ParameterError) as refused:
        solve(GOOD.replace(was, now, 1), "", tmp_path, hours=0)
    assert said in refused.value.reason
    assert refused.value.remedy


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    with suppress(ParameterError):
        check(GOOD + text)


@pytest.mark.shared
def test_every_model_that_epanet_reads_passes(shared_data: Path) -> None:
    """Real ones: Net1, Net3, ky4, ky10, and a coastal ky4."""
    found = sorted((shared_data / "pipes/wntr").rglob("*.inp"))
    assert len(found) >= 5
    for path in found:
        check(path.read_text("utf-8", errors="replace"))


@pytest.mark.shared
def test_every_drainage_model_is_said_to_be_one(shared_data: Path) -> None:
    found = sorted((shared_data / "pipes/swmmio").rglob("*.inp"))
    assert len(found) > 20
    said = []
    for path in found:
        with pytest.raises(ParameterError) as refused:
            check(path.read_text("utf-8", errors="replace"))
        said.append("SWMM" in refused.value.reason)
    assert all(said)


@pytest.mark.shared
def test_a_negative_pressure_is_no_supply(shared_data: Path, tmp_path: Path) -> None:
    """Net3 demands more than its node 10 can get: EPANET's number is below nought."""
    text = (shared_data / "pipes/wntr/examples/networks/Net3.inp").read_text("utf-8")
    lowest = next(f for f in solve(text, "", tmp_path).figures(14.0) if f.key == "lowest")
    assert isinstance(lowest.value, float)
    assert lowest.value < 0
    assert lowest.verdict == "NEEDS_REVIEW"
    assert "pressure-driven" in lowest.evidence
