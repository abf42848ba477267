"""``cim derive``: hillshade, slope, aspect and contours of a published terrain, as layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Workers
from cim.commands.order import conclude, tell, watcher
from cim.ingest.deriving import derive as make


@clear_errors
def derive(
    terrain: Annotated[str, typer.Argument(help="published terrain layer, such as base.dem")],
    product: Annotated[str, typer.Argument(help="hillshade, slope, aspect or contour")],
    layer: Annotated[
        str | None, typer.Option(help="layer to publish; default TERRAIN_PRODUCT")
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(help="of contours, m; default 5 for cells up to 5 m, else 20"),
    ] = None,
    workers: Workers = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
) -> None:
    """Make a product of a published terrain and publish it as a layer of its own.

    Pictures keep their values beside them (GET /api/layers/LAYER/value tells one). Run again after
    the terrain was ingested anew. Ends as `cim ingest` does.
    """
    installation = here()
    with watcher() as watch:
        done = make(
            terrain,
            product,
            layer or f"{terrain}_{product}",
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            interval=interval,
            workers=workers or os.cpu_count() or 1,
            watcher=watch,
        )
    tell(done)
    conclude(done, report)
