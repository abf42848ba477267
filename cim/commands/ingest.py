"""``cim ingest``: a delivery becomes the next version of a layer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cim.catalog import registry
from cim.commands.ending import clear_errors, here
from cim.errors import ParameterError
from cim.geo.heights import Heights
from cim.ingest.pipeline import ingest as run_ingest
from cim.ingest.progress import Bar, Lines, Watcher
from cim.ingest.report import Exit, Report
from cim.ingest.source import Problem, Request
from cim.store.database import ready
from cim.store.files import write_json

LONGEST = 300  # characters of a reason on the terminal; a report holds it whole


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
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes; default: one a core")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
    force: Annotated[bool, typer.Option(help="publish even if nothing has changed")] = False,
) -> None:
    """Ingest a delivery and publish it as the layer's next version.

    Ends with 0: all is published; 3: published, with parts refused (the report lists them);
    2: nothing is published, the reason is on stderr.
    """
    installation = here()
    with ready(installation.engine) as connection:
        declared = registry.declaration(connection, layer)
    request = Request(
        paths=tuple(path.resolve() for path in sources),
        layer_id=layer,
        layer=declared,
        city=installation.city,
        crs=crs,
        heights=heights,
        origin=read_origin(origin),
    )
    with watcher() as watch:
        done = run_ingest(
            request,
            engine=installation.engine,
            files=installation.files,
            workers=workers or os.cpu_count() or 1,
            force=force,
            watcher=watch,
        )
    if report is not None:
        write_json(report, done.to_json())
    _tell(done)
    if done.exit is not Exit.PUBLISHED:
        raise typer.Exit(int(done.exit))


@contextmanager
def watcher() -> Iterator[Watcher]:
    """A bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with Bar() as bar:
            yield bar
    else:
        yield Lines()


def read_origin(text: str | None) -> tuple[float, float, float] | None:
    """``x,y,z`` as three numbers.

    Raises:
        ParameterError: it is anything else.
    """
    if text is None:
        return None
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ParameterError(
            f"--origin {text!r} is not x,y,z", remedy="give three numbers, such as 650000,3900000,0"
        ) from error
    return x, y, z


def _tell(report: Report) -> None:
    """Say what came of it, the losses by name."""
    for kind, problems in (("warning", report.warnings), ("refused", report.refused)):
        for problem in problems[:20]:
            sys.stderr.write(f"{kind}: {_sentence(problem)}\n")
        if len(problems) > 20:
            sys.stderr.write(f"{kind}: and {len(problems) - 20} more, see --report\n")
    figures = ", ".join(f"{value} {name}" for name, value in report.counts.items())
    extent = "" if report.extent is None else f" at {report.extent}"
    state = "unchanged" if report.unchanged else "published"
    typer.echo(
        f"{report.layer} version {report.version} {state}{extent}: "
        f"{report.published} of {report.read} parts"
        + (f" ({figures})" if figures else "")
        + f", {report.seconds:.1f} s"
    )


def _sentence(problem: Problem) -> str:
    where = f"{problem.path}: " if problem.path else ""
    reason = problem.reason
    if len(reason) > LONGEST:
        reason = f"{reason[:LONGEST]}… (all of it with --report)"
    return where + reason + (f" → {problem.remedy}" if problem.remedy else "")
