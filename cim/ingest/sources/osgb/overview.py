"""The top of an oblique survey: nodes baked from the tiles' coarse files, a quadtree of them.

A tile folder leaves a raster of its coarsest files while they are in memory. Four folders make a
node, four nodes a coarser one, up to the root. Each node is a part of its own: a changed folder
changes its ancestors only.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cim.geo.frames import enu_matrix, lonlat_height
from cim.ingest.sources.osgb.metadata import Georeference
from cim.ingest.sources.osgb.place import Placement
from cim.ingest.sources.osgb.scene import Mesh
from cim.tiles import glb
from cim.tiles.overview.drape import Cloth, Table
from cim.tiles.overview.lattice import SHARPNESS, WIDEST, Lattice
from cim.tiles.overview.raster import Raster
from cim.tiles.tileset import Box

Floats = npt.NDArray[np.float64]

RASTER = "raster.npz"
LIGHT = 20.0  # m: files of a smaller error show facades as no view from above can
ANCHORS = 20_000.0  # m between the places that the common frame may stand at


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """What all nodes share.

    Args:
        georeference: Of the delivery whose plane the lattice lies in.
        lattice: Its cells and texels.
        anchor: Where the common frame stands, in that plane, m.
    """

    georeference: Georeference
    lattice: Lattice
    anchor: tuple[float, float]

    @classmethod
    def over(cls, georeference: Georeference, boxes: Sequence[Box], errors: Sequence[float]) -> Top:
        """The top above tiles with these boxes (in the delivery's coordinates) and errors."""
        low = np.array([b.low[:2] for b in boxes])
        high = np.array([b.high[:2] for b in boxes])
        middle = np.round((low.min(axis=0) + high.max(axis=0)) / 2 / ANCHORS) * ANCHORS
        lattice = Lattice.fit(low, high, errors)
        return cls(georeference, lattice, (float(middle[0]), float(middle[1])))

    @property
    def replaced(self) -> float:
        """Error from which a producer's file is replaced by the node baked from it, m."""
        return max(LIGHT, 0.9 * SHARPNESS * self.lattice.texel)

    def described(self) -> dict[str, Any]:
        """What decides all nodes, JSON values."""
        lattice = self.lattice
        return {
            "pitch": lattice.pitch,
            "phase": lattice.phase,
            "texel": lattice.texel,
            "anchor": self.anchor,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The lattice's plane on Earth.

    Args:
        top: What lies in it.
        placement: Places the plane's own coordinates.
    """

    top: Top
    placement: Placement

    def of(self, placement: Placement, points: npt.NDArray[Any]) -> Floats:
        """Points of a delivery in the plane, their x and y from the lattice's origin."""
        own = self.placement.georeference
        result: Floats = np.array(points, dtype=np.float64)
        if not _same(placement.georeference, own):
            result = self.placement.local(placement.ecef(result))
        result[:, :2] -= self.top.lattice.phase
        return result

    def frame(self) -> Floats:
        """The common frame of all nodes: east, north, up at the anchor; 4 × 4 to ECEF."""
        place = self.placement.ecef(np.array([[*self.top.anchor, 0.0]]))
        lon, lat, height = lonlat_height(place)[0]
        return enu_matrix(float(lon), float(lat), float(height))

    def framed(self, points: Floats) -> Floats:
        """Points of the plane (x and y from the lattice's origin) in the common frame, m."""
        whole = points.copy()
        whole[:, :2] += self.top.lattice.phase
        matrix = self.frame()
        away: Floats = (self.placement.ecef(whole) - matrix[:3, 3]) @ matrix[:3, :3]
        return away


def _same(one: Georeference, other: Georeference) -> bool:
    if one.origin != other.origin or one.enu != other.enu:
        return False
    if one.resolved is None or other.resolved is None:
        return one.resolved is other.resolved
    return one.resolved is other.resolved or one.resolved.crs == other.resolved.crs


class Draper:
    """Lays one folder's coarse files on its raster, while they are in memory.

    Args:
        plane: Where the raster lies.
        placement: Of the folder's delivery.
        box: Of the folder's root file, its own coordinates.

    Attributes:
        clipped: Whether the folder is wider than a raster may be: then nothing may be left out that
            the raster does not show.
    """

    def __init__(self, plane: Plane, placement: Placement, box: Box) -> None:
        self.plane = plane
        self.placement = placement
        lattice = plane.top.lattice
        corners = plane.of(placement, box.corners())[:, :2]
        quad = lattice.texel * lattice.quad
        low = np.round(corners.min(axis=0) / quad).astype(int)
        high = np.maximum(np.round(corners.max(axis=0) / quad).astype(int), low + 1)
        self.clipped = bool(((high - low) * lattice.quad > WIDEST).any())
        high = np.minimum(high, low + WIDEST // lattice.quad)
        west, south, east, north = (int(v) * lattice.quad for v in (*low, *high))
        self.table = Table(lattice.texel, (west, south, east, north))
        self.called = 0.0

    def lay(self, meshes: Sequence[Mesh], looks: Sequence[glb.Primitive], called: float) -> None:
        """Lay down the meshes of one file, and note at which error finer ones replace it."""
        if math.isfinite(called):
            self.called = max(self.called, called)
        pictures: dict[int, npt.NDArray[np.uint8]] = {}
        self.table.drape(
            self._cloth(mesh, look, pictures) for mesh, look in zip(meshes, looks, strict=True)
        )

    def _cloth(
        self, mesh: Mesh, look: glb.Primitive, pictures: dict[int, npt.NDArray[np.uint8]]
    ) -> Cloth:
        points = self.plane.of(self.placement, mesh.vertices)
        texture = look.texture
        if look.uv is None or texture is None:
            return Cloth(points, mesh.triangles, colours=mesh.colours)
        key = id(texture.data)
        if key not in pictures:
            shrink = _shrink(points, mesh.triangles, look.uv, self.table.texel)
            pictures[key] = picture(texture.data, shrink)
        repeats = (texture.wrap[0] != glb.CLAMP_TO_EDGE, texture.wrap[1] != glb.CLAMP_TO_EDGE)
        return Cloth(points, mesh.triangles, look.uv, pictures[key], repeats=repeats)

    def raster(self) -> Raster:
        """What was laid down."""
        return self.table.raster()


def _shrink(points: Floats, triangles: npt.NDArray[Any], uv: Any, texel: float) -> float:
    """Width (in pictures) of a sample of the raster on the picture: finer pixels do not matter."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    ground = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    s, t, r = (np.asarray(uv, dtype=np.float64)[triangles[:, i]] for i in range(3))
    p, q = t - s, r - s
    used = float(np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
    return math.sqrt(used / ground) * texel / 2 if ground > 0 else 0.0


def picture(data: bytes | memoryview, shrink: float) -> npt.NDArray[np.uint8]:
    """The pixels of an image file, decoded at the least size that keeps samples of that width.

    JPEG is decoded at a half, a quarter or an eighth without ever being whole.

    Args:
        data: The file.
        shrink: Width of a sample as a share of the picture's.
    """
    with Image.open(io.BytesIO(data)) as image:
        if shrink > 0:
            least = max(round(1 / shrink), 1)
            image.draft("RGB", (min(least, image.width), min(least, image.height)))
        return np.asarray(image.convert("RGB"))
