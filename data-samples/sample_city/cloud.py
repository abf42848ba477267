"""The point cloud: an airborne laser over the middle of the town, classified and coloured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import laspy
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from sample_city import faces, mesh, terrain
from sample_city.frame import CENTRE, CRS
from sample_city.noise import Window
from sample_city.overhead import both
from sample_city.scene import Scene
from sample_city.trees import Tree

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

SIDE = 320.0  # of the square that was flown, m
STRIP = 64.0  # m sampled at once
DENSITY = 1.15  # pulses per square metre
STEEP = 0.45  # share of the pulses that a wall gets
NOISE = 0.03  # m, one standard deviation
PIXEL = 0.4  # of the pictures that colours are taken from, m
GROUND, LOW, HIGH, BUILDING, BRIDGE = 2, 3, 5, 6, 17  # ASPRS LAS 1.4 R15, table 17
BRIGHT = {GROUND: 105, LOW: 150, HIGH: 150, BUILDING: 75, BRIDGE: 60}  # intensity, per mille
RINGS = ((1.0, 0.38), (0.72, 0.8))


@dataclass(frozen=True, eq=False)
class Hits:
    """Points of one surface.

    Args:
        xyz: (n, 3) EPSG:4545 and 1985 heights, m.
        rgb: (n, 3).
        kind: Class of all.
        echo: (n,) 1 for the first return.
    """

    xyz: Floats
    rgb: Bytes
    kind: int
    echo: Bytes


def deliver(scene: Scene, folder: Path, box: Box | None = None) -> int:
    """Write one LAZ; the number of points."""
    half = SIDE / 2
    middle = (CENTRE[0] - half, CENTRE[1] - half, CENTRE[0] + half, CENTRE[1] + half)
    west, south, east, north = box or middle
    rng = np.random.default_rng([scene.seed, 1177])
    found = [
        hits
        for y in np.arange(south, north, STRIP).tolist()
        for x in np.arange(west, east, STRIP).tolist()
        for hits in _strip(scene, (x, y, min(x + STRIP, east), min(y + STRIP, north)), rng)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder / "LIDAR_01.laz", found, rng)


def _strip(scene: Scene, box: Box, rng: np.random.Generator) -> Iterator[Hits]:
    columns, rows = (round((box[i + 2] - box[i]) / PIXEL) for i in (0, 1))
    bare, crowned = both(scene, Window(box[0], box[3], PIXEL, columns, rows))
    buildings = scene.buildings_near(box, 0.0)
    roofs = shapely.unary_union([b.footprint for b in buildings])
    shapely.prepare(roofs)
    count = rng.poisson(DENSITY * (box[2] - box[0]) * (box[3] - box[1]))
    plan = np.column_stack([rng.uniform(box[i], box[i + 2], count) for i in (0, 1)])
    plan = plan[~shapely.contains_xy(roofs, plan[:, 0], plan[:, 1])]
    echo = np.ones(len(plan), np.uint8)
    for tree in scene.trees_near(box, 0.0):
        below = np.hypot(*(plan - (tree.x, tree.y)).T) < tree.radius
        echo[below] = 2
        yield _crown(tree, crowned, box, rng)
    kept = (echo == 1) | (rng.random(len(plan)) < 0.35)  # what leaves let through
    plan, echo = plan[kept], echo[kept]
    xyz = np.column_stack([plan, terrain.height(plan[:, 0], plan[:, 1])])
    yield Hits(xyz, _seen(bare, xyz, box), GROUND, echo)
    for building in buildings:
        for face in faces.of_building(building, fine=True, huts=True):
            yield from _face(face, bare, box, BUILDING, rng)
    for face in faces.of_bridge():
        yield from _face(face, bare, box, BRIDGE, rng)


def _crown(tree: Tree, crowned: Bytes, box: Box, rng: np.random.Generator) -> Hits:
    xyz, _, triangles = faces.of_tree(tree, 5, RINGS)
    above = triangles[xyz[triangles][:, :, 2].max(axis=1) > tree.ground + 0.3 * tree.tall]
    points = _on(xyz, above, 1.5 * DENSITY, rng)
    points += rng.normal(0.0, 0.18, points.shape)
    kind = HIGH if tree.tall > 3.0 else LOW
    echo = np.ones(len(points), np.uint8)
    return Hits(points, _seen(crowned, points, box), kind, echo)


def _face(
    face: faces.Face, bare: Bytes, box: Box, kind: int, rng: np.random.Generator
) -> Iterator[Hits]:
    part = face.clip(box)
    if part is None:
        return
    fan = np.array([(0, i, i + 1) for i in range(1, len(part.xyz) - 1)])
    wall = part.picture is not None and part.st is not None
    places = part.xyz if part.st is None else np.column_stack([part.xyz, part.st])
    points = _on(places, fan, DENSITY * (STEEP if wall else 1.0), rng)
    if not len(points):
        return
    echo = np.ones(len(points), np.uint8)
    if wall:
        yield Hits(points[:, :3], _painted(part, points[:, 3:]), kind, echo)
    else:
        seen = points if part.st is None else points[:, 3:]
        yield Hits(points[:, :3], _seen(bare, seen, box), kind, echo)


def _on(places: Floats, triangles: npt.NDArray[np.int64], density: float,
        rng: np.random.Generator) -> Floats:  # fmt: skip
    """Random points on triangles, so many a square metre; all columns are carried along."""
    a, b, c = (places[triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross((b - a)[:, :3], (c - a)[:, :3]), axis=1) / 2
    count = rng.poisson(area * density)
    which = np.repeat(np.arange(len(triangles)), count)
    s, t = rng.random((2, len(which), 1))
    over = s + t > 1
    s, t = np.where(over, 1 - s, s), np.where(over, 1 - t, t)
    result: Floats = a[which] + s * (b - a)[which] + t * (c - a)[which]
    return result


def _seen(picture: Bytes, xyz: Floats, box: Box) -> Bytes:
    """Colours of the picture from above."""
    column = np.clip(((xyz[:, 0] - box[0]) / PIXEL).astype(int), 0, picture.shape[1] - 1)
    row = np.clip(((box[3] - xyz[:, 1]) / PIXEL).astype(int), 0, picture.shape[0] - 1)
    result: Bytes = picture[row, column]
    return result


def _painted(face: faces.Face, st: Floats) -> Bytes:
    """Colours of a wall's picture."""
    wall = face.picture
    assert wall is not None  # noqa: S101 - the caller has looked
    picture = mesh.wall(wall, 0.0, wall.length, PIXEL)
    across = st[:, 0] / max(wall.length, 1e-6) * picture.shape[1]
    down = (1.0 - st[:, 1] / max(wall.tall, 1e-6)) * picture.shape[0]
    column = np.clip(across.astype(int), 0, picture.shape[1] - 1)
    row = np.clip(down.astype(int), 0, picture.shape[0] - 1)
    result: Bytes = picture[row, column]
    return result


def _write(path: Path, found: list[Hits], rng: np.random.Generator) -> int:
    xyz = np.concatenate([hits.xyz for hits in found])
    xyz = xyz + np.column_stack([np.zeros((len(xyz), 2)), rng.normal(0.0, NOISE, len(xyz))])
    rgb = np.concatenate([hits.rgb for hits in found])
    kind = np.concatenate([np.full(len(hits.xyz), hits.kind, np.uint8) for hits in found])
    bright = np.array([BRIGHT[k] for k in kind.tolist()])
    intensity = 20 * bright * (0.7 + rgb[:, 1] / 400) * rng.normal(1.0, 0.08, len(kind))
    order = np.lexsort((xyz[:, 0], np.floor(xyz[:, 1] / 4)))  # in lines, as they are flown
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.offsets = np.array([np.floor(v / 1000) * 1000 for v in xyz.min(axis=0)])
    header.scales = np.array([0.01, 0.01, 0.01])
    header.add_crs(pyproj.CRS(CRS))
    header.global_encoding.wkt = True
    cloud = laspy.LasData(header)
    cloud.xyz = xyz[order]
    cloud.intensity = (np.clip(intensity[order], 1, 65535) / 64).astype(np.uint16) * 64
    cloud.classification = kind[order]
    echo = np.concatenate([hits.echo for hits in found])[order]
    cloud.return_number = echo
    cloud.number_of_returns = echo
    for name, channel in zip(("red", "green", "blue"), rgb[order].T, strict=True):
        setattr(cloud, name, (channel & 0xF8).astype(np.uint16) * 256)  # 32 shades pack better
    cloud.write(path)
    return len(order)
