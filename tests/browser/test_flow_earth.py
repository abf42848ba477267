"""A planner's way: how much earth moves for this site; how far does the water reach."""

from __future__ import annotations

import pytest

from cim.geo.area import GRS80
from tests.browser.flow import Flow

pytestmark = [pytest.mark.browser, pytest.mark.db, pytest.mark.timeout(300)]

SITE = [(106.6430, 35.2262), (106.6452, 35.2262), (106.6452, 35.2276), (106.6430, 35.2276)]
RIVER = (106.6552, 35.2160)


def test_how_much_earth_moves_on_a_site_drawn_on_the_map(flow: Flow) -> None:
    flow.question("planning.cut_and_fill")
    flow.over(106.6441, 35.2269, 900)
    flow.draw("site", *SITE)
    flow.ask()
    lon, lat = zip(*SITE, strict=True)
    drawn = abs(GRS80.polygon_area_perimeter(lon, lat)[0])
    assert flow.number("area") == pytest.approx(drawn, rel=0.03)
    cut, fill = flow.number("cut"), flow.number("fill")
    assert cut == pytest.approx(fill, rel=0.02), "without a level, both balance"
    assert cut > 1000
    assert "挖 0.5–2 m" in flow.legend()
    level = flow.number("level")
    flow.set("level", f"{level - 1:.2f}")
    flow.ask()
    more = flow.number("cut") - flow.number("fill")
    assert more == pytest.approx(flow.number("area"), rel=0.03), "a metre lower: its area in earth"


def test_how_far_the_water_reaches_and_whom(flow: Flow) -> None:
    flow.question("planning.inundation")
    flow.over(*RIVER, 1500)
    flow.pick_point("source", *RIVER)
    flow.set("rise", "4")
    flow.set("range", "1200")
    flow.ask()
    level = flow.number("area"), flow.number("deepest")
    assert level[1] > 8, "still water stands deep where the valley falls"
    flow.set("fall", "4.5")
    flow.set("downstream", "80")
    flow.ask()
    low = flow.number("area"), flow.number("exposed_people")
    assert low[1] > 100
    assert flow.number("deepest") < level[1]
    assert flow.number("exposed_buildings") > 50
    assert len(flow.rows("受影响对象")) > 50
    flow.picture("10-inundation")
    assert flow.chart("水位—容积曲线").is_visible()
    flow.set("rise", "5")
    flow.ask()
    assert flow.number("area") > low[0]
    assert flow.number("exposed_people") > low[1]
