"""Terrain tiles looked at post by post, and surfaces to make them of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cim.tiles.terrain.place import POSTS, STEPS
from cim.tiles.terrain.reader import FULL, DecodedTile

Floats = npt.NDArray[np.float64]


def at_posts(tile: DecodedTile) -> Floats:
    """What a tile's triangles say at all posts, (65, 65), rows from the south.

    Triangle by triangle, from its decoded vertices; where triangles overlap and disagree, NaN.
    """
    column, row = (np.round(part * STEPS / FULL).astype(int) for part in (tile.u, tile.v))
    heights = np.full((POSTS, POSTS), np.nan)
    heights[row, column] = tile.heights
    turned = [column[tile.triangles[:, k]] - column[tile.triangles[:, 0]] for k in (1, 2)]
    risen = [row[tile.triangles[:, k]] - row[tile.triangles[:, 0]] for k in (1, 2)]
    wide = turned[0] * risen[1] - turned[1] * risen[0] > 1  # others hold no post but their own
    for a, b, c in tile.triangles[wide]:
        x, y = column[[a, b, c]], row[[a, b, c]]
        px, py = np.meshgrid(np.arange(x.min(), x.max() + 1), np.arange(y.min(), y.max() + 1))
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        wb = (px - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (py - y[0])
        wc = (x[1] - x[0]) * (py - y[0]) - (px - x[0]) * (y[1] - y[0])
        wa = area - wb - wc
        inside = (wa >= 0) & (wb >= 0) & (wc >= 0)
        plane = (wa * tile.heights[a] + wb * tile.heights[b] + wc * tile.heights[c]) / area
        py, px, plane = py[inside], px[inside], plane[inside]
        before = heights[py, px]
        agree = np.isnan(before) | (np.abs(before - plane) < 1e-6)
        heights[py, px] = np.where(agree, np.where(np.isnan(before), plane, before), np.inf)
    return np.where(np.isinf(heights), np.nan, heights)


def rough(seed: int, size: int, *, tall: float, grain: float) -> Floats:
    """A random surface (size, size), m: waves of a tile's width, and noise from post to post."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / STEPS
    waves = tall * np.sin(x * random.uniform(1, 4)) * np.cos(y * random.uniform(1, 4))
    return np.asarray(1500 + waves + random.normal(0, grain, (size, size)))
