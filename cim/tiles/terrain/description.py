"""layer.json: what clients of terrain ask for first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cim.city import Bounds
from cim.tiles.terrain.place import Place

EVERY_LEVEL = 1  # of metadata: each tile tells of its own children


def layer_json(
    extent: Bounds,
    written: Iterable[Place],
    version: str,
    *,
    name: str = "terrain",
    water: bool = False,
    metadata: bool = False,
) -> dict[str, Any]:
    """The description of a pyramid.

    Args:
        extent: Where the models lie, degrees.
        written: All tiles.
        version: Fills ``?v=`` of the tile addresses.
        name: What the terrain is called.
        water: Whether tiles carry a mask of water.
        metadata: Whether each tile tells of its children; clients then ask them and not
            ``available``, which is written all the same.
    """
    levels: dict[int, dict[int, list[int]]] = {}
    for place in written:
        levels.setdefault(place.z, {}).setdefault(place.x, []).append(place.y)
    maxzoom = max(levels)
    extensions = ["octvertexnormals", *["watermask"] * water, *["metadata"] * metadata]
    return {
        "tilejson": "2.1.0",
        "name": name,
        "version": version,
        "format": "quantized-mesh-1.0",
        "attribution": name,
        "scheme": "tms",
        "projection": "EPSG:4326",
        "tiles": ["{z}/{x}/{y}.terrain?v={version}"],
        "minzoom": 0,
        "maxzoom": maxzoom,
        "bounds": list(extent),
        "extensions": extensions,
        **({"metadataAvailability": EVERY_LEVEL} if metadata else {}),
        "available": [_rectangles(levels[z]) for z in range(maxzoom + 1)],
    }


def _rectangles(columns: Mapping[int, list[int]]) -> list[dict[str, int]]:
    """Tiles of one level as few rectangles: runs up a column, then equal runs side by side."""
    found: list[dict[str, int]] = []
    open_: dict[tuple[int, int], dict[str, int]] = {}
    for x in sorted(columns):
        beside, open_ = open_, {}
        for low, high in _runs(sorted(columns[x])):
            box = beside.get((low, high))
            if box is None or box["endX"] != x - 1:
                box = {"startX": x, "startY": low, "endX": x, "endY": high}
                found.append(box)
            box["endX"] = x
            open_[low, high] = box
    return found


def _runs(values: list[int]) -> Iterator[tuple[int, int]]:
    first = last = values[0]
    for value in values[1:]:
        if value != last + 1:
            yield first, last
            first = value
        last = value
    yield first, last
