"""Contour lines of an elevation model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from contourpy import LineType, contour_generator
from rasterio.features import shapes
from shapely import LineString, MultiLineString, linestrings, simplify
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from cim.errors import ParameterError
from cim.geo.crs import CGCS2000

MOST_CELLS = 100_000_000
MOST_LINES = 2_000_000
INDEX_EVERY = 5  # every fifth line is an index contour (计曲线)


def contours(models: Sequence[Path], interval: float, target: Path) -> int:
    """Write the contours of some models, the first having priority, as GeoPackage in degrees.

    A coarser model is drawn only where no finer one lies. Lines are simplified by a twentieth of
    a cell, which is below what the model knows.

    Args:
        models: Rasters, orthometric heights, m, NaN where unknown.
        interval: Between two lines, m.
        target: ``height`` (m), ``index`` (whether it is an index contour) and the line.

    Returns:
        The number of lines.

    Raises:
        ParameterError: the interval is too fine for the model.
    """
    frames: list[gpd.GeoDataFrame] = []
    covered: BaseGeometry | None = None
    for path in models:
        frame, known = _drawn(path, interval)
        known_degrees = gpd.GeoSeries([known], crs=frame.crs).to_crs(CGCS2000.to_wkt()).iloc[0]
        frame = frame.to_crs(CGCS2000.to_wkt())
        if covered is not None and len(frame):
            frame = frame.assign(geometry=frame.geometry.difference(covered))
            frame = frame[~frame.geometry.is_empty]
        covered = known_degrees if covered is None else unary_union([covered, known_degrees])
        frames.append(frame)
    rows = [frame for frame in frames if len(frame)]
    if not rows:
        raise ParameterError(
            f"no contour lies on the model at an interval of {interval:g} m",
            remedy="give a smaller --interval",
        )
    whole = gpd.GeoDataFrame(
        {
            "height": np.concatenate([f["height"] for f in rows]),
            "index": np.concatenate([f["index"] for f in rows]),
        },
        geometry=np.concatenate([f.geometry.to_numpy() for f in rows]),
        crs=rows[0].crs,
    )
    whole.to_file(target, driver="GPKG")
    return len(whole)


def _drawn(path: Path, interval: float) -> tuple[gpd.GeoDataFrame, BaseGeometry]:
    """Contours of one model in its CRS, and the outline of what it knows."""
    with rasterio.open(path) as image:
        if image.width * image.height > MOST_CELLS:
            raise ParameterError(
                f"contours of {image.width} × {image.height} cells are too many to draw",
                remedy="ingest the elevation model at a coarser resolution for contours",
            )
        heights = image.read(1, masked=True).astype(np.float64).filled(np.nan)
        crs, transform = image.crs, image.transform
    cell = math.sqrt(abs(transform.a * transform.e))
    columns, rows = np.arange(heights.shape[1]) + 0.5, np.arange(heights.shape[0]) + 0.5
    x, y = transform.c + transform.a * columns, transform.f + transform.e * rows
    known = np.isfinite(heights)
    masked = np.ma.MaskedArray(heights, ~known)  # type: ignore[no-untyped-call]
    drawn = contour_generator(x, y, masked, line_type=LineType.Separate, name="serial")
    low, high = np.nanmin(heights), np.nanmax(heights)
    first, last = math.ceil(low / interval), math.floor(high / interval)
    levels: list[float] = []
    lines: list[LineString | MultiLineString] = []
    for number in range(first, last + 1):
        found = [line for line in drawn.lines(number * interval) if len(line) > 1]
        lines.extend(linestrings(line) for line in found)
        levels.extend([number * interval] * len(found))
        if len(lines) > MOST_LINES:
            raise ParameterError(
                f"an interval of {interval:g} m draws more than {MOST_LINES:,} lines",
                remedy="give a larger --interval",
            )
    geometry = simplify(np.array(lines, dtype=object), cell / 20) if lines else []
    frame = gpd.GeoDataFrame(
        {
            "height": np.array(levels, dtype=np.float64),
            "index": [round(level / interval) % INDEX_EVERY == 0 for level in levels],
        },
        geometry=list(geometry),
        crs=crs,
    )
    outlines = [
        shape(g) for g, _ in shapes(known.astype(np.uint8), mask=known, transform=transform)
    ]
    return frame[frame.geometry.length > cell / 10], unary_union(outlines)
