"""Checks a folder of terrain: layer.json, every tile that it announces, and the borders between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from cim.city import Bounds
from cim.errors import FormatError
from cim.tiles.look import Look
from cim.tiles.terrain.level_check import Between
from cim.tiles.terrain.reader import DecodedTile, decode, faults, gap, is_level

SAME = 1e-6  # m: what decoding 16-bit heights in floating point may add
LOWEST, HIGHEST = -500.0, 9000.0  # ellipsoidal heights on Earth's land, m
MOST_TILES = 1 << 22
Column = dict[int, DecodedTile]


def check_terrain_folder(
    folder: Path, bounds: Bounds | None = None, *, strict: bool = False
) -> tuple[Look, ...]:
    """Look at layer.json and every tile that it announces.

    Args:
        folder: The folder of layer.json.
        bounds: Where its extent must lie, degrees; None where it does not matter.
        strict: Gaps between neighbours are errors; otherwise notes, since skirts hide them.

    Raises:
        FormatError: layer.json is not there, or no JSON.
    """
    path = folder / "layer.json"
    try:
        layer = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FormatError(f"no description of terrain: {error}", path=path) from error
    described, place = Look("terrain.layer", 1), Look("terrain.place", 1)
    tiles, seams = Look("terrain.tiles"), Look("terrain.seams")
    for fault in _layer_faults(layer):
        described.fail(f"layer.json: {fault}")
    if described.errors:
        return (described, tiles, seams, place)
    _place(layer["bounds"], bounds, place)
    levels = layer["available"]
    between = Between(folder, levels, layer.get("metadataAvailability"), strict=strict)
    announced: set[Path] = set()
    worst = 0.0
    for z, ranges in enumerate(levels):
        before: tuple[int, Column] = (-2, {})
        for x, ys in _columns(ranges):
            column = _decoded(folder, (z, x), ys, tiles, announced)
            beside = before[1] if before[0] == x - 1 else {}
            worst = max(worst, _seams(z, x, column, beside, seams, strict=strict))
            for y, tile in column.items():
                between.look(z, x, y, tile)
            before = (x, column)
    seams.figures["worst_gap_m"] = worst
    lost = _own(folder) - announced
    tiles.figures["orphans"] = len(lost)
    for one in sorted(lost):
        tiles.note(f"{one.relative_to(folder).as_posix()}: layer.json does not announce it")
    return (described, tiles, seams, between.steps, between.told, place)


def _own(folder: Path) -> set[Path]:
    """The tiles of a folder, without those of terrain of its own below it, such as ``joined/``."""
    others = [path.parent for path in folder.rglob("layer.json") if path.parent != folder]
    return {
        path
        for path in folder.rglob("*.terrain")
        if not any(path.is_relative_to(other) for other in others)
    }


def _layer_faults(layer: Any) -> Iterator[str]:
    if not isinstance(layer, dict):
        yield "no object"
        return
    wanted = {"format": "quantized-mesh-1.0", "scheme": "tms", "projection": "EPSG:4326"}
    for key, value in wanted.items():
        if not str(layer.get(key, "")).startswith(value):
            yield f"{key} is {layer.get(key)!r}, not {value}"
    templates = layer.get("tiles")
    if not isinstance(templates, list) or not templates or "{z}" not in str(templates[0]):
        yield "tiles is no list of templates"
    box = layer.get("bounds")
    if not _is_box(box):
        yield f"bounds are {box!r}"
    yield from _extension_faults(layer)
    available = layer.get("available")
    if not isinstance(available, list) or not all(map(is_level, available)):
        yield "available is no list of levels with their rectangles"
        return
    if sum(_size(r) for level in available for r in level) > MOST_TILES:
        yield f"more than {MOST_TILES} tiles are announced"
    if layer.get("maxzoom") != len(available) - 1:
        yield f"maxzoom is {layer.get('maxzoom')!r}, available has {len(available)} levels"
    if not available or sum(_size(r) for r in available[0]) != 2:
        yield "the two tiles of level 0 are not announced: clients begin there"


def _extension_faults(layer: dict[str, Any]) -> Iterator[str]:
    """What is odd with the announced extensions."""
    names = layer.get("extensions", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield f"extensions are {names!r}"
    elif "vertexnormals" in names:
        yield "extensions name vertexnormals, whose length clients read backwards"
    every = layer.get("metadataAvailability")
    if every is not None and (type(every) is not int or every < 1):
        yield f"metadataAvailability is {every!r}, no number of levels"


def _is_box(box: Any) -> bool:
    if not isinstance(box, list) or len(box) != 4:
        return False
    if not all(isinstance(v, int | float) for v in box):
        return False
    west, south, east, north = map(float, box)
    return -180 <= west < east <= 180 and -90 <= south < north <= 90


def _size(box: dict[str, int]) -> int:
    return max(0, box["endX"] - box["startX"] + 1) * max(0, box["endY"] - box["startY"] + 1)


def _columns(ranges: list[dict[str, int]]) -> Iterator[tuple[int, list[int]]]:
    """The announced tiles, column by column from the west."""
    columns: dict[int, set[int]] = {}
    for box in ranges:
        for x in range(box["startX"], box["endX"] + 1):
            columns.setdefault(x, set()).update(range(box["startY"], box["endY"] + 1))
    for x in sorted(columns):
        yield x, sorted(columns[x])


def _decoded(
    folder: Path, column: tuple[int, int], ys: list[int], look: Look, announced: set[Path]
) -> Column:
    z, x = column
    found: Column = {}
    for y in ys:
        name = f"{z}/{x}/{y}.terrain"
        path = folder / name
        announced.add(path)
        look.looked_at += 1
        try:
            tile = decode(path.read_bytes())
            for fault in faults(tile):
                look.fail(f"{name}: {fault}")
        except FileNotFoundError:
            look.fail(f"{name}: announced by layer.json but missing")
            continue
        except (OSError, FormatError, ValueError, IndexError) as error:
            look.fail(f"{name}: {error}")
            continue
        found[y] = tile
        low, high = float(tile.heights.min()), float(tile.heights.max())
        if low < LOWEST or high > HIGHEST or not np.isfinite([low, high]).all():
            look.fail(f"{name}: heights from {low:.0f} to {high:.0f} m are not Earth's")
    return found


def _seams(z: int, x: int, column: Column, beside: Column, look: Look, *, strict: bool) -> float:
    """The widest gap to the western column and within this one, m."""
    worst = 0.0
    pairs = [(beside[y], tile, "east", f"{z}/{x - 1}/{y}") for y, tile in column.items()
             if y in beside]  # fmt: skip
    pairs += [(tile, column[y + 1], "north", f"{z}/{x}/{y}") for y, tile in column.items()
              if y + 1 in column]  # fmt: skip
    for tile, other, side, name in pairs:
        look.looked_at += 1
        width = gap(tile, other, side)
        worst = max(worst, width)
        if width > SAME:
            tell = look.fail if strict or not np.isfinite(width) else look.note
            tell(f"{name}: {width:.4f} m to its {side} neighbour")
    return worst


def _place(box: list[float], bounds: Bounds | None, look: Look) -> None:
    extent = Bounds(*map(float, box))
    look.figures |= dict(zip(("west", "south", "east", "north"), extent, strict=True))
    if bounds is not None and not bounds.contains(extent):
        look.fail(f"layer.json: lies at {extent}, outside of {bounds}")
