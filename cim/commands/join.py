"""``cim join``: terrain that fits an oblique mesh without gap or poke-through (接边)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Scheduler, Workers
from cim.commands.order import conclude, read_options, tell, watcher
from cim.ingest.joining import join_terrain


@clear_errors
def join(
    terrain: Annotated[str, typer.Argument(help="published terrain layer, such as base.dem")],
    mesh: Annotated[str, typer.Option(help="published mesh layer that stands on it")],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="band=60, margin=2 (m); see docs/reference"),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
) -> None:
    """Lead the terrain to a mesh's border and below it; publish it as the terrain's next version.

    Nothing is read but what is published, and analyses go on reading the elevation models as they
    were delivered. When mesh or models have changed, only what looks at the change is made anew.
    Ends as `cim ingest` does.
    """
    installation = here()
    with watcher() as watch:
        done = join_terrain(
            terrain,
            mesh,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            options=read_options(option or []),
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            watcher=watch,
        )
    tell(done)
    conclude(done, report)
