"""The grid of web-mercator tiles (EPSG:3857): sizes, and which tiles there are."""

from __future__ import annotations

import math

SIZE = 256  # pixels along a tile, and along a block of the COG
MAX_ZOOM = 24
HALF = math.pi * 6378137.0  # half the width of the mercator square, m


def zoom_resolution(zoom: int) -> float:
    """Metres of the mercator plane per pixel of 256-pixel tiles."""
    return 2 * HALF / SIZE / float(2**zoom)


def is_place(z: int, x: int, y: int) -> bool:
    """Whether the grid has such a tile."""
    return 0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z
