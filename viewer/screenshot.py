"""Makes the pictures of the README from a running server.

    python viewer/screenshot.py http://127.0.0.1:8000/ [scene ...]

Full quality, 1600 x 900. The scenes are described by what the API offers, not by coordinates, so
they fit any city with a mesh and an analysis that has an example.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PATIENCE = 300_000  # ms; full quality in software rendering
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]


def idle(page: Page) -> None:
    """Wait for flights to end and for everything in view to load."""
    page.wait_for_timeout(2500)
    page.evaluate("ms => window.cim.whenIdle(ms)", PATIENCE)


def part(page: Page, name: str) -> None:
    """Click the element that carries this test name."""
    page.locator(f'[data-test="{name}"]').first.click()


def overview(_page: Page) -> None:
    """The first thing anyone sees."""


def inspect(page: Page) -> None:
    """A building of the mesh, clicked."""
    page.mouse.click(930, 560)
    page.locator('[data-test="inspect"]').wait_for()


def building(page: Page) -> None:
    """A building of a labelled mesh: the tallest that its footprints name, clicked."""
    layers = {one["id"]: one for one in _get(page, "api/layers")["layers"]}
    mesh = next(
        one for one in layers.values()
        if one["published"] and isinstance(one["published"]["media"].get("features"), dict)
    )  # fmt: skip
    told = layers[mesh["published"]["media"]["features"]["layer"]]
    box = ",".join(map(str, mesh["published"]["extent"]))
    found = _get(page, f"api/layers/{told['id']}/features?bbox={box}&limit=1000")["features"]
    field, label = told["style"]["height_field"], told["style"]["label_field"]
    named = [one for one in found if one["properties"][label]]
    feature = max(named, key=lambda one: one["properties"][field])
    ring = feature["geometry"]["coordinates"][0][0]
    lon, lat = (sum(v[i] for v in ring) / len(ring) for i in (0, 1))
    ground = _get(page, f"api/elevation?lon={lon}&lat={lat}")["ellipsoidal"]
    view = {"lon": lon, "lat": lat - 0.0016, "height": ground + 105, "heading": 2, "pitch": -26}
    page.evaluate("view => window.cim.flyTo(view)", view)
    idle(page)
    top = ground + 0.6 * feature["properties"][field]
    pixel = page.evaluate("at => window.cim.toPixel(...at)", [lon, lat - 0.00008, top])
    page.mouse.click(*pixel)
    page.locator('[data-test="inspect"]').wait_for()


def points(page: Page) -> None:
    """The first point cloud, coloured by its classes."""
    layers = _get(page, "api/layers")["layers"]
    cloud = next(one for one in layers if one["kind"] == "points" and one["published"])
    shown = [one["id"] for one in layers if one["kind"] == "mesh" and one["published"]]
    for layer in shown:
        page.evaluate("id => window.cim.setLayer(id, false)", layer)
    page.evaluate("id => window.cim.setLayer(id, true)", cloud["id"])
    page.evaluate("id => window.cim.setTheme(id, 'classification')", cloud["id"])
    west, south, east, north = cloud["published"]["extent"]
    lon, lat = (west + east) / 2, (south + north) / 2
    ground = _get(page, f"api/elevation?lon={lon}&lat={lat}")["ellipsoidal"]
    view = {"lon": lon, "lat": lat - 0.0026, "height": ground + 150, "heading": 0, "pitch": -30}
    page.evaluate("view => window.cim.flyTo(view)", view)


def _get(page: Page, path: str) -> Any:
    """JSON of the API."""
    return page.evaluate("path => fetch(path).then(answer => answer.json())", path)


def analysis(page: Page) -> None:
    """The first analysis with its own example, drawn on the terrain."""
    part(page, "open-analysis")
    page.locator("[data-analysis]").first.click()
    part(page, "example")
    part(page, "run")
    page.locator('[data-test="result"]').wait_for()


def english(page: Page) -> None:
    """The same in English."""
    part(page, "language")


SCENES: dict[str, Callable[[Page], None]] = {
    "overview": overview,
    "inspect": inspect,
    "building": building,
    "points": points,
    "analysis": analysis,
    "english": english,
}


@contextmanager
def opened(address: str) -> Iterator[Page]:
    """The viewer in full quality with the first picture loaded."""
    chromium = os.environ.get("CIM_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 900}, locale="zh-CN")
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.wait_for_function("document.documentElement.dataset.ready === '1'")
        idle(page)
        yield page
        browser.close()


def main() -> int:
    """Make all pictures, or those named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("address", help="the viewer's address")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where the pictures go")
    parser.add_argument("scenes", nargs="*", metavar="scene", help=f"default: {' '.join(SCENES)}")
    given = parser.parse_intermixed_args()
    if unknown := set(given.scenes) - set(SCENES):
        parser.error(f"there is no scene {', '.join(sorted(unknown))}: {', '.join(SCENES)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.scenes or SCENES:
        with opened(given.address) as page:
            SCENES[name](page)
            idle(page)
            target = given.folder / f"{name}.png"
            page.screenshot(path=target)
            sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
