"""``cim layers``: list, show, register, versions, roll back."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cim.catalog import registry
from cim.commands.ending import clear_errors, here
from cim.errors import DeclarationError
from cim.layers import from_dict, to_dict
from cim.store.database import ready

app = typer.Typer(help="Layers of the catalogue.", no_args_is_help=True)
LayerId = Annotated[str, typer.Argument(help="layer id, <topic>.<noun>")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


@app.command("list")
@clear_errors
def list_layers(as_json: AsJson = False) -> None:
    """List all layers with their current version."""
    with ready(here().engine) as connection:
        entries = registry.entries(connection)
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {**to_dict(e.layer), "version": e.current.version if e.current else None}
                    for e in entries
                ],
                ensure_ascii=False,
            )
        )
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "title", "kind", "version", "published", "features"):
        table.add_column(heading, no_wrap=True)
    for entry in entries:
        now = entry.current
        table.add_row(
            entry.layer.id,
            entry.layer.title,
            str(entry.layer.kind),
            str(now.version) if now else "-",
            f"{now.published_at:%Y-%m-%d %H:%M}" if now else "-",
            str(now.features) if now and now.features is not None else "",
        )
    Console(width=140).print(table)


@app.command()
@clear_errors
def show(layer: LayerId) -> None:
    """Print a layer's declaration and the lineage of its current version, JSON."""
    with ready(here().engine) as connection:
        entry = registry.entry(connection, layer)
    report: Any = None if entry.current is None else dict(entry.current.report)
    typer.echo(
        json.dumps(
            {"declaration": to_dict(entry.layer), "origin": entry.origin, "report": report},
            ensure_ascii=False,
            indent=1,
        )
    )


@app.command()
@clear_errors
def register(file: Annotated[Path, typer.Argument(help="TOML or JSON declarations")]) -> None:
    """Register layers from a file: one declaration, or a list under ``layers``."""
    declarations = _read(file)
    with ready(here().engine) as connection:
        registry.register(connection, [from_dict(d) for d in declarations], "file")
        connection.commit()
    typer.echo(f"{len(declarations)} layers registered")


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text("utf-8")
        data = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise DeclarationError(
            f"cannot be read: {error}", path=file, remedy="give a TOML or JSON file in UTF-8"
        ) from error
    found = data.get("layers", [data]) if isinstance(data, dict) else data
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise DeclarationError(
            "it holds no declarations", path=file, remedy="docs/layers.md shows how one looks"
        )
    return found


@app.command()
@clear_errors
def versions(layer: LayerId) -> None:
    """List the versions of a layer, the newest first; * is the one served."""
    with ready(here().engine) as connection:
        entry = registry.entry(connection, layer)
        listed = registry.versions(connection, layer)
    for version in listed:
        mark = "*" if entry.current and entry.current.version == version.version else " "
        parts = version.report.get("parts", {})
        typer.echo(
            f"{mark} {version.version}  {version.published_at:%Y-%m-%d %H:%M:%S}  "
            f"{parts.get('published', '?')} parts, {len(parts.get('refused', []))} refused"
        )


@app.command()
@clear_errors
def rollback(
    layer: LayerId, version: Annotated[int, typer.Argument(help="version to serve again")]
) -> None:
    """Serve an older version again; nothing is removed."""
    with ready(here().engine) as connection:
        registry.point_at(connection, layer, version)
        connection.commit()
    typer.echo(f"{layer} now serves version {version}")
