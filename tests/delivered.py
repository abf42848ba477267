"""Deliveries in small, and the way into an installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

from cim.city import City
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.heights import Heights
from cim.ingest.pipeline import ingest
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.installation import Installation
from cim.layers import Layer

ZONE = resolve("EPSG:4545").crs
WEST, NORTH = 376_000.0, 3_902_000.0  # of the rasters; it lies within the test city
Array = npt.NDArray[Any]


def deliver(
    here: Installation,
    paths: Path | Sequence[Path],
    layer_id: str,
    layer: Layer | None = None,
    *,
    city: City | None = None,
    crs: str | None = None,
    heights: Heights = Heights.ORTHOMETRIC,
    force: bool = False,
    workers: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Ingest a delivery and publish it."""
    request = Request(
        paths=(paths,) if isinstance(paths, Path) else tuple(paths),
        layer_id=layer_id,
        layer=layer,
        city=city or here.city,
        crs=crs,
        heights=heights,
        options=options or {},
    )
    return ingest(request, engine=here.engine, files=here.files, force=force, workers=workers)


def warnings(report: Report) -> str:
    """All that a report warns of."""
    return "\n".join(f"{p.path}: {p.reason}" for p in report.warnings)


def refusals(report: Report) -> str:
    """All that a report refuses."""
    return "\n".join(f"{p.path}: {p.reason} → {p.remedy}" for p in report.refused)


def lonlat(x: Array, y: Array) -> tuple[Array, Array]:
    """Degrees of coordinates in the test city's zone."""
    lon, lat = transformer(ZONE, CGCS2000).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def raster(
    path: Path,
    bands: Array,
    *,
    cell: float = 15.0,
    west: float = WEST,
    north: float = NORTH,
    crs: str | None = "EPSG:4545",
    transform: Affine | None = None,
    unit: str | None = None,
    **profile: Any,
) -> Path:
    """Write (bands, rows, columns) or (rows, columns) as a GeoTIFF."""
    values = bands if bands.ndim == 3 else bands[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", dtype=values.dtype, count=len(values),
        height=values.shape[1], width=values.shape[2], crs=crs,
        transform=transform or Affine(cell, 0, west, 0, -cell, north), **profile,
    ) as image:  # fmt: skip
        image.write(values)
        if unit is not None:
            image.units = (unit,) * len(values)
    return path


def hills(rows: int = 120, columns: int = 150, *, cell: float = 15.0, seed: int = 1) -> Array:
    """Smooth, wholly lopsided hills of 1,400 to 1,700 m: mirrored they are others."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns] * cell
    heights = 1500.0 + 0.02 * x - 0.01 * y
    for _ in range(6):
        at_x, at_y = random.uniform(0, columns * cell), random.uniform(0, rows * cell)
        size = random.uniform(150, 500)
        heights += random.uniform(-60, 90) * np.exp(
            -((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * size**2)
        )
    return np.asarray(heights, np.float32)


def photo(rows: int = 700, columns: int = 700, seed: int = 4, fields: int = 12) -> Array:
    """Smooth colours with sharp fields in them, wholly lopsided; no pixel is black."""
    y, x = np.mgrid[0:rows, 0:columns]
    base = np.stack([60 + x * 150 / columns, 60 + y * 150 / rows, 110 + 40 * np.sin(x / 40)])
    random = np.random.default_rng(seed)
    for _ in range(fields):
        top, left = random.integers(0, rows - 60), random.integers(0, columns - 60)
        colour = random.integers(30, 220, 3)
        base[:, top : top + 60, left : left + 60] = colour[:, None, None]
    return base.clip(1, 254).astype(np.uint8)
