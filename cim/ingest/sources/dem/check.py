"""A stranger's look at a folder of terrain: decoded by rules of its own, compared with the DEM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cim.ingest.source import Check, Product, Request
from cim.ingest.sources.dem.height_check import check_heights
from cim.ingest.sources.dem.stages import ground_of, model_folder
from cim.tiles.terrain.levels import Levels
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.reader import DecodedTile, decode, faults, gap

MARGIN = 1.0  # m, for the rounding of the levels
SAME = 1e-6  # m: what decoding 16-bit heights in floating point may add


def check_terrain(product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
    """Every tile decodes, is announced and lies in the DEM's range; neighbours share borders."""
    layer = json.loads((staging / "layer.json").read_text())
    low, high = _ellipsoidal_range(product, request)
    errors: list[str] = []
    seams: list[str] = []
    tiles, worst = 0, 0.0
    for z, ranges in enumerate(layer["available"]):
        level = _decoded(staging, z, ranges, errors)
        tiles += len(level)
        for (x, y), tile in level.items():
            errors += [f"{z}/{x}/{y}: {fault}" for fault in faults(tile)]
            if tile.heights.min() < low - MARGIN:
                errors.append(f"{z}/{x}/{y}: a pit {low - tile.heights.min():.1f} m deep")
            if tile.heights.max() > high + MARGIN:
                errors.append(f"{z}/{x}/{y}: a spike {tile.heights.max() - high:.1f} m high")
        worst = max(worst, _seams(level, z, seams))
    return (
        Check(
            name="sheet seams",
            looked_at=int(product.media["seams"]["pairs"]),
            figures=product.media["seams"],
        ),
        Check(name="terrain tiles", looked_at=tiles, errors=tuple(errors)),
        Check(
            name="terrain seams",
            looked_at=tiles,
            errors=tuple(seams),
            figures={"worst_gap_m": worst},
        ),
        _heights(product, request, staging, layer),
    )


def _heights(product: Product, request: Request, staging: Path, layer: dict[str, Any]) -> Check:
    """The finest tiles where models lie, against these."""
    folders = [model_folder(index) for index in range(len(product.media["models"]))]
    ground = ground_of(staging, folders, request)
    levels = Levels.of(ground)
    there = {
        (z, x, y)
        for z, ranges in enumerate(layer["available"])
        for r in ranges
        for x in range(r["startX"], r["endX"] + 1)
        for y in range(r["startY"], r["endY"] + 1)
    }
    finest = [
        place
        for place in (Place(*tile) for tile in sorted(there))
        if (place.z + 1, 2 * place.x, 2 * place.y) not in there
        and levels.ended(place.z, place.x, place.y) is not None
    ]
    steps = {level["z"]: level["step"] for level in product.media["levels"]}
    step = max(steps[place.z] for place in finest)
    return check_heights(staging, ground, finest, product.media["height_bound"], step)


def _ellipsoidal_range(product: Product, request: Request) -> tuple[float, float]:
    """Between what heights all terrain must lie: the model's own, lifted by the geoid."""
    west, south, east, north = product.extent
    lon, lat = np.meshgrid(np.linspace(west, east, 33), np.linspace(south, north, 33))
    lift = request.city.geoid.undulation(lon, lat)
    low, high = product.heights or (0.0, 0.0)
    return low + float(lift.min()), high + float(lift.max())


def _decoded(
    staging: Path, z: int, ranges: list[dict[str, int]], errors: list[str]
) -> dict[tuple[int, int], DecodedTile]:
    """All tiles that layer.json announces on a level."""
    level: dict[tuple[int, int], DecodedTile] = {}
    for box in ranges:
        for x in range(box["startX"], box["endX"] + 1):
            for y in range(box["startY"], box["endY"] + 1):
                path = staging / f"{z}/{x}/{y}.terrain"
                if path.is_file():
                    level[x, y] = decode(path.read_bytes())
                else:
                    errors.append(f"{z}/{x}/{y}: announced by layer.json but missing")
    return level


def _seams(level: dict[tuple[int, int], DecodedTile], z: int, seams: list[str]) -> float:
    """The widest gap between neighbours of a level, m; each gap becomes a line."""
    worst = 0.0
    for (x, y), tile in level.items():
        for side, (dx, dy) in (("east", (1, 0)), ("north", (0, 1))):
            other = level.get((x + dx, y + dy))
            if other is None:
                continue
            step = gap(tile, other, side)
            worst = max(worst, step)
            if step > SAME:
                seams.append(f"{z}/{x}/{y}: {step:.4f} m to its {side} neighbour")
    return worst
