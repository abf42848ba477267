"""The shell: layer tree, language, share link, analyses."""

from __future__ import annotations

import pytest

from tests.browser.driver import Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

VIEWSHED = "forest_fire.viewshed"


def open_tree(viewer: Viewer) -> None:
    if not viewer.part("layers").is_visible():
        viewer.part("open-layers").click()


def close_tree(viewer: Viewer) -> None:
    if viewer.part("layers").is_visible():
        viewer.part("open-layers").click()


def test_the_tree_groups_all_layers_by_data_class(viewer: Viewer) -> None:
    open_tree(viewer)
    tree = viewer.part("layers")
    for layer in viewer.get("api/layers")["layers"]:
        assert tree.locator(f'[data-layer="{layer["id"]}"]').count() == 1
        assert tree.get_by_role("button", name=layer["data_class"]).count() == 1
    close_tree(viewer)


def test_the_search_box_of_the_tree_narrows_it(viewer: Viewer) -> None:
    open_tree(viewer)
    layers = viewer.get("api/layers")["layers"]
    sought = layers[-1]
    viewer.part("layer-search").fill(sought["id"])
    assert viewer.page.locator("[data-layer]").count() == 1
    viewer.part("layer-search").fill("")
    assert viewer.page.locator("[data-layer]").count() == len(layers)
    close_tree(viewer)


def test_a_checkbox_shows_and_hides_its_layer(viewer: Viewer) -> None:
    layer = viewer.layer(lambda layer: layer["id"] == "base.oblique")
    open_tree(viewer)
    box = viewer.page.locator(f'[data-layer="{layer["id"]}"] .el-checkbox')
    box.click()
    assert not viewer.state()["layers"][layer["id"]]["shown"]
    box.click()
    viewer.idle()
    state = viewer.state()["layers"][layer["id"]]
    assert {**state, "theme": None, "version": None} == {
        "shown": True, "opacity": 1, "status": "on", "theme": None, "version": None,
        "fitted": False,
    }  # fmt: skip
    close_tree(viewer)


def test_the_row_tells_owner_version_and_date(viewer: Viewer) -> None:
    layer = viewer.layer(lambda layer: layer["kind"] == "vector")
    open_tree(viewer)
    row = viewer.page.locator(f'[data-layer="{layer["id"]}"]')
    row.scroll_into_view_if_needed()
    row.locator(".title").click()
    text = row.inner_text()
    assert layer["id"] in text
    assert f"v{layer['published']['version']}" in text
    assert layer["owner"] in text
    row.locator(".title").click()
    close_tree(viewer)


def test_the_language_switch_changes_words_and_data_titles(viewer: Viewer) -> None:
    city = viewer.get("api/city")
    assert viewer.part("city").inner_text() == city["name"]
    viewer.part("language").click()
    assert viewer.part("city").inner_text() == city["name_en"]
    assert viewer.page.evaluate("document.documentElement.lang") == "en"
    open_tree(viewer)
    viewer.page.get_by_placeholder("Find a layer").wait_for()
    layer = viewer.layer(lambda layer: bool(layer["title_en"]))
    assert layer["title_en"] in viewer.page.locator(f'[data-layer="{layer["id"]}"]').inner_text()
    close_tree(viewer)
    viewer.part("language").click()
    assert viewer.page.evaluate("document.documentElement.lang") == "zh-CN"


def test_a_share_link_brings_back_camera_layers_opacity_and_language(
    viewer: Viewer, fresh: Viewer
) -> None:
    mesh = viewer.layer(lambda layer: layer["id"] == "base.oblique")
    imagery = viewer.layer(lambda layer: layer["kind"] == "imagery")
    viewer.show({mesh["id"]: False})
    viewer.ask("(cim, id) => cim.setOpacity(id, 0.4)", imagery["id"])
    before = viewer.state()
    viewer.part("language").click()
    viewer.part("open-share").click()
    link = viewer.part("link").input_value()
    viewer.ask("(cim, id) => cim.setOpacity(id, 1)", imagery["id"])
    fresh.open(link[link.index("#") :])
    after = fresh.state()
    assert after["layers"] == before["layers"]
    assert after["lang"] == "en"
    for key, tolerance in {
        "lon": 1e-5,
        "lat": 1e-5,
        "height": 0.2,
        "heading": 0.1,
        "pitch": 0.1,
    }.items():
        assert after["view"][key] == pytest.approx(before["view"][key], abs=tolerance)


def test_another_link_in_the_same_page_moves_the_camera(viewer: Viewer) -> None:
    view = viewer.state()["view"]
    lon = view["lon"] + 0.01
    viewer.page.evaluate(f"location.hash = 'c={lon},{view['lat']},{view['height']},90,-60'")
    viewer.page.wait_for_function("Math.abs(window.cim.state().view.heading - 90) < 0.1")
    after = viewer.state()
    assert after["view"]["lon"] == pytest.approx(lon, abs=1e-6)
    assert after["view"]["pitch"] == pytest.approx(-60, abs=0.1)
    viewer.idle()


def test_an_analysis_is_asked_by_its_form_and_drawn(viewer: Viewer) -> None:
    topic, name = VIEWSHED.split(".")
    declared = viewer.get(f"api/topics/{topic}/{name}")
    answer = viewer.page.request.post(
        f"{viewer.base}api/topics/{topic}/{name}", data=declared["example"]
    ).json()
    viewer.part("open-analysis").click()
    viewer.page.locator(f'[data-analysis="{VIEWSHED}"]').click()
    for parameter, schema in declared["parameters"]["properties"].items():
        row = viewer.page.locator(f'[data-parameter="{parameter}"]')
        assert schema["title"] in (row.text_content() or "")  # some are folded away
    viewer.part("example").click()
    viewer.part("run").click()
    viewer.part("result").wait_for()
    text = viewer.part("result").inner_text()
    for figure in answer["summary"]:
        assert figure["title"] in text
    viewer.page.wait_for_timeout(1500)  # the flight to the result
    viewer.idle()
    left = viewer.picture()[:, :68]  # left of the panel
    viewer.part("clear-result").click()
    viewer.idle()
    cleared = viewer.picture()[:, :68]
    assert (abs(left - cleared).max(axis=-1) > 12).mean() > 0.05
    assert viewer.part("result").count() == 0


def test_the_observer_is_taken_from_a_click_on_the_map(viewer: Viewer) -> None:
    viewer.part("open-analysis").click()
    choice = viewer.page.locator(f'[data-analysis="{VIEWSHED}"]')
    if choice.is_visible():
        choice.click()
    viewer.part("pick-point").click()
    viewer.page.mouse.click(120, 200)
    box = viewer.page.locator('[data-parameter="observer"] input').first
    viewer.page.wait_for_function(
        "document.querySelector('[data-parameter=observer] input').value !== ''"
    )
    west, _, east, _ = viewer.get("api/city")["bounds"]
    assert west < float(box.input_value()) < east


def test_a_refused_question_shows_reason_and_remedy(viewer: Viewer) -> None:
    viewer.part("open-analysis").click()
    choice = viewer.page.locator(f'[data-analysis="{VIEWSHED}"]')
    if choice.is_visible():
        choice.click()
    viewer.part("example").click()
    lon = viewer.page.locator('[data-parameter="observer"] input').first
    lon.fill("100")
    lon.blur()
    viewer.part("run").click()
    trouble = viewer.part("trouble")
    trouble.wait_for()
    assert "处理办法" in trouble.inner_text()
    refused = [c for c in viewer.complaints if "422" in c]
    assert refused  # the browser itself reports the refusal; that is all it may report
    viewer.complaints[:] = [c for c in viewer.complaints if "422" not in c]
