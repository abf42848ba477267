"""Results: in space, below ground, over time, in tables, as files, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import close_panels
from tests.browser.driver import WIDTH, Viewer
from tests.browser.forms import row, run_example
from tests.browser.showcase import LAT, LON, STEP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def drawn(viewer: Viewer) -> float:
    """The result with everything in it, the tree out of the way; the ground there, ellipsoidal."""
    if viewer.part("layers").is_visible():
        viewer.part("open-layers").click()
    run_example(viewer, "showcase.drawn")
    viewer.page.wait_for_function("window.cim.result().film !== null")
    return float(viewer.get("api/elevation", lon=LON, lat=LAT)["ellipsoidal"])


def clear(viewer: Viewer) -> None:
    viewer.part("clear-result").click()
    viewer.page.wait_for_function("window.cim.result().film === null")


def above(
    viewer: Viewer, ground: float, lon: float = LON, lat: float = LAT, height: float = 160
) -> None:
    """Look straight down, the place where no panel covers the map."""
    shift = 0.00057 * height / 160
    viewer.look(lon + shift, lat, ground + height, 0, -90)


def pixel(viewer: Viewer, lon: float, lat: float, height: float) -> list[float]:
    found: list[float] = viewer.ask("(cim, place) => cim.toPixel(...place)", [lon, lat, height])
    return found


def picked(viewer: Viewer, at: list[float]) -> list[dict[str, Any]]:
    found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", at)
    return [one for one in (found or {"found": []})["found"] if one.get("origin") == "result"]


def test_a_click_tells_the_name_and_attributes_of_what_is_drawn(viewer: Viewer) -> None:
    ground = drawn(viewer)
    above(viewer, ground, LON - STEP, LAT - STEP)
    x, y = pixel(viewer, LON - STEP, LAT - STEP, ground + 24)
    assert x < WIDTH - 360
    viewer.page.mouse.click(x, y)
    viewer.part("inspect").wait_for()
    assert "方案体块" in viewer.part("inspect").inner_text()
    viewer.part("back-to-result").click()
    viewer.part("result").wait_for()
    clear(viewer)
    assert picked(viewer, [x, y]) == []


def test_hundreds_of_lines_are_drawn_at_once_and_each_is_told_by_a_click(viewer: Viewer) -> None:
    ground = drawn(viewer)
    above(viewer, ground, LON - 4 * STEP, LAT - 2 * STEP + 4 * STEP / 4)

    def pink() -> float:
        """Share of the free part of the map in the lines' colour."""
        red, green, blue = np.moveaxis(viewer.picture()[:, :70], -1, 0)
        return float(((red > green + 25) & (blue > green + 10)).mean())

    assert pink() < 0.002
    lines = row(viewer, "lines").locator("input").last
    lines.fill("200")
    lines.blur()
    viewer.part("run").click()
    viewer.page.wait_for_function("window.cim.result().features === 206")
    viewer.page.wait_for_timeout(1500)  # the flight to the result
    above(viewer, ground, LON - 4 * STEP, LAT - 2 * STEP + 4 * STEP / 4)
    assert pink() > 0.01
    lat = LAT - 2 * STEP + 4 * STEP * 50 / 200
    at = pixel(viewer, LON - 4 * STEP, lat, ground)
    names = [f["feature"]["properties"]["name"] for f in picked(viewer, at)]
    assert "网线 50" in names
    close_panels(viewer)
    viewer.part("open-analysis").click()
    clear(viewer)
    viewer.idle()
    assert pink() < 0.002
    assert picked(viewer, at) == []


def test_a_pit_is_cut_into_ground_and_mesh_until_the_result_is_cleared(viewer: Viewer) -> None:
    ground = drawn(viewer)
    above(viewer, ground)
    place = pixel(viewer, LON, LAT - STEP / 5, ground)

    def colour() -> list[int]:
        shot = viewer.picture()  # rows 62 from pixel 80 on, columns 160
        at = shot[int((place[1] - 80) / 250 * 62), int(place[0] / 640 * 160)]
        return [int(v) for v in at]

    floor = colour()
    assert viewer.ask("cim => cim.result().holes") == 1
    assert floor[0] > floor[2] + 20  # the floor's brown, not the river's green
    viewer.show({"base.oblique": False})
    assert max(abs(a - b) for a, b in zip(colour(), floor, strict=True)) < 12
    viewer.show({"base.oblique": True})
    assert max(abs(a - b) for a, b in zip(colour(), floor, strict=True)) < 12
    clear(viewer)
    viewer.idle()
    assert viewer.ask("cim => cim.result()") == {"features": 0, "holes": 0, "film": None}
    assert max(abs(a - b) for a, b in zip(colour(), floor, strict=True)) > 20


def test_a_pipe_below_ground_is_seen_and_picked_underground_only(viewer: Viewer) -> None:
    ground = drawn(viewer)
    east = LON + STEP
    above(viewer, ground, east)
    at = pixel(viewer, east, LAT, ground - 3.8 + 0.8)
    assert "污水管 DN800" not in [f["feature"]["properties"]["name"] for f in picked(viewer, at)]
    before = viewer.picture()
    close_panels(viewer)  # on so small a screen they hide the buttons
    viewer.part("underground").click()
    viewer.part("veil").wait_for()
    viewer.idle()
    assert viewer.state()["underground"] == pytest.approx(0.35)
    assert viewer.changed(before) > 0.05
    names = [f["feature"]["properties"]["name"] for f in picked(viewer, at)]
    assert names == ["污水管 DN800"]
    viewer.look(east, LAT - STEP, ground - 20, 0, 10)
    assert viewer.state()["view"]["height"] == pytest.approx(ground - 20, abs=1)
    close_panels(viewer)
    viewer.part("underground").click()
    viewer.idle()
    assert viewer.state()["underground"] is None
    assert viewer.state()["view"]["height"] > ground + 50
    assert not viewer.part("veil").is_visible()
    viewer.part("open-analysis").click()
    clear(viewer)


def test_a_film_plays_is_dragged_and_goes_with_its_result(viewer: Viewer) -> None:
    ground = drawn(viewer)
    above(viewer, ground, height=400)
    film = viewer.ask("cim => cim.result().film")
    assert film["seconds"] == 1800
    assert viewer.part("film-time").inner_text() == "2026-07-20 16:00"
    begin = viewer.picture()
    viewer.part("film-scale").evaluate(
        "(box) => { box.value = 1500; box.dispatchEvent(new Event('input')) }"
    )
    viewer.idle()
    assert viewer.part("film-time").inner_text() == "2026-07-20 16:25"
    assert viewer.changed(begin) > 0.01
    viewer.part("film-speed").select_option("600")
    viewer.part("film-play").click()
    viewer.page.wait_for_function("window.cim.result().film.at === 1800")
    viewer.page.wait_for_function("!window.cim.result().film.playing")
    viewer.part("film-play").click()
    viewer.page.wait_for_function("window.cim.result().film.at < 1500")
    viewer.part("film-play").click()
    clear(viewer)
    assert not viewer.part("film").is_visible()


def table(viewer: Viewer, title: str) -> Locator:
    return viewer.part("table").filter(has_text=title)


def test_a_row_leads_to_its_place_and_verdicts_are_words(viewer: Viewer) -> None:
    run_example(viewer, "showcase.everything")
    checked = table(viewer, "机位检查")
    assert "共 2 行" in checked.inner_text()
    assert checked.locator(".verdict").all_inner_texts() == ["合格", "不合格"]
    assert "甲井" in table(viewer, "水井").inner_text()
    viewer.ask("cim => cim.home()")
    checked.locator("tbody tr").nth(1).click()
    viewer.page.wait_for_function(
        "lon => Math.abs(window.cim.state().view.lon - lon) < 0.001", arg=LON + STEP
    )
    marked = viewer.ask("cim => cim.marked()")
    assert marked == pytest.approx([LON + STEP, LAT])
    viewer.part("language").click()
    assert table(viewer, "Cameras checked").locator(".verdict").all_inner_texts() == [
        "Pass", "Fail",
    ]  # fmt: skip
    viewer.part("language").click()


def test_files_and_the_report_are_saved_by_a_click(viewer: Viewer, tmp_path: Path) -> None:
    run_example(viewer, "showcase.everything")
    with viewer.page.expect_download() as download:
        viewer.part("attachment").click()
    download.value.save_as(tmp_path / "wells.csv")
    assert "甲井,12.5" in (tmp_path / "wells.csv").read_text("utf-8")
    with viewer.page.expect_download() as download:
        viewer.part("report").click()
    assert download.value.suggested_filename.startswith("showcase.everything-")
    download.value.save_as(tmp_path / "report.pdf")
    report = (tmp_path / "report.pdf").read_bytes()
    assert report.startswith(b"%PDF-")
    assert b"/Subtype/Image" in report.replace(b" ", b"")
