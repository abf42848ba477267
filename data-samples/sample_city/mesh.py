"""One piece of the textured mesh: ground, buildings and trees of a square of the scene."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from sample_city import crowns, facade, faces, osgb, terrain
from sample_city.atlas import Atlas
from sample_city.faces import Face, Picture
from sample_city.scene import Scene

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

MARGIN = 2  # pixels of the picture from above beyond the square, each side
SKIRT = 1.2  # m


@dataclass(frozen=True)
class Detail:
    """How closely a level shows the scene.

    Args:
        texel: Size of a pixel of the textures, m.
        ground: Step of the ground's grid, m.
        fine: With parapets.
        huts: With stair and lift heads.
        rings: Rings of a tree's crown (radius, height); none: trees are painted on the ground.
        segments: Points of a ring.
        quality: Of the JPEG.
        swatch: Pixels of a crown's picture.
    """

    texel: float
    ground: float
    fine: bool = False
    huts: bool = False
    rings: tuple[tuple[float, float], ...] = ()
    segments: int = 0
    quality: int = 76
    swatch: int = 24


@dataclass
class _Builder:
    """Vertices and triangles, with places in numbered pictures."""

    atlas: Atlas
    origin: Floats
    xyz: list[Floats] = field(default_factory=list)
    places: list[Floats] = field(default_factory=list)
    numbers: list[npt.NDArray[np.int64]] = field(default_factory=list)
    triangles: list[npt.NDArray[np.int64]] = field(default_factory=list)
    count: int = 0

    def add(
        self, xyz: Floats, place: Floats, number: int, triangles: npt.NDArray[np.int64]
    ) -> None:
        """Add vertices (n, 3), their place in a picture (n, 2; 0..1 from the upper left)."""
        self.xyz.append(xyz)
        self.places.append(place)
        self.numbers.append(np.full(len(xyz), number))
        self.triangles.append(triangles + self.count)
        self.count += len(xyz)

    def polygon(self, xyz: Floats, place: Floats, number: int) -> None:
        """Add a convex polygon as a fan."""
        fan = [(0, i, i + 1) for i in range(1, len(xyz) - 1)]
        self.add(xyz, place, number, np.array(fan))

    def finish(self, name: str, quality: int) -> osgb.Geometry:
        """One textured geometry relative to the origin."""
        sheet, spots = self.atlas.pack()
        spot = spots[np.concatenate(self.numbers)]
        place = np.concatenate(self.places)
        pixel = spot[:, :2] + place * spot[:, 2:]
        uv = pixel / (sheet.shape[1], sheet.shape[0])
        uv[:, 1] = 1.0 - uv[:, 1]
        buffer = io.BytesIO()
        Pillow.fromarray(sheet).save(buffer, "JPEG", quality=quality, optimize=True)
        return osgb.Geometry(
            (np.concatenate(self.xyz) - self.origin).astype(np.float32),
            np.concatenate(self.triangles).astype(np.uint32),
            uv.astype(np.float32),
            osgb.Image(name, buffer.getvalue()),
        )


def build(
    scene: Scene, box: Box, detail: Detail, above: Bytes, *, origin: Floats, name: str
) -> osgb.Geometry:
    """The mesh of a square.

    Args:
        scene: What is there.
        box: West, south, east, north, m.
        detail: How closely.
        above: Picture from above at ``detail.texel``, ``MARGIN`` pixels larger on each side.
        origin: (3,) what vertices are relative to.
        name: Of the texture.
    """
    columns = above.shape[1]
    atlas = Atlas(max(columns + 4, 256 if columns < 250 else 512))
    builder = _Builder(atlas, origin)
    top = atlas.add(above)
    _ground(builder, box, detail, top)
    for building in scene.buildings_near(box, 0.0):
        for face in faces.of_building(building, fine=detail.fine, huts=detail.huts):
            _face(builder, face, box, detail, top)
    for face in faces.of_bridge():
        _face(builder, face, box, detail, top)
    if detail.rings:
        _trees(builder, scene, box, detail)
    return builder.finish(name, detail.quality)


def _seen_from_above(xyz: Floats, box: Box, texel: float) -> Floats:
    """Places in the picture from above."""
    rim = MARGIN * texel
    width, depth = box[2] - box[0] + 2 * rim, box[3] - box[1] + 2 * rim
    return np.column_stack([(xyz[:, 0] - box[0] + rim) / width, (box[3] + rim - xyz[:, 1]) / depth])


def _ground(builder: _Builder, box: Box, detail: Detail, top: int) -> None:
    columns = round((box[2] - box[0]) / detail.ground) + 1
    rows = round((box[3] - box[1]) / detail.ground) + 1
    x, y = np.meshgrid(np.linspace(box[0], box[2], columns), np.linspace(box[1], box[3], rows))
    z = terrain.height(x, y)
    xyz = np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    index = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    quads = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    builder.add(xyz, _seen_from_above(xyz, box, detail.texel), top, quads)
    rim = np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[::-1, 0]])
    upper = xyz[rim]
    lower = upper - (0.0, 0.0, SKIRT)
    both = np.vstack([upper, lower])
    n = len(rim)
    i = np.arange(n - 1)
    strip = np.concatenate(
        [np.stack([i, i + n, i + n + 1], -1), np.stack([i, i + n + 1, i + 1], -1)]
    )
    builder.add(both, _seen_from_above(both, box, detail.texel), top, strip)


def _face(builder: _Builder, face: Face, box: Box, detail: Detail, top: int) -> None:
    part = face.clip(box)
    if part is None:
        return
    if part.picture is None or part.st is None:
        seen = part.xyz if part.st is None else part.st
        builder.polygon(part.xyz, _seen_from_above(seen, box, detail.texel), top)
        return
    first, last = float(part.st[:, 0].min()), float(part.st[:, 0].max())
    number = builder.atlas.add(wall(part.picture, first, last, detail.texel))
    across = (part.st[:, 0] - first) / max(last - first, 1e-6)
    up = np.clip(part.st[:, 1] / part.picture.tall, 0.0, 1.0)
    builder.polygon(part.xyz, np.column_stack([across, 1.0 - up]), number)


_PAINTED: dict[tuple[int, int, int], Bytes] = {}


def wall(picture: Picture, first: float, last: float, texel: float) -> Bytes:
    """The part of a wall's picture between two places along it, at a texel size."""
    building = picture.building
    key = (building.number, round(picture.length * 1000), round(picture.azimuth * 1000))
    if key not in _PAINTED:
        if len(_PAINTED) > 600:
            _PAINTED.clear()
        side = (picture.length, picture.tall, picture.azimuth)
        painted = facade.paint(
            building.look, building.number, side, building.floors, building.storey
        )
        _PAINTED[key] = painted.astype(np.uint8)
    whole = _PAINTED[key]
    pixels = whole.shape[1] / picture.length
    left = min(int(first * pixels), whole.shape[1] - 1)
    right = max(int(np.ceil(last * pixels)), left + 1)
    part = Pillow.fromarray(np.ascontiguousarray(whole[:, left:right]))
    size = (
        max(int(np.ceil((last - first) / texel)), 1),
        max(int(np.ceil(picture.tall / texel)), 1),
    )
    return np.asarray(part.resize(size, Pillow.Resampling.BOX))


def _trees(builder: _Builder, scene: Scene, box: Box, detail: Detail) -> None:
    trees = scene.trees_near(box, 0.0)
    numbers: dict[int, int] = {}
    for tree in trees:
        if tree.kind not in numbers:
            swatch = np.clip(crowns.swatch(tree.kind, detail.swatch), 0, 255).astype(np.uint8)
            numbers[tree.kind] = builder.atlas.add(swatch)
        xyz, picture, triangles = faces.of_tree(tree, detail.segments, detail.rings)
        place = np.column_stack([0.5 + picture[:, 0] / 2, 0.5 - picture[:, 1] / 2])
        builder.add(xyz, place, numbers[tree.kind], triangles)
