"""Revises a published mesh: some of it is taken out, refined models are put in (模型精修)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import Engine

from cim.city import City
from cim.errors import ParameterError
from cim.ingest.labelling import footprints_of, label_mesh, scratch, unlabelled
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Watcher
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.ingest.sources.labels import LabelSource
from cim.ingest.sources.revision import Refined, RevisionSource, TakenOut
from cim.store.files import Files

__all__ = ["Refined", "Revision", "revise_mesh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What to change.

    Args:
        models: Refined models.
        footprints: Layer that the named buildings come from.
        buildings: Values of its key.
        key: Field that tells the buildings apart; None takes the first that ends with _id.
        area: Polygons in degrees, of which everything is taken out.
        blocks: Folders of the survey that are taken out whole.
    """

    models: tuple[Refined, ...] = ()
    footprints: str = "base.building"
    buildings: tuple[str, ...] = ()
    key: str | None = None
    area: shapely.Geometry | None = None
    blocks: tuple[str, ...] = ()


def revise_mesh(
    mesh: str,
    revision: Revision,
    *,
    city: City,
    engine: Engine,
    files: Files,
    workers: int = 1,
    scheduler: str | None = None,
    watcher: Watcher | None = None,
) -> list[Report]:
    """Publish a revised version of a mesh; where it had labels, one more that has them again.

    Raises:
        NotFoundError: a layer is not published.
        ParameterError: a building or a block is not there, or nothing is to be done.
    """
    if not (revision.models or revision.buildings or revision.blocks or revision.area):
        raise ParameterError(
            "nothing is to be changed", remedy="give a model, --building, --block or --area"
        )
    current, base = unlabelled(engine, files, mesh)
    labels = current.media.get("features")
    how = _as_labelled(labels)
    with scratch(files) as folder:
        taken = _taken(revision, engine, folder, how.get("eaves"))
        source = RevisionSource(base=base, taken=taken, models=revision.models)
        request = Request(paths=(base.folder,), layer_id=mesh, layer=current.layer, city=city)
        reports = [
            ingest(
                request,
                engine=engine,
                files=files,
                workers=workers,
                scheduler=scheduler,
                watcher=watcher,
                source=source,
                based_on=current.version,
            )
        ]
    if isinstance(labels, dict) and "layer" in labels:
        again = label_mesh(
            mesh,
            str(labels["layer"]),
            city=city,
            engine=engine,
            files=files,
            key=str(labels["key"]),
            options=how,
            workers=workers,
            scheduler=scheduler,
            watcher=watcher,
        )
        reports.append(again)
    return reports


def _as_labelled(labels: object) -> dict[str, Any]:
    """The options a mesh was labelled with; labels of before they were kept have the usual ones."""
    if not isinstance(labels, dict):
        return {}
    return {name: labels[name] for name in LabelSource.options.model_fields if name in labels}


def _taken(revision: Revision, engine: Engine, folder: Path, eaves: float | None) -> TakenOut:
    footprints = None
    if revision.buildings:
        footprints = footprints_of(engine, revision.footprints, folder, revision.key)
    return TakenOut(
        footprints=footprints,
        buildings=revision.buildings,
        area=None if revision.area is None else shapely.to_wkb(revision.area),
        blocks=revision.blocks,
        **({} if eaves is None else {"eaves": eaves}),
    )
