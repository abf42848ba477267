"""Heights of the published elevation models at places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from rasterio.windows import Window

from cim.geo.crs import resolve, rows, transformer

Floats = npt.NDArray[np.float64]

BLOCK = 2000  # cells along the side of what is read at once


def heights_at(places: Floats, crs: CRS, models: Sequence[Path]) -> Floats:
    """(k,) orthometric heights at (k, 2) places of a CRS, m; NaN where no model knows the ground.

    Args:
        places: In ``crs``.
        crs: Any.
        models: Rasters of heights, the finest first.
    """
    return first_known(places, models, lambda waiting, path: _of_model(waiting, crs, path))


def first_known(
    asked: npt.NDArray[Any], models: Sequence[Path], look: Callable[[Any, Path], Floats]
) -> Floats:
    """(n,) heights, each of the first model that knows it, m; NaN where none does.

    Args:
        asked: (n, ...) what they are asked of.
        models: Rasters of heights, the finest first.
        look: Heights of some of what is asked in one model, NaN where it does not know.
    """
    found = np.full(len(asked), np.nan)
    for path in models:
        waiting = np.flatnonzero(np.isnan(found))
        if not len(waiting):
            break
        found[waiting] = look(asked[waiting], path)
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


def bilinear(heights: Floats, places: Floats) -> Floats:
    """Heights at (n, 2) columns and rows; NaN beside an unknown post or half a cell outside."""
    rows_, columns = heights.shape
    x, y = places.T
    inside = (x >= -0.5) & (y >= -0.5) & (x <= columns - 0.5) & (y <= rows_ - 0.5)
    x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows_ - 1)
    left = np.minimum(x.astype(np.int64), columns - 2)
    top = np.minimum(y.astype(np.int64), rows_ - 2)
    fx, fy = x - left, y - top
    upper = heights[top, left] * (1 - fx) + heights[top, left + 1] * fx
    lower = heights[top + 1, left] * (1 - fx) + heights[top + 1, left + 1] * fx
    result: Floats = np.where(inside, upper * (1 - fy) + lower * fy, np.nan)
    return result
