"""``cim ingest``: a delivery becomes the next version of a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.order import Order, carry_out, conclude, read_options, read_origin
from cim.geo.heights import Heights

Workers = Annotated[int | None, typer.Option(min=1, help="processes; default: one a core")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="tcp://host:port of a Dask scheduler whose workers build the parts instead; they need "
        "the same program, and the delivery and the data folder under the same path"
    ),
]


@clear_errors
def ingest(
    sources: Annotated[list[Path], typer.Argument(help="files and folders of one delivery")],
    layer: Annotated[str, typer.Option(help="layer to publish into, <topic>.<noun>")],
    crs: Annotated[
        str | None, typer.Option(help="CRS of the delivery, overrides its own: EPSG:n or a WKT")
    ] = None,
    heights: Annotated[
        Heights, typer.Option(help="what the delivery's heights are measured from")
    ] = Heights.ORTHOMETRIC,
    origin: Annotated[
        str | None, typer.Option(help="x,y,z of the local origin where metadata.xml is missing")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="name=value for the reader; see docs/reference"),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
    force: Annotated[
        bool, typer.Option(help="build everything anew and publish even if nothing has changed")
    ] = False,
) -> None:
    """Ingest a delivery and publish it as the layer's next version.

    Ends with 0: all is published; 3: published, with parts refused (the report lists them);
    2: nothing is published, the reason is on stderr.
    """
    order = Order(
        paths=tuple(path.resolve() for path in sources),
        layer_id=layer,
        crs=crs,
        heights=heights,
        origin=read_origin(origin),
        options=read_options(option or []),
    )
    done = carry_out(here(), order, workers=workers, scheduler=scheduler, force=force)
    conclude(done, report)
