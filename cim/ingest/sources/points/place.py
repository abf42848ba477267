"""Where points lie: coordinates of a file → metres of a working CRS → frames of tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.city import City
from cim.geo.crs import CGCS2000, rows, transformer
from cim.geo.frames import ecef
from cim.geo.heights import Heights
from cim.ingest.sources.osgb.place import Curve
from cim.tiles.nested import frame_at, into

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = -1000.0, 10_000.0  # m; the Dead Sea's shore to above Qomolangma
RESIDUAL = 2e-4  # m that a curve may leave over
_STEPS = 21


@dataclass(frozen=True, slots=True)
class Place:
    """How the coordinates of one file are placed.

    Args:
        crs: Horizontal CRS of the file.
        unit: Metres in one unit of its heights.
        city: Where all must lie.
        heights: What heights are measured from.
    """

    crs: CRS
    unit: float
    city: City
    heights: Heights

    @property
    def working(self) -> CRS:
        """The file's own CRS where that is in metres, else the city's."""
        crs = self.crs
        metres = crs.is_projected and crs.axis_info[0].unit_conversion_factor == 1.0
        return crs if metres else self.city.compute_crs

    def metres(self, xyz: Floats) -> Floats:
        """(n, 3) coordinates of the file as x, y, height in the working CRS, m."""
        working = self.working
        if working is self.crs:
            return xyz if self.unit == 1.0 else xyz * np.array([1.0, 1.0, self.unit])
        moved = rows(transformer(self.crs, working), xyz[:, :2])
        return np.column_stack([moved, xyz[:, 2] * self.unit])

    def inside(self, xyz: Floats) -> npt.NDArray[np.bool_]:
        """Which of (n, 3) working coordinates lie in the city.

        Only those near its rim are asked one by one.
        """
        low, high = self.sure_box()
        sure: npt.NDArray[np.bool_] = np.ones(len(xyz), np.bool_)
        for axis in (0, 1):
            sure &= (xyz[:, axis] >= low[axis]) & (xyz[:, axis] <= high[axis])
        doubtful = np.flatnonzero(~sure)
        if len(doubtful):
            step = transformer(self.working, CGCS2000)
            lon, lat = rows(step, xyz[doubtful, :2]).T
            box = self.city.bounds
            sure[doubtful] = (
                (lon >= box.west) & (lon <= box.east) & (lat >= box.south) & (lat <= box.north)
            )
        return sure

    def sure_box(self) -> tuple[Floats, Floats]:
        """Corners of a box of working coordinates that lies wholly in the city."""
        west, south, east, north = self.city.bounds
        along, up = np.linspace(west, east, _STEPS), np.linspace(south, north, _STEPS)
        step = transformer(CGCS2000, self.working)

        def side(lon: Floats, lat: Floats) -> Floats:
            return rows(step, np.column_stack([lon, lat]))

        left = side(np.full(_STEPS, west), up)[:, 0].max()
        right = side(np.full(_STEPS, east), up)[:, 0].min()
        bottom = side(along, np.full(_STEPS, south))[:, 1].max()
        top = side(along, np.full(_STEPS, north))[:, 1].min()
        margin = 100.0  # between the steps the sides bulge by less
        low, high = np.array([left, bottom]) + margin, np.array([right, top]) - margin
        return (low, high) if np.isfinite([low, high]).all() else (np.ones(2), np.zeros(2))

    def ecef(self, xyz: Floats) -> Floats:
        """Exact geocentric coordinates of (n, 3) working ones, m."""
        return ecef(self.working, xyz, self.city.geoid, self.heights)

    def framed(self, xyz: Floats) -> tuple[Floats, npt.NDArray[np.float32]]:
        """A frame in the middle of (n, 3) working coordinates, and they in it.

        Many points are placed along a curve of second degree through the exact places of a grid,
        where that leaves less than 0.2 mm; else one by one.

        Returns:
            4 × 4 matrix to ECEF, and (n, 3) metres.
        """
        low = np.array([xyz[:, i].min() for i in range(3)])  # by columns: faster than by axis
        high = np.array([xyz[:, i].max() for i in range(3)])
        centre, half = (low + high) / 2, np.maximum((high - low) / 2, 1.0)
        if len(xyz) > 400:
            grid = _grid(5) * half
            matrix = frame_at(self.ecef(centre + grid[[0, -1]]))
            exact = into(matrix, self.ecef(centre + grid))
            curve = Curve.fit(grid, exact - grid)
            probe = _grid(4) * half
            off = probe + curve.at(probe) - into(matrix, self.ecef(centre + probe))
            if float(np.abs(off).max()) <= RESIDUAL:
                local = np.asfortranarray(xyz - centre)
                return matrix, (local + curve.at(local)).astype(np.float32)
        places = self.ecef(xyz)
        matrix = frame_at(places)
        return matrix, into(matrix, places).astype(np.float32)


def _grid(steps: int) -> Floats:
    line = np.linspace(-1.0, 1.0, steps)
    return np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
