"""Where the city is: its CRS, its centre and the town's own axes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

Floats = npt.NDArray[np.float64]

CRS = "EPSG:4545"  # CGCS2000 / 3-degree Gauss-Kruger CM 108E; heights 1985, orthometric
CENTRE = (377088.0, 3899840.0)  # about 106.65 E 35.22 N
TURN = np.radians(-9.0)  # the valley, and the streets along it, run a little south of east
BOUNDS = (106.50, 35.10, 106.82, 35.34)  # degrees; city.toml says the same
WEST, SOUTH, EAST, NORTH = 363632.0, 3886717.0, 392408.0, 3912952.0  # inside BOUNDS, m
WHOLE = 17200.0  # half the side of the largest scene: 1183 square kilometres, m

_COS, _SIN = float(np.cos(TURN)), float(np.sin(TURN))


def to_uv(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Metres along (u, down the valley) and across (v, to the north) the town."""
    dx, dy = np.asarray(x) - CENTRE[0], np.asarray(y) - CENTRE[1]
    return dx * _COS + dy * _SIN, dy * _COS - dx * _SIN


def to_xy(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Easting and northing of places in the town's own axes."""
    u, v = np.asarray(u), np.asarray(v)
    return CENTRE[0] + u * _COS - v * _SIN, CENTRE[1] + u * _SIN + v * _COS


def place(u: float, v: float) -> tuple[float, float]:
    """``to_xy`` of one place."""
    x, y = to_xy(np.array([u]), np.array([v]))
    return float(x[0]), float(y[0])


def bounds(scale: int) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees around all that a scale can write."""
    if scale == 1:
        return BOUNDS
    to_degrees = Transformer.from_crs(CRS, 4490, always_xy=True)
    corners = [
        to_degrees.transform(CENTRE[0] + i * WHOLE, CENTRE[1] + j * WHOLE)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    lon, lat = zip(*corners, strict=True)
    return (
        float(np.floor(min(lon) * 100) / 100),
        float(np.floor(min(lat) * 100) / 100),
        float(np.ceil(max(lon) * 100) / 100),
        float(np.ceil(max(lat) * 100) / 100),
    )
