"""Labels a published mesh with the buildings of a published layer (单体化)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from cim.catalog import registry, rows
from cim.catalog.registry import Version
from cim.city import City
from cim.errors import ParameterError
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Watcher
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.ingest.sources.labels import Base, Footprints, LabelSource
from cim.layers import Field, FieldType, Geometry, Kind
from cim.store.database import ready
from cim.store.files import Files

LABELS = (LabelSource.name, LabelSource.reads, LabelSource.options)  # for the documentation
FID = Field(name="row", title="行号", title_en="Row", type=FieldType.INTEGER)


def footprints_of(engine: Engine, layer: str, folder: Path, key: str | None) -> Footprints:
    """The buildings of a published layer of polygons, written to a folder.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it holds no polygons, or the key is no field.
    """
    path = folder / "footprints.parquet"
    with ready(engine) as connection:
        buildings = registry.published(connection, layer)
        _require_polygons(buildings)
        frame = rows.frame(connection, buildings)
    frame.rename(columns={"fid": FID.name}).to_parquet(path)
    return _footprints(path, buildings, key)


def unlabelled(engine: Engine, files: Files, mesh: str) -> tuple[Version, Base]:
    """The current version of a published mesh, and its newest one without labels.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no mesh.
    """
    with ready(engine) as connection:
        current = registry.published(connection, mesh)
        _require(current, Kind.MESH, "a mesh")
        number = int(current.media.get("unlabelled", current.version))
        whole = registry.published(connection, mesh, number)
    base = Base(
        folder=files.whole(mesh, whole.version),
        version=whole.version,
        media=whole.media,
        extent=whole.extent,
        heights=whole.heights,
    )
    return current, base


@contextmanager
def scratch(files: Files) -> Iterator[Path]:
    """A folder for one run, where the workers of other machines see it too."""
    above = files.root / "staging"
    above.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="footprints-", dir=above) as folder:
        yield Path(folder)


def label_mesh(
    mesh: str,
    footprints: str,
    *,
    city: City,
    engine: Engine,
    files: Files,
    key: str | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Label a published mesh and publish it as its next version.

    Args:
        mesh: Layer of the mesh; its newest version without labels is labelled.
        footprints: Layer of polygons.
        city: For the compute CRS and the geoid.
        engine: The installation's database.
        files: The installation's folders.
        key: Field that tells the buildings apart; None takes the first that ends with _id.
        options: Of ``LabelOptions``.
        workers: Processes.
        scheduler: Address of a Dask scheduler.
        watcher: Is told of the progress.

    Raises:
        NotFoundError: one of the layers is not published.
        ParameterError: they are no mesh and no polygons, or the key is no field.
    """
    current, base = unlabelled(engine, files, mesh)
    with scratch(files) as folder:
        source = LabelSource(base=base, footprints=footprints_of(engine, footprints, folder, key))
        request = Request(
            paths=(base.folder,),
            layer_id=mesh,
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


def _require(version: Version, kind: Kind, words: str) -> None:
    if version.layer.kind is not kind:
        raise ParameterError(
            f"{version.layer.id} is no {kind} layer", remedy=f"name {words}; see `cim layers list`"
        )


def _require_polygons(version: Version) -> None:
    _require(version, Kind.VECTOR, "a layer of polygons")
    if version.layer.geometry not in {Geometry.POLYGON, Geometry.ANY}:
        raise ParameterError(
            f"{version.layer.id} holds {version.layer.geometry}, no polygons",
            remedy="name the layer of the building footprints",
        )


def _footprints(path: Path, version: Version, key: str | None) -> Footprints:
    names = [f.name for f in version.layer.fields]
    chosen = key or next((n for n in names if n.endswith("_id")), FID.name)
    if chosen not in [*names, FID.name]:
        raise ParameterError(
            f"{version.layer.id} has no field {chosen}", remedy=f"its fields: {', '.join(names)}"
        )
    return Footprints(
        path=path,
        layer=version.layer.id,
        version=version.version,
        fields=(*version.layer.fields, FID),
        key=chosen,
    )
