"""A duty officer's way through the page: steps with their seconds, pictures for the documents.

    CIM_TEST_URL=http://127.0.0.1:8000/ pytest tests/browser -k flow --pictures docs/images/flows

walks the same ways on a larger page and keeps their pictures: what the documents show is what the
tests have seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator

from tests.browser.driver import Viewer
from tests.browser.forms import choose, row

LARGEST = 150_000  # bytes of a picture in the documents


@dataclass
class Flow:
    """One way through the page.

    Args:
        viewer: The page.
        folder: Where pictures go; None keeps none.
        steps: What was done, and how long it took, s.
    """

    viewer: Viewer
    folder: Path | None = None
    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Time what a person does and waits for."""
        start = time.monotonic()
        yield
        self.steps.append((title, time.monotonic() - start))

    def question(self, analysis: str) -> None:
        """Choose an analysis, its form as it comes."""
        with self.step(f"choose {analysis}"):
            choose(self.viewer, analysis)
            self.viewer.part("run").wait_for()

    def example(self, analysis: str) -> None:
        """Choose an analysis and take its example, as yet not asked."""
        choose(self.viewer, analysis)
        self.viewer.part("example").click()

    def ask(self) -> Locator:
        """Ask what the form holds, and wait until it is answered and drawn."""
        with self.step("ask"):
            self.viewer.part("run").click()
            self.viewer.part("result").wait_for()
            self.viewer.idle()
        return self.viewer.part("result")

    def follow(self, analysis: str, parameter: str) -> None:
        """Go on to a question that an answer leads to; its form is filled in."""
        with self.step(f"follow {analysis}"):
            self.viewer.page.locator(f'[data-follow="{analysis}"]').first.click()
            self.viewer.page.locator(f'[data-parameter="{parameter}"]').wait_for()

    def set(self, parameter: str, value: str) -> None:
        """Type a number, or choose a feature's number; empty clears."""
        field = row(self.viewer, parameter)
        choices = field.locator(".el-select input")
        box = choices if choices.count() else field.locator(".el-input-number input")
        if choices.count() and not value:
            return
        box.fill(value)
        box.press("Enter")
        box.blur()

    def value(self, parameter: str) -> str:
        """What is chosen in the list of a parameter."""
        return row(self.viewer, parameter).locator(".el-select__selected-item").last.inner_text()

    def over(self, lon: float, lat: float, above: float) -> None:
        """Look down on a place from so many metres, where no panel covers it."""
        if self._narrow and self.viewer.part("layers").is_visible():
            self.viewer.part("open-layers").click()
        [ground] = self.viewer.ask("(cim, at) => cim.sampleTerrain([at])", [lon, lat])
        # in the small page of the tests the panel covers the right half
        aside = 0.34 * 2 * above * math.tan(math.radians(30)) if self._narrow else 0.0
        east = aside / (111_320 * math.cos(math.radians(lat)))
        self.viewer.look(lon + east, lat, ground + above, 0, -90)

    @property
    def _narrow(self) -> bool:
        size = self.viewer.page.viewport_size
        return size is not None and size["width"] < 1000

    def click(self, lon: float, lat: float) -> None:
        """Click the ground at a place."""
        x, y = self.pixel(lon, lat)
        self.viewer.page.mouse.move(x, y)
        self.viewer.page.mouse.click(x, y)

    def pixel(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a place on the ground is seen; it must be in the picture."""
        [height] = self.viewer.ask("(cim, at) => cim.sampleTerrain([at])", [lon, lat])
        found = self.viewer.ask("(cim, at) => cim.toPixel(...at)", [lon, lat, height])
        size = self.viewer.page.viewport_size
        assert found is not None, "it lies behind the camera"
        assert size is not None
        assert 0 < found[0] < size["width"], "it is not in the picture"
        assert 0 < found[1] < size["height"], "it is not in the picture"
        return found[0], found[1]

    def pick_point(self, parameter: str, lon: float, lat: float) -> None:
        """Take a place from the map."""
        with self.step(f"pick {parameter}"):
            row(self.viewer, parameter).locator('[data-test="pick-point"]').click()
            self.click(lon, lat)
            row(self.viewer, parameter).get_by_text("请在图上点击").wait_for(state="hidden")

    def pick_feature(self, parameter: str, lon: float, lat: float) -> None:
        """Take what stands at a place of the map."""
        with self.step(f"pick {parameter}"):
            row(self.viewer, parameter).locator('[data-test="pick-feature"]').click()
            self.viewer.idle()
            self.click(lon, lat)
            row(self.viewer, parameter).get_by_text("请在图上点击").wait_for(state="hidden")

    def draw(self, parameter: str, corners: Sequence[tuple[float, float]]) -> None:
        """Draw an area corner by corner."""
        with self.step(f"draw {parameter}"):
            field = row(self.viewer, parameter)
            field.locator('[data-test="draw"]').click()
            for n, corner in enumerate(corners, start=1):
                self.click(*corner)
                field.get_by_text(f"{n} 个").wait_for()
            field.locator('[data-test="draw-finish"]').click()

    def film_plays(self) -> None:
        """The film runs by itself, and its end looks other than its beginning."""
        with self.step("film"):
            self.viewer.idle()
            before, clock = self.viewer.picture(), self.viewer.part("film-time").inner_text()
            self.viewer.part("film-play").click()
            self.viewer.page.wait_for_function(
                "clock => document.querySelector('[data-test=film-time]').innerText !== clock",
                arg=clock,
            )
            self.viewer.part("film-play").click()
            film = self.viewer.ask("cim => cim.result().film")
            self.viewer.ask("(cim, at) => cim.seek(at)", film["seconds"] * 0.97)
            self.viewer.idle()
            assert self.viewer.changed(before) > 0.004

    def names_at(self, lon: float, lat: float) -> list[str]:
        """What a click at a place of the picture finds."""
        found = self.viewer.ask("(cim, at) => cim.pick(...at)", list(self.pixel(lon, lat)))
        return [one["feature"]["properties"].get("name", "") for one in found["found"]]

    def figure(self, key: str) -> str:
        """The value of a figure of the answer, as it is shown, with its unit."""
        return self.viewer.page.locator(f'[data-figure="{key}"] strong').inner_text()

    def word(self, key: str) -> str:
        """The same without its unit."""
        unit = self.viewer.page.locator(f'[data-figure="{key}"] strong .unit')
        shown = self.figure(key)
        return shown.removesuffix(unit.inner_text()).strip() if unit.count() else shown

    def number(self, key: str) -> float:
        """The same as a number."""
        return float(self.word(key).replace(",", ""))

    def verdict(self, key: str) -> str:
        """What a rule says of a figure."""
        return self.viewer.page.locator(f'[data-figure="{key}"] .verdict').first.inner_text()

    def legend(self) -> str:
        """All legends of the answer, a class a line."""
        shown = self.viewer.part("result").locator(".legend li")
        return "\n".join(text.strip() for text in shown.all_inner_texts())

    def rows(self, title: str) -> list[list[str]]:
        """The cells of a table of the answer, row by row."""
        table = self.viewer.part("table").filter(has_text=title)
        return [
            [cell.replace(",", "").strip() for cell in text.split("\t")]
            for text in table.locator("tbody tr").all_inner_texts()
        ]

    def chart(self, title: str) -> Locator:
        """A chart of the answer, brought into sight."""
        named = f'[data-test="chart"][aria-label*="{title}"] canvas'
        chart = self.viewer.page.locator(named).first
        chart.scroll_into_view_if_needed()
        return chart

    def print(self) -> Path:
        """The answer's PDF, downloaded."""
        with self.step("print"), self.viewer.page.expect_download() as waited:
            self.viewer.part("report").click()
        return waited.value.path()

    def picture(self, name: str) -> None:
        """Keep what is seen for the documents."""
        if self.folder is None:
            return
        self.viewer.idle()
        self.folder.mkdir(parents=True, exist_ok=True)
        for quality in (82, 74, 66, 58):
            shot = self.viewer.page.screenshot(type="jpeg", quality=quality)
            if len(shot) < LARGEST:
                break
        (self.folder / f"{name}.jpg").write_bytes(shot)

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(seconds for _, seconds in self.steps)
