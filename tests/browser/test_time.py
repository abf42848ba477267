"""Versions of a layer in time: slider, play, keys, share link; and two of them side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser.driver import HEIGHT, WIDTH, Viewer, new_viewer
from tests.browser.past import LAYER, NOW, PAST, invent

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SOLIDS = ("base.oblique", "base.building_model", "base.point_cloud")


@pytest.fixture(scope="module")
def page_with_past(chromium: Browser, city_url: str) -> Iterator[Viewer]:
    viewer = new_viewer(chromium, city_url)
    invent(viewer)
    viewer.open()
    yield viewer
    viewer.page.close()


@pytest.fixture
def past(page_with_past: Viewer) -> Iterator[Viewer]:
    """Straight above the town, with nothing but its ground in sight."""
    viewer = page_with_past
    layers = viewer.get("api/layers")["layers"]
    for layer in layers:
        if layer["published"]:
            wanted = layer["kind"] in ("terrain", "imagery")
            viewer.ask("(cim, [id, on]) => cim.setLayer(id, on)", [layer["id"], wanted])
    above(viewer)
    yield viewer
    for name in ("swipe-end", "time-close"):
        if viewer.part(name).count():
            viewer.part(name).click()
    panel = viewer.page.locator('section[data-test="compare"]:visible')
    if panel.count():
        panel.locator(".panel-head .icon-button").click()
    viewer.ask("(cim, [id, v]) => cim.setVersion(id, v)", [LAYER, NOW])
    viewer.idle()
    assert viewer.complaints == []
    assert viewer.foreign == []
    assert viewer.ask("cim => cim.errors") == []


def above(viewer: Viewer) -> None:
    ortho = viewer.layer(lambda layer: layer["id"] == LAYER)
    west, south, east, north = ortho["published"]["extent"]
    viewer.look((west + east) / 2, (south + north) / 2, 2200, 0, -90)


def colour(viewer: Viewer, left: int, right: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean colour of a band of the globe between two columns of the page, below its middle."""
    across = slice(round(left / WIDTH * 160), round(right / WIDTH * 160))
    mean = viewer.picture()[22:45, across].reshape(-1, 3).mean(axis=0)
    return np.asarray(mean)


def is_like(viewer: Viewer, band: tuple[int, int], wanted: tuple[int, int, int]) -> bool:
    """Whether a band is of the hue of a colour (light changes its brightness)."""
    seen = colour(viewer, *band)
    return int(np.argmax(seen)) == int(np.argmax(wanted)) and bool(
        seen.max() > 2 * np.sort(seen)[1]
    )


LEFT, RIGHT = (180, 300), (340, 460)


def open_time(viewer: Viewer) -> None:
    viewer.part("open-layers").click()
    row = viewer.page.locator(f'[data-layer="{LAYER}"]')
    row.scroll_into_view_if_needed()
    row.locator('[data-test="open-time"]').click()
    viewer.part("open-layers").click()
    viewer.part("time").wait_for()
    viewer.page.locator('[data-test="time-scale"] [data-version]').nth(2).wait_for()


def test_only_layers_with_a_past_offer_it(past: Viewer) -> None:
    past.part("open-layers").click()
    offered = past.page.locator("[data-layer]").filter(has=past.part("open-time"))
    names = [row.get_attribute("data-layer") for row in offered.all()]
    several = {
        layer["id"]
        for layer in past.get("api/layers")["layers"]
        if layer["published"]
        and layer["kind"] != "vector"
        and (layer["published"]["version"] > 1 or layer["id"] == LAYER)
    }
    assert set(names) == several
    past.part("open-layers").click()


def test_the_scale_has_the_versions_at_their_true_distances(past: Viewer) -> None:
    open_time(past)
    marks = past.page.locator('[data-test="time-scale"] [data-version]')
    boxes = [mark.bounding_box() for mark in marks.all()]
    assert [mark.get_attribute("data-version") for mark in marks.all()] == ["1", "2", "3"]
    first, second, last = (box["x"] for box in boxes if box)
    published = past.layer(lambda layer: layer["id"] == LAYER)["published"]["at"]
    days = np.array([PAST[0][1], PAST[1][1], published[:10]], dtype="datetime64[D]")
    share = (days[1] - days[0]) / (days[2] - days[0])
    assert (second - first) / (last - first) == pytest.approx(float(share), abs=0.02)


def test_keys_walk_through_time_and_the_picture_follows(past: Viewer) -> None:
    open_time(past)
    assert not is_like(past, LEFT, PAST[1][2])
    scale = past.part("time-scale")
    scale.focus()
    past.page.keyboard.press("ArrowLeft")
    past.part("time-day").get_by_text(PAST[1][1]).wait_for()
    past.idle()
    assert is_like(past, LEFT, PAST[1][2])
    past.page.keyboard.press("Home")
    past.part("time-day").get_by_text(PAST[0][1]).wait_for()
    past.idle()
    assert is_like(past, LEFT, PAST[0][2])
    past.page.keyboard.press("End")
    past.page.wait_for_function(f"window.cim.state().layers['{LAYER}'].version === {NOW}")
    past.idle()
    assert not is_like(past, LEFT, PAST[0][2])
    assert not is_like(past, LEFT, PAST[1][2])


def test_a_click_on_the_scale_chooses_the_nearest(past: Viewer) -> None:
    open_time(past)
    box = past.part("time-scale").bounding_box()
    assert box is not None
    past.page.mouse.click(box["x"] + 6, box["y"] + 20)
    past.part("time-day").get_by_text(PAST[0][1]).wait_for()
    assert past.state()["layers"][LAYER]["version"] == 1


def test_play_goes_through_all_versions_until_it_is_stopped(past: Viewer) -> None:
    open_time(past)
    past.part("time-play").click()
    for _, day, _ in PAST:
        past.part("time-day").get_by_text(day).wait_for()
    past.part("time-play").click()
    stopped = past.state()["layers"][LAYER]["version"]
    past.page.wait_for_timeout(2500)
    assert past.state()["layers"][LAYER]["version"] == stopped


def test_the_share_link_keeps_version_and_comparison(
    past: Viewer, chromium: Browser, city_url: str
) -> None:
    past.ask("(cim, [id, v]) => cim.setVersion(id, v)", [LAYER, 1])
    sides = {"left": {"id": LAYER, "version": 1}, "right": {"id": LAYER, "version": 2}}
    past.ask("(cim, sides) => cim.compare(sides, 0.3)", sides)
    link = past.ask("cim => cim.link()")
    other = new_viewer(chromium, city_url)
    invent(other)
    other.open(link)
    state = other.state()
    assert state["layers"][LAYER]["version"] == 1
    assert state["swipe"] == {**sides, "position": pytest.approx(0.3)}
    other.page.close()


def test_two_versions_stand_left_and_right_of_a_line_that_can_be_dragged(past: Viewer) -> None:
    open_time(past)
    past.part("time-compare").click()
    past.part("swipe").wait_for()
    past.page.locator('section[data-test="compare"] .panel-head .icon-button').click()
    past.part("time-close").click()
    sides = {"left": {"id": LAYER, "version": 1}, "right": {"id": LAYER, "version": 2}}
    past.ask("(cim, sides) => cim.compare(sides)", sides)
    past.idle()
    assert PAST[0][1] in past.part("swipe-left").inner_text()
    assert PAST[1][1] in past.part("swipe-right").inner_text()
    assert is_like(past, LEFT, PAST[0][2])
    assert is_like(past, RIGHT, PAST[1][2])
    past.page.mouse.move(WIDTH / 2, HEIGHT / 2 - 60)
    past.page.mouse.down()
    past.page.mouse.move(120, HEIGHT / 2 - 60, steps=4)
    past.page.mouse.up()
    past.idle()
    assert past.state()["swipe"]["position"] == pytest.approx(120 / WIDTH, abs=0.02)
    assert is_like(past, LEFT, PAST[1][2])


def test_the_divider_listens_to_keys_and_escape_ends(past: Viewer) -> None:
    sides = {"left": {"id": LAYER, "version": 1}, "right": {"id": LAYER, "version": 2}}
    past.ask("(cim, sides) => cim.compare(sides, 0.5)", sides)
    grip = past.part("swipe-grip")
    grip.focus()
    past.page.keyboard.press("ArrowRight")
    assert past.state()["swipe"]["position"] == pytest.approx(0.52)
    past.page.keyboard.press("Shift+ArrowLeft")
    assert past.state()["swipe"]["position"] == pytest.approx(0.42)
    past.page.keyboard.press("End")
    past.idle()
    assert is_like(past, RIGHT, PAST[0][2])
    past.page.keyboard.press("Escape")
    assert past.state()["swipe"] is None
    past.idle()
    assert not is_like(past, RIGHT, PAST[0][2])
    assert past.part("swipe").count() == 0


def test_two_pictures_of_the_ground_are_compared_whichever_lies_above(past: Viewer) -> None:
    alone = {}
    for one, other in ((LAYER, "base.satellite"), ("base.satellite", LAYER)):
        past.show({one: True, other: False})
        alone[one] = past.picture()
    past.show({LAYER: True, "base.satellite": True})
    versions = {
        x["id"]: NOW if x["id"] == LAYER else x["published"]["version"]
        for x in past.get("api/layers")["layers"]
        if x["id"] in alone
    }
    for left, right in ((LAYER, "base.satellite"), ("base.satellite", LAYER)):
        sides = {
            "left": {"id": left, "version": versions[left]},
            "right": {"id": right, "version": versions[right]},
        }
        past.ask("(cim, sides) => cim.compare(sides, 0.5)", sides)
        past.page.mouse.move(5, 5)
        past.idle()
        seen = past.picture()
        for layer, columns in ((left, slice(45, 75)), (right, slice(85, 115))):
            difference = np.abs(seen - alone[layer])[25:45, columns].mean()
            other = right if layer == left else left
            wrong = np.abs(seen - alone[other])[25:45, columns].mean()
            assert difference < 4 < wrong, f"{layer} beside {other}"


def test_a_mesh_is_cut_at_the_line(past: Viewer) -> None:
    mesh = past.layer(lambda layer: layer["id"] == "base.oblique")
    cloud = past.layer(lambda layer: layer["kind"] == "points")
    west, south, east, north = mesh["published"]["extent"]
    past.look((west + east) / 2, (south + north) / 2, 1900, 0, -90)
    bare = past.picture()
    past.show({mesh["id"]: True, LAYER: False, "base.satellite": False})
    sides = {
        "left": {"id": mesh["id"], "version": mesh["published"]["version"]},
        "right": {"id": cloud["id"], "version": cloud["published"]["version"]},
    }
    past.ask("(cim, sides) => cim.compare(sides, 1)", sides)
    past.idle()
    whole = past.picture()[25:45, 65:95]
    past.part("swipe-grip").focus()
    past.page.keyboard.press("Home")
    past.idle()
    cut = past.picture()[25:45, 65:95]
    assert np.abs(whole - cut).mean() > 8
    assert bare.shape == (62, 160, 3)


def test_who_hides_a_side_ends_the_comparison(past: Viewer) -> None:
    sides = {"left": {"id": LAYER, "version": 1}, "right": {"id": LAYER, "version": 2}}
    past.ask("(cim, sides) => cim.compare(sides)", sides)
    past.ask("(cim, id) => cim.setLayer(id, false)", LAYER)
    assert past.state()["swipe"] is None
    assert past.part("swipe").count() == 0


def test_the_panel_chooses_the_sides(past: Viewer) -> None:
    past.part("open-compare").click()
    past.part("swipe").wait_for()
    state = past.state()["swipe"]
    assert state["left"] != state["right"]
    side = past.page.locator('[data-side="left"]')
    side.locator('[data-test="compare-layer"]').click()
    title = past.layer(lambda layer: layer["id"] == "base.satellite")["title"]
    past.page.locator(".el-select-dropdown:visible").get_by_text(title, exact=True).click()
    past.page.wait_for_function("window.cim.state().swipe.left.id === 'base.satellite'")
    assert title in past.part("swipe-left").inner_text()
