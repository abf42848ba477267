"""Coverages made of heights on the page: they are seen when they are switched on."""

from __future__ import annotations

import io
import json
import re

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

from tests.browser.driver import new_viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LAYER, PHOTO = "base.satellite", "base.ortho"
PURPLE = (160, 20, 200)


def test_a_coarse_slope_lies_over_a_fine_photograph(chromium: Browser, city_url: str) -> None:
    """Whichever came first: ticked, it must show, though its cells are thirty times as wide."""
    viewer = new_viewer(chromium, city_url)

    def listed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for one in body["layers"]:
            if one["id"] == LAYER:
                one["published"]["media"]["product"] = "slope"
        route.fulfill(response=answer, body=json.dumps(body))

    def painted(route: Route) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (256, 256), PURPLE).save(buffer, "PNG")
        route.fulfill(status=200, content_type="image/png", body=buffer.getvalue())

    viewer.page.route(re.compile(r"/api/layers$"), listed)
    viewer.page.route(re.compile(rf"/tiles/{re.escape(LAYER)}/.*\.auto"), painted)
    viewer.open()
    west, south, east, north = viewer.layer(lambda layer: layer["id"] == PHOTO)["published"][
        "extent"
    ]
    shown = {
        layer["id"]: layer["kind"] == "terrain" or layer["id"] in (LAYER, PHOTO)
        for layer in viewer.get("api/layers")["layers"]
        if layer["published"]
    }
    viewer.show(shown)
    viewer.look((west + east) / 2, (south + north) / 2, 2200, 0, -90)
    middle = viewer.picture()[22:45, 60:100].reshape(-1, 3).mean(axis=0)
    assert middle[2] > 2 * middle[1]  # purple, and no field
    viewer.show({**shown, LAYER: False})
    photograph = viewer.picture()[22:45, 60:100].reshape(-1, 3).mean(axis=0)
    assert photograph[2] < 1.5 * photograph[1]
    viewer.page.close()
