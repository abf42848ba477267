"""Refined models: where they stand, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.errors import FormatError
from cim.geo.frames import enu_matrix, lonlat_height
from cim.ingest.source import Built
from cim.ingest.sources.labels.plane import moved
from cim.tiles import glb
from cim.tiles.labels import heap
from cim.tiles.tileset import Box, Tile, settle, write_folder

SMALLEST = 0.001  # units of a model across

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """A refined model and where it stands.

    Args:
        path: A glb file.
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


def place(name: str, model: Refined, city: City, folder: Path) -> Built:
    """Write a model with its place: one tile, drawn at any distance.

    Raises:
        FormatError: it cannot be read, or holds nothing to draw.
    """
    read = glb.read(model.path)
    box = _box(read, model.path)
    matrix = model.matrix(city.undulation(model.lon, model.lat))
    places = lonlat_height(moved(box.corners(), matrix))
    extent = Bounds(*places[:, :2].min(axis=0).tolist(), *places[:, :2].max(axis=0).tolist())
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


def _box(read: glb.Model, path: Path) -> Box:
    """The box around a model; one without any extent shows nothing, though a file may hold it."""
    boxes = [Box.around(p.positions) for p in read.primitives if len(p.positions)]
    box = reduce(Box.union, boxes) if boxes else None
    if box is None or float(np.linalg.norm(box.high - box.low)) < SMALLEST:
        raise FormatError("it holds nothing to draw", path=path, remedy="export the model anew")
    return box


def _heap(primitive: glb.Primitive, scale: float) -> tuple[float, float]:
    """Volume a model encloses (m³), and the plan of what faces up (m²)."""
    assert primitive.triangles is not None  # noqa: S101 - the caller asked
    corners = np.asarray(primitive.positions, np.float64)[primitive.triangles] * scale
    foot = np.zeros((len(corners), 3))
    foot[:, 2] = corners[..., 2].min()
    volume, _ = heap(corners, foot)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] / 2
    return volume, float(across[across > 0].sum())
