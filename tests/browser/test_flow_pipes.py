"""A duty officer's way: a main has burst; which valves, who is without water, what of the rest."""

from __future__ import annotations

import pytest

from tests.browser.flow import Flow
from tests.browser.forms import choose, row

pytestmark = [pytest.mark.browser, pytest.mark.db]

BURST = 106.648814, 35.218836  # on a main below a street


def valves(flow: Flow) -> list[str]:
    """Numbers of the valves to close, in their order."""
    table = flow.viewer.part("table").first
    texts = table.locator("tbody tr").all_inner_texts()
    return [text.split("\t")[2] for text in texts]


def test_from_a_click_on_the_burst_to_valves_users_and_the_pressures_of_the_day(
    flow: Flow,
) -> None:
    viewer = flow.viewer
    choose(viewer, "pipelines.burst_isolation")
    flow.over(*BURST, 400)
    with flow.step("click the burst"):
        row(viewer, "point").locator('[data-test="pick-point"]').click()
        flow.click(BURST)
    flow.ask()
    assert flow.figure("valves") == "4"
    assert [flow.figure(key) for key in ("users_inside", "users_beyond", "hydrants")] == [
        "7", "6", "4",
    ]  # fmt: skip
    first = valves(flow)
    assert len(first) == len(set(first)) == 4
    flow.picture("01-burst")
    with flow.step("a valve does not turn"):
        viewer.part("again").first.click()
        viewer.page.locator('[data-figure="failed"] strong', has_text="1").wait_for()
        viewer.idle()
    ring = valves(flow)
    assert first[0] not in ring
    assert row(viewer, "stuck").locator("input").input_value() == first[0]
    assert float(flow.figure("length").split()[0].rstrip("m")) > 183
    assert flow.print().read_bytes().startswith(b"%PDF")
    flow.follow("pipelines.hydraulics", "hours")
    flow.ask()
    assert flow.figure("nodes") == "303"
    moment = viewer.part("film-time").inner_text()
    viewer.part("film-scale").fill(str(7 * 3600))
    viewer.page.wait_for_function(
        "before => document.querySelector('[data-test=film-time]').innerText !== before",
        arg=moment,
    )
    assert viewer.part("film-time").inner_text() == "第 1 天 07:00"
    flow.picture("01-hydraulics")


def test_from_the_burst_up_to_the_source_of_its_water(flow: Flow) -> None:
    flow.example("pipelines.burst_isolation")
    flow.ask()
    flow.follow("pipelines.trace", "towards")
    flow.ask()
    assert flow.figure("segment") == "JSG00015"
    assert int(flow.figure("sources")) >= 1
    assert int(flow.figure("segments")) > 5
