"""Asking analyses by their forms, as a person does."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Request

from tests.browser.driver import Viewer


def choose(viewer: Viewer, analysis: str) -> None:
    """Open the form of an analysis, whatever the panel shows."""
    if not viewer.page.locator('section[data-test="analysis"]').is_visible():
        viewer.part("open-analysis").click()
    choice = viewer.page.locator(f'[data-analysis="{analysis}"]')
    back = viewer.page.locator('section[data-test="analysis"] .back')
    choice.or_(back).first.wait_for()
    if back.is_visible():
        back.click()
    choice.click()


def row(viewer: Viewer, parameter: str) -> Locator:
    """The row of a form that asks for a parameter."""
    return viewer.page.locator(f'[data-parameter="{parameter}"]')


def run_example(viewer: Viewer, analysis: str) -> Locator:
    """Fill in the example and run it; the result."""
    choose(viewer, analysis)
    viewer.part("example").click()
    viewer.part("run").click()
    viewer.part("result").wait_for()
    return viewer.part("result")


def asked(viewer: Viewer) -> dict[str, Any]:
    """What the form sends when it is run; a resting cursor asks for heights meanwhile."""

    def question(request: Request) -> bool:
        return request.method == "POST" and "/api/topics/" in request.url

    with viewer.page.expect_request(question) as request:
        viewer.part("run").click()
    viewer.part("result").wait_for()
    sent = request.value.post_data_json
    assert isinstance(sent, dict)
    return sent
