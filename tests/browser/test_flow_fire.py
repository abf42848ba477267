"""A duty officer's way: smoke on a camera; where is it, where will it be, who gets there."""

from __future__ import annotations

import pytest

from tests.browser.flow import Flow

pytestmark = [pytest.mark.browser, pytest.mark.db]


def test_from_smoke_on_a_camera_to_crews_on_their_way_and_a_printed_sheet(flow: Flow) -> None:
    flow.example("forest_fire.locate")
    flow.ask()
    flow.picture("05-locate")
    flow.follow("forest_fire.spread", "ignitions")
    flow.ask()
    assert flow.viewer.part("film").is_visible()
    flow.picture("07-spread")
    flow.follow("forest_fire.response", "fire")
    assert "分钟" in flow.ask().inner_text()
    flow.picture("05-response")
    assert flow.print().read_bytes().startswith(b"%PDF")
