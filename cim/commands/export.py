"""``cim export``: a layer's tiles in one file, for places without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.commands.ending import clear_errors, here
from cim.errors import InputError, ParameterError
from cim.store.database import ready
from cim.tiles.imagery import export as exporting
from cim.tiles.imagery.export import Form


@clear_errors
def export(
    layer: Annotated[str, typer.Argument(help="imagery layer, <topic>.<noun>")],
    to: Annotated[Path, typer.Option(help="file to write: .mbtiles or .pmtiles")],
    bbox: Annotated[
        str | None, typer.Option(help="west,south,east,north in degrees; default: all of it")
    ] = None,
    minzoom: Annotated[int | None, typer.Option(min=0, help="default: the layer's")] = None,
    maxzoom: Annotated[int | None, typer.Option(min=0, help="default: the layer's")] = None,
    version: Annotated[int | None, typer.Option(help="default: the one served")] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="auto: JPEG, PNG at the rim where it is clear, WebP of classes; jpg; png",
        ),
    ] = Form.AUTO,
) -> None:
    """Write a layer's tiles into one file; an interrupted run leaves none."""
    installation = here()
    with ready(installation.engine) as connection:
        found = registry.published(connection, layer, version)
    if "cog" not in found.media:
        raise InputError(f"{layer} is {found.layer.kind}: only imagery can be exported")
    path = installation.files.file(layer, found.version, str(found.media["cog"]))
    about = {"description": f"{layer} version {found.version}"}
    if found.media.get("date"):
        about["date"] = str(found.media["date"])
    count = exporting.write(
        exporting.Export(
            cog=path, title=found.layer.title, bounds=_bounds(bbox, found),
            zooms=_zooms(minzoom, maxzoom, found), form=form, about=about,
        ),
        to,
    )  # fmt: skip
    typer.echo(f"{count} tiles, {to.stat().st_size / 1e6:.1f} MB in {to}")


def _bounds(given: str | None, version: Version) -> tuple[float, float, float, float]:
    west, south, east, north = version.extent
    if given is None:
        return west, south, east, north
    try:
        a, b, c, d = (float(part) for part in given.split(","))
    except ValueError as error:
        raise ParameterError(f"--bbox {given}", remedy="give west,south,east,north") from error
    if not (-180 <= a < c <= 180 and -90 <= b < d <= 90):
        raise ParameterError(f"--bbox {given} spans no area", remedy="give west,south,east,north")
    box = max(a, west), max(b, south), min(c, east), min(d, north)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ParameterError(
            f"--bbox {given} does not meet the layer",
            remedy=f"it lies at {west:.4f},{south:.4f},{east:.4f},{north:.4f}",
        )
    return box


def _zooms(low: int | None, high: int | None, version: Version) -> tuple[int, int]:
    first, last = int(version.media["minzoom"]), int(version.media["maxzoom"])
    chosen = (first if low is None else low, last if high is None else high)
    if not chosen[0] <= chosen[1] <= last:
        raise ParameterError(
            f"zooms {chosen[0]} to {chosen[1]}", remedy=f"the layer goes down to zoom {last}"
        )
    return chosen
