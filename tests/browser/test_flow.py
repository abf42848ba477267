"""A duty officer's way: smoke on a camera; where is it, where will it be, who gets there."""

from __future__ import annotations

import pytest

from tests.browser.driver import Viewer
from tests.browser.forms import run_example

pytestmark = [pytest.mark.browser, pytest.mark.db]


def ask(viewer: Viewer) -> None:
    viewer.part("run").click()
    viewer.part("result").wait_for()


def test_from_smoke_on_a_camera_to_crews_on_their_way_and_a_printed_sheet(viewer: Viewer) -> None:
    run_example(viewer, "forest_fire.locate")
    place = viewer.page.locator('[data-follow="forest_fire.spread"]')
    place.click()
    viewer.page.locator('[data-parameter="ignitions"]').wait_for()
    ask(viewer)
    assert viewer.part("film").is_visible()
    viewer.page.locator('[data-follow="forest_fire.response"]').click()
    viewer.page.locator('[data-parameter="fire"]').wait_for()
    ask(viewer)
    assert (
        "分钟" in viewer.part("result").inner_text() or "min" in viewer.part("result").inner_text()
    )
    with viewer.page.expect_download() as waited:
        viewer.part("report").click()
    assert waited.value.suggested_filename.endswith(".pdf")
    viewer.part("clear-result").click()
