"""The whole city is there, is where it belongs, and nothing comes from elsewhere."""

from __future__ import annotations

import random

import numpy as np
import pytest
from playwright.sync_api import Route

from tests.browser.driver import Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_first_picture_is_no_blank(viewer: Viewer) -> None:
    colours = viewer.picture().reshape(-1, 3).astype(int) // 8
    kinds, counts = np.unique(colours, axis=0, return_counts=True)
    assert len(kinds) > 100
    assert counts.max() < 0.6 * len(colours)


def test_everything_visible_by_default_has_opened(viewer: Viewer) -> None:
    layers = viewer.get("api/layers")["layers"]
    wanted = {x["id"] for x in layers if x["published"] and x["style"]["visible"]}
    state = viewer.state()["layers"]
    assert {layer for layer, s in state.items() if s["shown"]} == wanted
    assert {state[layer]["status"] for layer in wanted} == {"on"}


def test_the_camera_looks_at_the_town(viewer: Viewer) -> None:
    mesh = viewer.layer(lambda layer: layer["id"] == "base.oblique")
    west, south, east, north = mesh["published"]["extent"]
    middle = [320, 200]
    spot = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", middle)["spot"]
    assert west <= spot["lon"] <= east
    assert south <= spot["lat"] <= north


def test_terrain_heights_are_those_of_the_model(viewer: Viewer) -> None:
    terrain = viewer.layer(lambda layer: layer["kind"] == "terrain")
    west, south, east, north = terrain["published"]["extent"]
    rng = random.Random(7)  # noqa: S311 (places, not secrets)
    inside = [(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)) for _ in range(24)]
    places = [(west + (east - west) * u, south + (north - south) * v) for u, v in inside]
    drawn = viewer.ask("(cim, places) => cim.sampleTerrain(places)", places)
    for (lon, lat), height in zip(places, drawn, strict=True):
        model = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
        assert height == pytest.approx(model, abs=0.5), f"at {lon:.5f}, {lat:.5f}"


@pytest.mark.parametrize("kind", ["mesh", "imagery"])
def test_hiding_a_layer_changes_the_picture_and_showing_it_brings_it_back(
    viewer: Viewer, kind: str
) -> None:
    layers = viewer.get("api/layers")["layers"]
    shown = [x for x in layers if x["published"] and x["style"]["visible"]]
    chosen = [layer["id"] for layer in shown if layer["kind"] == kind]
    if kind == "imagery":  # what the mesh covers shows no ground
        viewer.show({layer["id"]: False for layer in shown if layer["kind"] == "mesh"})
    whole = viewer.picture()
    viewer.show(dict.fromkeys(chosen, False))
    assert viewer.changed(whole) > 0.01  # from afar the mesh and the orthophoto are much alike
    viewer.show(dict.fromkeys(chosen, True))
    assert viewer.changed(whole) < 0.005


def test_vectors_are_drawn_on_mesh_and_terrain(viewer: Viewer) -> None:
    layer = viewer.layer(
        lambda layer: layer["geometry"] == "Polygon" and layer["style"]["height_field"]
    )
    viewer.show({layer["id"]: False})
    without = viewer.picture()
    viewer.show({layer["id"]: True})
    assert viewer.changed(without) > 0.01


def test_nothing_is_drawn_while_nothing_happens(viewer: Viewer) -> None:
    before = viewer.state()["frames"]
    viewer.page.wait_for_timeout(2000)
    assert viewer.state()["frames"] - before <= 4


def test_a_layer_that_cannot_be_read_says_so_and_the_rest_stays(fresh: Viewer) -> None:
    mesh = fresh.layer(lambda layer: layer["id"] == "base.oblique")

    def refuse(route: Route) -> None:
        route.fulfill(status=404, content_type="application/problem+json", body="{}")

    fresh.page.route(f"**/tiles/{mesh['id']}/**", refuse)
    fresh.open()
    states = fresh.state()["layers"]
    assert states.pop(mesh["id"])["status"] == "error"
    assert {s["status"] for s in states.values()} <= {"on", "off"}
    fresh.part("open-layers").click()
    row = fresh.page.locator(f'[data-layer="{mesh["id"]}"]')
    assert "404" in row.locator(".failed").inner_text()


def test_a_server_that_is_down_is_told_in_words(fresh: Viewer) -> None:
    fresh.page.route("**/api/layers", lambda route: route.abort())
    fresh.page.goto(f"{fresh.base}?quality=low")
    assert "连不上服务器" in fresh.part("failure").inner_text()
