"""The frame of one tile folder: from the delivery's local coordinates to ECEF, within 1 mm.

Small tiles go through one affine. Where that would leave more than half a millimetre anywhere in
the tile, every vertex is projected for itself and brought back into the tile's frame, in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.geo.crs import to_lonlat
from cim.geo.frames import ecef, enu_matrix, lonlat_height, tile_affine
from cim.geo.heights import Heights
from cim.ingest.sources.osgb.metadata import Georeference
from cim.tiles.tileset import Box

Floats = npt.NDArray[np.float64]

AFFINE_LIMIT = 0.0005  # m; children may overhang the box it is measured on
TOLERANCE = 0.001  # m


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A delivery on Earth.

    Args:
        georeference: What its coordinates mean.
        city: For the geoid.
        heights: What its heights are measured from.
    """

    georeference: Georeference
    city: City
    heights: Heights

    def ecef(self, points: npt.NDArray[Any]) -> Floats:
        """Exact ECEF (m) of (n, 3) local coordinates."""
        place = self.georeference
        shifted = np.asarray(points, dtype=np.float64) + place.origin
        if place.resolved is None:
            tangent = self._tangent()
            moved: Floats = shifted @ tangent[:3, :3].T + tangent[:3, 3]
            return moved
        return ecef(place.resolved.crs, shifted, self.city.geoid, self.heights)

    def bounds(self, box: Box) -> Bounds:
        """Where a box of local coordinates lies, degrees, without asking the geoid.

        Raises:
            CrsError: nowhere on Earth.
        """
        place = self.georeference
        corners = box.corners() + place.origin
        if place.resolved is not None:
            lonlat = to_lonlat(place.resolved.crs, corners[:, :2])
        elif place.enu is not None:
            tangent = enu_matrix(place.enu[1], place.enu[0])
            lonlat = lonlat_height(corners @ tangent[:3, :3].T + tangent[:3, 3])[:, :2]
        low, high = lonlat.min(axis=0), lonlat.max(axis=0)
        return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def affine(self, centre: Floats) -> Floats:
        """4 × 4 matrix from local coordinates less ``centre`` to ECEF."""
        place = self.georeference
        shifted = centre + np.array(place.origin)
        if place.resolved is None:
            matrix = self._tangent()
            matrix[:3, 3] += matrix[:3, :3] @ shifted
            return matrix
        return tile_affine(place.resolved.crs, shifted, self.city.geoid, self.heights)

    def _tangent(self) -> Floats:
        """The tangent plane of an ENU delivery: at the ellipsoid, or at the geoid."""
        assert self.georeference.enu is not None  # noqa: S101 - one of the two is always given
        lat, lon = self.georeference.enu
        orthometric = self.heights is Heights.ORTHOMETRIC
        return enu_matrix(lon, lat, self.city.undulation(lon, lat) if orthometric else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The frame of one tile folder.

    Args:
        placement: The delivery's.
        centre: Local coordinates of its origin, m.
        matrix: 4 × 4 affine from the frame to ECEF (column vectors).
        exact: Whether vertices are projected one by one.
    """

    placement: Placement
    centre: Floats
    matrix: Floats
    exact: bool

    @classmethod
    def over(cls, placement: Placement, box: Box, *, exact: bool = False) -> Frame:
        """The frame of a tile that fills ``box`` of local coordinates."""
        centre = (box.low + box.high) / 2
        frame = cls(placement, centre, placement.affine(centre), exact)
        if exact or frame.residual(Box(box.low - centre, box.high - centre)) <= AFFINE_LIMIT:
            return frame
        return cls(placement, centre, frame.matrix, exact=True)

    def residual(self, box: Box) -> float:
        """How far the affine lies from the exact place at the worst of 27 points of a box, m.

        Args:
            box: In the frame, m.
        """
        middle = (box.low + box.high) / 2
        steps = np.array([[box.low[i], middle[i], box.high[i]] for i in range(3)])
        grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
        exact = self.placement.ecef(grid + self.centre)
        return float(np.linalg.norm(self.to_ecef(grid) - exact, axis=1).max())

    def holds(self, box: Box) -> bool:
        """Whether everything in a box of the frame is placed within a millimetre."""
        return self.exact or self.residual(box) <= TOLERANCE

    def local(self, vertices: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(n, 3) local coordinates in the frame; subtracted in float64, then stored in float32."""
        if not self.exact:
            result = np.empty((len(vertices), 3), dtype=np.float32)
            for i in range(3):
                np.subtract(
                    vertices[:, i],
                    self.centre[i],
                    out=result[:, i],
                    dtype=np.float64,
                    casting="same_kind",
                )
            return result
        away = self.placement.ecef(vertices) - self.matrix[:3, 3]
        return np.linalg.solve(self.matrix[:3, :3], away.T).T.astype(np.float32)

    def to_ecef(self, points: npt.NDArray[Any]) -> Floats:
        """ECEF (m) of (n, 3) points of the frame, as a viewer computes it."""
        moved: Floats = (
            np.asarray(points, dtype=np.float64) @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        )
        return moved

    def extent(self, box: Box) -> tuple[Bounds, tuple[float, float]]:
        """Bounds in degrees, and lowest and highest orthometric height (m), of a box."""
        places = lonlat_height(self.to_ecef(box.corners()))
        lon, lat, height = places.T
        bounds = Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
        n = self.placement.city.geoid.undulation(lon, lat)
        return bounds, (float((height - n).min()), float((height - n).max()))
