"""Joins a published terrain to a published mesh (接边)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.city import City
from cim.errors import NotFoundError, ParameterError
from cim.ingest.labelling import unlabelled
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Watcher
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.ingest.sources.join import BareTerrain, JoinSource
from cim.layers import Kind
from cim.store.database import ready
from cim.store.files import Files

JOIN = (JoinSource.name, JoinSource.reads, JoinSource.options)  # for the documentation


def unjoined(engine: Engine, files: Files, terrain: str) -> tuple[Version, BareTerrain]:
    """The current version of a published terrain, and its newest one without a join.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no terrain, or one of a program too old to be joined.
    """
    with ready(engine) as connection:
        current = registry.published(connection, terrain)
        if current.layer.kind is not Kind.TERRAIN:
            raise ParameterError(
                f"{terrain} is no terrain layer", remedy="name one; see `cim layers list`"
            )
        bare = registry.published(
            connection, terrain, int(current.media.get("unjoined", current.version))
        )
    if not all("step" in level for level in bare.media.get("levels", [{}])):
        raise ParameterError(
            f"{terrain} version {bare.version} does not tell the steps of its levels",
            remedy="ingest its elevation models again",
        )
    found = BareTerrain(
        folder=files.whole(terrain, bare.version),
        version=bare.version,
        key=bare.key,
        media=bare.media,
        extent=bare.extent,
        heights=bare.heights,
    )
    return current, found


def join_terrain(
    terrain: str,
    mesh: str,
    *,
    city: City,
    engine: Engine,
    files: Files,
    options: Mapping[str, Any] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Join a published terrain to a published mesh, and publish it as its next version.

    Args:
        terrain: Layer of the terrain; its newest version without a join is joined.
        mesh: Layer of the mesh.
        city: For the compute CRS and the geoid.
        engine: The installation's database.
        files: The installation's folders.
        options: Of ``JoinOptions``.
        workers: Processes.
        scheduler: Address of a Dask scheduler.
        watcher: Is told of the progress.

    Raises:
        NotFoundError: one of the layers is not published.
        ParameterError: they are no terrain and no mesh.
        CheckError: the two lie too far apart, or what was built did not pass its checks.
    """
    current, bare = unjoined(engine, files, terrain)
    _, base = unlabelled(engine, files, mesh)
    source = JoinSource(
        terrain=bare, mesh=base, mesh_layer=mesh, mesh_key=_key(engine, mesh, base.version)
    )
    request = Request(
        paths=(bare.folder,),
        layer_id=terrain,
        layer=current.layer,
        city=city,
        options=options or {},
    )
    return ingest(
        request,
        engine=engine,
        files=files,
        workers=workers,
        scheduler=scheduler,
        watcher=watcher,
        source=source,
        based_on=current.version,
    )


def _key(engine: Engine, layer: str, version: int) -> str:
    with ready(engine) as connection:
        found = registry.published(connection, layer, version)
    if not found.key:
        raise NotFoundError(f"{layer} version {version} has no key")
    return found.key
