"""What a mesh is from above and from below: rasters of its highest and lowest surface.

Cells are counted on one lattice of the city's compute CRS: column ``floor(x / cell)``, row
``floor(-y / cell)``, so that rasters of neighbours fall upon each other without resampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit
from pyproj import CRS

from cim.geo.crs import CGCS2000, rows, transformer
from cim.geo.frames import lonlat_height, moved
from cim.geo.heights import Geoid
from cim.ingest.sources.published import Content
from cim.tiles import glb
from cim.tiles.terrain.ground import spacing
from cim.tiles.terrain.place import level_error

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.uint32]
Key = tuple[str, int, int]

SIDE = 512  # cells along a block
COARSEST = 8  # level from which on upwards terrain is held against one raster
SHOWN_WITH = 20.0  # times a terrain level's error: the coarsest mesh file drawn beside it
STEEP = 0.1  # cosine of the slope from which on a face is a wall, which hides no ground
BENT = 0.01  # m by which one affine may miss the corners of a file
BOTTOM, TOP = "bottom", "top"


def pooling(z: int, cell: float) -> int:
    """How often cells are halved for a terrain level: four or more of them between two posts.

    Example:
        >>> [pooling(z, 1.0) for z in (18, 17, 16, 15, 14)]
        [0, 0, 0, 1, 2]
    """
    return max(0, math.floor(math.log2(spacing(max(z, COARSEST)) / 4 / cell)))


def shown_from(error: float, finest: int) -> int:
    """The deepest terrain level beside which a mesh file of a geometric error is drawn.

    Clients refine a mesh to 16 pixels and terrain to 2 of them: beside terrain of a level stand
    files of up to 16 times its error; a quarter more for what lies nearer.

    Example:
        >>> [shown_from(error, 17) for error in (0.0, 8.0, 32.0, 150.0)]
        [17, 17, 15, 13]
    """
    if error <= SHOWN_WITH * level_error(finest):
        return finest
    return max(COARSEST, math.floor(math.log2(SHOWN_WITH * level_error(0) / error)))


@dataclass(slots=True)
class Sheets:
    """Rasters in blocks of 512 × 512 cells; only those that hold something take room.

    Args:
        blocks: (512, 512) by name, block row and block column; NaN where there is nothing.
    """

    blocks: dict[Key, Cells] = field(default_factory=dict)

    def add(self, name: str, first: tuple[int, int], cells: Cells) -> None:
        """Lay a window of cells over what is there: the lowest wins, of ``top`` the highest."""
        wins = np.fmax if name == TOP else np.fmin
        row0, column0 = first
        rows_, columns = cells.shape
        for i in range(row0 // SIDE, (row0 + rows_ - 1) // SIDE + 1):
            for j in range(column0 // SIDE, (column0 + columns - 1) // SIDE + 1):
                top, left = i * SIDE, j * SIDE
                part = cells[max(top - row0, 0) : top - row0 + SIDE,
                             max(left - column0, 0) : left - column0 + SIDE]  # fmt: skip
                if np.isnan(part).all():
                    continue
                block = self.blocks.setdefault(
                    (name, i, j), np.full((SIDE, SIDE), np.nan, np.float32)
                )
                at = max(row0 - top, 0), max(column0 - left, 0)
                here = block[at[0] : at[0] + part.shape[0], at[1] : at[1] + part.shape[1]]
                wins(here, part, out=here)

    def save(self, path: Path) -> None:
        """Write all blocks; the same ones give the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        named = {f"{name} {i} {j}": self.blocks[name, i, j] for name, i, j in sorted(self.blocks)}
        with path.open("wb") as file:
            np.savez_compressed(file, **named)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Sheets:
        """Read what ``save`` has written."""
        found = cls()
        with np.load(path) as data:
            for told in data.files:
                name, i, j = told.split(" ")
                found.blocks[name, int(i), int(j)] = data[told]
        return found


@dataclass(frozen=True, slots=True)
class Rasteriser:
    """Turns files of a mesh into rasters.

    Args:
        folder: Of the mesh's version.
        crs: Of the rasters; heights become orthometric.
        geoid: The city's.
        cell: Side of a cell of the finest rasters, m.
        finest: The deepest terrain level.
    """

    folder: Path
    crs: CRS
    geoid: Geoid
    cell: float
    finest: int

    def rasters(self, contents: Sequence[Content]) -> tuple[Sheets, int]:
        """Rasters of some files, and how many triangles they are made of.

        ``bottom`` and ``top`` are those of the finest files. The lowest surface of each coarser
        file is in a raster named by the deepest terrain level beside which it is drawn.
        """
        sheets, count = Sheets(), 0
        leaf = min(content.error for content in contents)
        for content in contents:
            z = shown_from(content.error, self.finest)
            for points, triangles in self._triangles(content):
                count += len(triangles)
                if content.error == leaf == 0:
                    self._burn(sheets, points, triangles, 0, (BOTTOM, TOP))
                else:
                    self._burn(sheets, points, triangles, pooling(z, self.cell), (str(z),))
        return sheets, count

    def _triangles(self, content: Content) -> list[tuple[Floats, Numbers]]:
        parts = glb.read(self.folder / content.path).primitives
        found = [(p.positions, p.triangles) for p in parts if p.triangles is not None]
        if not found:
            return []
        step = self._step(np.concatenate([points for points, _ in found]), content.matrix)
        return [(step(np.asarray(points, np.float64)), triangles) for points, triangles in found]

    def _step(self, points: Floats, matrix: Floats):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """From a file's frame to the rasters': one affine where that is exact enough."""
        low, high = points.min(axis=0), points.max(axis=0)
        known = np.array([[x, y, z] for x in (0, 0.5, 1) for y in (0, 0.5, 1) for z in (0, 1)])
        known = low + known * (high - low)
        there = self._exact(known, matrix)
        middle = (low + high) / 2
        design = np.column_stack([known - middle, np.ones(len(known))])
        affine = np.linalg.lstsq(design, there, rcond=None)[0]
        if np.abs(design @ affine - there).max() > BENT:
            return lambda places: self._exact(places, matrix)
        return lambda places: (places - middle) @ affine[:3] + affine[3]

    def _exact(self, points: Floats, matrix: Floats) -> Floats:
        place = lonlat_height(moved(points, matrix))
        xy = rows(transformer(CGCS2000, self.crs), place[:, :2])
        height = place[:, 2] - self.geoid.undulation(place[:, 0], place[:, 1])
        return np.column_stack([xy, height])

    def _burn(
        self,
        sheets: Sheets,
        points: Floats,
        triangles: Numbers,
        halved: int,
        names: tuple[str, ...],
    ) -> None:
        """Draw triangles into rasters; those of coarser files hold the lowest of a whole cell."""
        side = self.cell * 2**halved
        grid = np.column_stack([points[:, 0] / side, -points[:, 1] / side, points[:, 2]])
        column0, row0 = np.floor(grid[:, :2].min(axis=0)).astype(int)
        column1, row1 = np.floor(grid[:, :2].max(axis=0)).astype(int)
        shape = (row1 - row0 + 1, column1 - column0 + 1)
        bottom, top = (np.full(shape, np.nan, np.float32) for _ in range(2))
        grid[:, 0] -= column0
        grid[:, 1] -= row0
        burn(grid, np.asarray(triangles, np.int64), side, TOP not in names, bottom, top)
        for name, cells in zip(names, (bottom, top), strict=False):
            sheets.add(name, (int(row0), int(column0)), cells)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def burn(
    grid: Floats,
    triangles: npt.NDArray[np.int64],
    side: float,
    lowest: bool,
    bottom: Cells,
    top: Cells,
) -> None:
    """Draw triangles into rasters of their lowest and highest height.

    Args:
        grid: (n, 3) column, row and height of the vertices; cell centres are at halves.
        triangles: (m, 3).
        side: Of a cell, m.
        lowest: Take the lowest that a face may reach within a cell, not its height at the centre.
        bottom: Is lowered; steep faces are left out, for they hide no ground.
        top: Is raised.
    """
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        ax, ay, az = grid[a]
        bx, by, bz = grid[b]
        cx, cy, cz = grid[c]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0 or not np.isfinite(area):
            continue
        gx = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area  # m a cell
        gy = ((bx - ax) * (cz - az) - (cx - ax) * (bz - az)) / area
        slope2 = (gx * gx + gy * gy) / side**2
        wall = 1 / (1 + slope2) < STEEP * STEEP
        drop = (abs(gx) + abs(gy)) / 2 if lowest else 0.0
        floor = min(az, bz, cz)
        first = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0)
        last = min(int(np.floor(max(ay, by, cy) - 0.5)), bottom.shape[0] - 1)
        left = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0)
        right = min(int(np.floor(max(ax, bx, cx) - 0.5)), bottom.shape[1] - 1)
        for i in range(first, last + 1):
            y = i + 0.5
            for j in range(left, right + 1):
                x = j + 0.5
                u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                if u < -1e-9 or v < -1e-9 or u + v > 1 + 1e-9:
                    continue
                height = u * az + v * bz + (1 - u - v) * cz
                if not height <= top[i, j]:
                    top[i, j] = height
                low = max(height - drop, floor)
                if not wall and not low >= bottom[i, j]:
                    bottom[i, j] = low
