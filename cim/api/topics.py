"""The topics' questions: what there is to ask, the form of each, the answer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response

from cim.api.access import Here
from cim.errors import NotFoundError
from cim.installation import Installation
from cim.report.typeset import MOST_BYTES
from cim.report.words import BEIJING
from cim.store.uploads import too_large
from cim.tiles import classes
from cim.topic import Analysis
from cim.topics import analysis as find
from cim.topics import discover

router = APIRouter(prefix="/api", tags=["数据分析"])


@router.get("/topics")
def topics() -> dict[str, Any]:
    """All topics and their analyses."""
    return {
        "topics": [
            {
                "name": topic.name,
                "title": topic.title,
                "title_en": topic.title_en,
                "layers": [layer.id for layer in topic.layers],
                "analyses": [_brief(a) for a in topic.analyses],
            }
            for topic in discover()
        ]
    }


def _brief(analysis: Analysis) -> dict[str, Any]:
    return {
        "id": analysis.id,
        "title": analysis.title,
        "title_en": analysis.title_en,
        "summary": analysis.summary,
        "summary_en": analysis.summary_en,
    }


@router.get("/topics/{topic}/{name}")
def form(topic: str, name: str) -> dict[str, Any]:
    """An analysis with the JSON Schema of its parameters and an example."""
    analysis = find(f"{topic}.{name}")
    return {
        **_brief(analysis),
        "parameters": analysis.parameters.model_json_schema(),
        "example": dict(analysis.example),
        "references": list(analysis.references),
    }


@router.post("/topics/{topic}/{name}")
def answer(topic: str, name: str, values: dict[str, Any], here: Here) -> dict[str, Any]:
    """Ask an analysis; the same question about the same data is computed once."""
    return here.asker.ask(find(f"{topic}.{name}"), values)


@router.get("/results/{identity}")
def result(identity: str, here: Here) -> FileResponse:
    """An answer given before."""
    return FileResponse(here.asker.folder(identity) / "result.json", media_type="application/json")


@router.get("/results/{identity}/report.pdf")
def report(identity: str, here: Here) -> Response:
    """The report of an answer as PDF; the server draws the map."""
    return _report(here, identity, None)


@router.post("/results/{identity}/report.pdf")
async def report_as_seen(identity: str, here: Here, request: Request) -> Response:
    """The report of an answer as PDF with a picture of the map (the body: PNG or JPEG)."""
    picture = bytearray()
    async for chunk in request.stream():
        picture += chunk
        if len(picture) > MOST_BYTES:
            raise too_large("the picture", MOST_BYTES)
    return await run_in_threadpool(_report, here, identity, bytes(picture))


def _report(here: Installation, identity: str, picture: bytes | None) -> Response:
    folder = here.asker.folder(identity)
    said = json.loads((folder / "result.json").read_text("utf-8"))
    printed = f"{datetime.now(BEIJING):%Y-%m-%d %H:%M} (UTC+8)"
    pdf = here.reporter.pdf(said, find(said["analysis"]), folder, printed, picture)
    name = f"{said['analysis']}-{identity[:8]}.pdf"
    headers = {
        "Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.get("/results/{identity}/{z}/{x}/{y}.png")
def coverage_tile(identity: str, z: int, x: int, y: int, here: Here) -> Response:
    """A tile of an answer's coverage."""
    folder = here.asker.folder(identity)
    content = classes.tile(folder, (z, x, y))
    headers = {"Cache-Control": "public, max-age=86400"}
    if content is None:
        return Response(status_code=204, headers=headers)
    return Response(content, media_type="image/png", headers=headers)


@router.get("/results/{identity}/{name}")
def result_file(identity: str, name: str, here: Here) -> FileResponse:
    """A file of an answer: its coverage as GeoTIFF, its attachments."""
    folder = here.asker.folder(identity)
    said = json.loads((folder / "result.json").read_text())
    media = {file["file"]: file["media_type"] for file in said["attachments"]}
    if said["coverage"] is not None:
        media[said["coverage"]["file"]] = "image/tiff"
    if name not in media:
        raise NotFoundError(
            f"the result {identity} has no file {name[:60]}",
            remedy=f"it has {', '.join(media) or 'none'}",
        )
    return FileResponse(folder / name, media_type=media[name], filename=name)
