"""Refined models: where they stand, and how large they are."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.errors import FormatError
from cim.geo.frames import enu_matrix, lonlat_height, moved
from cim.ingest.source import Built
from cim.ingest.sources.flat import read_model
from cim.tiles import glb
from cim.tiles.labels import heap
from cim.tiles.tileset import Box, Tile, settle, write_folder

SMALLEST = 0.001  # units of a model across

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """A refined model and where it stands.

    Args:
        path: A glb file; or an OBJ or PLY whose z points up.
        lon: Of its origin, degrees.
        lat: Of its origin, degrees.
        height: Of its origin, orthometric, m.
        turn: Clockwise from north, degrees.
        scale: Metres a unit.
    """

    path: Path
    lon: float
    lat: float
    height: float
    turn: float = 0.0
    scale: float = 1.0

    def matrix(self, undulation: float) -> Floats:
        """4 × 4 affine from the model's z-up axes to ECEF."""
        turned = np.radians(self.turn)
        cos, sin = np.cos(turned), np.sin(turned)
        local = np.diag([self.scale, self.scale, self.scale, 1.0])
        local[:2, :2] = self.scale * np.array([[cos, sin], [-sin, cos]])
        placed: Floats = enu_matrix(self.lon, self.lat, self.height + undulation) @ local
        return placed


def require_model(model: Refined, city: City) -> None:
    """Refuse a model before anything is cut out for it.

    Raises:
        FormatError: it cannot be read, has no triangle, or numbers that are not finite.
        OutsideCityError: it stands outside of the city.
    """
    read = _read(model.path)
    if not any(p.triangles is not None and len(p.triangles) for p in read.primitives):
        raise FormatError(
            "it holds no triangle", path=model.path, remedy="export it with its meshes"
        )
    if not all(np.isfinite(p.positions).all() for p in read.primitives):
        raise FormatError(
            "it holds coordinates that are not finite",
            path=model.path,
            remedy="repair it in the program it was made with",
        )
    matrix = model.matrix(city.undulation(model.lon, model.lat))
    extent, box = _place(read, matrix)
    if float(np.linalg.norm(box.high - box.low)) < SMALLEST:
        raise FormatError("it holds nothing to draw", path=model.path, remedy="export it anew")
    city.require_inside(extent, model.path)


def _place(read: glb.Model, matrix: Floats) -> tuple[Bounds, Box]:
    """Where a model lies, degrees, and its box in its own axes."""
    box = reduce(Box.union, [Box.around(p.positions) for p in read.primitives])
    places = lonlat_height(moved(box.corners(), matrix))
    low, high = places.min(axis=0), places.max(axis=0)
    return Bounds(float(low[0]), float(low[1]), float(high[0]), float(high[1])), box


def place(name: str, model: Refined, city: City, folder: Path) -> Built:
    """Write a model with its place: one tile, drawn at any distance."""
    read = _read(model.path)
    matrix = model.matrix(city.undulation(model.lon, model.lat))
    extent, box = _place(read, matrix)
    folder.mkdir(parents=True)
    glb.write(folder / "model.glb", read.primitives, table=read.table)
    tile = Tile(box, uri="model.glb")
    settle(tile)
    write_folder(folder / "tileset.json", tile, matrix)
    heaps = [_heap(p, model.scale) for p in read.primitives if p.triangles is not None]
    facts = {
        "name": model.path.name,
        "matrix": matrix.tolist(),
        "extent": list(extent),
        "heap": round(sum(h[0] for h in heaps), 3),
        "plan": round(sum(h[1] for h in heaps), 3),
    }
    return Built(parcel=name, facts=facts, extent=extent)


def _read(path: Path) -> glb.Model:
    if path.suffix.lower() not in (".obj", ".ply"):
        return glb.read(path)
    with tempfile.TemporaryDirectory() as work:
        return glb.Model(read_model(path, Path(work)))


def _heap(primitive: glb.Primitive, scale: float) -> tuple[float, float]:
    """Volume a model encloses (m³), and the plan of what faces up (m²)."""
    assert primitive.triangles is not None  # noqa: S101 - the caller asked
    corners = np.asarray(primitive.positions, np.float64)[primitive.triangles] * scale
    foot = np.zeros((len(corners), 3))
    foot[:, 2] = corners[..., 2].min()
    volume, _ = heap(corners, foot)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] / 2
    return volume, float(across[across > 0].sum())
