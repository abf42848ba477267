"""Drives the viewer in a headless Chromium through its page and ``window.cim``."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response

WIDTH, HEIGHT = 640, 360  # pixels; seven times faster than 1280 x 720 in software
PATIENCE = 90_000  # ms; software rendering on a busy machine
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage", "--lang=zh-CN"]

# Chromium's own remarks about reading pixels back; nothing of ours
_HARMLESS = re.compile(r"GPU stall due to ReadPixels")


@dataclass
class Viewer:
    """One page showing the city.

    Args:
        page: The page; nothing is loaded yet.
        base: Address of the server, ending with a slash.
        complaints: What the console and the network had to complain about.
        foreign: Requests to anywhere but the server.
    """

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"page: {error}"))
        self.page.on("response", self._answered)
        self.page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        wrong = kind == "error" or "An error occurred" in text
        if wrong and not _HARMLESS.search(text):
            self.complaints.append(f"console: {text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.foreign.append(url)

    def open(self, fragment: str = "") -> None:
        """Load the page and wait for the whole picture."""
        self.page.goto(f"{self.base}?quality=low{fragment}")
        self.page.wait_for_function("document.documentElement.dataset.ready === '1'")
        self.idle()

    def idle(self) -> None:
        """Wait until everything in view has loaded."""
        self.page.evaluate("ms => window.cim.whenIdle(ms)", PATIENCE)

    def ask(self, script: str, argument: object = None) -> Any:
        """Evaluate a function of ``window.cim``: ``ask("cim => cim.link()")``."""
        return self.page.evaluate(f"argument => ({script})(window.cim, argument)", argument)

    def state(self) -> dict[str, Any]:
        """View, layers, quality, language, frames drawn so far."""
        return dict(self.ask("cim => cim.state()"))

    def show(self, layers: Mapping[str, bool]) -> None:
        """Show and hide layers, then wait for the picture."""
        for layer, shown in layers.items():
            self.ask("(cim, [id, on]) => cim.setLayer(id, on)", [layer, shown])
        self.idle()

    def look(self, lon: float, lat: float, height: float, heading: float, pitch: float) -> None:
        """Put the camera somewhere, then wait for the picture.

        Args:
            lon: Degrees.
            lat: Degrees.
            height: Of the camera above the ellipsoid, m.
            heading: Degrees from true north.
            pitch: Degrees; -90 looks down.
        """
        view = {"lon": lon, "lat": lat, "height": height, "heading": heading, "pitch": pitch}
        self.ask("(cim, view) => cim.flyTo(view)", view)
        self.idle()

    def part(self, name: str) -> Locator:
        """The element that carries ``data-test="name"``."""
        return self.page.locator(f'[data-test="{name}"]')

    def picture(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Thumbnail of the globe between top bar and status bar, (H, W, 3), 0..255."""
        size = self.page.viewport_size or {"width": WIDTH, "height": HEIGHT}
        clip = {"x": 0.0, "y": 80.0, "width": float(size["width"]),
                "height": size["height"] - 80.0 - 30.0}  # fmt: skip
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=clip)))  # type: ignore[arg-type]
        return np.asarray(shot.convert("RGB").resize((160, 62)), dtype=np.float64)

    def changed(self, before: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        """Share of the picture that differs visibly from an earlier one."""
        return float((np.abs(self.picture() - before).max(axis=-1) > 24).mean())

    def get(self, path: str, **query: object) -> Any:
        """JSON of the API."""
        response = self.page.request.get(f"{self.base}{path}?{urlencode(query)}")
        assert response.ok, f"{path}: {response.status} {response.text()[:200]}"
        return response.json()

    def layer(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first published layer that fits."""
        layers = self.get("api/layers")["layers"]
        return dict(next(layer for layer in layers if layer["published"] and wanted(layer)))


def new_viewer(
    browser: Browser, base: str, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Viewer:  # fmt: skip
    """A fresh page of test size, speaking Chinese."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, locale="zh-CN", reduced_motion="reduce"
    )
    return Viewer(page, base if base.endswith("/") else f"{base}/")
