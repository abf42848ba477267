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
