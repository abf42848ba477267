"""Forms: lines and areas drawn on the map, dates, choices; what their results show."""

from __future__ import annotations

import pytest

from tests.browser.driver import Viewer
from tests.browser.forms import asked, choose, row, run_example

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# pixels of the map that no panel covers
CORNERS = [(60, 200), (140, 160), (220, 210)]


def draw(viewer: Viewer, corners: list[tuple[int, int]]) -> None:
    viewer.part("draw").click()
    for n, corner in enumerate(corners, start=1):
        viewer.page.mouse.click(*corner)
        viewer.page.get_by_text(f"{n} 个点").wait_for()


def hide_tree(viewer: Viewer) -> None:
    if viewer.part("layers").is_visible():
        viewer.part("open-layers").click()


def over_town(viewer: Viewer) -> None:
    """Look down on the terrain of the town."""
    hide_tree(viewer)
    west, south, east, north = viewer.layer(lambda x: x["id"] == "base.ortho")["published"][
        "extent"
    ]
    viewer.look((west + east) / 2, (south + north) / 2, 3500, 0, -90)


def test_a_line_is_drawn_by_clicks_and_ended_by_a_double_click(viewer: Viewer) -> None:
    over_town(viewer)
    choose(viewer, "terrain.profile")
    draw(viewer, CORNERS[:2])
    viewer.page.mouse.dblclick(*CORNERS[2])
    viewer.part("drawn").wait_for()
    assert "3 个点" in viewer.part("drawn").inner_text()  # the second click of the two adds none
    line = asked(viewer)["line"]
    assert len(line) == 3
    over_town(viewer)  # the camera has gone to the answer
    for (lon, lat), pixel in zip(line, CORNERS, strict=True):
        ground = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
        drawn = viewer.ask("(cim, place) => cim.toPixel(...place)", [lon, lat, ground])
        assert drawn == pytest.approx(pixel, abs=6)


def test_enter_ends_backspace_takes_back_and_escape_gives_up(viewer: Viewer) -> None:
    over_town(viewer)
    choose(viewer, "terrain.area")
    draw(viewer, CORNERS)
    viewer.page.keyboard.press("Backspace")
    viewer.page.get_by_text("2 个点").wait_for()
    viewer.page.keyboard.press("Enter")  # two corners are no area: drawing goes on
    assert viewer.part("draw-hint").is_visible()
    viewer.page.mouse.click(*CORNERS[2])
    viewer.page.keyboard.press("Enter")
    viewer.part("drawn").wait_for()
    before = viewer.part("drawn").inner_text()
    draw(viewer, CORNERS[:1])
    viewer.page.keyboard.press("Escape")
    viewer.part("drawn").wait_for()
    assert viewer.part("drawn").inner_text() == before


def test_what_is_drawn_stays_on_the_map_until_the_form_is_left(viewer: Viewer) -> None:
    over_town(viewer)
    choose(viewer, "terrain.area")
    empty = viewer.picture()[:, :70]
    draw(viewer, CORNERS)
    viewer.part("draw-finish").click()
    viewer.page.mouse.move(10, 340)
    viewer.idle()
    assert (abs(viewer.picture()[:, :70] - empty).max(axis=-1) > 12).mean() > 0.02
    viewer.page.locator('section[data-test="analysis"] .back').click()
    viewer.idle()
    assert (abs(viewer.picture()[:, :70] - empty).max(axis=-1) > 12).mean() < 0.01


def test_corners_may_be_typed(viewer: Viewer) -> None:
    choose(viewer, "terrain.profile")
    viewer.part("example").click()
    viewer.part("drawn").click()
    box = row(viewer, "line").locator("textarea")
    box.fill("106.645 35.218\n106.649，35.221")
    box.blur()
    assert "2 个点" in viewer.part("drawn").inner_text()
    assert asked(viewer)["line"] == [[106.645, 35.218], [106.649, 35.221]]


def test_choices_have_titles_in_both_languages(viewer: Viewer) -> None:
    choose(viewer, "terrain.profile")
    assert "地面 DEM" in row(viewer, "model").inner_text()
    viewer.part("advanced").locator("summary").click()
    terrain = viewer.layer(lambda layer: layer["id"] == "base.dem")
    assert terrain["title"] in row(viewer, "terrain").inner_text()
    viewer.part("language").click()
    assert "bare ground (DEM)" in row(viewer, "model").inner_text()
    assert terrain["title_en"] in row(viewer, "terrain").inner_text()
    viewer.part("language").click()


def test_a_day_is_picked_and_sent_as_such(viewer: Viewer) -> None:
    choose(viewer, "terrain.sunshine")
    viewer.part("example").click()
    box = row(viewer, "day").locator("input")
    assert box.input_value() == "2026-01-20"
    box.click()
    viewer.page.locator(".el-date-table td.available").get_by_text("22", exact=True).click()
    assert box.input_value() == "2026-01-22"
    assert asked(viewer)["day"] == "2026-01-22"


def test_a_number_that_may_be_missing_is_left_out_when_empty(viewer: Viewer) -> None:
    choose(viewer, "terrain.area")
    viewer.part("example").click()
    box = row(viewer, "level").locator("input")
    box.fill("")
    box.blur()
    sent = asked(viewer)
    assert "level" not in sent
    assert "土方" not in viewer.part("result").inner_text()


@pytest.mark.parametrize(
    "name",
    ["profile", "area", "line_of_sight", "skyline", "slopes", "sunshine", "catchment"],
)
def test_every_question_about_the_terrain_is_answered_from_its_form(
    viewer: Viewer, name: str
) -> None:
    declared = viewer.get(f"api/topics/terrain/{name}")
    result = run_example(viewer, f"terrain.{name}")
    answer = viewer.page.request.post(
        f"{viewer.base}api/topics/terrain/{name}", data=declared["example"]
    ).json()
    if viewer.part("unfold").is_visible():
        viewer.part("unfold").click()
    text = result.inner_text()
    for figure in answer["summary"]:
        assert figure["title"] in text
    assert result.locator('[data-test="chart"] canvas').count() == len(answer["series"] or [])
    unverified = [figure for figure in answer["summary"] if not figure["evidence"]]
    assert result.locator('[data-test="unverified"]').count() == len(unverified)


def test_the_cursor_on_a_profile_marks_its_place_on_the_map(viewer: Viewer) -> None:
    result = run_example(viewer, "terrain.profile")
    viewer.page.wait_for_timeout(1500)  # the flight to the line
    chart = result.locator('[data-test="chart"]')
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    assert viewer.ask("cim => cim.marked()") is None
    line = viewer.get("api/topics/terrain/profile")["example"]["line"]
    viewer.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 90)
    viewer.page.wait_for_function("window.cim.marked() !== null")
    lon, lat = viewer.ask("cim => cim.marked()")
    assert min(p[0] for p in line) - 1e-6 <= lon <= max(p[0] for p in line) + 1e-6
    assert min(p[1] for p in line) - 1e-6 <= lat <= max(p[1] for p in line) + 1e-6
    viewer.page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 90)
    viewer.page.wait_for_function("lon => window.cim.marked()[0] !== lon", arg=lon)
    viewer.page.mouse.move(100, 200)
    viewer.page.wait_for_function("window.cim.marked() === null")
