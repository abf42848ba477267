"""``cim label``: buildings that can be told apart in a published mesh (单体化)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Scheduler, Workers
from cim.commands.order import conclude, read_options, tell, watcher
from cim.ingest.labelling import label_mesh


@clear_errors
def label(
    mesh: Annotated[str, typer.Argument(help="published mesh layer, such as base.oblique")],
    footprints: Annotated[
        str, typer.Option(help="published layer of building footprints")
    ] = "base.building",
    key: Annotated[
        str | None,
        typer.Option(help="field that tells the buildings apart; default: the field *_id, or row"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="eaves=0.5, clearance=1.0 (m); see docs/reference"),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
) -> None:
    """Give the triangles of a mesh to buildings and publish it as the mesh's next version.

    Nothing is read but what is published. When footprints have changed, only the folders they
    stand in are labelled anew. Ends as `cim ingest` does.
    """
    installation = here()
    with watcher() as watch:
        done = label_mesh(
            mesh,
            footprints,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            key=key,
            options=read_options(option or []),
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            watcher=watch,
        )
    tell(done)
    conclude(done, report)
