"""The sample city's own past on the page: the orthophoto of 2021 beside the one of 2024."""

from __future__ import annotations

import pytest

from tests.browser.driver import Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LAYER = "base.ortho"
BLOCK = (106.649631, 35.223490)  # the middle of the block of towers that was a field in 2021


def test_a_field_of_2021_lies_where_towers_stand_now(viewer: Viewer) -> None:
    versions = {
        one["date"]: one["version"] for one in viewer.get(f"api/layers/{LAYER}")["versions"]
    }
    published = viewer.layer(lambda layer: layer["id"] == LAYER)["published"]
    assert published["version"] == versions["2024-05-18"]
    shown = {
        layer["id"]: layer["kind"] == "terrain" or layer["id"] == LAYER
        for layer in viewer.get("api/layers")["layers"]
        if layer["published"]
    }
    viewer.show(shown)
    viewer.look(*BLOCK, 1900, 0, -90)
    towers = viewer.picture()
    viewer.ask("(cim, [id, v]) => cim.setVersion(id, v)", [LAYER, versions["2021-04-25"]])
    viewer.idle()
    field = viewer.picture()
    middle = (slice(20, 42), slice(65, 95))
    green = [picture[middle][..., 1] - picture[middle][..., 2] for picture in (towers, field)]
    assert green[1].mean() > green[0].mean() + 15  # fields are green and yellow, roofs are grey
    assert viewer.changed(towers) < 0.5  # the rest of the town is the same
    viewer.ask("(cim, [id, v]) => cim.setVersion(id, v)", [LAYER, published["version"]])
    viewer.idle()
    assert viewer.changed(towers) < 0.02
