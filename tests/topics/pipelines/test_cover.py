"""Cover: on a slope whose cover is known, below a street, with bad records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.installation import Installation
from cim.topic import Result, Verdict
from cim.topics.pipelines.analysis.cover import (
    ELSEWHERE,
    ROADWAY,
    UNTOLD,
    Asked,
    Stations,
    ground_along,
    shallowest,
)
from cim.topics.pipelines.analysis.rule_table import Traits
from cim.topics.pipelines.cover import COVER
from cim.topics.pipelines.laying_rules import cover_rules
from tests.topics.pipelines.beds import SLOPE, answer, figures, ground, publish, street

ROWS = [Asked(of=r.of, roadway=r.rule(on_roadway=True), elsewhere=r.rule(on_roadway=False))
        for r in cover_rules()]  # fmt: skip
heights = st.floats(-5, 5)


def stations(cover: list[float], surface: list[int]) -> Stations:
    values = np.array(cover)
    return Stations(at=np.zeros((len(values), 3)), pipe=np.zeros(len(values), int), cover=values,
                    other=values, surface=np.array(surface))  # fmt: skip


def judged(kind: str, cover: list[float], surface: list[int]) -> dict[tuple[int, str], Verdict]:
    found = shallowest(stations(cover, surface), [Traits(kind=kind)], np.zeros(1, int), ROWS)
    return {(s.surface, s.rule.standard.split()[0]): s.verdict for s in found}


def test_a_drain_is_held_against_the_checked_row_and_the_unchecked_one() -> None:
    said = judged("sewage", [0.65, 0.9, 0.65, 0.8], [ROADWAY, ROADWAY, ELSEWHERE, ELSEWHERE])
    assert said == {
        (ROADWAY, "GB"): Verdict.NEEDS_REVIEW, (ELSEWHERE, "GB"): Verdict.NEEDS_REVIEW,
    }  # fmt: skip
    whole = shallowest(
        stations([0.65, 0.65], [ROADWAY, ELSEWHERE]), [Traits(kind="rain")], np.zeros(1, int), ROWS
    )
    cited = {s.surface: s.verdict for s in whole if s.rule.evidence == "cited"}
    assert cited == {ROADWAY: Verdict.FAIL, ELSEWHERE: Verdict.PASS}
    assert all(s.rule.advice for s in whole if s.rule.evidence == "cited")


def test_what_is_not_known_is_unknown_beside_what_is() -> None:
    found = shallowest(stations([np.nan, 0.1, 9.0], [ELSEWHERE, ELSEWHERE, UNTOLD]),
                       [Traits(kind="sewage")], np.zeros(1, int), ROWS)  # fmt: skip
    cited = [s for s in found if s.rule.evidence == "cited"]
    assert [(s.surface, s.verdict) for s in cited] == [
        (ELSEWHERE, Verdict.UNKNOWN), (ELSEWHERE, Verdict.FAIL), (UNTOLD, Verdict.UNKNOWN),
    ]  # fmt: skip
    cable = shallowest(stations([5.0], [ELSEWHERE]), [Traits(kind="power")], np.zeros(1, int), ROWS)
    assert {s.verdict for s in cable} == {Verdict.UNKNOWN}  # laid direct or in ducts?


@given(st.lists(st.tuples(heights, st.sampled_from([ELSEWHERE, ROADWAY])), min_size=1))
def test_the_least_of_each_surface_is_told_and_nothing_unverified_passes(
    given_: list[tuple[float, int]],
) -> None:
    cover, surface = [v for v, _ in given_], [s for _, s in given_]
    found = shallowest(
        stations(cover, surface), [Traits(kind="water")], np.zeros(1, int), ROWS
    )  # fmt: skip
    for s in found:
        assert s.value == min(v for v, other in given_ if other == s.surface)
        assert s.verdict is Verdict.NEEDS_REVIEW
    assert {s.surface for s in found} == set(surface)


@given(heights, heights, heights, heights, st.floats(0, 1))
def test_the_model_is_led_to_what_was_surveyed_at_both_ends(
    left: float, right: float, model_left: float, model_right: float, share: float
) -> None:
    ends, model = np.array([[left, right]] * 3), np.array([[model_left, model_right]] * 3)
    at = np.array([0.0, share, 1.0])
    along = model[:, 0] + at * (model_right - model_left)
    led = ground_along(along, ends, model, at)
    assert led.tolist() == pytest.approx([left, left + share * (right - left), right], abs=1e-9)
    hidden = ground_along(np.full(3, np.nan), ends, model, at)
    assert hidden.tolist() == pytest.approx(led.tolist(), abs=1e-9)
    alone = ground_along(along, np.full((3, 2), np.nan), model, at)
    assert alone.tolist() == pytest.approx(along.tolist(), abs=1e-9)


def rows(result: Result, no: str) -> list[dict[str, object]]:
    return [dict(r) for r in result.tables[0].rows if r["no"] == no]


@pytest.mark.db
def test_a_slope_has_the_cover_that_geometry_says(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street())
    result = answer(installation, COVER, tmp_path / "out", frost=5.0, step=2.0)
    # W1 lies level at 1398 below ground that rises eastwards: shallowest at its west end.
    (water,) = rows(result, "W1")
    assert water["value"] == pytest.approx(2.0, abs=2e-3)
    assert water["surface"] == "车行道下 below a carriageway"  # within 3.5 m of the road's axis
    assert (water["limit"], water["verdict"]) == (0.7, "NEEDS_REVIEW")
    # W4 lies 1.5 m deep by record, top as the ground of the DEM falls.
    elsewhere, untold = sorted(rows(result, "W4"), key=lambda r: str(r["surface"]), reverse=True)
    assert elsewhere["value"] == untold["value"] == pytest.approx(1.5, abs=5e-3)
    assert {str(untold["verdict"]), str(elsewhere["verdict"])} == {"UNKNOWN", "NEEDS_REVIEW"}
    # S1: the manholes' ground goes before the DEM's; top is invert plus diameter.
    frost = next(r for r in rows(result, "S1") if "5.3.8" in str(r["clause"]))
    assert frost["value"] == pytest.approx(1400.05 - 1396.6 - 0.4, abs=1e-3)
    assert (frost["verdict"], frost["limit"]) == ("FAIL", 5.0)
    assert "advice" in str(frost["note"])
    said = figures(result)
    assert said["least_cover"] == pytest.approx(1.5, abs=5e-3)
    assert said["no_height"] == 1
    assert sum(v or 0 for v in result.series[0].y[0].values) > 100
    assert ground(60) - ground(0) == pytest.approx(60 * SLOPE)


@pytest.mark.db
def test_without_roads_nobody_can_tell_the_surface(
    installation: Installation, tmp_path: Path
) -> None:
    frames = street()
    del frames["base.road"]
    publish(installation, tmp_path, frames, dem=False)
    result = answer(installation, COVER, tmp_path / "out")
    assert {r["verdict"] for r in result.tables[0].rows} == {"UNKNOWN"}
    assert figures(result)["pass"] == 0
    assert result.provenance["roads"] is None
