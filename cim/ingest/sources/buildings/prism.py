"""The solids of raised footprints, placed on Earth a tile at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.city import City
from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, to_lonlat, transformer
from cim.geo.solids import Outline, prisms
from cim.ingest.sources.buildings.heights import Raised
from cim.ingest.sources.buildings.tiles import Surface, spans

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Solids:
    """Gives the solids of some footprints, placed on Earth."""

    def __init__(self, plan: Outline, raised: Raised, kept: Ints, crs: CRS, city: City) -> None:
        count = len(raised.ground)
        self.plan, self.raised, self.kept = plan, raised, kept
        self.lonlat = to_lonlat(crs, plan.xy)
        self.undulation = city.geoid.undulation(self.lonlat[:, 0], self.lonlat[:, 1])
        self.begins = np.searchsorted(plan.owner, np.arange(count + 1))
        faces = plan.owner[plan.triangles[:, 0]]
        self.order = np.argsort(faces, kind="stable")
        self.faces = np.searchsorted(faces[self.order], np.arange(count + 1))

    def of(self, members: Ints) -> Surface:
        """The closed surfaces of some of the kept footprints, in their order."""
        which = self.kept[members]
        corners, owner = spans(self.begins[which], self.begins[which + 1])
        triangles, _ = spans(self.faces[which], self.faces[which + 1])
        place = np.empty(len(self.plan.xy), np.int64) if len(corners) else np.empty(0, np.int64)
        place[corners] = np.arange(len(corners))
        of = which[owner]
        low = self._ecef(corners, self.raised.bottom[of])
        high = self._ecef(corners, self.raised.top[of])
        following = place[self.plan.following[corners]]
        faces = place[self.plan.triangles[self.order[triangles]]]
        solid = prisms(low, high, following, owner, faces)
        rise = (self.raised.top - self.raised.bottom)[which]
        return Surface(
            positions=solid.positions,
            normals=solid.normals,
            triangles=solid.triangles,
            owner=solid.owner,
            volume=_areas(low, faces, owner, len(which)) * rise,
        )

    def _ecef(self, corners: Ints, heights: Floats) -> Floats:
        h = heights + self.undulation[corners]
        placed = np.column_stack([self.lonlat[corners], h])
        return rows(transformer(GEODETIC_3D, GEOCENTRIC), placed)


def _areas(low: Floats, triangles: Ints, owner: Ints, count: int) -> Floats:
    """Areas of floors, m², from their triangles on Earth."""
    a, b, c = (low[triangles[:, i]] for i in range(3))
    twice = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return np.bincount(owner[triangles[:, 0]], weights=twice, minlength=count) / 2.0
