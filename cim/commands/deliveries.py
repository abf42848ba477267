"""``cim deliveries``: ingest all deliveries that a list names, one after the other."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cim.catalog import registry
from cim.commands.ending import clear_errors, here
from cim.commands.ingest import watcher
from cim.errors import CimError, DeclarationError
from cim.geo.heights import Heights
from cim.ingest.pipeline import ingest as run_ingest
from cim.ingest.report import Exit
from cim.ingest.source import Request
from cim.installation import Installation
from cim.store.database import ready

_KEYS = {"layer", "path", "crs", "heights"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    layer_id: str
    paths: tuple[Path, ...]
    crs: str | None
    heights: Heights


@clear_errors
def deliveries(
    file: Annotated[Path, typer.Argument(help="TOML with a [[delivery]] for each layer")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes; default: one a core")
    ] = None,
) -> None:
    """Ingest every delivery of a list; what is published already and unchanged is passed over.

    Ends with 0: all are published; 3: some deliveries, or parts of them, are refused; 2: none.
    """
    listed = _read(file)
    installation = here()
    ends: list[Exit] = []
    for delivery in listed:
        try:
            ends.append(_one(installation, delivery, workers or os.cpu_count() or 1))
        except CimError as error:
            sys.stderr.write(f"{delivery.layer_id}: {error}\n")
            ends.append(Exit.NOTHING)
    if all(end is Exit.NOTHING for end in ends):
        raise typer.Exit(int(Exit.NOTHING))
    if any(end is not Exit.PUBLISHED for end in ends):
        raise typer.Exit(int(Exit.PARTLY))


def _one(installation: Installation, delivery: _Delivery, workers: int) -> Exit:
    with ready(installation.engine) as connection:
        declared = registry.declaration(connection, delivery.layer_id)
    request = Request(
        paths=delivery.paths,
        layer_id=delivery.layer_id,
        layer=declared,
        city=installation.city,
        crs=delivery.crs,
        heights=delivery.heights,
    )
    with watcher() as watch:
        report = run_ingest(
            request, engine=installation.engine, files=installation.files, workers=workers,
            watcher=watch,
        )  # fmt: skip
    state = "unchanged" if report.unchanged else "published"
    typer.echo(f"{report.layer} version {report.version} {state}, {report.seconds:.1f} s")
    for problem in report.refused:
        sys.stderr.write(f"refused: {problem.path}: {problem.reason}\n")
    return report.exit


def _read(file: Path) -> list[_Delivery]:
    """The list; paths are relative to the file.

    Raises:
        DeclarationError: unreadable, or an entry that does not fit.
    """
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DeclarationError(f"cannot be read: {error}", path=file) from error
    entries = data.get("delivery", [])
    if not isinstance(entries, list) or not entries:
        raise DeclarationError(
            "it lists no delivery", path=file, remedy="write one [[delivery]] for each layer"
        )
    return [_delivery(entry, file) for entry in entries]


def _delivery(entry: Any, file: Path) -> _Delivery:
    fits = isinstance(entry, dict) and {"layer", "path"} <= set(entry) <= _KEYS
    if not fits or entry.get("heights", Heights.ORTHOMETRIC) not in list(Heights):
        raise DeclarationError(
            f"the delivery {entry} does not fit",
            path=file,
            remedy="each has layer and path, and may have crs and heights "
            f"({' or '.join(Heights)})",
        )
    given = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
    return _Delivery(
        layer_id=str(entry["layer"]),
        paths=tuple((file.parent / str(path)).resolve() for path in given),
        crs=entry.get("crs"),
        heights=Heights(entry.get("heights", Heights.ORTHOMETRIC)),
    )
