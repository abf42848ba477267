"""A past for a layer: the server's answers, with earlier versions of plain colours added."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from PIL import Image
from playwright.sync_api import Route

from tests.browser.driver import Viewer

LAYER = "base.ortho"
#: (version, day, colour of all its tiles); the current version follows them as number 3
PAST = [(1, "2014-06-01", (200, 30, 30)), (2, "2022-06-01", (30, 60, 200))]
NOW = 3


def invent(viewer: Viewer, layer: str = LAYER) -> None:
    """Give a layer two earlier versions, as GET /api/layers/{id} would list them."""

    def listed(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for one in body["layers"]:
            if one["id"] == layer:
                one["published"]["version"] = NOW
        route.fulfill(response=answer, body=json.dumps(body))

    def told(route: Route) -> None:
        answer = route.fetch()
        body: dict[str, Any] = answer.json()
        current = {**body["versions"][0], "version": NOW, "date": None}
        body["versions"] = [current] + [
            {**current, "version": v, "date": day, "url": f"/tiles/{layer}/{v}.past/"}
            for v, day, _ in PAST
        ]
        route.fulfill(response=answer, body=json.dumps(body))

    def painted(route: Route) -> None:
        number = int(route.request.url.split(".past/")[0].rsplit("/", 1)[1])
        colour = next(c for v, _, c in PAST if v == number)
        buffer = io.BytesIO()
        Image.new("RGB", (256, 256), colour).save(buffer, "PNG")
        route.fulfill(status=200, content_type="image/png", body=buffer.getvalue())

    viewer.page.route(re.compile(r"/api/layers$"), listed)
    viewer.page.route(re.compile(rf"/api/layers/{re.escape(layer)}$"), told)
    viewer.page.route(re.compile(rf"/tiles/{re.escape(layer)}/\d\.past/"), painted)
