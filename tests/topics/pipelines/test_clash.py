"""Clashes: against PostGIS, in cases whose answer is known, with bad records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.installation import Installation
from cim.topics.pipelines.analysis.clash import Clashes, clashes
from cim.topics.pipelines.clash import CLASH
from tests.golden.laying import make
from tests.topics.pipelines.beds import answer, figures, publish, segments
from tests.topics.pipelines.test_clearance import coordinates, town

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "laying" / "pairs.npz"


def pairs(found: Clashes) -> dict[tuple[int, int], float]:
    told = zip(found.one.tolist(), found.other.tolist(), found.value.tolist(), strict=True)
    return {(i, j): v for i, j, v in told}


def test_pairs_that_clash_are_those_that_postgis_finds_near_in_space() -> None:
    a, b = make.segments()
    radius = np.random.default_rng(2).uniform(0.05, 0.6, len(a))
    with np.load(GOLDEN) as kept:
        one, other = kept["one"].astype(int), kept["other"].astype(int)
        wall = kept["space"] - radius[one] - radius[other]
    found = pairs(clashes(town(a, b, radius), 0.1))
    told = zip(one.tolist(), other.tolist(), wall.tolist(), strict=True)
    expected = {(i, j): w for i, j, w in told if w <= 0.1}
    assert len(expected) > 20
    assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=8))
def test_whether_two_pipes_clash_does_not_depend_on_their_order_or_direction(
    drawn: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    kept = [(p, q) for p, q in drawn if p[:2] != q[:2]]
    if len(kept) < 2:
        return
    a, b = (np.array([pair[k] for pair in kept], float) for k in (0, 1))
    straight = pairs(clashes(town(a, b), 0.5))
    turned = pairs(clashes(town(b[::-1], a[::-1]), 0.5))
    last = len(a) - 1
    back = {(last - j, last - i): v for (i, j), v in turned.items()}
    assert straight == pytest.approx(back, abs=1e-6)


def test_the_overlap_of_crossing_pipes_is_that_of_their_radii() -> None:
    a = np.array([[0, 0, 5], [5, -5, 5.25], [0, 3, 5], [0, 3.5, 5.0]])
    b = np.array([[10, 0, 5], [5, -1e-9, 5.25], [10, 3, 5], [10, 3.5, 5.0]])
    found = clashes(town(a, b), 0.0)
    assert pairs(found) == pytest.approx({(0, 1): -0.15})
    assert found.near[0].tolist() == pytest.approx([5, 0, 5])
    assert pairs(clashes(town(a, b), 0.1)) == pytest.approx({(0, 1): -0.15, (2, 3): 0.1})


def test_joined_pipes_do_not_clash_but_one_recorded_twice_is_told() -> None:
    a = np.array([[0.0, 0, 5], [9, 0, 5], [9, 0, 5]])
    b = np.array([[9.0, 0, 5], [0, 0, 5], [20, 0, 5]])
    found = clashes(town(a, b, nodes=[[0, 1], [1, 0], [1, 2]]), 0.0)
    assert pairs(found) == pytest.approx({(0, 1): -0.4})
    assert found.twice.tolist() == [True]


def test_of_pipes_without_height_those_that_overlap_in_plan_are_unknown() -> None:
    a, b = np.array([[0, 0, np.nan], [5, -5, 1], [0, 9, 1]]), np.array(
        [[10, 0, np.nan], [5, 5, 1], [9, 9, 1]]
    )  # fmt: skip
    found = clashes(town(a, b), 0.0)
    assert (found.one.tolist(), found.other.tolist()) == ([0], [1])
    assert np.isnan(found.value).all()


@pytest.mark.db
def test_the_answer_lists_clashes_doubles_and_what_cannot_be_told(
    installation: Installation, tmp_path: Path
) -> None:
    level = {"start_elev": 1398.0, "end_elev": 1398.0, "dn": 400}
    pipes = segments([
        {"seg_id": "A", "from_no": "1", "to_no": "2", "line": [(0, 0), (50, 0)], **level},
        {"seg_id": "B", "from_no": "2", "to_no": "3", "line": [(50, 0), (50, 40)], **level},
        {"seg_id": "A2", "from_no": "1", "to_no": "2", "line": [(0, 0), (50, 0)], **level},
        {"seg_id": "C", "from_no": "4", "to_no": "5", "line": [(20, -9), (20, 9)], "dn": 200},
    ])  # fmt: skip
    gas = segments([{"seg_id": "G", "from_no": "1", "to_no": "2", "line": [(10, -9), (10, 9)],
                     "dn": 200, "start_elev": 1397.75, "end_elev": 1397.75}])  # fmt: skip
    publish(installation, tmp_path, {"pipelines.water_pipe": pipes, "pipelines.gas_pipe": gas},
            dem=False)  # fmt: skip
    result = answer(installation, CLASH, tmp_path / "out")
    said = figures(result)
    # The gas names points 1 and 2 too, but of another network: it clashes with both doubles of A.
    assert (said["clashes"], said["twice"], said["unknown"], said["near"]) == (2, 1, 2, 0)
    assert said["deepest"] == pytest.approx(0.2 + 0.1 - (1397.8 - 1397.65), abs=1e-3)
    kinds = {(r["first"], r["second"]): r["what"].split()[0] for r in result.tables[0].rows}
    assert kinds == {("A", "G"): "碰撞", ("A2", "G"): "碰撞", ("A", "A2"): "重复",
                     ("A", "C"): "无法判定", ("A2", "C"): "无法判定"}  # fmt: skip
    drawn = (result.features or {})["features"]
    assert {f["properties"]["style"]["radius"] for f in drawn} == {0.2, 0.1}
    assert all(f["properties"]["style"]["at_height"] for f in drawn)
