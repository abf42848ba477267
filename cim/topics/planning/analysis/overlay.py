"""What of one area lies on which other: pieces, ellipsoidal areas, slivers, balanced sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from cim.errors import ParameterError
from cim.geo.area import ellipsoidal_area
from cim.geo.crs import to_lonlat

Floats = npt.NDArray[np.float64]

MU = 10_000 / 15  # m²: 1 亩


def polygons(shape: BaseGeometry) -> BaseGeometry:
    """Only the areas of a geometry, made valid."""
    whole = shape if shape.is_valid else shapely.make_valid(shape)
    parts = [p for p in getattr(whole, "geoms", [whole]) if isinstance(p, Polygon | MultiPolygon)]
    return shapely.union_all(parts) if len(parts) != 1 else parts[0]


def area_of(shape: BaseGeometry, crs: CRS | None = None) -> float:
    """Ellipsoidal area of polygons in degrees or in a CRS, m².

    Edges that are straight in the plane are kept so by more corners.
    """
    if shape.is_empty:
        return 0.0
    total = 0.0
    for part in getattr(shape, "geoms", [shape]):
        if not isinstance(part, Polygon):
            continue
        if crs is None:
            total += ellipsoidal_area(part)
        else:
            dense = shapely.segmentize(part, 200.0)
            moved = shapely.transform(dense, lambda at: to_lonlat(crs, at))
            total += ellipsoidal_area(moved)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What of an area lies on one other.

    Args:
        index: Of the other.
        shape: The piece, in the common CRS.
        area: On the ellipsoid, m².
        sliver: Whether it is no more than the error of the lines.
    """

    index: int
    shape: BaseGeometry
    area: float
    sliver: bool


def is_sliver(shape: BaseGeometry, least: float, width: float) -> bool:
    """Whether a piece is smaller than an area (m²) or everywhere narrower than a width (m)."""
    return bool(shape.area < least or shape.buffer(-width / 2).is_empty)


def pieces(
    area: BaseGeometry, others: Sequence[BaseGeometry], crs: CRS, *, least: float, width: float
) -> list[Piece]:
    """What of an area lies on each of some others.

    Args:
        area: In ``crs``, m.
        others: Likewise; invalid ones are made valid.
        crs: Projected.
        least: Pieces smaller than this are slivers, m².
        width: Pieces everywhere narrower than this are slivers, m.

    Returns:
        In the order of the others, those with no piece left out.
    """
    found = []
    shapely.prepare(area)
    for index, other in enumerate(others):
        if other is None or not area.intersects(other):
            continue
        piece = polygons(area.intersection(polygons(other)))
        if piece.is_empty or piece.area == 0.0:
            continue
        found.append(
            Piece(index=index, shape=piece, area=area_of(piece, crs),
                  sliver=is_sliver(piece, least, width))
        )  # fmt: skip
    return found


def covered(found: Sequence[Piece], crs: CRS) -> float:
    """Area of the union of pieces, m²: where others overlap they count once."""
    return area_of(polygons(shapely.union_all([p.shape for p in found])), crs) if found else 0.0


def balanced(areas: Floats, total: float, digits: int = 2) -> Floats:
    """Areas adjusted to a control total (调平): in proportion, then rounded so that they add up.

    Args:
        areas: (n,) m², not negative.
        total: What they must add up to.
        digits: Decimals of the unit that are kept.

    Returns:
        (n,) that sum to the total rounded to those decimals.

    Raises:
        ParameterError: nothing to adjust.

    References:
        The largest-remainder method (Hamilton); its sum is exact.
    """
    whole = float(areas.sum())
    if whole <= 0 or (areas < 0).any():
        raise ParameterError(
            "there is no area to adjust to the control total", remedy="check the layer's extent"
        )
    unit = 10.0**-digits
    exact = areas * (total / whole) / unit
    floor = np.floor(exact + 1e-9)
    missing = round(total / unit - floor.sum())
    order = np.argsort(-(exact - floor), kind="stable")
    floor[order[:missing]] += 1
    return np.asarray(np.round(floor * unit, digits))
