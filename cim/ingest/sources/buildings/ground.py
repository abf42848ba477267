"""The lowest ground under each footprint, from the published elevation models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from pyproj import CRS
from rasterio.windows import Window

from cim.geo.crs import resolve, rows, transformer
from cim.ingest.sources.heights import BLOCK, bilinear, first_known

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]

MOST_POSTS = 4_000_000  # inside footprints, looked at one by one in one go


def lowest(shapes: Shapes, crs: CRS, models: Sequence[Path]) -> Floats:
    """Lowest orthometric height under each polygon, m; NaN where no model knows the ground.

    The ground is bilinear between the posts of a model, so its minimum lies on the outline or at
    a post inside: the outline is followed at every half cell, and all posts inside are read. The
    first model that knows the whole outline decides.

    Args:
        shapes: (n,) polygons in ``crs``.
        crs: A CRS in metres.
        models: Rasters of heights, the finest first.
    """
    return first_known(shapes, models, lambda waiting, path: _of_model(waiting, crs, path))


def _of_model(shapes: Shapes, crs: CRS, path: Path) -> Floats:
    with rasterio.open(path) as model:
        own = resolve(model.crs.to_wkt()).crs
        step = transformer(crs, own)

        def move(points: Floats) -> Floats:
            column, row = ~model.transform @ rows(step, points).T
            return np.stack([column - 0.5, row - 0.5], axis=1)  # posts at whole numbers

        moved = shapely.transform(shapes, move)
        found = np.full(len(shapes), np.nan)
        box = shapely.bounds(moved)
        reach = np.isfinite(box).all(axis=1)
        reach &= (box[:, 2] > -1) & (box[:, 3] > -1)
        reach &= (box[:, 0] < model.width) & (box[:, 1] < model.height)
        block = np.floor(box[:, :2] / BLOCK)
        for cell in np.unique(block[reach], axis=0):
            mine = np.flatnonzero(reach & (block == cell).all(axis=1))
            found[mine] = _of_block(model, moved[mine], box[mine])
    return found


def _of_block(model: rasterio.DatasetReader, shapes: Shapes, box: Floats) -> Floats:
    left, top = (max(0, math.floor(v)) for v in box[:, :2].min(axis=0))
    right = min(model.width, math.ceil(box[:, 2].max()) + 2)
    bottom = min(model.height, math.ceil(box[:, 3].max()) + 2)
    left, top = min(left, right - 2), min(top, bottom - 2)
    window = Window(left, top, right - left, bottom - top)
    heights = model.read(1, window=window, masked=True).astype(np.float64).filled(np.nan)
    corners, whose = shapely.get_coordinates(shapely.segmentize(shapes, 0.5), return_index=True)
    result = np.full(len(shapes), np.inf)
    np.minimum.at(result, whose, bilinear(heights, corners - (left, top)))  # NaN stays NaN
    posts, of = _posts_inside(shapes, box)
    if len(posts):
        column, row = posts.T - np.array([[left], [top]])
        inside = (column >= 0) & (row >= 0) & (column < right - left) & (row < bottom - top)
        known = np.full(len(posts), np.nan)
        known[inside] = heights[row[inside], column[inside]]
        np.fmin.at(result, of, known)  # a hole inside leaves the outline's word
    result[~np.isfinite(result)] = np.nan
    return result


def _posts_inside(shapes: Shapes, box: Floats) -> tuple[Ints, Ints]:
    """Columns and rows of the posts inside, and whose they are; of vast shapes every k-th only."""
    low = np.ceil(box[:, :2]).astype(np.int64)
    size = np.maximum(np.floor(box[:, 2:]).astype(np.int64) - low + 1, 0)
    many = size.prod(axis=1)
    thin = max(1, math.ceil(math.sqrt(many.sum() / MOST_POSTS)))
    size = -(-size // thin)
    many = size.prod(axis=1)
    of = np.repeat(np.arange(len(shapes)), many)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(many) - many, many)
    wide = size[of, 0]
    posts = low[of] + thin * np.stack([rank % wide, rank // wide], axis=1)
    inside = shapely.contains_xy(shapes[of], posts[:, 0], posts[:, 1])
    return posts[inside], of[inside]
