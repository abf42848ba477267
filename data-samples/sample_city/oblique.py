"""The oblique delivery: metadata.xml and a PagedLOD tree of OSGB files per tile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sample_city import crew, mesh, osgb
from sample_city.frame import CENTRE, CRS
from sample_city.mesh import MARGIN, Detail
from sample_city.noise import Window
from sample_city.overhead import both
from sample_city.scene import CELL, Scene

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

ORIGIN = (CENTRE[0] - 320.0, CENTRE[1] - 320.0, 1400.0)
TEXEL = 0.2  # of the finest level, m
RIM = 10  # finest pixels painted beyond a tile
LEVELS = (  # root, L16, L17, L18
    Detail(1.6, 16.0, quality=80),
    Detail(0.8, 8.0, quality=78),
    Detail(0.4, 8.0, huts=True, rings=((1.0, 0.45),), segments=4, quality=76, swatch=16),
    Detail(
        0.2, 4.0, fine=True, huts=True, rings=((1.0, 0.38), (0.72, 0.8)), segments=5, quality=74
    ),
)
# Diameter in pixels at which a level gives way to the next, per metre of its sphere's radius: the
# geometric error 32 r/T is then 32, 16 and 8 m, about 19 texels as producers have it.
SWITCH = (1.0, 2.0, 4.0)
FAR = 1e30

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<ModelMetadata version="1">
\t<!--Spatial Reference System-->
\t<SRS>{crs}</SRS>
\t<!--Origin in Spatial Reference System-->
\t<SRSOrigin>{x:.6f},{y:.6f},{z:.6f}</SRSOrigin>
\t<Texture>
\t\t<ColorSource>Visible</ColorSource>
\t</Texture>
</ModelMetadata>
"""


@dataclass(frozen=True)
class Tile:
    """One folder of the delivery: its column and row from the SRSOrigin."""

    column: int
    row: int

    @property
    def name(self) -> str:
        """As producers write it."""
        return f"Tile_{self.column:+04d}_{self.row:+04d}"

    @property
    def box(self) -> Box:
        """West, south, east, north, m."""
        west, south = ORIGIN[0] + self.column * CELL, ORIGIN[1] + self.row * CELL
        return (west, south, west + CELL, south + CELL)


def tiles(scale: int) -> list[Tile]:
    """Tiles at a scale: 5 x 5 for 1, ``scale`` times as many each way; the core keeps its names."""
    more = min(5 * (scale - 1), 260)  # 265 tiles of 128 m are the whole county
    span = range(-(more // 2), 5 + more - more // 2)
    return [Tile(column, row) for column in span for row in span]


def deliver(scene: Scene, folder: Path, workers: int = 1) -> int:
    """Write the delivery; the number of OSGB files."""
    folder.mkdir(parents=True, exist_ok=True)
    text = METADATA.format(crs=CRS, x=ORIGIN[0], y=ORIGIN[1], z=ORIGIN[2])
    (folder / "metadata.xml").write_text(text, encoding="utf-8")
    work = partial(_write_to, scene, folder / "Data")
    return sum(crew.spread(work, tiles(scene.scale), workers))


def _write_to(scene: Scene, folder: Path, tile: Tile) -> int:
    return write(scene, tile, folder)


def write(scene: Scene, tile: Tile, folder: Path) -> int:
    """Write all files of one tile; their number."""
    target = folder / tile.name
    target.mkdir(parents=True, exist_ok=True)
    side = int(CELL / TEXEL)
    box = tile.box
    window = Window(
        box[0] - RIM * TEXEL, box[3] + RIM * TEXEL, TEXEL, side + 2 * RIM, side + 2 * RIM
    )
    bare, crowned = both(scene, window)
    quarters = _quarters(box)
    names = [tile.name, f"{tile.name}_L16_0", f"{tile.name}_L17_00"]
    for level in (0, 1):
        shape = _shape(scene, tile, box, level, crowned, name=f"{names[level]}_0.jpg")
        osgb.write(
            target / f"{names[level]}.osgb", _paged(shape, level, f"{names[level + 1]}.osgb")
        )
    nodes = []
    for number, quarter in enumerate(quarters):
        finest = f"{tile.name}_L18_00{number}"
        shape = _shape(scene, tile, quarter, 2, bare, name=f"{names[2]}_{number}.jpg")
        nodes.append(_paged(shape, 2, f"{finest}.osgb"))
        shape = _shape(scene, tile, quarter, 3, bare, name=f"{finest}_0.jpg")
        osgb.write(target / f"{finest}.osgb", osgb.Geode((shape,)))
    osgb.write(target / f"{names[2]}.osgb", osgb.Group(tuple(nodes)))
    return 3 + len(quarters)


def _quarters(box: Box) -> list[Box]:
    half = CELL / 2
    return [
        (box[0] + i * half, box[1] + j * half, box[0] + (i + 1) * half, box[1] + (j + 1) * half)
        for j in (0, 1)
        for i in (0, 1)
    ]


def _shape(
    scene: Scene, tile: Tile, box: Box, level: int, above: Bytes, *, name: str
) -> osgb.Geometry:
    detail = LEVELS[level]
    factor = round(detail.texel / TEXEL)
    rim = MARGIN * factor
    left = round((box[0] - tile.box[0]) / TEXEL) + RIM - rim
    upper = round((tile.box[3] - box[3]) / TEXEL) + RIM - rim
    side = round((box[2] - box[0]) / TEXEL) + 2 * rim
    part = above[max(upper, 0) : upper + side, max(left, 0) : left + side]
    missing = side - part.shape[0]
    if missing:  # the coarsest level's rim is wider than what was painted: repeat its edge
        part = np.pad(part, ((missing // 2,) * 2, (missing // 2,) * 2, (0, 0)), mode="edge")
    pixels = side // factor
    mean = part.reshape(pixels, factor, pixels, factor, 3).mean(axis=(1, 3))
    picture = (mean + 0.5).astype(np.uint8)
    return mesh.build(scene, box, detail, picture, origin=np.array(ORIGIN), name=name)


def _paged(shape: osgb.Geometry, level: int, file: str) -> osgb.PagedLOD:
    low, high = shape.vertices.min(axis=0), shape.vertices.max(axis=0)
    centre = (low.astype(np.float64) + high) / 2
    radius = float(np.linalg.norm(high.astype(np.float64) - low)) / 2
    switch = radius * SWITCH[level]
    return osgb.PagedLOD(
        (float(centre[0]), float(centre[1]), float(centre[2])),
        radius,
        (osgb.Geode((shape,)),),
        (file,),
        ((0.0, switch), (switch, FAR)),
    )
