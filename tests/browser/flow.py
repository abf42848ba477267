"""A duty officer's way through the page: steps with their seconds, pictures for the documents.

    CIM_TEST_URL=http://127.0.0.1:8000/ pytest tests/browser -k flow --pictures docs/images/flows

walks the same ways on a larger page and keeps their pictures: what the documents show is what the
tests have seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import cos, radians
from pathlib import Path

from playwright.sync_api import Locator

from tests.browser.driver import Viewer
from tests.browser.forms import choose, row

LARGEST = 150_000  # bytes of a picture


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

    def example(self, analysis: str) -> None:
        """Choose an analysis and take its example, as yet not asked."""
        choose(self.viewer, analysis)
        self.viewer.part("example").click()

    def over(self, lon: float, lat: float, above: float) -> None:
        """Look straight down on a place that no panel covers.

        Args:
            lon: Degrees.
            lat: Degrees.
            above: Height of the camera above the ground there, m.
        """
        size = self.viewer.page.viewport_size
        assert size is not None
        width = size["width"]
        panels = 348 + 12 + 60, 328 if self.viewer.part("layers").is_visible() else 0
        aside = (panels[0] - panels[1]) / 2 / (width / 2)  # of half the picture's width
        shift = aside * above * 0.577 / (111_320 * cos(radians(lat)))
        ground = float(self.viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"])
        self.viewer.look(lon + shift, lat, ground + above, 0, -90)

    def click(self, *places: tuple[float, float]) -> None:
        """Click places on the map one after the other; they lie in view, on open ground."""
        for lon, lat in places:
            ground = self.viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
            x, y = self.viewer.ask("(cim, place) => cim.toPixel(...place)", [lon, lat, ground])
            self.viewer.page.mouse.click(x, y)
            self.viewer.page.wait_for_timeout(350)  # two quick clicks would end a drawing

    def draw(self, parameter: str, *places: tuple[float, float]) -> None:
        """Draw a line or an area for a parameter, corner by corner."""
        with self.step("draw"):
            field = row(self.viewer, parameter)
            field.locator('[data-test="draw"]').click()
            self.click(*places)
            field.locator('[data-test="draw-finish"]').click()

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

    def sink(self) -> None:
        """Look below the ground by the map's button; a narrow page hides it beside a panel."""
        with self.step("look below"):
            button = self.viewer.part("underground")
            if button.is_visible():
                button.click()
            else:
                self.viewer.ask("cim => cim.underground(0.35)")
            self.viewer.idle()

    def figure(self, key: str) -> str:
        """The value of a figure of the answer, as it is shown, with its unit."""
        return self.viewer.page.locator(f'[data-figure="{key}"] strong').inner_text()

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
        shots = (self.viewer.page.screenshot(type="jpeg", quality=q) for q in (82, 74, 66, 58, 50))
        shot = next((one for one in shots if len(one) < LARGEST), b"")
        assert shot, f"{name} is too large a picture"
        (self.folder / f"{name}.jpg").write_bytes(shot)

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(seconds for _, seconds in self.steps)
