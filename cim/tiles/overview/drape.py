"""Triangles seen from straight above: a true orthophoto and the heights of the upper surface.

A z-buffer over two sample grids: colours at four points in every texel, heights exactly at the
corners of texels. A height on the border between two tiles is therefore measured on the border,
from either side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.tiles.overview.raster import Raster

FINER = 2  # colour samples along a texel
TOLERANCE = 0.05  # texels by which a triangle may miss a post on its edge

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Cloth:
    """A mesh to look down on.

    Args:
        points: (n, 3) in the plane of the lattice, its origin at the lattice's, m.
        triangles: (m, 3).
        uv: (n, 2) from the upper left corner of the picture, or None.
        picture: (rows, columns, 3) sRGB, or None.
        colours: (n, 3) sRGB of the vertices where there is no picture, or None.
        repeats: Whether the picture repeats along u and v.
    """

    points: Numbers
    triangles: Numbers
    uv: Numbers | None = None
    picture: Numbers | None = None
    colours: Numbers | None = None
    repeats: tuple[bool, bool] = (False, False)


GREY = 204


class Table:
    """The window that cloths are draped over.

    Args:
        texel: Side of a texel, m.
        window: Texels from the lattice's origin: west, south, east, north.
    """

    def __init__(self, texel: float, window: tuple[int, int, int, int]) -> None:
        west, south, east, north = window
        rows, columns = north - south, east - west
        self.texel = texel
        self.column, self.row = west, south
        self.top = np.full((rows * FINER, columns * FINER), -np.inf, np.float32)
        self.colour = np.zeros((rows * FINER, columns * FINER, 3), np.uint8)
        self.height = np.full((rows + 1, columns + 1), -np.inf, np.float32)

    def drape(self, cloths: Iterable[Cloth]) -> None:
        """Lay meshes over whatever lies there already."""
        origin = np.array([self.column, self.row]) * self.texel
        for cloth in cloths:
            points = np.array(cloth.points, dtype=np.float64)
            points[:, :2] -= origin
            triangles = np.ascontiguousarray(cloth.triangles, dtype=np.int64)
            _posts(points, triangles, self.texel, self.height)
            picture, uv, tint = _look(cloth, len(points))
            step = self.texel / FINER
            _texels(
                points, triangles, uv, picture, cloth.repeats, tint, step, self.top, self.colour
            )

    def raster(self) -> Raster:
        """What lies there."""
        rows, columns = (n // FINER for n in self.top.shape)
        hit = np.isfinite(self.top).reshape(rows, FINER, columns, FINER)
        count = hit.sum(axis=(1, 3))
        samples = self.colour.reshape(rows, FINER, columns, FINER, 3) * hit[..., None]
        total = samples.sum(axis=(1, 3), dtype=np.uint32)
        colour = (total / np.maximum(count, 1)[..., None]).astype(np.uint8)
        height = np.where(np.isfinite(self.height), self.height, np.nan).astype(np.float32)
        return Raster(self.texel, self.column, self.row, colour, count > 0, height)


def _look(cloth: Cloth, count: int) -> tuple[Numbers, Numbers, Numbers]:
    """Picture, texture coordinates, and colours of the vertices where those are to be taken."""
    nothing = np.zeros((0, 3), np.float64)
    if cloth.picture is not None and cloth.uv is not None:
        uv = np.ascontiguousarray(cloth.uv, np.float64)
        return np.ascontiguousarray(cloth.picture), uv, nothing
    grey = np.full((1, 1, 3), GREY, np.uint8)
    uv = np.zeros((count, 2))
    if cloth.colours is None:
        return grey, uv, nothing
    return grey, uv, np.ascontiguousarray(cloth.colours[:, :3], np.float64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _posts(points: Numbers, triangles: Numbers, step: float, height: Numbers) -> None:
    rows, columns = height.shape
    for t in range(len(triangles)):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-9:
            continue
        slack = TOLERANCE * step
        west = max(int(np.ceil((min(a[0], b[0], c[0]) - slack) / step)), 0)
        east = min(int(np.floor((max(a[0], b[0], c[0]) + slack) / step)), columns - 1)
        south = max(int(np.ceil((min(a[1], b[1], c[1]) - slack) / step)), 0)
        north = min(int(np.floor((max(a[1], b[1], c[1]) + slack) / step)), rows - 1)
        low, high = min(a[2], b[2], c[2]), max(a[2], b[2], c[2])
        ea = slack * np.hypot(c[0] - b[0], c[1] - b[1]) / abs(area)
        eb = slack * np.hypot(a[0] - c[0], a[1] - c[1]) / abs(area)
        ec = slack * np.hypot(b[0] - a[0], b[1] - a[1]) / abs(area)
        for row in range(south, north + 1):
            y = row * step
            for column in range(west, east + 1):
                x = column * step
                u = ((b[0] - x) * (c[1] - y) - (c[0] - x) * (b[1] - y)) / area
                v = ((c[0] - x) * (a[1] - y) - (a[0] - x) * (c[1] - y)) / area
                w = 1.0 - u - v
                if u < -ea or v < -eb or w < -ec:
                    continue
                z = min(max(u * a[2] + v * b[2] + w * c[2], low), high)
                height[row, column] = max(height[row, column], z)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _wrapped(value: float, repeats: bool, size: int) -> int:
    if repeats:
        value -= np.floor(value)
    return min(max(int(np.floor(value * size)), 0), size - 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _texels(
    points: Numbers, triangles: Numbers, uv: Numbers, picture: Numbers,
    repeats: tuple[bool, bool], tint: Numbers, step: float, top: Numbers, colour: Numbers,
) -> None:  # fmt: skip
    rows, columns = top.shape
    height, width = picture.shape[0], picture.shape[1]
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        a, b, c = points[i], points[j], points[k]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-9:
            continue
        west = max(int(np.ceil(min(a[0], b[0], c[0]) / step - 0.5)), 0)
        east = min(int(np.floor(max(a[0], b[0], c[0]) / step - 0.5)), columns - 1)
        south = max(int(np.ceil(min(a[1], b[1], c[1]) / step - 0.5)), 0)
        north = min(int(np.floor(max(a[1], b[1], c[1]) / step - 0.5)), rows - 1)
        for row in range(south, north + 1):
            y = (row + 0.5) * step
            for column in range(west, east + 1):
                x = (column + 0.5) * step
                u = ((b[0] - x) * (c[1] - y) - (c[0] - x) * (b[1] - y)) / area
                v = ((c[0] - x) * (a[1] - y) - (a[0] - x) * (c[1] - y)) / area
                w = 1.0 - u - v
                if u < -1e-9 or v < -1e-9 or w < -1e-9:
                    continue
                z = u * a[2] + v * b[2] + w * c[2]
                if z <= top[row, column]:
                    continue
                top[row, column] = z
                if len(tint):
                    for channel in range(3):
                        mixed = u * tint[i, channel] + v * tint[j, channel] + w * tint[k, channel]
                        colour[row, column, channel] = np.uint8(mixed + 0.5)
                    continue
                s = u * uv[i, 0] + v * uv[j, 0] + w * uv[k, 0]
                q = u * uv[i, 1] + v * uv[j, 1] + w * uv[k, 1]
                px = _wrapped(s, repeats[0], width)
                py = _wrapped(q, repeats[1], height)
                colour[row, column, 0] = picture[py, px, 0]
                colour[row, column, 1] = picture[py, px, 1]
                colour[row, column, 2] = picture[py, px, 2]
