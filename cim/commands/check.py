"""``cim check``: a stranger's look at tiles, ours or anybody's."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cim import city as cities
from cim.commands.ending import clear_errors
from cim.settings import Settings
from cim.tiles.check import Verdict
from cim.tiles.check import check as look_at


@clear_errors
def check(
    path: Annotated[
        Path, typer.Argument(help="tileset.json, its folder, a terrain folder, a COG, a model")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="it need not lie within the city")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="as for publications: not a centimetre of overhang")
    ] = False,
) -> None:
    """Check a tileset, a terrain folder or a COG.

    Ends with 0: nothing is wrong; 1: errors are found; 2: it cannot be read at all.
    """
    start = time.perf_counter()
    city = None if anywhere else cities.load(Settings().city)
    verdict = look_at(
        path,
        None if city is None else city.bounds,
        strict=strict,
        undulation=None if city is None else city.undulation,
    )
    seconds = time.perf_counter() - start
    typer.echo(_json(path, verdict, seconds) if as_json else _text(path, verdict, seconds))
    if verdict.errors:
        raise typer.Exit(1)


def _json(path: Path, verdict: Verdict, seconds: float) -> str:
    told = {
        "path": str(path),
        "kind": verdict.kind,
        "errors": verdict.errors,
        "seconds": round(seconds, 3),
        "checks": [asdict(look) for look in verdict.looks],
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def _text(path: Path, verdict: Verdict, seconds: float) -> str:
    lines = [f"{path}: {verdict.kind}"]
    for look in verdict.looks:
        told = [f"{name} {value:g}" for name, value in look.figures.items()]
        figures = ", ".join([*(f"{name} {value}" for name, value in look.told.items()), *told])
        count = f"{len(look.errors)} errors" if look.errors else "ok"
        lines.append(f"  {look.name}: {count} of {look.looked_at}" + (figures and f" ({figures})"))
        lines += [f"    error: {error}" for error in look.errors]
        lines += [f"    note: {note}" for note in look.notes]
    found = f"{verdict.errors} errors" if verdict.errors else "nothing is wrong"
    lines.append(f"{found}, {seconds:.1f} s")
    return "\n".join(lines)
