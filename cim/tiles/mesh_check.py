"""Checks a 3D Tiles tileset: documents, content, boxes, geometric errors and place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.geo.frames import lonlat_height
from cim.tiles.gltf_check import look
from cim.tiles.volume import Volume, volume

Floats = npt.NDArray[np.float64]

SLACK = 0.01  # m by which content may leave its box: rounding only
MOST_ERRORS = 100
DEEPEST = 500


@dataclass(slots=True)
class Look:
    """One kind of look at a tileset, and what it found."""

    name: str
    looked_at: int = 0
    errors: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def fail(self, message: str) -> None:
        """Note a fault; a flood of them is cut off."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(message)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A tile to be visited."""

    tile: Any
    where: str
    document: Path
    matrix: Floats
    error: float
    above: Volume | None
    depth: int


def check_tileset(path: Path, bounds: Bounds | None = None) -> tuple[Look, ...]:
    """Look at a tileset.json and everything below it.

    Args:
        path: The tileset.json.
        bounds: Where everything must lie, degrees; None where it does not matter.
    """
    return _Walk(path, bounds).all()


class _Walk:
    def __init__(self, path: Path, bounds: Bounds | None) -> None:
        self.path = path
        self.folder = path.parent.resolve()
        self.bounds = bounds
        self.structure = Look("tileset.structure")
        self.content = Look("tileset.content")
        self.glb = Look("tileset.glb")
        self.boxes = Look("tileset.boxes")
        self.errors = Look("tileset.geometric_error")
        self.place = Look("tileset.place")
        self.used: set[Path] = set()
        self.ahead: list[_Step] = []
        self.triangles = 0
        self.worst = 0.0

    def all(self) -> tuple[Look, ...]:
        """Visit every tile, depth first."""
        self._document(self.path, np.eye(4), math.inf, None, 0)
        while self.ahead:
            self._tile(self.ahead.pop())
        on_disk = {f.resolve() for f in self.folder.rglob("*.glb")}
        self.content.figures["orphans"] = len(on_disk - self.used)
        self.glb.figures["triangles"] = self.triangles
        self.boxes.figures["worst_excess_m"] = self.worst
        return (self.structure, self.content, self.glb, self.boxes, self.errors, self.place)

    def _document(
        self, path: Path, matrix: Floats, error: float, above: Volume | None, depth: int
    ) -> None:
        self.structure.looked_at += 1
        name = self._name(path)
        try:
            document = json.loads(path.read_bytes())
            version = document["asset"]["version"]
            root, stated = document["root"], document["geometricError"]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            self.structure.fail(f"{name}: not a tileset: {type(fault).__name__} {fault}")
            return
        if version not in {"1.0", "1.1"}:
            self.structure.fail(f"{name}: asset.version {version!r} is not 1.0 or 1.1")
        if not _is_error(stated):
            self.structure.fail(f"{name}: geometricError {stated!r} is not a length")
        if depth == 0 and isinstance(root, dict) and "refine" not in root:
            self.structure.fail(f"{name}: the root says nothing of refine")
        self.ahead.append(_Step(root, f"{name}#root", path, matrix, error, above, depth))

    def _tile(self, step: _Step) -> None:
        tile, where = step.tile, step.where
        self.errors.looked_at += 1
        if not isinstance(tile, Mapping):
            self.structure.fail(f"{where}: not a tile")
            return
        if step.depth > DEEPEST:
            self.structure.fail(f"{where}: more than {DEEPEST} levels deep, or a cycle")
            return
        try:
            matrix = step.matrix @ _transform(tile)
            bound = volume(tile.get("boundingVolume"), matrix)
        except ValueError as fault:
            self.structure.fail(f"{where}: {fault}")
            return
        error = self._error(tile, step)
        self._volume(bound, step)
        children = tile.get("children", [])
        for index, child in enumerate(children):
            self.ahead.append(
                _Step(
                    child, f"{where}/{index}", step.document, matrix, error, bound, step.depth + 1
                )
            )
        below = _Step(tile, where, step.document, matrix, error, bound, step.depth)
        contents = tile.get("contents", [tile["content"]] if "content" in tile else [])
        for content in contents:
            self._content(content, below)

    def _error(self, tile: Mapping[str, Any], step: _Step) -> float:
        error = tile.get("geometricError")
        if error is None or not _is_error(error):
            self.structure.fail(f"{step.where}: geometricError {error!r} is not a length")
            return step.error
        if tile.get("refine", "REPLACE") not in {"ADD", "REPLACE"}:
            self.structure.fail(f"{step.where}: refine {tile['refine']!r} is unknown")
        if float(error) > step.error:
            self.errors.fail(
                f"{step.where}: geometric error {error} above its parent's {step.error}"
            )
        return float(error)

    def _volume(self, bound: Volume, step: _Step) -> None:
        corners = bound.corners()
        if step.above is not None and bound.kind == step.above.kind == "box":
            self.boxes.looked_at += 1
            self._inside(step.above, corners, f"{step.where}: its box leaves its parent's")
        if self.bounds is None:
            return
        self.place.looked_at += 1
        places = lonlat_height(corners)
        if not np.isfinite(places).all():
            self.place.fail(f"{step.where}: lies nowhere on Earth")
            return
        lon, lat = places[:, 0], places[:, 1]
        extent = Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
        middle = Bounds(*(float(v) for v in (lon.mean(), lat.mean(), lon.mean(), lat.mean())))
        # grouping boxes may overhang the bounds at their corners; what they hold may not
        leaf = not step.tile.get("children") and "content" in step.tile
        if not self.bounds.contains(extent if leaf else middle):
            self.place.fail(f"{step.where}: lies at {extent}, outside of {self.bounds}")

    def _inside(self, bound: Volume, points: Floats, message: str) -> None:
        excess = bound.excess(points)
        self.worst = max(self.worst, excess)
        if excess > SLACK or not math.isfinite(excess):
            self.boxes.fail(f"{message} by {excess:.3f} m")

    def _content(self, content: Any, step: _Step) -> None:
        uri = content.get("uri", content.get("url")) if isinstance(content, Mapping) else None
        if not isinstance(uri, str):
            self.structure.fail(f"{step.where}: content without uri")
            return
        if "{" in uri:
            return  # a template of implicit tiling
        self.content.looked_at += 1
        path = (step.document.parent / unquote(uri.split("?")[0])).resolve()
        if not path.is_relative_to(self.folder):
            self.content.fail(f"{step.where}: {uri} lies outside of the tileset's folder")
        elif not path.is_file():
            self.content.fail(f"{step.where}: {uri} is not there")
        elif path.suffix == ".json":
            self._document(path, step.matrix, step.error, step.above, step.depth + 1)
        elif path.suffix == ".glb":
            self._glb(path, step)

    def _glb(self, path: Path, step: _Step) -> None:
        self.glb.looked_at += 1
        self.used.add(path)
        facts = look(path)
        for fault in facts.errors:
            self.glb.fail(f"{self._name(path)}: {fault}")
        self.triangles += facts.triangles
        for points in facts.positions:
            self.boxes.looked_at += 1
            placed = points @ step.matrix[:3, :3].T + step.matrix[:3, 3]
            if step.above is not None:
                self._inside(step.above, placed, f"{self._name(path)}: content leaves its box")

    def _name(self, path: Path) -> str:
        resolved = path.resolve()
        inside = resolved.is_relative_to(self.folder)
        return resolved.relative_to(self.folder).as_posix() if inside else path.name


def _is_error(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0


def _transform(tile: Mapping[str, Any]) -> Floats:
    if "transform" not in tile:
        return np.eye(4)
    numbers = np.array(tile["transform"], dtype=np.float64)
    if numbers.shape != (16,) or not np.isfinite(numbers).all():
        raise ValueError("transform is not 16 finite numbers")
    matrix = numbers.reshape(4, 4).T
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise ValueError("transform flattens its tile")
    return matrix
