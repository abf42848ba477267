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
