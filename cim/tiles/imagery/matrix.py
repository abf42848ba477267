"""Tile matrix sets: the web-mercator grid, and the one of CGCS2000 in degrees (天地图's ``c``).

OGC 07-057r7 (WMTS 1.0.0), annex E for the first. In the second, matrix z has 2^z × 2^(z-1) tiles:
it begins with 1, at two tiles for the world, and its names are those of 天地图. Scale denominators
are OGC's, at 0.28 mm a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyproj import CRS

from cim.tiles.imagery.grid import HALF, MAX_ZOOM, SIZE, zoom_resolution

PIXEL = 0.00028  # m, OGC's standardised rendering pixel
DEGREE = math.pi * 6378137.0 / 180  # m on the equator
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSet:
    """A grid of tiles at many zooms.

    Args:
        id: As WMTS calls it.
        title: For people.
        crs: Of its coordinates.
        urn: The CRS by its authority's name.
        first: Its first zoom.
        unit: Metres of one unit of its CRS.
        left: Of its north-west corner, in x.
        top: And in y.
        northing_first: Whether its authority writes y before x.
        well_known: OGC's name for it, if there is one.
    """

    id: str
    title: str
    crs: CRS
    urn: str
    first: int
    unit: float
    left: float
    top: float
    northing_first: bool
    well_known: str = ""

    @property
    def zooms(self) -> range:
        """All its zooms."""
        return range(self.first, MAX_ZOOM + 1)

    def resolution(self, zoom: int) -> float:
        """Units of its CRS per pixel."""
        return zoom_resolution(zoom) if self.unit == 1 else 360.0 / SIZE / float(2**zoom)

    def denominator(self, zoom: int) -> float:
        """Scale denominator."""
        return self.resolution(zoom) * self.unit / PIXEL

    def like(self, mercator: int) -> int:
        """The zoom as fine as one of the mercator grid; degrees begin one zoom later."""
        return min(mercator + self.first, MAX_ZOOM)

    def shape(self, zoom: int) -> tuple[int, int]:
        """Columns and rows of tiles."""
        return 2**zoom, 2**zoom if self.unit == 1 else 2 ** (zoom - 1)

    def box(self, zoom: int, column: int, row: int) -> Box:
        """West, south, east, north of a tile in the CRS."""
        side = self.resolution(zoom) * SIZE
        west, north = self.left + column * side, self.top - row * side
        return west, north - side, west + side, north

    def covering(self, zoom: int, box: Box) -> tuple[int, int, int, int]:
        """First and last column, first and last row of the tiles under a box in the CRS."""
        side = self.resolution(zoom) * SIZE
        columns, rows = self.shape(zoom)

        def clamp(value: float, count: int) -> int:
            return min(max(math.floor(value), 0), count - 1)

        return (
            clamp((box[0] - self.left) / side, columns),
            clamp((box[2] - self.left) / side, columns),
            clamp((self.top - box[3]) / side, rows),
            clamp((self.top - box[1]) / side, rows),
        )  # fmt: skip


GOOGLE = MatrixSet(
    id="GoogleMapsCompatible", title="Web 墨卡托 Web Mercator", crs=CRS.from_epsg(3857),
    urn="urn:ogc:def:crs:EPSG::3857", first=0, unit=1, left=-HALF, top=HALF, northing_first=False,
    well_known="urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible",
)  # fmt: skip
CGCS2000 = MatrixSet(
    id="c", title="2000 国家大地坐标系经纬度 CGCS2000, degrees", crs=CRS.from_epsg(4490),
    urn="urn:ogc:def:crs:EPSG::4490", first=1, unit=DEGREE, left=-180.0, top=90.0,
    northing_first=True,
)  # fmt: skip
MATRIX_SETS = {s.id: s for s in (GOOGLE, CGCS2000)}
