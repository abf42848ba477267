"""One Chromium for the run, one page of the city per module, reset before each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.driver import FLAGS, HEIGHT, WIDTH, Viewer, new_viewer
from tests.browser.flow import Flow


@pytest.fixture(scope="session")
def city_url(request: pytest.FixtureRequest) -> str:
    """Address of a server with the sample city: CIM_TEST_URL, or the suite's own."""
    given = os.environ.get("CIM_TEST_URL")
    return given or str(request.getfixturevalue("live_city"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = Path(os.environ.get("CIM_CHROMIUM", "/usr/bin/chromium"))
    if not path.exists():
        reason = f"no Chromium at {path}: install it or point CIM_CHROMIUM at one"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def loaded(
    chromium: Browser, city_url: str, request: pytest.FixtureRequest
) -> Iterator[Viewer]:  # fmt: skip
    """A page with the first picture loaded, shared by a module's tests."""
    pictures = request.config.getoption("--pictures") is not None
    viewer = new_viewer(chromium, city_url, (1440, 810) if pictures else (WIDTH, HEIGHT))
    viewer.open()
    yield viewer
    viewer.page.close()


@pytest.fixture
def viewer(loaded: Viewer) -> Iterator[Viewer]:
    """The page as it was opened; afterwards nothing may have gone wrong on it."""
    defaults = {
        layer["id"]: layer["style"]["visible"]
        for layer in loaded.get("api/layers")["layers"]
        if layer["published"]
    }
    loaded.show(defaults)
    loaded.ask("cim => cim.underground(null)")
    loaded.ask("cim => cim.home()")
    loaded.idle()
    yield loaded
    close_panels(loaded)
    assert loaded.complaints == []
    assert loaded.foreign == []
    assert loaded.ask("cim => cim.errors") == []


@pytest.fixture
def flow(viewer: Viewer, request: pytest.FixtureRequest) -> Iterator[Flow]:
    """A way through the page; the time it took is told, and its answer cleared at the end."""
    way = Flow(viewer, request.config.getoption("--pictures"))
    yield way
    if viewer.part("clear-result").is_visible():
        viewer.part("clear-result").click()
    told = ", ".join(f"{title} {seconds:.1f}" for title, seconds in way.steps)
    request.node.add_report_section("call", "flow", f"{way.seconds:.1f} s: {told}")
    if way.folder is not None:
        with (way.folder / "seconds.txt").open("a") as out:
            out.write(f"{request.node.name}\t{way.seconds:.1f}\t{told}\n")


@pytest.fixture
def fresh(chromium: Browser, city_url: str) -> Iterator[Viewer]:
    """A page of its own, not loaded yet, for tests that open it in a special way."""
    viewer = new_viewer(chromium, city_url)
    yield viewer
    viewer.page.close()


def close_panels(viewer: Viewer) -> None:
    for panel in ("measure", "analysis", "share", "inspect"):
        section = viewer.page.locator(f'section[data-test="{panel}"]:visible')
        if section.count():
            section.locator(".panel-head .icon-button").last.click()
    if viewer.state()["lang"] != "zh":
        viewer.part("language").click()
