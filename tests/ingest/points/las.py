"""LAS files in small, as surveyors deliver them and as they must not."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import numpy.typing as npt
from pyproj import CRS

X, Y, Z = 377_000.0, 3_899_000.0, 1_400.0
Array = npt.NDArray[Any]


def surface(count: int = 5_000, side: float = 200.0, seed: int = 1) -> Array:
    """(n, 3) points over hilly ground in the test city."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, side, (2, count))
    return np.column_stack([X + x, Y + y, Z + 5 * np.sin(x / 20) + random.uniform(0, 8, count)])


def write(
    path: Path,
    xyz: Array,
    *,
    crs: Any = 4545,
    point_format: int = 7,
    version: str = "1.4",
    scale: float = 0.001,
    **columns: Array,
) -> Path:
    """Write points with further columns; compressed where the name ends with .laz."""
    header = laspy.LasHeader(point_format=point_format, version=version)
    header.scales, header.offsets = np.full(3, scale), np.floor(xyz.min(axis=0))
    if crs is not None:
        header.add_crs(CRS.from_user_input(crs))
    points = laspy.LasData(header)
    points.x, points.y, points.z = xyz.T
    for name, values in columns.items():
        points[name] = values
    points.write(str(path))
    return path


def patch(path: Path, at: int, layout: str, *values: Any) -> Path:
    """Overwrite some bytes of the header."""
    raw = bytearray(path.read_bytes())
    struct.pack_into(layout, raw, at, *values)
    path.write_bytes(bytes(raw))
    return path
