"""The frame of one tile folder: from the delivery's local coordinates to ECEF, within 1 mm.

Small tiles go through one affine. Where that would leave more than half a millimetre anywhere in
the tile, a polynomial of second degree takes up the rest (the curvature of the Earth and of the
projection); where that too leaves more than a tenth of a millimetre, every vertex is projected for
itself and brought back into the tile's frame. All of it in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.geo.frames import ecef, enu_matrix, lonlat_height, moved, tile_affine
from cim.geo.heights import Heights
from cim.ingest.sources.osgb.metadata import Georeference
from cim.tiles.tileset import Box

Floats = npt.NDArray[np.float64]

AFFINE_LIMIT = 0.0005  # m; children may overhang the box it is measured on
CURVE_LIMIT = 0.0001  # m
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
            level = moved(shifted, tangent)
            return level + self._rise(level)
        return ecef(place.resolved.crs, shifted, self.city.geoid, self.heights)

    def local(self, points: Floats) -> Floats:
        """Local coordinates of (n, 3) points in ECEF, m: undoes ``ecef``."""
        place = self.georeference
        if place.resolved is None:
            tangent = self._tangent()
            away: Floats = (points - self._rise(points) - tangent[:3, 3]) @ tangent[:3, :3]
            return away - place.origin
        lonlat = lonlat_height(points)
        result = lonlat.copy()
        step = transformer(CGCS2000, place.resolved.crs)
        result[:, :2] = rows(step, lonlat[:, :2])
        if self.heights is Heights.ORTHOMETRIC:
            result[:, 2] -= self.city.geoid.undulation(lonlat[:, 0], lonlat[:, 1])
        return result - place.origin

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
            lonlat = lonlat_height(moved(corners, tangent))[:, :2]
        low, high = lonlat.min(axis=0), lonlat.max(axis=0)
        return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def affine(self, centre: Floats) -> Floats:
        """4 × 4 matrix from local coordinates less ``centre`` to ECEF."""
        place = self.georeference
        shifted = centre + np.array(place.origin)
        if place.resolved is None:
            matrix = self._tangent()
            matrix[:3, 3] += matrix[:3, :3] @ shifted
            matrix[:3, 3] += self._rise(matrix[None, :3, 3])[0]
            return matrix
        return tile_affine(place.resolved.crs, shifted, self.city.geoid, self.heights)

    def _rise(self, points: Floats) -> Floats:
        """What (n, 3) points of an ENU delivery rise, as the geoid does from its tangent point."""
        assert self.georeference.enu is not None  # noqa: S101 - one of the two is always given
        if self.heights is not Heights.ORTHOMETRIC:
            return np.zeros_like(points)
        lat, lon = self.georeference.enu
        places = lonlat_height(points)
        n = self.city.geoid.undulation(places[:, 0], places[:, 1])
        up = np.radians(places[:, :2])
        level = np.cos(up[:, 1])
        ways = [level * np.cos(up[:, 0]), level * np.sin(up[:, 0]), np.sin(up[:, 1])]
        risen: Floats = np.stack(ways, axis=1) * (n - self.city.undulation(lon, lat))[:, None]
        return risen

    def _tangent(self) -> Floats:
        """The tangent plane of an ENU delivery: at the ellipsoid, or at the geoid."""
        assert self.georeference.enu is not None  # noqa: S101 - one of the two is always given
        lat, lon = self.georeference.enu
        orthometric = self.heights is Heights.ORTHOMETRIC
        return enu_matrix(lon, lat, self.city.undulation(lon, lat) if orthometric else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What an affine leaves over, as a polynomial of second degree.

    Args:
        scale: Half the longest side of the box it was fitted in, m.
        terms: (10, 3) coefficients of 1, x, y, z, x², y², z², xy, xz, yz over ``scale``, m.
    """

    scale: float
    terms: Floats

    @classmethod
    def fit(cls, points: Floats, over: Floats) -> Curve:
        """Least squares through what is left ``over`` (n, 3) at ``points`` (n, 3), m."""
        scale = max(float(np.abs(points).max()), 1.0)
        terms, *_ = np.linalg.lstsq(_powers(points / scale), over, rcond=None)
        return cls(scale, np.asarray(terms, dtype=np.float64))

    def at(self, points: Floats) -> Floats:
        """What to add at (n, 3) points of the frame, m."""
        added: Floats = _powers(points / self.scale) @ self.terms
        return added


def _powers(u: Floats) -> Floats:
    result = np.empty((len(u), 10))
    result[:, 0] = 1.0
    result[:, 1:4] = u
    np.multiply(u, u, out=result[:, 4:7])
    np.multiply(u[:, :1], u[:, 1:], out=result[:, 7:9])
    np.multiply(u[:, 1], u[:, 2], out=result[:, 9])
    return result


def _grid(box: Box, steps: tuple[int, int, int]) -> Floats:
    """(n, 3) points evenly over a box, its corners among them."""
    axes = [np.linspace(box.low[i], box.high[i], steps[i]) for i in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The frame of one tile folder.

    Args:
        placement: The delivery's.
        centre: Local coordinates of its origin, m.
        matrix: 4 × 4 affine from the frame to ECEF (column vectors).
        exact: Whether vertices are projected one by one.
        curve: What is added to vertices instead, or None.
    """

    placement: Placement
    centre: Floats
    matrix: Floats
    exact: bool = False
    curve: Curve | None = None

    @classmethod
    def over(cls, placement: Placement, box: Box, *, exact: bool = False) -> Frame:
        """The frame of a tile that fills ``box`` of local coordinates: the cheapest that holds."""
        centre = (box.low + box.high) / 2
        frame = cls(placement, centre, placement.affine(centre), exact)
        inner = Box(box.low - centre, box.high - centre)
        if exact or frame.residual(inner) <= AFFINE_LIMIT:
            return frame
        wide = _grid(Box(inner.low * 1.2 - 1, inner.high * 1.2 + 1), (5, 5, 3))
        over = frame.project(wide + centre) - wide
        curved = cls(placement, centre, frame.matrix, curve=Curve.fit(wide, over))
        if curved.residual(inner) <= CURVE_LIMIT:
            return curved
        return cls(placement, centre, frame.matrix, exact=True)

    @property
    def way(self) -> str:
        """How vertices are placed: ``affine``, ``curved`` or ``exact``."""
        if self.exact:
            return "exact"
        return "affine" if self.curve is None else "curved"

    def residual(self, box: Box) -> float:
        """How far from the exact place the worst point of a box of the frame is put, m."""
        points = _grid(box, (4, 4, 4))
        put = points if self.curve is None else points + self.curve.at(points)
        exact = self.placement.ecef(points + self.centre)
        return float(np.linalg.norm(self.to_ecef(put) - exact, axis=1).max())

    def holds(self, box: Box) -> bool:
        """Whether everything in a box of the frame is placed within a millimetre."""
        return self.exact or self.residual(box) <= TOLERANCE

    def project(self, vertices: npt.NDArray[Any]) -> Floats:
        """(n, 3) local coordinates in the frame, each by the whole projection, m."""
        away = self.placement.ecef(vertices) - self.matrix[:3, 3]
        back: Floats = away @ np.linalg.inv(self.matrix[:3, :3]).T.astype(np.float64)
        return back

    def local(self, vertices: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(n, 3) local coordinates in the frame; reckoned in float64, then stored in float32."""
        if self.exact:
            return self.project(vertices).astype(np.float32)
        if self.curve is not None:
            points = vertices - self.centre
            return (points + self.curve.at(points)).astype(np.float32)
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

    def to_ecef(self, points: npt.NDArray[Any]) -> Floats:
        """ECEF (m) of (n, 3) points of the frame, as a viewer computes it."""
        return moved(points, self.matrix)

    def extent(self, box: Box) -> tuple[Bounds, tuple[float, float]]:
        """Bounds in degrees, and lowest and highest orthometric height (m), of a box."""
        places = lonlat_height(self.to_ecef(box.corners()))
        lon, lat, height = places.T
        bounds = Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
        n = self.placement.city.geoid.undulation(lon, lat)
        return bounds, (float((height - n).min()), float((height - n).max()))
