"""Buildings: rectangles in the town's axes with floors, a use and a look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon
from shapely.geometry.polygon import orient

from sample_city.frame import TURN, place
from sample_city.terrain import height

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rect:
    """A rectangle anywhere.

    Args:
        x: Easting of its centre, m.
        y: Northing, m.
        a: Half its length, m.
        b: Half its depth, m.
        angle: From east to its long side, radians.
    """

    x: float
    y: float
    a: float
    b: float
    angle: float

    def local(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Metres along and across the rectangle from its centre."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        dx, dy = x - self.x, y - self.y
        return dx * c + dy * s, dy * c - dx * s

    def world(self, p: float, q: float) -> tuple[float, float]:
        """Easting and northing of a place given along and across."""
        c, s = float(np.cos(self.angle)), float(np.sin(self.angle))
        return self.x + p * c - q * s, self.y + p * s + q * c

    @property
    def polygon(self) -> Polygon:
        """Its outline."""
        a, b = self.a, self.b
        return Polygon([self.world(p, q) for p, q in ((-a, -b), (a, -b), (a, b), (-a, b))])


def rect(u: float, v: float, length: float, depth: float, turn: float = 0.0) -> Rect:
    """A rectangle given in the town's axes by its centre, sides (m) and an extra turn (rad)."""
    x, y = place(u, v)
    return Rect(x, y, length / 2, depth / 2, float(TURN) + turn)


@dataclass(frozen=True)
class Building:
    """One building: a body of one height over the union of its parts.

    Args:
        number: Its own number, and the seed of its look.
        name: Chinese name, empty for most.
        use: Chinese use class, as delivered.
        look: Which facade and roof it wears.
        parts: Rectangles of the footprint.
        floors: Storeys above ground.
        storey: Height of a storey, m.
        roof: "flat" with a parapet, "gable", or "none" for walls and chimneys.
        year: Completed in.
        structure: Chinese structure class.
    """

    number: int
    name: str
    use: str
    look: str
    parts: tuple[Rect, ...]
    floors: int
    storey: float
    roof: str
    year: int
    structure: str

    @cached_property
    def footprint(self) -> Polygon:
        """Outline in EPSG:4545, anticlockwise, rounded to the millimetre."""
        if self.look == "chimney":
            centre = self.parts[0]
            outline = centre.polygon.centroid.buffer(centre.a, quad_segs=3)
        elif len(self.parts) == 1:
            outline = self.parts[0].polygon
        else:
            grown = shapely.unary_union([p.polygon.buffer(0.001, join_style=2) for p in self.parts])
            outline = shapely.simplify(grown.buffer(-0.001, join_style=2), 0.02)
        return orient(shapely.set_precision(outline, 0.001), 1.0)

    @cached_property
    def ground(self) -> float:
        """Height of the ground at the centroid, m."""
        centre = self.footprint.centroid
        return float(height(np.array([centre.x]), np.array([centre.y]))[0])

    @cached_property
    def foot(self) -> float:
        """Height where the walls begin: a little below the lowest ground around, m."""
        corners = np.array(self.footprint.exterior.coords)
        return float(height(corners[:, 0], corners[:, 1]).min()) - 0.4

    @property
    def eaves(self) -> float:
        """Height of the walls above the ground at the centroid, m."""
        return self.floors * self.storey + (0.9 if self.roof == "flat" else 0.0)

    @property
    def rise(self) -> float:
        """From the eaves to the ridge, m."""
        return 0.62 * self.parts[0].b if self.roof == "gable" else 0.0

    @property
    def tall(self) -> float:
        """From the ground at the centroid to the parapet or ridge, m: the attribute delivered."""
        return self.eaves + self.rise

    @property
    def top(self) -> float:
        """Orthometric height of the parapet or ridge, m."""
        return self.ground + self.tall

    @cached_property
    def huts(self) -> tuple[Rect, ...]:
        """Stair and lift heads that stand on a flat roof, 2.6 m high."""
        part = self.parts[0]
        if self.look == "slab":
            count = max(int(part.a / 11.0), 1)
            spots = [(2.0 * i + 1.0 - count) * part.a / count for i in range(count)]
            return tuple(Rect(*part.world(p, -2.6), 1.9, 1.7, part.angle) for p in spots)
        if self.look in ("tower", "office", "hospital", "mall"):
            return (Rect(*part.world(0.35 * part.a, 0.3 * part.b), 4.0, 2.6, part.angle),)
        return ()

    def reach(self) -> float:
        """Greatest distance from the first part's centre to anything it shades, m."""
        box = self.footprint.bounds
        return float(np.hypot(box[2] - box[0], box[3] - box[1])) + self.tall


def near(
    buildings: Iterable[Building], box: tuple[float, float, float, float], margin: float
) -> list[Building]:
    """Buildings whose footprint's box comes within ``margin`` m of a box."""
    west, south, east, north = box
    found = []
    for building in buildings:
        b = building.footprint.bounds
        if (
            b[0] < east + margin
            and b[2] > west - margin
            and b[1] < north + margin
            and b[3] > south - margin
        ):
            found.append(building)
    return found
