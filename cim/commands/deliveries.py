"""``cim deliveries``: ingest all deliveries that a list names, one after the other."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Scheduler, Workers
from cim.commands.order import Order, carry_out
from cim.errors import CimError, DeclarationError
from cim.geo.heights import Heights
from cim.ingest.report import Exit

_KEYS = {"layer", "path", "crs", "heights", "options"}


@clear_errors
def deliveries(
    file: Annotated[Path, typer.Argument(help="TOML with a [[delivery]] for each layer")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Ingest every delivery of a list; what is published already and unchanged is passed over.

    Ends with 0: all are published; 3: some deliveries, or parts of them, are refused; 2: none.
    """
    listed = _read(file)
    installation = here()
    ends: list[Exit] = []
    for delivery in listed:
        try:
            done = carry_out(installation, delivery, workers=workers, scheduler=scheduler)
            ends.append(done.exit)
        except CimError as error:
            sys.stderr.write(f"{delivery.layer_id}: {error}\n")
            ends.append(Exit.NOTHING)
    if all(end is Exit.NOTHING for end in ends):
        raise typer.Exit(int(Exit.NOTHING))
    if any(end is not Exit.PUBLISHED for end in ends):
        raise typer.Exit(int(Exit.PARTLY))


def _read(file: Path) -> list[Order]:
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


def _delivery(entry: Any, file: Path) -> Order:
    fits = isinstance(entry, dict) and {"layer", "path"} <= set(entry) <= _KEYS
    fits = fits and isinstance(entry.get("options", {}), dict)
    if not fits or entry.get("heights", Heights.ORTHOMETRIC) not in list(Heights):
        raise DeclarationError(
            f"the delivery {entry} does not fit",
            path=file,
            remedy="each has layer and path, and may have crs, heights "
            f"({' or '.join(Heights)}) and a table of options",
        )
    given = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
    return Order(
        layer_id=str(entry["layer"]),
        paths=tuple((file.parent / str(path)).resolve() for path in given),
        crs=entry.get("crs"),
        heights=Heights(entry.get("heights", Heights.ORTHOMETRIC)),
        options=entry.get("options", {}),
    )
