"""Heights in the status bar, and the legends of coverages."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route

from tests.browser.driver import HEIGHT, WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LEGEND = [
    {"limit": 5, "color": "#2e7d32", "title": "≤5°", "title_en": "up to 5°"},
    {"limit": None, "color": "#8e24aa", "title": ">5°", "title_en": "over 5°"},
]


def test_the_status_bar_tells_ground_and_surface_of_a_resting_cursor(viewer: Viewer) -> None:
    mesh = viewer.layer(lambda layer: layer["id"] == "base.oblique")
    west, south, east, north = mesh["published"]["extent"]
    lon, lat = (west + east) / 2, (south + north) / 2
    known = viewer.get("api/elevation", lon=lon, lat=lat)
    viewer.look(lon, lat, known["ellipsoidal"] + 600, 0, -90)
    viewer.page.mouse.move(WIDTH // 2 + 3, HEIGHT // 2)
    viewer.page.mouse.move(WIDTH // 2, HEIGHT // 2)
    ground = viewer.part("ground")
    ground.wait_for()
    told = re.search(r"([\d.]+) m", ground.inner_text())
    assert told
    assert float(told[1]) == pytest.approx(known["height"], abs=3)
    assert ("未核实" in ground.inner_text()) == (known["accuracy"] is None)
    source = ground.get_attribute("title") or ""
    assert f"v{known['version']}" in source
    assert "分辨率" in source
    assert viewer.part("surface").count() == (known["surface"] is not None)


def test_a_coverage_shows_the_legend_it_was_painted_with(fresh: Viewer) -> None:
    def listed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for one in body["layers"]:
            if one["id"] == "base.satellite":
                one["published"]["media"]["legend"] = LEGEND
        route.fulfill(response=answer, body=json.dumps(body))

    fresh.page.route(re.compile(r"/api/layers$"), listed)
    fresh.open()
    fresh.show({"base.satellite": True})
    fresh.part("open-layers").click()
    row = fresh.page.locator('[data-layer="base.satellite"]')
    row.scroll_into_view_if_needed()
    assert row.locator('[data-test="media-legend"]').inner_text().split() == ["≤5°", ">5°"]
    row.locator('[data-test="layer-info"]').click()
    assert row.locator('[data-test="info-legend"] li').count() == len(LEGEND)
    fresh.part("language").click()
    assert "over 5°" in row.locator('[data-test="info-legend"]').inner_text()
