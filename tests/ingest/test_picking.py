"""What a click on a labelled mesh meets: rays onto roofs and facades of all buildings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from cim.catalog import registry
from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, transformer
from cim.installation import Installation
from cim.store.database import ready
from tests.ingest.town import SAMPLE, Surface, publish

pytestmark = pytest.mark.db
Floats = npt.NDArray[np.float64]


def test_a_click_on_a_roof_or_a_facade_names_its_building(
    installation: Installation, tmp_path: Path
) -> None:
    blocks = [p.name for p in (SAMPLE / "huating/oblique/Data").iterdir()]
    town = publish(installation, tmp_path, blocks)
    town.label()
    frame = gpd.read_file(town.buildings)
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    middle = ((extent.west + extent.east) / 2, (extent.south + extent.north) / 2)
    surface = Surface.of(town.folder(2), "building_id", *middle)
    rights, wrongs = _clicks(surface, frame, town.here.city.undulation(*middle))
    roofs, facades = rights
    assert roofs > 4000
    assert facades > 3000
    assert len(wrongs) <= 0.01 * (roofs + facades + len(wrongs)), wrongs[:20]


def _clicks(surface: Surface, frame: Any, n: float) -> tuple[tuple[int, int], list[Any]]:
    """Rays from above onto roofs, and from the street onto walls, of every whole building."""
    random = np.random.default_rng(7)
    low, high = surface.corners.min(axis=(0, 1)), surface.corners.max(axis=(0, 1))
    inverse = np.linalg.inv(surface.plane)
    shapes = [_in_plane(g, n, inverse, b) for g, b in zip(
        frame.to_crs(4490).geometry, frame["地面高程"], strict=True)]  # fmt: skip
    tree = shapely.STRtree([s for s, _ in shapes])
    boxes = shapely.box(
        *surface.corners.min(axis=1)[:, :2].T, *surface.corners.max(axis=1)[:, :2].T
    )
    triangles = shapely.STRtree(boxes)
    counts = [0, 0]
    wrongs = []
    area = shapely.box(low[0] + 1, low[1] + 1, high[0] - 1, high[1] - 1)
    for (shape, ground), number, height in zip(
        shapes, frame["编号"], frame["建筑高度"], strict=True
    ):
        if not area.contains(shape):
            continue
        near = triangles.query(shape.buffer(6))
        inner = shape.buffer(-0.5)
        places = [] if inner.is_empty else shapely.get_coordinates(_random(inner, 20, random))
        for x, y in places:
            _, owner = surface.first(np.array([x, y, 2000.0]), np.array([0, 0, -1.0]), near)
            counts[0] += owner == number
            if owner != number:
                wrongs.append((number, "roof", owner))
        for point, outward in _walls(shape, random, 20):
            z = ground + random.uniform(1.6, max(height * 0.7, 1.8))
            start = np.array([*(point + outward * 2.0), z])
            if len(tree.query(shapely.Point(start[:2]), predicate="dwithin", distance=0.6)):
                continue  # from inside of a neighbour
            far, owner = surface.first(start, np.array([*-outward, 0.0]), near)
            if not 1.2 < far < 2.3:
                continue  # a tree, a fence, a slope or a porch stands between
            counts[1] += owner == number
            if owner != number:
                wrongs.append((number, "facade", owner))
    return (counts[0], counts[1]), wrongs


def _in_plane(shape: Any, n: float, inverse: Any, ground: float) -> tuple[Any, float]:
    def move(places: Any) -> Any:
        tall = np.column_stack([places, np.full(len(places), ground + n)])
        away = rows(transformer(GEODETIC_3D, GEOCENTRIC), tall)
        return (away @ inverse[:3, :3].T + inverse[:3, 3])[:, :2]

    moved = shapely.transform(shape, move)
    lon, lat = shape.centroid.x, shape.centroid.y
    place = rows(transformer(GEODETIC_3D, GEOCENTRIC), np.array([[lon, lat, ground + n]]))
    return moved, float((place @ inverse[:3, :3].T + inverse[:3, 3])[0, 2])


def _random(shape: Any, count: int, random: np.random.Generator) -> Any:
    west, south, east, north = shape.bounds
    points = shapely.points(random.uniform((west, south), (east, north), (count * 8, 2)))
    return points[shapely.contains(shape, points)][:count]


def _walls(shape: Any, random: np.random.Generator, count: int) -> Iterator[tuple[Floats, Floats]]:
    """Points on walls of at least two metres, with the unit vector that leads outside."""
    polygon = max(shapely.get_parts(shape), key=lambda p: p.area)
    ring = shapely.get_coordinates(shapely.orient_polygons(polygon).exterior)
    sides = [(a, b) for a, b in pairwise(ring) if np.hypot(*(b - a)) > 2]
    for _ in range(count if sides else 0):
        a, b = sides[random.integers(len(sides))]
        along = (b - a) / np.hypot(*(b - a))
        yield a + (b - a) * random.uniform(0.2, 0.8), np.array([along[1], -along[0]])
