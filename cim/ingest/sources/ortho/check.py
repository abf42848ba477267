"""The serving COG read back as a stranger would."""

from __future__ import annotations

import io
from pathlib import Path

import rasterio
from PIL import Image

from cim.errors import FormatError
from cim.ingest.source import Check
from cim.tiles.imagery import SIZE, tile
from cim.tiles.imagery.cog import opened


def check_cog(path: Path, zoom: int) -> Check:
    """It is on the grid, masked, with overviews, and its blocks are pictures, to GDAL and to us."""
    errors: list[str] = []
    with rasterio.open(path) as image:
        if image.crs.to_epsg() != 3857:
            errors.append(f"its CRS is {image.crs}")
        layout = (image.tags(ns="IMAGE_STRUCTURE") or {}).get("LAYOUT")
        if layout != "COG":
            errors.append("it is not laid out as a COG")
        factors = image.overviews(1)
    cog = opened(path)
    if cog.maxzoom != zoom:
        errors.append(f"its finest level is {cog.maxzoom}, not {zoom}")
    if len(cog.levels) != len(factors) + 1:
        errors.append(f"{len(cog.levels)} of its {len(factors) + 1} levels lie on the tile grid")
    looked = 0
    for level in cog.levels.values():
        for column, row in _spread(level.columns, level.rows):
            looked += 1
            errors += _faults(path, (level.zoom, level.left + column, level.top + row))
    return Check(name="imagery COG", looked_at=looked, errors=tuple(errors))


def _spread(columns: int, rows: int) -> list[tuple[int, int]]:
    """At most 8 × 8 blocks spread over a level."""
    pick = [sorted({round(i * (n - 1) / 7) for i in range(8)}) for n in (columns, rows)]
    return [(c, r) for c in pick[0] for r in pick[1]]


def _faults(path: Path, place: tuple[int, int, int]) -> list[str]:
    name = "/".join(map(str, place))
    try:
        found = tile(path, place, "auto")
        if found is None:
            return []
        picture = Image.open(io.BytesIO(found.content))
        picture.load()
    except (OSError, FormatError) as error:
        return [f"tile {name}: {error}"]
    return [] if picture.size == (SIZE, SIZE) else [f"tile {name} is {picture.size}"]
