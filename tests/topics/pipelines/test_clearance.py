"""Clearances: on a street whose answers are known, against brute force, with bad records."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import NotFoundError, ParameterError
from cim.geo.laid import Records, lay
from cim.installation import Installation
from cim.topics.pipelines.analysis import encounters as near
from cim.topics.pipelines.analysis.clearance import Clearances, Town, clearances, to_buildings
from cim.topics.pipelines.analysis.rule_table import Rule, Side, Traits, judge, pressures
from cim.topics.pipelines.clearance import CLEARANCE
from cim.topics.pipelines.laying_rules import clearance_rules
from tests.topics.pipelines.beds import answer, degrees, figures, publish, segments, street

Floats = npt.NDArray[np.float64]
ROUND = frozenset({"sewage"})
RULE = Rule(one=Side(kinds=ROUND), other=Side(kinds=ROUND), limit=1.0, standard="test",
            evidence="cited", source="test")  # fmt: skip
ONE_KIND = judge([RULE], [Traits(kind="sewage")])


def town(a: Floats, b: Floats, radius: float | Floats = 0.2, nodes: Any = None) -> Town:
    """Straight pipes of one kind."""
    count = len(a)
    wide = np.full(count, 2.0) * radius
    laid = lay(Records(
        lines=[np.array([p[:2], q[:2]]) for p, q in zip(a, b, strict=True)],
        elevation=np.stack([a[:, 2], b[:, 2]], axis=1), depth=np.full((count, 2), np.nan),
        ground=np.full((count, 2), np.nan), part=["centre"] * count, outer=wide, inner=wide,
    ))  # fmt: skip
    ends = np.arange(2 * count).reshape(count, 2) if nodes is None else np.array(nodes)
    return Town(laid=laid, other_radius=laid.radius, classes=np.zeros(count, int), nodes=ends)


def pairs(found: Clearances) -> dict[tuple[int, int], float]:
    h = found.horizontal
    return {(int(i), int(j)): float(v) for i, j, v in zip(h.one, h.other, h.value, strict=True)}


coordinates = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 3))


@settings(max_examples=40)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=12))
def test_what_is_found_is_what_a_look_at_every_pair_finds(
    drawn: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    kept = [(p, q) for p, q in drawn if p[:2] != q[:2]]
    if len(kept) < 2:
        return
    a, b = (np.array([pair[k] for pair in kept], float) for k in (0, 1))
    found = clearances(town(a, b), ONE_KIND, ONE_KIND, 0.25)
    lines = shapely.linestrings(np.stack([a[:, :2], b[:, :2]], axis=1))
    expected, crossed = {}, set()
    for i in range(len(lines)):
        for j in range(i + 1, len(lines)):
            wall = shapely.distance(lines[i], lines[j]) - 0.4
            if shapely.intersects(lines[i], lines[j]):
                crossed.add((i, j))
            elif wall <= 1.25:
                expected[i, j] = wall
    assert set(zip(found.vertical.one.tolist(), found.vertical.other.tolist(), strict=True)) \
        == crossed  # fmt: skip
    assert found.beside == 0  # nobody has a neighbour
    assert pairs(found) == pytest.approx(expected)


def test_a_crossing_has_the_gap_between_bottom_and_top() -> None:
    a = np.array([[0.0, 0, 5], [5, -5, 6]])
    b = np.array([[10.0, 0, 5], [5, 5, 7]])
    found = clearances(town(a, b), ONE_KIND, ONE_KIND, 0.0).vertical
    assert found.value.tolist() == pytest.approx([1.5 - 0.4])
    assert found.near.tolist() == [[5, 0, 5]]
    assert found.far.tolist() == [[5, 0, 6.5]]


def test_pipes_one_upon_the_other_are_measured_where_they_are_nearest() -> None:
    a, b = np.array([[0.0, 0, 5], [2, 0, 7]]), np.array([[10.0, 0, 5], [8, 0, 6]])
    assert clearances(town(a, b), ONE_KIND, ONE_KIND, 0.0).vertical.value.tolist() \
        == pytest.approx([0.6])  # fmt: skip
    b[1, 2] = 4.0  # dives through
    assert clearances(town(a, b), ONE_KIND, ONE_KIND, 0.0).vertical.value.tolist() \
        == pytest.approx([-0.4])  # fmt: skip


def test_a_crossing_at_a_corner_counts_once_and_joined_pipes_not_at_all() -> None:
    laid = lay(Records(
        lines=[np.array([[0.0, 0], [5, 0], [10, 1]]), np.array([[5.0, -4], [5, 4]])],
        elevation=np.array([[1.0, 1], [3, 3]]), depth=np.full((2, 2), np.nan),
        ground=np.full((2, 2), np.nan), part=["centre"] * 2, outer=np.full(2, 0.4),
        inner=np.full(2, 0.4),
    ))  # fmt: skip
    bent = Town(laid=laid, other_radius=laid.radius, classes=np.zeros(2, int),
                nodes=np.array([[0, 1], [2, 3]]))  # fmt: skip
    assert len(clearances(bent, ONE_KIND, ONE_KIND, 0.0).vertical) == 1
    joined = Town(laid=laid, other_radius=laid.radius, classes=np.zeros(2, int),
                  nodes=np.array([[0, 1], [1, 3]]))  # fmt: skip
    found = clearances(joined, ONE_KIND, ONE_KIND, 5.0)
    assert (len(found.vertical), len(found.horizontal)) == (0, 0)


def test_the_neighbour_of_a_crossing_is_left_to_it_but_a_parallel_one_is_not() -> None:
    # 0-1 a straight main, jointed at x = 5.2; 2 crosses it at x = 5; 3 runs beside, joined to 2.
    a = np.array([[0, 0, 5], [5.2, 0, 5], [5, -5, 8], [5, 5, 8.0]])
    b = np.array([[5.2, 0, 5], [20, 0, 5], [5, 5, 8], [20, 1.0, 8]])
    found = clearances(town(a, b, nodes=[[0, 1], [1, 2], [3, 4], [4, 5]]), ONE_KIND, ONE_KIND, 0.0)
    assert [(i, j) for i, j in pairs(found)] == [(1, 3)]  # the one that runs beside
    assert found.beside == 1  # 1 and 2 come within 0.2 m of each other at the crossing of 0 and 2


def test_what_lacks_a_diameter_is_unknown_however_far_it_lies_within_reach() -> None:
    a, b = np.array([[0.0, 0, 5], [0, 1.5, 5]]), np.array([[9.0, 0, 5], [9, 1.5, 5]])
    found = clearances(town(a, b, np.array([0.2, np.nan])), ONE_KIND, ONE_KIND, 0.5).horizontal
    assert np.isnan(found.value).all()
    assert [found.VERDICTS[v].value for v in found.verdict] == ["UNKNOWN"]


def test_the_memory_of_a_heap_of_pipes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "MOST", 5000)
    a = np.zeros((400, 3)) + np.linspace(0, 1, 400)[:, None]
    with pytest.raises(ParameterError, match="pairs of pipes lie near each other → ask of a small"):
        clearances(town(a, a + np.array([1, 2, 0])), ONE_KIND, ONE_KIND, 0.5)


def test_a_house_is_measured_from_the_wall_and_a_pipe_below_it_is_negative() -> None:
    gas = Traits(kind="gas", dn=200, pressure=pressures("低压"))
    table = judge(clearance_rules("horizontal"), [gas, Traits(kind="building")])
    a, b = np.array([[0.0, 0, 5], [0, 8, 5]]), np.array([[9.0, 0, 5], [9, 8, 5]])
    houses = [shapely.box(2, 0.5, 4, 3), shapely.box(5, 7, 7, 9), shapely.box(0, 50, 1, 51)]
    found = to_buildings(town(a, b), houses, 1, table, 0.0)
    told = zip(found.one.tolist(), found.other.tolist(), strict=True)
    assert dict(zip(told, found.value, strict=True)) == pytest.approx({(0, 0): 0.3, (1, 1): -0.2})
    assert [found.VERDICTS[v].value for v in found.verdict] == ["NEEDS_REVIEW", "NEEDS_REVIEW"]


def by_pair(rows: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    return {(r["check"].split()[0], r["first"], r["second"]): r for r in rows}


@pytest.mark.db
def test_a_street_is_judged_row_by_row(installation: Installation, tmp_path: Path) -> None:
    publish(installation, tmp_path, street())
    result = answer(installation, CLEARANCE, tmp_path / "out", margin=0.3)
    rows = by_pair(result.tables[0].rows)
    kept = rows["水平净距", "给水 W1", "污水 S1"]
    assert kept["value"] == pytest.approx(2 / 1.0001874 - 0.35, abs=1e-3)
    assert (kept["limit"], kept["verdict"], kept["evidence"]) == (1.5, "PASS", "cited")
    assert kept["clause"] == "GB 50289-2016 4.1.9"
    short = rows["水平净距", "给水 W2", "污水 S2"]
    assert short["value"] == pytest.approx(1.15, abs=1e-3)
    assert short["margin"] == pytest.approx(-0.35, abs=1e-3)
    assert short["verdict"] == "FAIL"
    assert "exception possible" in short["note"]
    assert rows["水平净距", "污水 S2", "燃气 G2"]["verdict"] == "UNKNOWN"
    crossing = rows["垂直净距", "给水 W1", "燃气 G1"]
    assert crossing["value"] == pytest.approx(1398.4 - 0.2 - 1398.0, abs=1e-3)
    assert (crossing["limit"], crossing["verdict"]) == (0.15, "NEEDS_REVIEW")
    house = rows["与建筑净距", "污水 S1", "建筑 H1"]
    assert house["value"] == pytest.approx(2 - 0.2, abs=1e-3)
    assert house["verdict"] == "FAIL"
    said = figures(result)
    assert (said["no_diameter"], said["no_height"]) == (1, 1)
    assert said["horizontal_fail"] == 1
    assert all(f.evidence for f in result.summary if f.value is not None)
    assert {r["no"] for r in result.tables[1].rows} == {"W3", "W5"}
    with result.attachments[0].path.open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(result.tables[0].rows)
    assert "pipelines.heat_pipe" in result.provenance["missing_layers"]
    tubes = [f for f in (result.features or {})["features"] if "radius" in f["properties"]["style"]]
    assert {f["properties"]["style"]["radius"] for f in tubes} >= {0.15, 0.2}


@pytest.mark.db
def test_walls_by_the_table_leave_a_close_call_to_review(
    installation: Installation, tmp_path: Path
) -> None:
    frames = street()
    frames["pipelines.water_pipe"]["material"] = "球墨铸铁"  # 326 mm wide, 13 mm more on each side
    publish(installation, tmp_path, frames, dem=False)
    for walls in ("none", "table"):
        result = answer(installation, CLEARANCE, tmp_path / walls, walls=walls, margin=0.3)
        row = by_pair(result.tables[0].rows)["水平净距", "给水 W1", "污水 S1"]
        assert row["verdict"] == "PASS"
        assert row["value"] == pytest.approx(1.6496 - (0.013 if walls == "table" else 0), abs=1e-3)
    assert "base.dem" in result.provenance["missing_layers"]
    assert figures(result)["no_height"] == 2  # W4 tells a depth below a ground nobody knows


@pytest.mark.db
def test_areas_without_pipes_and_layers_that_are_none_are_refused(
    installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=r"pipelines\.water_pipe, .* is published"):
        answer(installation, CLEARANCE, tmp_path / "a")
    twice = segments([
        {"seg_id": "D", "line": [(0, 0), (9, 0)], "dn": 100, "start_elev": 1, "end_elev": 1},
        {"seg_id": "D", "line": [(0, 0), (9, 0)], "dn": 100, "start_elev": 1, "end_elev": 1},
        {"seg_id": "Z", "line": [(5, 5), (5, 5.0004)], "dn": 100},
    ])  # fmt: skip
    publish(installation, tmp_path, {"pipelines.water_pipe": twice,
                                     "base.building": street()["base.building"]},
            dem=False)  # fmt: skip
    said = figures(answer(installation, CLEARANCE, tmp_path / "b"))
    assert said["no_line"] == 1
    far = degrees((900, 900), (950, 900), (950, 950))
    with pytest.raises(ParameterError, match=r"no pipe of .* lies there → choose an area with"):
        answer(installation, CLEARANCE, tmp_path / "c", area=far)
    with pytest.raises(ParameterError, match="the area lies outside the city"):
        answer(installation, CLEARANCE, tmp_path / "d", area=[[0, 0], [1, 0], [1, 1]])
    with pytest.raises(ParameterError, match="crosses itself"):
        CLEARANCE.parse({"area": [[106.6, 35.2], [106.7, 35.3], [106.7, 35.2], [106.6, 35.25]]})
    with pytest.raises(ParameterError, match=r"base\.building is no layer of pipe segments"):
        answer(installation, CLEARANCE, tmp_path / "e", water="base.building")
