"""Forms: several places, files, areas out of files, moments, tables, folded parameters."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from tests.browser.driver import Viewer
from tests.browser.forms import asked, choose, row
from tests.browser.showcase import LAT, LON, STEP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
FORM = "showcase.everything"


def filled(viewer: Viewer) -> None:
    """The form with its example, looked at from above without the tree."""
    if viewer.part("layers").is_visible():
        viewer.part("open-layers").click()
    choose(viewer, FORM)
    viewer.part("example").click()
    viewer.look(LON, LAT, 3500, 0, -90)


def test_several_places_are_clicked_one_after_the_other(viewer: Viewer) -> None:
    filled(viewer)
    cameras = row(viewer, "cameras")
    cameras.locator('[data-test="pick-points"]').click()
    for n, (x, y) in enumerate([(60, 200), (140, 160)], start=3):
        viewer.page.mouse.click(x, y)
        cameras.get_by_text(f"{n} 个点").wait_for()
    viewer.page.mouse.click(220, 210)
    cameras.get_by_text("5 个点").wait_for()
    cameras.locator('[data-test="points-undo"]').click()
    cameras.locator('[data-test="pick-points"]').click()
    sent = asked(viewer)["cameras"]
    assert len(sent) == 4
    assert sent[:2] == [[LON, LAT], [LON + STEP, LAT]]
    assert sent[2][0] < sent[3][0]


def test_a_chosen_file_is_sent_and_named_by_its_id(viewer: Viewer, tmp_path: Path) -> None:
    filled(viewer)
    (tmp_path / "调查.csv").write_text("a,b\n1,2\n")
    survey = row(viewer, "survey")
    survey.locator('[data-test="file-input"]').set_input_files(tmp_path / "调查.csv")
    survey.get_by_text("调查.csv").wait_for()
    assert asked(viewer)["survey"].endswith("/调查.csv")
    assert "8" in viewer.part("result").inner_text()
    survey.locator('[data-test="file-remove"]').click()
    assert "survey" not in asked(viewer)


def test_an_area_comes_out_of_a_file_once_its_crs_is_known(viewer: Viewer, tmp_path: Path) -> None:
    filled(viewer)
    shape = shapely.box(LON, LAT, LON + STEP, LAT + STEP)
    gpd.GeoSeries([shape], crs=4490).to_crs(4545).to_file(tmp_path / "plan.shp")
    with zipfile.ZipFile(tmp_path / "plan.zip", "w") as archive:
        for part in tmp_path.glob("plan.*"):
            if part.suffix in {".shp", ".shx", ".dbf"}:
                archive.write(part, part.name)
    area = row(viewer, "area")
    area.locator('[data-test="area-input"]').set_input_files(tmp_path / "plan.zip")
    area.locator('[data-test="area-refused"]').wait_for()
    assert "coordinate reference system" in area.inner_text()
    viewer.complaints.clear()  # the refusal is a 422, and that is right
    area.locator('[data-test="area-crs"]').fill("EPSG:4545")
    area.locator("form button").click()
    area.locator('[data-test="area-found"]').wait_for()
    sent = asked(viewer)["area"]
    assert sent["type"] == "MultiPolygon"
    assert shapely.geometry.shape(sent).distance(shape) < 1e-9


def test_rows_of_a_spreadsheet_are_pasted_into_a_table(viewer: Viewer) -> None:
    filled(viewer)
    wells = row(viewer, "wells")
    wells.locator('[data-test="paste"]').evaluate(
        """(box, text) => {
          const data = new DataTransfer()
          data.setData('text/plain', text)
          box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true,
                                                          cancelable: true }))
        }""",
        "乙井\t1,003.5\r\n丙井\t7\r\n",
    )
    wells.get_by_label("井名 3").wait_for()
    rates = row(viewer, "rates")
    rates.locator('[data-test="add-row"]').click()
    rates.get_by_label("系数 3").fill("4")
    rates.get_by_label("系数 3").blur()
    sent = asked(viewer)
    assert sent["wells"] == [
        {"name": "甲井", "depth": 12.5},
        {"name": "乙井", "depth": 1003.5},
        {"name": "丙井", "depth": 7},
    ]
    assert sent["rates"] == [1, 2.5, 4]


def test_a_moment_is_picked_in_the_citys_time(viewer: Viewer) -> None:
    filled(viewer)
    box = row(viewer, "moment").locator("input")
    assert box.input_value() == "2026-07-20 08:00:00"
    box.fill("2026-07-21 09:30:00")
    box.press("Enter")
    assert asked(viewer)["moment"] == "2026-07-21T09:30:00+08:00"


def test_what_is_rarely_needed_is_folded_away(viewer: Viewer) -> None:
    filled(viewer)
    assert not row(viewer, "factor").is_visible()
    viewer.part("advanced").locator("summary").click()
    assert row(viewer, "factor").is_visible()
    assert "快速" in row(viewer, "method").inner_text()
    assert asked(viewer)["factor"] == 1.5


def test_analyses_are_found_by_words_and_folded_by_topic(viewer: Viewer) -> None:
    viewer.part("open-analysis").click()
    find, back = viewer.part("find-analysis"), viewer.page.locator("section .back")
    find.or_(back).first.wait_for()
    if back.is_visible():
        back.click()
    topic = viewer.page.locator('[data-topic="showcase"]')
    topic.locator("summary").click()
    choice = viewer.page.locator(f'[data-analysis="{FORM}"]')
    choice.wait_for(state="hidden")
    viewer.part("find-analysis").fill("everything FORM")
    choice.wait_for()
    assert viewer.page.locator("[data-analysis]:visible").count() == 1
    viewer.part("find-analysis").fill("剖面 高程")
    viewer.page.locator('[data-analysis="terrain.profile"]').wait_for()
    viewer.part("find-analysis").fill("")
    choice.wait_for(state="hidden")
    topic.locator("summary").click()
    choice.wait_for()
    assert json.dumps(viewer.ask("cim => cim.errors")) == "[]"
