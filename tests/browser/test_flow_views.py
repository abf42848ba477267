"""A planner's way: does the new building take the school's sun, the valley's view."""

from __future__ import annotations

import pytest

from tests.browser.flow import Flow

pytestmark = [pytest.mark.browser, pytest.mark.db, pytest.mark.timeout(300)]

SCHOOL = (106.64684, 35.22066)
OBSERVER = (106.6480, 35.2168)


def test_whether_a_scheme_takes_the_schools_sun(flow: Flow) -> None:
    flow.question("planning.sunlight")
    flow.over(*SCHOOL, 500)
    flow.pick_point("building", *SCHOOL)
    flow.ask()
    assert flow.word("building") == "第一中学实验楼"
    windows, before = flow.number("windows"), flow.number("short")
    flow.set("scheme", "A")
    flow.ask()
    assert flow.number("windows") == windows > 100
    assert before < flow.number("short") < windows, "some windows lose their sun, not all"
    assert "方案 A" in flow.legend()
    assert flow.viewer.ask("cim => cim.result()")["features"] == windows + 1 + 3
    flow.picture("09-sunlight")

    flow.example("planning.shadow")
    flow.ask()
    flow.film_plays()

    flow.example("planning.compare_schemes")
    flow.ask()
    assert flow.number("height_a") == 54 > flow.number("height_b")
    assert flow.verdict("far_a") == "合格"
    assert [row[0] for row in flow.rows("方案对比")][:2] == ["用地面积", "建筑面积"]


def test_whether_a_scheme_takes_the_valleys_view(flow: Flow) -> None:
    flow.example("planning.view_corridor")
    flow.ask()
    tall = [row for row in flow.rows("廊道内建筑") if row[0] == "不合格"]
    assert [row[1:3] for row in tall] == [["A-2", "A"]], "of what stands there, nothing is too tall"
    assert float(tall[0][7]) == pytest.approx(flow.number("most_over"), abs=0.01)
    assert flow.number("blocks") > 20

    flow.example("planning.skyline")
    flow.ask()
    assert flow.number("raised") > 5
    assert flow.number("most_raised") > 1
    view = flow.viewer.state()["view"]
    assert (view["lon"], view["lat"]) == pytest.approx(OBSERVER, abs=1e-5), "one stands there"
    assert view["pitch"] > 0
    assert "现状天际线" in flow.legend()
    flow.picture("09-skyline")
