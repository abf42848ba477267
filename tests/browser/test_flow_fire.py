"""A duty officer's way: smoke on a camera; where is it, where will it be, who gets there."""

from __future__ import annotations

import re

import pytest

from tests.browser.flow import Flow

pytestmark = [pytest.mark.browser, pytest.mark.db, pytest.mark.timeout(300)]

TOWER = (106.61581, 35.24156)
SMOKE = (106.62978, 35.23353)  # where azimuth 125, pitch -7 of that tower's camera meets the ground


def test_from_smoke_on_a_camera_to_crews_on_their_way_and_a_printed_sheet(flow: Flow) -> None:
    flow.question("forest_fire.locate")
    flow.set("camera", "LWT03-1")
    flow.over(*TOWER, 3000)
    flow.pick_feature("camera", *TOWER)
    assert flow.value("camera") == "LWT01-1"
    flow.set("azimuth", "125")
    flow.set("pitch", "-7")
    flow.ask()
    assert flow.number("lon") == pytest.approx(SMOKE[0], abs=2e-5)
    assert flow.number("lat") == pytest.approx(SMOKE[1], abs=2e-5)
    assert flow.number("long") == pytest.approx(110, abs=1)
    assert flow.number("short") == pytest.approx(19.9, abs=0.2)
    assert "95% 误差椭圆" in flow.legend()
    assert flow.names_at(*SMOKE)[:1] == ["火点"], "the camera has gone there"
    flow.viewer.part("back-to-result").click()
    flow.picture("05-locate")

    flow.follow("forest_fire.spread", "ignitions")
    flow.set("wind", "5")
    flow.set("wind_from", "290")
    flow.ask()
    hours = [flow.number(f"area_{hour}h") for hour in (1, 2, 3)]
    assert 5 < hours[0] < hours[1] < hours[2] < 800
    assert flow.number("exposed_buildings") == len(flow.rows("受影响对象")) > 10
    assert flow.number("exposed_people") > 100
    people = flow.rows("受影响对象")[0]
    assert 60 < float(people[-1]) < 180, "the fire takes more than an hour to the first house"
    flow.film_plays()
    flow.picture("07-spread")

    flow.follow("forest_fire.response", "fire")
    flow.ask()
    teams = flow.rows("队伍到达")
    assert len(teams) == 4
    assert flow.word("first") == teams[0][0]
    minutes = [float(team[1]) for team in teams]
    assert minutes == sorted(minutes)
    assert 15 < minutes[0] == flow.number("first_minutes") < 60
    assert re.search(rf"{teams[0][0]} [\d.]+ 分钟", flow.legend())
    shown = flow.viewer.ask("cim => cim.result()")["features"]
    assert shown >= 1 + 3 * len(teams), "the fire, and of each team its place, its way and its walk"
    flow.picture("05-response")
    sheet = flow.print().read_bytes()
    assert sheet.startswith(b"%PDF")
    assert len(sheet) > 50_000, "the map is on it"


def test_from_what_no_tower_sees_to_where_the_next_should_stand(flow: Flow) -> None:
    flow.example("forest_fire.coverage")
    flow.ask()
    seen, gap = flow.number("covered"), flow.number("gap")
    assert 90 < seen < 99
    assert gap == pytest.approx(flow.number("forest") * (1 - seen / 100), rel=0.01)
    assert "林区盲区" in flow.legend()
    flow.picture("06-coverage")
    flow.follow("forest_fire.siting", "centre")
    flow.ask()
    assert flow.word("optimality") == "已证明最优"
    assert flow.number("before") == seen
    assert flow.number("after") > seen + 1.5
    sites = flow.rows("推荐塔址")
    assert len(sites) == flow.number("chosen") == 2
    assert sum(float(site[1]) for site in sites) == pytest.approx(flow.number("added"), abs=0.002)
