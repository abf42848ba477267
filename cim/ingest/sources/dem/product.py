"""What is published of elevation models: the models themselves, tiles and their description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from cim.city import Bounds
from cim.errors import CheckError
from cim.ingest.source import Built, Product, Request
from cim.ingest.sources.dem.options import DemOptions
from cim.ingest.sources.dem.seams import figures, judge
from cim.ingest.sources.dem.stages import (
    DEPTH,
    MODEL,
    TERRAIN,
    blank_of,
    model_file,
    seams_of,
    sheets_of,
)
from cim.layers import CimLevel, Kind, Layer, Style
from cim.store.files import write_json
from cim.tiles.terrain.description import layer_json
from cim.tiles.terrain.levels import height_bound
from cim.tiles.terrain.pyramid import named


def finished(built: Sequence[Built], request: Request, staging: Path) -> Product:
    """Write layer.json, clear away what a killed run left, and sum up.

    Raises:
        CheckError: a bundle of tiles is lost.
    """
    options = DemOptions.of(request)
    sheets = sheets_of(built, request)
    models = _models(built)
    bundles = [b for b in built if b.parcel.startswith(TERRAIN)]
    tiles = [name for b in bundles for name in b.files]
    _require_whole(tiles, request)
    _clear(staging, {*tiles})
    extent = reduce(Bounds.union, (Bounds(*s["extent"]) for s in sheets))
    title = request.layer.title if request.layer else request.paths[0].stem
    described = layer_json(
        extent, map(named, tiles), "1", name=title, water=bool(options.water),
        metadata=options.metadata,
    )  # fmt: skip
    write_json(staging / "layer.json", described)
    seams = seams_of(built)
    cells = [float(m.facts["cell"]) for m in models]
    errors = [float(b.facts["error"]) for b in built if b.parcel.startswith(DEPTH)]
    return Product(
        extent=extent,
        media={
            "dem": model_file(0),
            "models": [model_file(i) for i in range(len(models))],
            "cells": cells,
            "minzoom": 0,
            "maxzoom": described["maxzoom"],
            "resolution": cells[0],
            "height_bound": max([height_bound(max(cells)), *errors]),
            "levels": _levels(bundles, tiles),
            "seams": figures(seams),
            "accuracy": options.accuracy,
        },
        heights=(
            min(m.facts["range"][0] for m in models),
            max(m.facts["range"][1] for m in models),
        ),
        proposed=_proposed(request),
        refused=tuple(blank_of(built)),
        warnings=tuple(judge(seams, options.seam_tolerance, accept=True)),
    )


def _models(built: Sequence[Built]) -> list[Built]:
    models = [b for b in built if b.parcel.startswith(MODEL)]
    return sorted(models, key=lambda b: int(b.parcel.removeprefix(MODEL)))


def _require_whole(tiles: Sequence[str], request: Request) -> None:
    """No tile may lack the one above it, which it does when a bundle is lost."""
    there = {*tiles}
    for name in tiles:
        place = named(name)
        above = f"{place.z - 1}/{place.x // 2}/{place.y // 2}.terrain"
        if place.z and above not in there:
            raise CheckError(
                f"the tile {above} is lost",
                path=request.paths[0],
                remedy="see the refusals; a second run goes on where this one stopped",
            )


def _clear(staging: Path, tiles: set[str]) -> None:
    for path in staging.glob("*/*/*.terrain"):
        if path.relative_to(staging).as_posix() not in tiles:
            path.unlink()


def _levels(bundles: Sequence[Built], tiles: Sequence[str]) -> list[dict[str, Any]]:
    """Of each level its tiles and the step of its heights, m."""
    counts = Counter(named(name).z for name in tiles)
    steps = {int(b.facts["z"]): float(b.facts["step"]) for b in bundles}
    return [{"z": z, "tiles": n, "step": steps[z]} for z, n in sorted(counts.items())]


def _proposed(request: Request) -> Layer:
    return Layer(
        id=request.layer_id,
        title=request.paths[0].stem,
        kind=Kind.TERRAIN,
        cim_level=CimLevel.SURFACE,
        style=Style(visible=True),
    )
