"""A planner's way: may this be built here; drawn on the map, then out of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from tests.browser.flow import Flow
from tests.browser.forms import choose, row

pytestmark = [pytest.mark.browser, pytest.mark.db]

TOWN = (106.6436, 35.2196), (106.6456, 35.2196), (106.6456, 35.2212), (106.6436, 35.2212)
FIELDS = shapely.box(106.6402, 35.2158, 106.6426, 35.2176)  # on permanent farmland


def test_from_a_drawn_outline_and_a_file_to_a_verdict_by_clause_and_the_land_of_the_town(
    flow: Flow, tmp_path: Path
) -> None:
    viewer = flow.viewer
    choose(viewer, "planning.compliance")
    flow.over(106.6446, 35.2204, 700)
    flow.draw("project", *TOWN)
    flow.ask()
    assert flow.figure("verdict") == "待复核"
    assert abs(float(flow.figure("area").replace(",", "").split("m")[0]) - 32_300) < 1_500
    assert flow.figure("on_0").startswith("0")

    outline = tmp_path / "red_line.geojson"
    outline.write_text(json.dumps(shapely.geometry.mapping(FIELDS)))
    with flow.step("upload"):
        viewer.part("clear-result").click()
        row(viewer, "project").locator('[data-test="area-input"]').set_input_files(outline)
        viewer.part("area-found").wait_for()
    flow.ask()
    assert flow.figure("verdict") == "冲突"
    judged = viewer.part("table").first.inner_text()
    assert "第三十五条" in judged
    assert "不合格" in judged
    flow.picture("03-compliance")
    assert flow.print().read_bytes().startswith(b"%PDF")
    flow.follow("planning.land_statistics", "control")
    flow.ask()
    assert flow.number("total") == pytest.approx(718_030, abs=1)
    assert flow.figure("total_ha") == "71.8公顷"
    viewer.page.locator('[data-read="base.land_use"]').click()
    viewer.idle()
    assert viewer.state()["layers"]["base.land_use"]["shown"]
