"""A duty officer's way: it has rained 60 mm; which sites, which houses, whom to call."""

from __future__ import annotations

import pytest

from tests.browser.flow import Flow

pytestmark = [pytest.mark.browser, pytest.mark.db, pytest.mark.timeout(300)]

STATION = (106.66694, 35.24182)


def test_from_the_rain_to_warned_sites_and_how_far_the_worst_would_go(flow: Flow) -> None:
    flow.question("geohazards.warning")
    flow.set("today", "60")
    flow.ask()
    levels = {n: flow.number(f"level_{n}") for n in range(5)}
    sites = flow.rows("隐患点预警")
    for level, word in ((4, "红色"), (3, "橙色"), (2, "黄色"), (1, "蓝色")):
        assert levels[level] == sum(site[2] == word for site in sites), word
    assert levels[3] > 0
    assert flow.number("unknown") == 3
    assert flow.number("households") == 227
    assert sites[0][2] == "橙色", "the worst comes first"
    assert {"橙色预警", "黄色预警", "蓝色预警", "撤离路线"} <= set(flow.legend().split("\n"))
    away = [site[10] for site in sites if site[2] in {"橙色", "黄色"}]
    assert all("避难" in shelter for shelter in away)
    flow.picture("08-warning")
    sheet = flow.print().read_bytes()
    assert sheet.startswith(b"%PDF")

    flow.follow("geohazards.runout", "release")
    flow.ask()
    assert flow.number("distance") > 100
    assert flow.number("drop") > 20
    assert flow.word("complete") == "是"


def test_from_a_station_that_moves_to_the_day_on_which_it_would_fail(flow: Flow) -> None:
    flow.question("geohazards.monitoring")
    flow.over(*STATION, 1500)
    flow.pick_feature("point", *STATION)
    flow.set("point", "GNSS03")
    flow.ask()
    assert flow.word("state").startswith("加速变形")
    low, day, high = (flow.word(f"failure{end}") for end in ("_low", "", "_high"))
    assert "2026-08-13" < low < day < high < "2026-08-28"
    assert flow.chart("逆速度").is_visible()
    flow.picture("08-monitoring")


def test_from_the_slopes_mapped_to_the_slopes_that_may_slide(flow: Flow) -> None:
    flow.example("geohazards.susceptibility")
    flow.ask()
    assert 0.8 < flow.number("auc_prediction") <= flow.number("auc_success") < 1
    assert flow.number("captured") > 60
    flow.example("geohazards.stability")
    flow.ask()
    dry, wet = flow.number("dry_unstable_share"), flow.number("unstable_share")
    assert dry < wet < 10
    assert "不稳定 FS<1.00" in flow.legend()
