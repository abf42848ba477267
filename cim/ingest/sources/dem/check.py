"""A stranger's look at what is to be published of elevation models.

Tiles are decoded by rules of the reader's own, borders held against each other, heights against the
models; tile by tile and column by column, however many there are.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cim.ingest.source import Check, Product, Request
from cim.ingest.sources.dem.height_check import check_heights
from cim.ingest.sources.dem.stages import ground_of, model_folder
from cim.tiles.terrain.check import check_terrain_folder
from cim.tiles.terrain.levels import Levels
from cim.tiles.terrain.place import Place

MARGIN = 1.0  # m, for the rounding of the levels
RANGE = struct.Struct("<24x2f")  # of a tile's head: lowest and highest height
_GZIP = 31  # for zlib: a gzip's own head and tail


def check_terrain(product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
    """All tiles decode, are announced, share their borders, have no pit, and lie on the models."""
    seams = Check(
        name="sheet seams",
        looked_at=int(product.media["seams"]["pairs"]),
        figures=product.media["seams"],
    )
    looks = check_terrain_folder(staging, request.city.bounds, strict=True)
    layer = json.loads((staging / "layer.json").read_text("utf-8"))
    tiles = list(_announced(layer))
    return (
        seams,
        *(Check(name=look.name.replace(".", " "), looked_at=look.looked_at,
                errors=tuple(look.errors), figures=look.figures) for look in looks),
        _pits(product, request, staging, tiles),
        _heights(product, request, staging, tiles),
    )  # fmt: skip


def _announced(layer: dict[str, Any]) -> Iterator[Place]:
    for z, ranges in enumerate(layer["available"]):
        for box in ranges:
            for x in range(box["startX"], box["endX"] + 1):
                for y in range(box["startY"], box["endY"] + 1):
                    yield Place(z, x, y)


def _pits(product: Product, request: Request, staging: Path, tiles: list[Place]) -> Check:
    """No tile goes below the lowest height of the models, lifted by the geoid."""
    west, south, east, north = product.extent
    lon, lat = np.meshgrid(np.linspace(west, east, 33), np.linspace(south, north, 33))
    low = (product.heights or (0.0, 0.0))[0]
    floor = low + float(request.city.geoid.undulation(lon, lat).min())
    errors, lowest = [], np.inf
    for tile in tiles:
        path = staging / f"{tile.z}/{tile.x}/{tile.y}.terrain"
        head = zlib.decompressobj(_GZIP).decompress(path.read_bytes(), RANGE.size)
        least, _ = RANGE.unpack(head)
        lowest = min(lowest, least)
        if least < floor - MARGIN:
            errors.append(f"{tile.z}/{tile.x}/{tile.y}: a pit {floor - least:.1f} m deep")
    return Check(
        name="terrain pits",
        looked_at=len(tiles),
        errors=tuple(errors),
        figures={"lowest_m": float(lowest), "floor_m": floor},
    )


def _heights(product: Product, request: Request, staging: Path, tiles: list[Place]) -> Check:
    """The finest tiles where models lie, against these."""
    folders = [model_folder(index) for index in range(len(product.media["models"]))]
    ground = ground_of(staging, folders, request)
    levels = Levels.of(ground)
    there = set(tiles)
    finest = [
        place
        for place in tiles
        if place.children()[0] not in there and levels.ended(place.z, place.x, place.y) is not None
    ]
    steps = {level["z"]: level["step"] for level in product.media["levels"]}
    step = max(steps[place.z] for place in finest)
    return check_heights(staging, ground, finest, product.media["height_bound"], step)
