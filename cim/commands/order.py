"""One delivery as a user asks for it, and the carrying out: for single ones and for lists."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from cim.catalog import registry
from cim.errors import ParameterError
from cim.geo.heights import Heights
from cim.ingest.pipeline import ingest
from cim.ingest.progress import Bar, Lines, Watcher
from cim.ingest.report import Exit, Report
from cim.ingest.source import Problem, Request
from cim.installation import Installation
from cim.store.database import ready
from cim.store.files import write_json

LONGEST = 300  # characters of a reason on the terminal; a report holds it whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to ingest, where to, and how to read it; see ``cim.ingest.source.Request``."""

    paths: tuple[Path, ...]
    layer_id: str
    crs: str | None = None
    heights: Heights = Heights.ORTHOMETRIC
    origin: tuple[float, float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def carry_out(
    installation: Installation,
    order: Order,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    superseded: bool = False,
) -> Report:
    """Ingest one delivery, show the progress, say what came of it, the losses by name.

    Raises:
        CimError: nothing was published.
    """
    with ready(installation.engine) as connection:
        declared = registry.declaration(connection, order.layer_id)
    request = Request(
        paths=order.paths,
        layer_id=order.layer_id,
        layer=declared,
        city=installation.city,
        crs=order.crs,
        heights=order.heights,
        origin=order.origin,
        options=order.options,
    )
    with watcher() as watch:
        report = ingest(
            request,
            engine=installation.engine,
            files=installation.files,
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            force=force,
            superseded=superseded,
            watcher=watch,
        )
    tell(report)
    return report


@contextmanager
def watcher() -> Iterator[Watcher]:
    """A bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with Bar() as bar:
            yield bar
    else:
        yield Lines()


def read_options(given: list[str]) -> dict[str, str]:
    """``name=value`` as a mapping.

    Raises:
        ParameterError: one of them is anything else.

    Example:
        >>> read_options(["texture=webp"])
        {'texture': 'webp'}
    """
    options: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ParameterError(
                f"-o {text!r} is not name=value", remedy="write it so: -o geometry=meshopt"
            )
        options[name.strip()] = value.strip()
    return options


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


def conclude(done: Report, report: Path | None) -> None:
    """Keep the report of a run where it is wanted, and end the command as the run ended."""
    if report is not None:
        write_json(report, done.to_json())
    if done.exit is not Exit.PUBLISHED:
        raise typer.Exit(int(done.exit))


def tell(report: Report) -> None:
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
