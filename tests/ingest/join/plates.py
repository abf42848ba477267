"""Meshes of which the truth is known, on ground of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.ingest.joining import join_terrain
from cim.ingest.pipeline import ingest
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.installation import Installation
from cim.store.database import ready
from cim.tiles import glb
from tests.delivered import deliver, raster

Floats = npt.NDArray[np.float64]
Shape = Callable[[Floats, Floats], Floats]
X0, Y0, Z0 = 377_000.0, 3_899_000.0, 1_400.0  # EPSG:4545: south-west corner of the mesh
SIDE = 240.0
AROUND = 450.0  # m of ground on every side
TERRAIN, MESH = "my.dem", "my.mesh"


def flat(x: Floats, y: Floats) -> Floats:
    """Level ground."""
    return np.zeros(np.broadcast(x, y).shape)


def slope(x: Floats, y: Floats) -> Floats:
    """Ground that rises by 15 % eastward and 5 % northward."""
    return 0.15 * x + 0.05 * y


def ground(path: Path, shape: Shape = flat) -> Path:
    """A model of 15 m cells around the mesh."""
    count = int((SIDE + 2 * AROUND) / 15)
    line = (np.arange(count) + 0.5) * 15 - AROUND
    x, y = np.meshgrid(line, line[::-1])
    return raster(
        path, (Z0 + shape(x, y)).astype(np.float32), west=X0 - AROUND, north=Y0 + SIDE + AROUND
    )


def plate(path: Path, shape: Shape, hole: float = 0.0) -> Path:
    """A mesh of 4 m triangles, with a square hole in its middle if wanted."""
    line = np.arange(0, SIDE + 1, 4.0)
    x, y = np.meshgrid(line, line)
    places = np.column_stack([x.ravel(), y.ravel(), shape(x, y).ravel()])
    at = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    middle = places[triangles].mean(axis=1)[:, :2] - SIDE / 2
    kept = triangles[np.abs(middle).max(axis=1) > hole / 2]
    glb.write(path, [glb.Primitive(places.astype(np.float32), kept.astype(np.uint32))])
    return path


def publish(here: Installation, dem: Path, mesh: Path) -> None:
    """Publish model and mesh."""
    deliver(here, dem, TERRAIN)
    publish_mesh(here, mesh)


def publish_mesh(here: Installation, mesh: Path) -> Report:
    """Publish the mesh alone."""
    request = Request(
        paths=(mesh,), layer_id=MESH, layer=None, city=here.city, crs="EPSG:4545",
        origin=(X0, Y0, Z0), options={"leaf_triangles": 1000},
    )  # fmt: skip
    return ingest(request, engine=here.engine, files=here.files)


def join(here: Installation, **options: Any) -> Report:
    """Join the two."""
    return join_terrain(
        TERRAIN, MESH, city=here.city, engine=here.engine, files=here.files, options=options
    )


def figures(report: Report, name: str) -> dict[str, float]:
    """Figures of one look of a report."""
    return next(dict(c.figures) for c in report.checks if c.name == name)


def published(here: Installation, version: int | None = None) -> Version:
    """A version of the terrain."""
    with ready(here.engine) as connection:
        return registry.published(connection, TERRAIN, version)
