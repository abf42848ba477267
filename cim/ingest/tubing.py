"""Publishes pipes and manholes of published layers as tubes in 3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from cim.catalog import registry, rows
from cim.catalog.registry import Version
from cim.city import City
from cim.errors import ParameterError
from cim.ingest.labelling import scratch
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Watcher
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.ingest.sources.tubes import TubeSource
from cim.ingest.sources.tubes.pipes import Lent
from cim.layers import CimLevel, DataClass, Geometry, Kind, Layer
from cim.pipe_rows import NEEDED
from cim.store.database import ready
from cim.store.files import Files

TUBES = (TubeSource.name, TubeSource.reads, TubeSource.options)  # for the documentation
_POINTS = ("point_no", "well_depth")


def sweep(
    layers: Sequence[str],
    layer_id: str,
    *,
    city: City,
    engine: Engine,
    files: Files,
    options: Mapping[str, Any] | None = None,
    workers: int = 1,
    watcher: Watcher | None = None,
) -> Report:
    """Make tubes of published layers and publish them as a mesh layer.

    Args:
        layers: Layers of pipe segments, and of points with chambers.
        layer_id: Mesh layer to publish.
        city: For the compute CRS and the geoid.
        engine: The installation's database.
        files: The installation's folders.
        options: Of ``TubeOptions``.
        workers: Processes.
        watcher: Is told of the progress.

    Raises:
        NotFoundError: one of the layers is not published.
        ParameterError: one is no layer of segments or of points with chambers, or none is given.
    """
    if not layers:
        raise ParameterError("no layer of pipes is named", remedy="name one or more")
    with scratch(files) as folder:
        lent = tuple(_lent(engine, layer, folder) for layer in dict.fromkeys(layers))
        if all(one.points for one in lent):
            raise ParameterError(
                f"{', '.join(layers)} hold no pipes", remedy="name a layer of pipe segments too"
            )
        with ready(engine) as connection:
            known = registry.declaration(connection, layer_id)
        request = Request(
            paths=tuple(one.path for one in lent), layer_id=layer_id,
            layer=known or _proposed(layer_id), city=city, options=options or {},
        )  # fmt: skip
        return ingest(
            request, engine=engine, files=files, workers=workers, watcher=watcher,
            source=TubeSource(lent=lent),
        )  # fmt: skip


def _lent(engine: Engine, layer: str, folder: Path) -> Lent:
    """The rows of a published layer, written to a folder."""
    path = folder / f"{layer}.parquet"
    with ready(engine) as connection:
        version = registry.published(connection, layer)
        points = _is_points(version)
        rows.frame(connection, version).to_parquet(path)
    return Lent(
        path=path, layer=layer, version=version.version, title=version.layer.title,
        color=version.layer.style.color, points=points,
    )  # fmt: skip


def _is_points(version: Version) -> bool:
    """Whether it is a layer of points with chambers, or else of segments."""
    layer = version.layer
    names = {f.name for f in layer.fields}
    if layer.kind is Kind.VECTOR:
        if layer.geometry in {Geometry.LINE, Geometry.ANY} and set(NEEDED) <= names:
            return False
        if layer.geometry in {Geometry.POINT, Geometry.ANY} and set(_POINTS) <= names:
            return True
    raise ParameterError(
        f"{layer.id} is neither a layer of pipe segments ({', '.join(NEEDED)}) nor of points with "
        f"chambers ({', '.join(_POINTS)})",
        remedy="name layers like pipelines.water_pipe and pipelines.manhole",
    )


def _proposed(layer_id: str) -> Layer:
    return Layer(
        id=layer_id, title="管线三维模型", title_en="Pipes in 3D", kind=Kind.MESH,
        data_class=DataClass.PUBLIC, cim_level=CimLevel.FINE,
    )  # fmt: skip
