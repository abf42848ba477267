"""Heights of the published elevation models at places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from rasterio.windows import Window

from cim.geo.crs import resolve, rows, transformer
from cim.ingest.sources.buildings.ground import BLOCK, bilinear

Floats = npt.NDArray[np.float64]


def heights_at(places: Floats, crs: CRS, models: Sequence[Path]) -> Floats:
    """(k,) orthometric heights at (k, 2) places of a CRS, m; NaN where no model knows the ground.

    Args:
        places: In ``crs``.
        crs: Any.
        models: Rasters of heights, the finest first.
    """
    found = np.full(len(places), np.nan)
    for path in models:
        waiting = np.flatnonzero(np.isnan(found))
        if not len(waiting):
            break
        found[waiting] = _of_model(places[waiting], crs, path)
    return found


def _of_model(places: Floats, crs: CRS, path: Path) -> Floats:
    found = np.full(len(places), np.nan)
    with rasterio.open(path) as model:
        moved = rows(transformer(crs, resolve(model.crs.to_wkt()).crs), places[:, :2])
        column, row = ~model.transform @ moved.T
        at = np.stack([column - 0.5, row - 0.5], axis=1)  # posts at whole numbers
        inside = np.isfinite(at).all(axis=1) & (at >= -0.5).all(axis=1)
        inside &= (at[:, 0] <= model.width - 0.5) & (at[:, 1] <= model.height - 0.5)
        block = np.floor(np.where(inside[:, None], at, -1.0) / BLOCK)
        for cell in np.unique(block[inside], axis=0):
            mine = np.flatnonzero(inside & (block == cell).all(axis=1))
            low = np.maximum(np.floor(at[mine].min(axis=0)).astype(int), 0)
            high = np.floor(at[mine].max(axis=0)).astype(int) + 2
            right, bottom = min(int(high[0]), model.width), min(int(high[1]), model.height)
            left, top = max(min(int(low[0]), right - 2), 0), max(min(int(low[1]), bottom - 2), 0)
            window = Window(left, top, right - left, bottom - top)
            heights = model.read(1, window=window, masked=True).astype(np.float64).filled(np.nan)
            if min(heights.shape) > 1:
                found[mine] = bilinear(heights, at[mine] - (left, top))
    return found
