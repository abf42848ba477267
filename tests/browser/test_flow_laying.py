"""A pipe engineer's way: is it laid as the code demands, and what lies under this street."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.flow import Flow
from tests.browser.forms import choose, row
from tests.outside import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.db]

SURVEY = PROJECT / "data-samples" / "huating" / "survey" / "survey.xlsx"
ACROSS = (106.645363, 35.220501), (106.645444, 35.220710)  # a street
PIT = (106.64537, 35.22052), (106.64552, 35.22050), (106.64556, 35.22063), (106.64541, 35.22065)


def look_at_the_first(flow: Flow) -> list[float]:
    """Choose the first row of the first table; the place that is marked, degrees."""
    with flow.step("choose a row"):
        flow.viewer.part("table").first.locator("tbody tr").first.click()
        flow.viewer.idle()
    marked: list[float] = flow.viewer.ask("cim => cim.marked()")
    view = flow.viewer.state()["view"]
    assert np.hypot(view["lon"] - marked[0], view["lat"] - marked[1]) < 0.004
    assert flow.viewer.state()["underground"] is not None
    return marked


def red(flow: Flow, place: list[float]) -> float:
    """Share of what is seen around a place that is as red as what fails."""
    ground = flow.viewer.get("api/elevation", lon=place[0], lat=place[1])["ellipsoidal"]
    x, y = flow.viewer.ask("(cim, place) => cim.toPixel(...place)", [*place[:2], ground])
    clip = {"x": x - 50, "y": y - 50, "width": 100, "height": 100}
    seen = flow.viewer.page.screenshot(clip=clip)  # type: ignore[arg-type]
    shot = Image.open(io.BytesIO(seen))
    r, g, b = np.moveaxis(np.asarray(shot.convert("RGB"), dtype=np.float64), -1, 0)
    return float(((r > 140) & (r > g + 70) & (r > b + 70)).mean())


def test_from_the_code_to_each_finding_and_its_place_below_ground(flow: Flow) -> None:
    viewer = flow.viewer
    flow.example("pipelines.clearance")
    flow.ask()
    assert flow.figure("vertical_needs_review") == "36"
    assert flow.figure("horizontal_pass") == "161"
    first = viewer.part("table").first.locator("tbody tr").first.inner_text()
    assert "待复核" in first
    assert "GB 50289" in first
    look_at_the_first(flow)
    flow.picture("02-clearance")
    flow.example("pipelines.cover")
    flow.ask()
    assert flow.figure("fail") == "13"
    assert "不合格" in viewer.part("table").first.locator("tbody tr").first.inner_text()
    flow.example("pipelines.clash")
    flow.ask()
    assert flow.figure("clashes") == "34"
    assert red(flow, look_at_the_first(flow)) > 0.01
    flow.picture("02-clash")
    viewer.part("clear-result").click()
    assert viewer.state()["underground"] is None


def files(flow: Flow) -> dict[str, bytes]:
    """What the answer gives to take away, by the ending of the name."""
    found: dict[str, Any] = {}
    for link in flow.viewer.part("attachment").all():
        address = str(link.evaluate("link => link.href"))
        answer = flow.viewer.page.request.get(address)
        assert answer.ok, address
        found[address.rsplit(".", 1)[1]] = answer.body()
    return found


def test_from_a_line_across_the_street_to_its_section_and_its_drawings(flow: Flow) -> None:
    viewer = flow.viewer
    choose(viewer, "pipelines.cross_section")
    flow.over(106.6454, 35.2206, 90)
    flow.draw("line", *ACROSS)
    flow.ask()
    assert flow.figure("pipes") == "3"
    drawing = viewer.part("drawing").locator("img")
    assert drawing.evaluate("image => image.complete && image.naturalWidth > 100")
    drawings = files(flow)
    assert drawings["pdf"].startswith(b"%PDF")
    assert b"<svg" in drawings["svg"]
    assert b"ANSI_936" in drawings["dxf"]
    flow.picture("04-section")
    flow.example("pipelines.longitudinal_section")
    flow.ask()
    assert "‰" in viewer.part("result").inner_text()
    assert sorted(files(flow)) == ["dxf", "pdf", "svg"]


def test_from_an_outline_to_the_pit_with_bare_pipes_and_the_tubes_around_it(flow: Flow) -> None:
    viewer = flow.viewer
    choose(viewer, "pipelines.excavation")
    flow.over(106.64546, 35.22058, 90)
    flow.draw("outline", *PIT)
    depth = row(viewer, "depth").locator("input")
    depth.fill("2.5")
    depth.blur()
    flow.ask()
    assert int(flow.figure("bare_pipes")) >= 3
    assert float(flow.figure("volume").split("m")[0]) > 400
    assert viewer.ask("cim => cim.result().holes") == 1
    flow.sink()
    assert viewer.state()["layers"]["pipelines.pipe_tube"]["shown"]
    flow.picture("04-excavation")
    viewer.ask("cim => cim.underground(null)")
    assert not viewer.state()["layers"]["pipelines.pipe_tube"]["shown"]


def test_from_a_workbook_of_a_survey_to_its_faults(flow: Flow) -> None:
    viewer = flow.viewer
    choose(viewer, "pipelines.survey_check")
    with flow.step("upload"):
        row(viewer, "points").locator("input[type=file]").set_input_files(SURVEY)
        viewer.page.wait_for_function("!document.querySelector('[data-test=run]').disabled")
    flow.ask()
    assert flow.figure("findings") == "19"
    assert sorted(files(flow)) == ["csv", "xlsx"]
