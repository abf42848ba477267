"""Terrain held against the models: at the posts of tiles and halfway between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.ingest.source import Check
from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.place import STEPS, Place
from cim.tiles.terrain.reader import FULL, decode

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
MOST = 150  # tiles looked at: every so many of them all


def check_heights(
    staging: Path, ground: Ground, tiles: Sequence[Place], bound: float, step: float
) -> Check:
    """Compare finest tiles with the models at posts and halfway between.

    The outermost posts are left out: where a patch of deeper tiles ends they lie in the lines of
    the coarser neighbours.

    Args:
        staging: Holds ``z/x/y.terrain``.
        ground: The models.
        tiles: The finest tiles.
        bound: What they may differ, m.
        step: The largest step of their heights, m.
    """
    errors: list[str] = []
    worst, squares, count = 0.0, 0.0, 0
    picked = tiles[:: max(1, len(tiles) // MOST)]
    for place in picked:
        tile = decode((staging / f"{place.z}/{place.x}/{place.y}.terrain").read_bytes())
        found = drawn(tile.u, tile.v, tile.heights, tile.triangles)[2:-2, 2:-2]
        below = Window(place.z + 1, 2 * place.x, 2 * place.y, 2, 2)
        off = np.abs(found - ground.posts(below)[3:-3, 3:-3])
        worst = max(worst, float(off.max()))
        squares += float((off**2).sum())
        count += off.size
        if not off.max() <= bound + step:
            errors.append(f"{place.z}/{place.x}/{place.y}: {off.max():.2f} m off the model")
    return Check(
        name="terrain heights",
        looked_at=len(picked),
        errors=tuple(errors),
        figures={
            "bound_m": bound, "worst_m": worst, "rms_m": float(np.sqrt(squares / max(count, 1))),
        },
    )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def drawn(u: Numbers, v: Numbers, heights: Floats, triangles: Numbers) -> Floats:
    """What a client draws at a tile's posts and halfway between, (129, 129) rows from the south."""
    side = 2 * STEPS + 1
    unit = FULL / (2 * STEPS)
    found = np.full((side, side), np.nan)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        area = (u[b] - u[a]) * (v[c] - v[a]) - (u[c] - u[a]) * (v[b] - v[a])
        left, right = min(u[a], u[b], u[c]) / unit, max(u[a], u[b], u[c]) / unit
        low, high = min(v[a], v[b], v[c]) / unit, max(v[a], v[b], v[c]) / unit
        for i in range(max(0, int(low)), min(side - 1, int(high) + 1) + 1):
            for j in range(max(0, int(left)), min(side - 1, int(right) + 1) + 1):
                x, y = j * unit, i * unit
                wb = ((x - u[a]) * (v[c] - v[a]) - (u[c] - u[a]) * (y - v[a])) / area
                wc = ((u[b] - u[a]) * (y - v[a]) - (x - u[a]) * (v[b] - v[a])) / area
                wa = 1 - wb - wc
                if wa >= -1e-3 and wb >= -1e-3 and wc >= -1e-3:
                    found[i, j] = wa * heights[a] + wb * heights[b] + wc * heights[c]
    return found
