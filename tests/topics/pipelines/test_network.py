"""From rows to a network: who meets whom, and what is told instead of guessed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.topics.pipelines.analysis.assembly import FAULTS
from cim.topics.pipelines.analysis.attaching import operable, shut
from cim.topics.pipelines.queries import assembled
from tests.topics.pipelines.towns import ladder, network, pipes, points


def kinds(**frames: Any) -> Counter[str]:
    found = assembled(frames.pop("pipes"), frames, tolerance=0.5, reach=20.0)
    return Counter(fault.kind for fault in found.faults)


def test_pipes_meet_where_they_bear_the_same_number() -> None:
    found = network(ladder())
    assert [node.no for node in found.nodes] == ["A", "B", "C", "D", "E"]
    assert found.graph.degrees.tolist() == [2, 2, 2, 3, 1]
    assert found.faults == ()
    assert found.nodes[0].ground == pytest.approx(1400.0)


def test_a_length_is_the_one_on_the_ellipsoid_and_not_of_the_plane() -> None:
    found = network(ladder())
    assert found.links[4].length == pytest.approx(200.0, rel=5e-4)
    assert found.links[4].length != pytest.approx(200.0, rel=1e-6)


def test_pipes_without_length_and_pipes_delivered_twice_are_told_and_left_out() -> None:
    rows = pipes(
        {"no": "1", "ends": ("A", "B"), "line": [(0, 0), (50, 0)]},
        {"no": "2", "ends": ("B", "A"), "line": [(50, 0), (0, 0)]},
        {"no": "3", "ends": ("B", "B"), "line": [(50, 0), (60, 10), (50, 0.1)]},
        {"no": "4", "ends": ("B", "C"), "line": [(50, 0), (50.001, 0)]},
        {"no": "5", "ends": ("A", "B"), "line": [(0, 0), (25, 30), (50, 0)]},
    )
    found = assembled(rows, {}, tolerance=0.5, reach=0.0)
    assert [link.no for link in found.links] == ["1", "5"]  # a parallel pipe of its own way stays
    assert Counter(f.kind for f in found.faults) == {"duplicate": 1, "zero_length": 2}


def test_a_pipe_without_diameter_is_counted_and_not_given_one() -> None:
    rows = pipes(
        {"no": "1", "ends": ("A", "B"), "line": [(0, 0), (50, 0)], "dn": None},
        {"no": "2", "ends": ("B", "C"), "line": [(50, 0), (90, 0)], "dn": 0},
    )
    found = assembled(rows, {}, tolerance=0.5, reach=0.0)
    assert [link.diameter for link in found.links] == [None, None]
    assert found.faults_of("no_diameter") == 2


def test_ends_without_number_meet_by_place_and_are_told() -> None:
    rows = pipes(
        {"no": "1", "ends": ("A", ""), "line": [(0, 0), (50, 0)]},
        {"no": "2", "ends": (None, "C"), "line": [(50.2, 0), (90, 0)]},
        {"no": "3", "ends": ("C", ""), "line": [(90, 0), (90, 50)]},
    )
    found = assembled(rows, {}, tolerance=0.5, reach=0.0)
    assert found.links[0].head == found.links[1].tail
    assert len(found.nodes) == 4
    assert found.faults_of("no_number") == 3


def test_ends_of_two_numbers_are_never_joined_only_told() -> None:
    rows = pipes(
        {"no": "1", "ends": ("A", "B"), "line": [(0, 0), (50, 0)]},
        {"no": "2", "ends": ("B2", "C"), "line": [(50.3, 0), (90, 0)]},
        {"no": "3", "ends": ("D", "E"), "line": [(20, 0.2), (20, 50)]},
    )
    found = assembled(rows, {}, tolerance=0.5, reach=0.0)
    assert len(found.nodes) == 6
    told = {(f.no, f.detail) for f in found.faults if f.kind == "loose_end"}
    assert told == {("B", "B2, 0.30 m"), ("D", "1, 0.20 m")}


def test_one_number_at_two_places_is_told() -> None:
    rows = pipes(
        {"no": "1", "ends": ("A", "B"), "line": [(0, 0), (50, 0)]},
        {"no": "2", "ends": ("B", "C"), "line": [(80, 0), (120, 0)]},
    )
    (fault,) = assembled(rows, {}, tolerance=0.5, reach=0.0).faults
    assert (fault.kind, fault.no, fault.detail) == ("two_places", "B", "30.00 m")


def test_what_stands_off_the_pipes_is_told_and_never_attached() -> None:
    far = (400, 400)
    told = kinds(
        pipes=ladder()["pipes"],
        valves=points({"point_no": "V", "at": (50, 0.6)}, {"point_no": "W", "at": (50, 0.4)}),
        hydrants=points({"point_no": "H", "at": far}),
        sources=points({"source_no": "S", "at": far, "source_kind": "水厂", "head": 1.0}),
        users=points({"user_no": "U", "at": far}, {"user_no": "W", "at": (50, 19)}),
    )
    assert told == {"valve_off": 1, "hydrant_off": 1, "source_off": 1, "user_off": 1}


def test_a_valve_far_from_what_its_record_names_shuts_nothing() -> None:
    """A crew would be sent to the place, and the answer rest on the name."""
    rows = ladder() | {
        "valves": points(
            {"point_no": "VX", "at": (-19, 100), "seg_id": "DE"},
            {"point_no": "VY", "at": (-21, 100), "seg_id": "DE"},
            {"point_no": "B", "at": (130, 0)},
        )
    }
    found = network(rows)
    assert [v.no for v in found.valves] == ["VX"]
    assert found.faults_of("valve_far") == 2
    assert "m" in next(f.detail for f in found.faults if f.no == "VY")


def test_a_valve_at_a_junction_shuts_nothing_unless_it_names_its_branch() -> None:
    rows = ladder() | {
        "valves": points(
            {"point_no": "D", "at": (0, 100)},
            {"point_no": "VX", "at": (0, 100), "seg_id": "DE"},
            {"point_no": "VY", "at": (0, 100), "seg_id": "CD、DA"},
            {"point_no": "B", "at": (100, 0)},
        )
    }
    found = network(rows)
    assert found.faults_of("valve_untold") == 1
    placed = {v.no: (found.links[v.at.link].no, v.at.fraction) for v in found.valves}
    assert placed == {
        "VX": ("DE", 0.0), "VY@CD": ("CD", 1.0), "VY@DA": ("DA", 0.0), "B": ("AB", 1.0),
    }  # fmt: skip


def test_a_pipe_drawn_in_pieces_and_turned_round_keeps_its_ends() -> None:
    rows = pipes({"no": "1", "ends": ("A", "B"), "line": [(0, 0), (50, 0)]})
    rows.loc[0, "geometry"] = rows.geometry[0].union(rows.geometry[0].parallel_offset(5))
    found = assembled(rows, {}, tolerance=0.5, reach=0.0)
    assert found.faults_of("broken_line") == 1


def test_every_fault_has_a_name_in_both_languages() -> None:
    assert all(zh and en.isascii() for zh, en in FAULTS.values())


@pytest.mark.parametrize(
    ("word", "turns"), [("是", True), ("否", False), ("锈死", False), ("", None), (None, None),
                        ("待查", None)],
)  # fmt: skip
def test_what_nobody_says_of_a_valve_is_unknown(word: str | None, turns: bool | None) -> None:
    assert operable(word) is turns


@given(st.text())
def test_no_word_makes_a_valve_both_open_and_closed(word: str) -> None:
    assert shut(word) in (True, False, None)
    assert shut("关") is True
    assert shut("开") is False
