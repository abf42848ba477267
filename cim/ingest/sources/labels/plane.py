"""The tangent plane that a few files of a mesh are cut in, and the footprints in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cim.city import City
from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, transformer
from cim.geo.frames import enu_matrix, moved
from cim.ingest.sources.labels.footprints import Standing
from cim.ingest.sources.published import Content, bounds_of
from cim.tiles import glb
from cim.tiles.labels import Region

Floats = npt.NDArray[np.float64]

NEARBY = 3.0  # m around a building where the mesh tells the ground that no model knows
LOW = 2.0  # percentile of the heights there that is taken for the ground
BOTTOMLESS = -1e6  # m


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The tangent plane that one folder is cut in.

    Args:
        matrix: 4 × 4 from the plane (east, north, up, m) to ECEF.
        regions: The footprints in it.
    """

    matrix: Floats
    regions: list[Region]


def plane(
    contents: Sequence[Content],
    standing: Standing,
    city: City,
    folder: Path,
    clearance: float | None,
) -> Plane:
    """Footprints in the plane at the middle of some files, each over a sloping foot.

    Args:
        contents: The files, one at least.
        standing: The footprints.
        city: For the geoid.
        folder: Where the files lie.
        clearance: Height of the feet above the ground, m; None for feet below everything.
    """
    bounds = bounds_of(contents)
    lon, lat = (bounds.west + bounds.east) / 2, (bounds.south + bounds.north) / 2
    low = min(content.heights[0] for content in contents)
    matrix = enu_matrix(lon, lat, low)
    inverse: Floats = np.linalg.inv(matrix).astype(np.float64)
    mesh: Floats | None = None
    regions = []
    for row, (outline, ground) in enumerate(zip(standing.outlines, standing.ground, strict=True)):
        known = ground[~np.isnan(ground[:, 2])]
        height = city.undulation(*known[0, :2]) + known[:, 2].mean() if len(known) else low

        def move(places: Floats, height: float = height) -> Floats:
            tall = np.column_stack([places, np.full(len(places), height)])
            return inward(tall, inverse)[:, :2]

        shape = shapely.transform(shapely.from_wkb(outline), move)
        if clearance is None:
            foot = np.array([0.0, 0.0, BOTTOMLESS])
        elif len(known):
            above = known.copy()
            above[:, 2] += city.geoid.undulation(known[:, 0], known[:, 1])
            foot = _fitted(inward(above, inverse))
        else:
            mesh = _mesh(contents, folder, inverse) if mesh is None else mesh
            foot = np.array([0.0, 0.0, _lowest(mesh, shape)])
        regions.append(Region(shape, foot + np.array([0.0, 0.0, clearance or 0.0]), row))
    return Plane(matrix, regions)


def inward(places: Floats, inverse: Floats) -> Floats:
    """(n, 3) of a plane from longitude, latitude and ellipsoidal height."""
    away = rows(transformer(GEODETIC_3D, GEOCENTRIC), places)
    return moved(away, inverse)


def _fitted(points: Floats) -> Floats:
    """The plane a·x + b·y + c through points, least squares; level through fewer than three."""
    middle = points.mean(axis=0)
    away = points - middle
    slope, _, rank, _ = np.linalg.lstsq(away[:, :2], away[:, 2], rcond=None)
    if rank < 2 or isnan(slope[0]) or np.abs(slope).max() > 1:
        slope = np.zeros(2)
    return np.array([slope[0], slope[1], middle[2] - slope @ middle[:2]])


def _mesh(contents: Sequence[Content], folder: Path, inverse: Floats) -> Floats:
    """Vertices of the finest files in the plane, to tell the ground where no model knows it."""
    finest = min(content.error for content in contents)
    finest_ones = [content for content in contents if content.error == finest]
    found = [
        moved(primitive.positions, inverse @ content.matrix)
        for content in finest_ones
        for primitive in glb.read(folder / content.path).primitives
    ]
    return np.concatenate(found)


def _lowest(mesh: Floats, shape: Any) -> float:
    near = shapely.contains_xy(shapely.buffer(shape, NEARBY), mesh[:, 0], mesh[:, 1])
    return float(np.percentile(mesh[near, 2], LOW)) if near.any() else float(mesh[:, 2].min())
