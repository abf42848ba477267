"""``cim tubes``: pipes and manholes of published layers in 3D, as a mesh layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Workers
from cim.commands.order import conclude, read_options, tell, watcher
from cim.ingest.tubing import sweep


@clear_errors
def tubes(
    layers: Annotated[
        list[str], typer.Argument(help="published layers of pipe segments and of manholes")
    ],
    layer: Annotated[str, typer.Option(help="mesh layer to publish")] = "pipelines.pipe_tube",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="sides=12, walls=table, geometry=meshopt; see docs"),
    ] = None,
    workers: Workers = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
) -> None:
    """Sweep pipes along their centrelines and publish them as 3D Tiles with attributes.

    What lacks a diameter or a height is not drawn; the report counts it. Run again after the pipes
    were ingested anew: layers that have not changed are taken over. Ends as `cim ingest` does.
    """
    installation = here()
    with watcher() as watch:
        done = sweep(
            layers,
            layer,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            options=read_options(option or []),
            workers=workers or os.cpu_count() or 1,
            watcher=watch,
        )
    tell(done)
    conclude(done, report)
