"""``cim deliveries``: ingest all deliveries that a list names, one after the other."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Scheduler, Workers
from cim.commands.order import Order, carry_out, tell, watcher
from cim.errors import CimError, DeclarationError
from cim.geo.heights import Heights
from cim.ingest.joining import join_terrain
from cim.ingest.labelling import label_mesh
from cim.ingest.report import Exit, Report
from cim.ingest.tubing import sweep
from cim.installation import Installation

_KEYS = {"layer", "path", "crs", "heights", "options"}
_LABEL_KEYS = {"mesh", "footprints", "key", "options"}
_JOIN_KEYS = {"terrain", "mesh", "options"}
_TUBE_KEYS = {"layers", "layer", "options"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """A mesh whose buildings are to be told apart; see ``cim label``."""

    mesh: str
    footprints: str
    key: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Join:
    """Terrain that is to be led to a mesh; see ``cim join``."""

    terrain: str
    mesh: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tubes:
    """Pipes that are to be shown in 3D; see ``cim tubes``."""

    layers: list[str]
    layer: str
    options: Mapping[str, Any] = field(default_factory=dict)


@clear_errors
def deliveries(
    file: Annotated[Path, typer.Argument(help="TOML with a [[delivery]] for each layer")],
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Ingest every delivery of a list; what is published already and unchanged is passed over.

    Several entries of one layer become its versions in their order; the last one is shown.

    The list's [[label]] entries follow, by which buildings are told apart in a published mesh, its
    [[join]] entries, by which terrain is led to a mesh, and its [[tubes]] entries, by which pipes
    are shown in 3D.

    Ends with 0: all are published; 3: some deliveries, or parts of them, are refused; 2: none.
    """
    listed, labels, joins, tubes = _read(file)
    installation = here()
    work: list[tuple[str, Callable[[], Report]]] = [
        (order.layer_id,
         partial(carry_out, installation, order, workers=workers, scheduler=scheduler,
                 superseded=any(later.layer_id == order.layer_id for later in listed[at + 1:])))
        for at, order in enumerate(listed)
    ]  # fmt: skip
    work += [(one.mesh, partial(_label, installation, one, workers, scheduler)) for one in labels]
    work += [(one.terrain, partial(_join, installation, one, workers, scheduler)) for one in joins]
    work += [(one.layer, partial(_sweep, installation, one, workers)) for one in tubes]
    ends = [_end(layer, act) for layer, act in work]
    if all(end is Exit.NOTHING for end in ends):
        raise typer.Exit(int(Exit.NOTHING))
    if any(end is not Exit.PUBLISHED for end in ends):
        raise typer.Exit(int(Exit.PARTLY))


def _end(layer: str, act: Callable[[], Report]) -> Exit:
    try:
        return act().exit
    except CimError as error:
        sys.stderr.write(f"{layer}: {error}\n")
        return Exit.NOTHING


def _label(
    installation: Installation, one: _Label, workers: int | None, scheduler: str | None
) -> Report:
    with watcher() as watch:
        report = label_mesh(
            one.mesh,
            one.footprints,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            key=one.key,
            options=one.options,
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            watcher=watch,
        )
    tell(report)
    return report


def _join(
    installation: Installation, one: _Join, workers: int | None, scheduler: str | None
) -> Report:
    with watcher() as watch:
        report = join_terrain(
            one.terrain,
            one.mesh,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            options=one.options,
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            watcher=watch,
        )
    tell(report)
    return report


def _sweep(installation: Installation, one: _Tubes, workers: int | None) -> Report:
    with watcher() as watch:
        report = sweep(
            one.layers,
            one.layer,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            options=one.options,
            workers=workers or os.cpu_count() or 1,
            watcher=watch,
        )
    tell(report)
    return report


def _read(file: Path) -> tuple[list[Order], list[_Label], list[_Join], list[_Tubes]]:
    """The deliveries, the labels, the joins and the tubes; paths are relative to the file.

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
    labels, joins, tubes = (_list(data.get(name, [])) for name in ("label", "join", "tubes"))
    return (
        [_delivery(entry, file) for entry in entries],
        [_told(one, file) for one in labels],
        [_joined(one, file) for one in joins],
        [_swept(one, file) for one in tubes],
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _swept(entry: Any, file: Path) -> _Tubes:
    fits = isinstance(entry, dict) and {"layers", "layer"} <= set(entry) <= _TUBE_KEYS
    fits = fits and isinstance(entry["layers"], list) and isinstance(entry["layer"], str)
    if not fits or not isinstance(entry.get("options", {}), dict):
        raise DeclarationError(
            f"the tubes {entry} do not fit",
            path=file,
            remedy="each has layers, a list, and layer, and may have a table of options",
        )
    return _Tubes(**entry)


def _joined(entry: Any, file: Path) -> _Join:
    fits = isinstance(entry, dict) and {"terrain", "mesh"} <= set(entry) <= _JOIN_KEYS
    if not fits or not isinstance(entry.get("options", {}), dict):
        raise DeclarationError(
            f"the join {entry} does not fit",
            path=file,
            remedy="each has terrain and mesh, and may have a table of options",
        )
    return _Join(**entry)


def _told(entry: Any, file: Path) -> _Label:
    fits = isinstance(entry, dict) and {"mesh", "footprints"} <= set(entry) <= _LABEL_KEYS
    if not fits or not isinstance(entry.get("options", {}), dict):
        raise DeclarationError(
            f"the label {entry} does not fit",
            path=file,
            remedy="each has mesh and footprints, and may have key and a table of options",
        )
    return _Label(**entry)


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
