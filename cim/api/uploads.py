"""Files handed in: kept for a question, or read as an area at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import shapely
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from cim.api.access import Here
from cim.city import Bounds
from cim.shapes import read_shape
from cim.store.uploads import Incoming, too_large

router = APIRouter(prefix="/api", tags=["数据分析"])

Name = Annotated[str, Query(min_length=1, max_length=1000, description="name of the file")]


@router.post("/uploads")
async def upload(name: Name, here: Here, request: Request) -> dict[str, Any]:
    """Hand in a file (the body as it is) that a question's parameter then names by its id."""
    uploads = here.uploads
    with uploads.receive(name) as incoming:
        await _fill(incoming, request)
        return asdict(await run_in_threadpool(uploads.store, incoming))


@router.post("/shapes")
async def shape(
    name: Name,
    here: Here,
    request: Request,
    crs: Annotated[str | None, Query(max_length=10_000, description="EPSG:n or WKT")] = None,
) -> dict[str, Any]:
    """Read a file of polygons (the body as it is) as a MultiPolygon of degrees (CGCS2000).

    GeoJSON, zipped shapefile, GeoPackage, KML, or the closed polylines of a DXF drawing. Without
    ``crs`` the file must say its own. The area is ellipsoidal, m².
    """
    with here.uploads.receive(name) as incoming:
        await _fill(incoming, request)
        incoming.file.flush()
        found = await run_in_threadpool(read_shape, Path(incoming.file.name), crs or None)
    extent = Bounds(*map(float, shapely.geometry.shape(found.geometry).bounds))
    here.city.require_touching(extent, incoming.name)
    return asdict(found)


async def _fill(incoming: Incoming, request: Request) -> None:
    """Take the body as it comes, never more of it than the limit."""
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said) > incoming.limit:
        raise too_large(incoming.name, incoming.limit)
    async for chunk in request.stream():
        await run_in_threadpool(incoming.write, chunk)
