"""The network's questions on the sample city, over HTTP: known answers, and bad questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests import live

pytestmark = [pytest.mark.db, pytest.mark.timeout(600)]
BRIDGE = [106.648814, 35.218836]


def ask(name: str, **parameters: Any) -> dict[str, Any]:
    question = Request(  # noqa: S310
        f"{live.city()}/api/topics/pipelines/{name}", json.dumps(parameters).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    with urlopen(question, timeout=300) as answer:  # noqa: S310
        said: dict[str, Any] = json.load(answer)
    return said


def refused(name: str, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(HTTPError) as caught:
        ask(name, **parameters)
    assert 400 <= caught.value.code < 500
    said: dict[str, Any] = json.load(caught.value)
    return said


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    return {figure["key"]: figure["value"] for figure in answer["summary"]}


def verdicts(answer: dict[str, Any]) -> dict[str, Any]:
    return {figure["key"]: figure["verdict"] for figure in answer["summary"]}


def send(path: Path) -> str:
    request = Request(  # noqa: S310
        f"{live.city()}/api/uploads?name={quote(path.name)}", path.read_bytes(), method="POST"
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(json.load(answer)["id"])


def test_a_burst_before_the_bridge_cuts_off_the_village_beyond_it() -> None:
    answer = ask("burst_isolation", point=BRIDGE, hydraulics=False)
    found = figures(answer)
    assert (found["valves"], found["unconfirmed"], found["users_beyond"]) == (4, 1, 6)
    closings, others, users, hydrants = answer["tables"][:4]
    assert len(others["rows"]) == found["shut"] + found["failed"]
    assert [row["order"] for row in closings["rows"]] == [1, 2, 3, 4]
    fed = [row["supply"] for row in closings["rows"]]
    assert fed[:2] == sorted(fed[:2])
    assert fed[2:] == [None, None]
    assert len(users["rows"]) == found["users_inside"] + found["users_beyond"]
    assert len(hydrants["rows"]) == found["hydrants"] > 0
    assert "not for dispatch" in answer["provenance"]["applicability"]
    stuck = closings["rows"][0]["no"]
    again = closings["rows"][0]["again"]
    assert again == {"stuck": stuck}
    assert closings["again"]["title"] == "关不动"
    more = ask("burst_isolation", point=BRIDGE, hydraulics=False, **again)
    assert figures(more)["failed"] == 1
    both = more["tables"][0]["rows"][0]
    assert both["again"]["stuck"] == f"{stuck}, {both['no']}"
    assert [figure["key"] for figure in answer["summary"][:3]] == [
        "valves", "users_inside", "users_beyond",
    ]  # fmt: skip
    assert figures(more)["length"] > found["length"]
    assert stuck not in [row["no"] for row in more["tables"][0]["rows"]]


def test_a_burst_far_from_any_pipe_or_with_an_unknown_valve_is_refused() -> None:
    far = refused("burst_isolation", point=[106.60, 35.30])
    assert "no pipe lies within" in json.dumps(far)
    strange = refused("burst_isolation", point=BRIDGE, stuck="XX1")
    assert "XX1" in json.dumps(strange)
    assert "no rows" in json.dumps(refused("burst_isolation", point=BRIDGE, pipes="base.dem"))
    wrong = refused("burst_isolation", point=BRIDGE, pipes="base.road")
    assert "no layer of pipe segments" in json.dumps(wrong)


def test_a_burst_of_gas_says_that_nobody_knows_its_sources_and_users() -> None:
    answer = ask("burst_isolation", point=[106.6470, 35.2191], pipes="pipelines.gas_pipe")
    assert figures(answer)["valves"] > 0
    for key in ("users_beyond", "users_inside", "hydrants", "degraded"):
        assert figures(answer)[key] is None
        assert verdicts(answer)[key] == "UNKNOWN"


def test_pressures_play_over_the_day_and_the_lowest_come_first() -> None:
    answer = ask("hydraulics", hours=24, service_pressure=22.0)
    lowest = [row["lowest"] for row in answer["tables"][0]["rows"]]
    assert lowest == sorted(lowest)
    assert lowest[0] == pytest.approx(figures(answer)["lowest"], abs=0.01)
    assert answer["timeline"][0]["id"] == "document"
    assert len(answer["series"][0]["x"]["values"]) == 25
    assert verdicts(answer)["lowest"] == "NEEDS_REVIEW"
    assert "no source" in json.dumps(refused("hydraulics", pipes="pipelines.gas_pipe"))


def test_a_model_that_is_handed_in_is_solved_without_a_map(tmp_path: Path) -> None:
    path = tmp_path / "one.inp"
    path.write_text(
        "[JUNCTIONS]\n a 10 5\n[RESERVOIRS]\n s 50\n[PIPES]\n p s a 100 100 130 0 Open\n"
        "[OPTIONS]\n UNITS LPS\n HEADLOSS H-W\n[END]\n", "utf-8"
    )  # fmt: skip
    answer = ask("hydraulics", model=send(path), hours=0)
    loss = 10.667 * 100 * 0.005**1.852 / (130**1.852 * 0.1**4.871)
    assert figures(answer)["lowest"] == pytest.approx(40 - loss, abs=0.01)
    assert answer["timeline"] is None
    path.write_text("nothing of the kind", "utf-8")
    assert "can read" in json.dumps(refused("hydraulics", model=send(path)))


def test_sewers_lead_to_the_works_and_water_comes_from_a_source() -> None:
    down = ask("trace", point=[106.6483, 35.2230], pipes="pipelines.sewage_pipe", by="invert")
    assert figures(down)["ends"] == 1
    assert "users" not in figures(down)
    up = ask("trace", point=BRIDGE, by="simulated", towards="upstream")
    assert figures(up)["sources"] >= 1
    drawn = ask("trace", point=BRIDGE, by="drawn")
    assert figures(drawn)["segments"] > 300  # the survey says of every main that it flows both ways


def test_a_survey_in_metres_that_says_feet_is_refused_by_the_ground_below_it() -> None:
    answer = ask("survey_check", points="samples/survey/survey.xlsx")
    assert abs(figures(answer)["ground_offset"]) < 0.5
    assert {a["file"] for a in answer["attachments"]} == {"findings.csv", "findings.xlsx"}
    for attachment in answer["attachments"]:
        with urlopen(f"{live.city()}{attachment['url']}", timeout=60) as file:  # noqa: S310
            assert len(file.read()) > 1000
    feet = refused("survey_check", points="samples/survey/survey.xlsx", units="ft")
    assert "is in feet" in json.dumps(feet)
    two = ask("survey_check", points="samples/survey/points.csv", lines="samples/survey/lines.csv")
    assert figures(two)["findings"] == figures(answer)["findings"]
