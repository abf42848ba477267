"""What a person on duty would be misled by, asked of the sample city over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from cim.topics import analysis
from tests import live
from tests.topics.test_hostile import ask

pytestmark = [pytest.mark.db, pytest.mark.timeout(600)]
RIVER, SLOPE = [106.6480, 35.2165], [106.6290, 35.2335]


def said(name: str, **values: Any) -> dict[str, Any]:
    """The answer to an example with some other values."""
    status, answer = _asked(name, values)
    assert status == 200, answer
    return answer


def refused(name: str, **values: Any) -> str:
    """Why a question is refused; never without a remedy."""
    status, answer = _asked(name, values)
    assert status == 422, answer
    assert answer["remedy"]
    return str(answer["detail"])


def _asked(name: str, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    address = f"{live.city()}/api/topics/{name.replace('.', '/')}"
    return ask(address, {**analysis(name).example, **values})


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    """Value of each figure, by key."""
    return {f["key"]: f["value"] for f in answer["summary"]}


def verdicts(answer: dict[str, Any]) -> dict[str, Any]:
    """Verdict of each figure, by key."""
    return {f["key"]: f["verdict"] for f in answer["summary"]}


def table(answer: dict[str, Any], title: str) -> list[dict[str, Any]]:
    """Rows of a table, by its English title."""
    return next(t["rows"] for t in answer["tables"] if t["title_en"] == title)


def test_who_leaves_a_hillside_is_not_told_the_drive_alone() -> None:
    answer = said("forest_fire.response")
    (row, *_) = table(answer, "Ways out")
    assert row["walk"] > 15
    assert figures(answer)["way_out_minutes"] == row["minutes"] >= row["walk"] + row["drive"] - 0.2


def test_with_all_roads_closed_there_is_no_way_out_and_it_is_said() -> None:
    town = [[106.60, 35.20], [106.70, 35.20], [106.70, 35.26], [106.60, 35.26]]
    answer = said("forest_fire.response", closed=town)
    assert verdicts(answer)["way_out"] == "NEEDS_REVIEW"
    assert figures(answer)["way_out_minutes"] is None


def test_towers_beyond_the_radius_see_into_it() -> None:
    assert figures(said("forest_fire.coverage", centre=[106.60, 35.19], range=1500))["towers"] == 4


def test_two_cameras_of_one_tower_cross_nowhere() -> None:
    why = refused("forest_fire.locate", second="LWT01-2", second_azimuth=131)
    assert "one place" in why


def test_an_ignition_on_water_beside_one_on_grass_is_told() -> None:
    answer = said("forest_fire.spread", ignitions=[SLOPE, RIVER], hours=0.5, doubt=False)
    assert (figures(answer)["cold"], verdicts(answer)["cold"]) == (1, "UNKNOWN")
    assert "burns" in refused("forest_fire.spread", ignitions=[RIVER], hours=0.5, doubt=False)


def test_a_day_of_which_no_gauge_tells_is_refused_and_not_shown_as_calm() -> None:
    why = refused("geohazards.warning", day="2020-01-01", today=60)
    assert "gauges read from 2026" in why
    assert "no site's rain" in refused("geohazards.warning", day="2030-01-01", today=None)
    worst = said("geohazards.warning", day="2026-08-12", today=300)
    assert figures(worst)["level_4"] > 0


def test_sites_that_cannot_be_told_leave_the_threatened_unknown() -> None:
    answer = said("geohazards.warning")
    assert figures(answer)["unknown"] == 3
    assert verdicts(answer)["people"] == "UNKNOWN"
    assert verdicts(answer)["off_ground"] is None


def test_houses_on_the_sliding_ground_itself_are_in_its_way() -> None:
    """In the town's middle nothing leaves its place at 22 degrees; the houses there are hit."""
    block = [[106.6478, 35.2188], [106.6496, 35.2188], [106.6496, 35.2206], [106.6478, 35.2206]]
    answer = said("geohazards.runout", release=block, angle=22)
    assert str(figures(answer)["moves"]).startswith("否")
    assert figures(answer)["area"] == 0
    assert figures(answer)["exposed_buildings"] > 5


def test_schemes_are_compared_on_the_windows_of_those_who_stay() -> None:
    """Homes on the schemes' own parcels once counted as short now and as mended by the scheme."""
    answer = said("planning.compare_schemes")
    found = figures(answer)
    assert found["gone"] > 0
    for name in ("a", "b"):
        assert 0 <= found[f"new_{name}"] <= found[f"short_{name}"] <= found["windows"]
    layers = {given["layer"] for given in answer["provenance"]["inputs"]}
    assert layers == {"base.building", "planning.scheme", "planning.parcel"}


def test_land_of_a_level_that_does_not_exist_is_not_all_outside_every_area() -> None:
    assert "no areas of the level" in refused("planning.land_statistics", level="街道")


def test_without_the_earlier_map_the_change_is_unknown_and_a_wild_total_is_reviewed() -> None:
    answer = said("planning.land_statistics", before="no.such", control=1.0)
    assert (figures(answer)["changed"], verdicts(answer)["changed"]) == (None, "UNKNOWN")
    assert verdicts(answer)["adjusted"] == "NEEDS_REVIEW"
    assert answer["provenance"]["missing_layers"] == ["no.such"]
    assert verdicts(said("planning.land_statistics"))["adjusted"] is None


def test_a_level_flood_over_a_falling_valley_is_reviewed_and_an_open_one_is_not_complete() -> None:
    answer = said("planning.inundation", rise=4, fall=0, range=3000)
    assert verdicts(answer)["deepest"] == "NEEDS_REVIEW"
    assert verdicts(answer)["complete"] == "UNKNOWN"


def test_slides_are_learnt_from_slides_and_not_from_roads() -> None:
    for layer in ("base.road", "base.building"):
        assert "slide_id" in refused("geohazards.susceptibility", inventory=layer)


def test_a_bow_of_two_equal_halves_is_said_to_cross_itself() -> None:
    bow = [[106.64, 35.21], [106.65, 35.22], [106.65, 35.21], [106.64, 35.22]]
    for name, key in (("planning.compliance", "project"), ("geohazards.runout", "release")):
        assert "crosses itself" in refused(name, **{key: bow})


def test_where_a_tower_should_stand_and_what_is_seen_now_agree() -> None:
    place = {"centre": [106.60, 35.19], "range": 1500, "smoke": 20}
    seen = figures(said("forest_fire.coverage", **place))["covered"]
    assert seen > 0
    sited = figures(said("forest_fire.siting", **place, summits=5, count=1))
    assert sited["before"] == pytest.approx(seen)
