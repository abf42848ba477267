"""Checks a 3D Tiles tileset: documents, content, boxes, geometric errors, metadata and place."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import orjson

from cim.city import Bounds
from cim.geo.frames import lonlat_height
from cim.tiles.content_check import look_at_content
from cim.tiles.gltf_check import GlbFacts
from cim.tiles.implicit import ImplicitTiling
from cim.tiles.look import Look
from cim.tiles.origin import Undulation, look_at_origin
from cim.tiles.tileset_schema import Metadata, document_faults, tile_faults
from cim.tiles.volume import Volume, placed, volume

Floats = npt.NDArray[np.float64]

SLACK = 0.01  # m by which content may leave its box: rounding only
DEEPEST = 500
MOST_BYTES = 1 << 29  # of one document
MOST_VISITS = 8  # of a document that several tiles show
ON_EARTH = 6.2e6  # m from the centre: what lies nearer has local coordinates
_SIDES = ("west", "south", "east", "north")
CONTENT = frozenset({".glb", ".gltf", ".b3dm", ".i3dm", ".pnts", ".cmpt", ".subtree"})


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A tile to be visited."""

    tile: Any
    where: str
    chain: tuple[Path, ...]  # the documents that lead to it, the last is its own
    matrix: Floats
    error: float
    above: Volume | None
    depth: int
    up: str
    metadata: Metadata


def check_tileset(
    path: Path,
    bounds: Bounds | None = None,
    *,
    overhang: float = 0.0,
    undulation: Undulation | None = None,
) -> tuple[Look, ...]:
    """Look at a tileset.json and everything below it.

    Args:
        path: The tileset.json.
        bounds: Where everything must lie, degrees; None where it does not matter.
        overhang: Share of half a box's diagonal by which its content may leave it, and be noted
            only: tilesets of others are made with rounded boxes, ours are not.
        undulation: Of the city's geoid; None where it does not matter.
    """
    with np.errstate(all="ignore"):  # numbers that run over are findings, not warnings
        walk = _Walk(path, bounds, overhang)
        looks = walk.all()
        place = {n: walk.place.figures[n] for n in _SIDES if n in walk.place.figures}
        return (*looks, look_at_origin(walk.extras, place, undulation))


class _Walk:
    def __init__(self, path: Path, bounds: Bounds | None, overhang: float) -> None:
        self.path = path
        self.folder = path.parent.resolve()
        self.bounds = bounds
        self.overhang = overhang
        self.structure = Look("tileset.structure")
        self.schema = Look("tileset.schema")
        self.content = Look("tileset.content")
        self.glb = Look("tileset.glb")
        self.boxes = Look("tileset.boxes")
        self.errors = Look("tileset.geometric_error")
        self.place = Look("tileset.place")
        self.used: Counter[Path] = Counter()
        self.ahead: list[_Step] = []
        self.counts: Counter[str] = Counter()
        self.worst = 0.0
        self.last: tuple[Path, GlbFacts] | None = None
        self.extras: Any = None

    def all(self) -> tuple[Look, ...]:
        """Visit every tile, depth first."""
        start = _Step(None, "", (), np.eye(4), math.inf, None, 0, "Y", Metadata(None))
        self._document(self.path.resolve(), start)
        while self.ahead:
            self._tile(self.ahead.pop())
        self._orphans()
        self.glb.figures |= {n: self.counts[n] for n in ("triangles", "points", "features")}
        self.boxes.figures["worst_excess_m"] = self.worst
        return (
            self.structure, self.schema, self.content, self.glb, self.boxes, self.errors,
            self.place,
        )  # fmt: skip

    def _orphans(self) -> None:
        on_disk = {f.resolve() for f in self.folder.rglob("*") if f.suffix.lower() in CONTENT}
        lost = sorted(on_disk - self.used.keys())
        self.content.figures["orphans"] = len(lost)
        for path in lost:
            self.content.note(f"{self._name(path)}: no tile shows it")

    def _document(self, path: Path, step: _Step) -> None:
        name = self._name(path)
        self.used[path] += 1
        if path in step.chain:
            self.structure.fail(f"{step.where}: {name} contains itself: a cycle")
            return
        if self.used[path] > MOST_VISITS:
            self.structure.note(f"{name}: shown by more than {MOST_VISITS} tiles, not all visited")
            return
        self.structure.looked_at += 1
        document = self._read(path, name)
        if document is None:
            return
        version, stated, root = (
            document["asset"]["version"], document["geometricError"], document["root"],
        )  # fmt: skip
        if version not in ("1.0", "1.1"):
            self.structure.fail(f"{name}: asset.version {version!r} is not 1.0 or 1.1")
        if not _is_error(stated):
            self.structure.fail(f"{name}: geometricError {stated!r} is not a length")
        if step.depth == 0 and isinstance(root, dict) and "refine" not in root:
            self.structure.fail(f"{name}: the root says nothing of refine")
        if not step.chain:
            self.extras = document["asset"].get("extras")
        metadata = self._declared(document, name, path)
        up = str(document["asset"].get("gltfUpAxis", "Y")).upper()
        where = f"{name}#root"
        chain = (*step.chain, path)
        self.ahead.append(
            replace(step, tile=root, where=where, chain=chain, up=up, metadata=metadata)
        )

    def _read(self, path: Path, name: str) -> dict[str, Any] | None:
        try:
            if path.stat().st_size > MOST_BYTES:
                self.structure.fail(f"{name}: {path.stat().st_size} bytes are beyond all measure")
                return None
            document = orjson.loads(path.read_bytes())
            _ = document["asset"]["version"], document["geometricError"], document["root"]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            self.structure.fail(f"{name}: not a tileset: {type(fault).__name__} {fault}")
            return None
        found: dict[str, Any] = document
        return found

    def _declared(self, document: dict[str, Any], name: str, path: Path) -> Metadata:
        self.schema.looked_at += 1
        for fault in document_faults(document):
            self.schema.fail(f"{name}: {fault}")
        schema = document.get("schema")
        if "schemaUri" in document:
            beside = self._resolve(str(document["schemaUri"]), path, name)
            if beside is not None:
                try:
                    schema = orjson.loads(beside.read_bytes())
                except (OSError, ValueError) as error:
                    self.schema.fail(f"{name}: {document['schemaUri']} is no JSON: {error}")
        metadata = Metadata(schema)
        faults = metadata.faults()
        groups = document.get("groups")
        for index, group in enumerate(groups if isinstance(groups, list) else ()):
            faults += metadata.entity(f"group {index}", group)
        if "metadata" in document:
            faults += metadata.entity("metadata", document["metadata"])
        for fault in faults:
            self.schema.fail(f"{name}: {fault}")
        return metadata

    def _tile(self, step: _Step) -> None:
        tile, where = step.tile, step.where
        self.errors.looked_at += 1
        if not isinstance(tile, Mapping):
            self.structure.fail(f"{where}: not a tile")
            return
        if step.depth > DEEPEST:
            self.structure.fail(f"{where}: more than {DEEPEST} levels deep, or a cycle")
            return
        self._formal(step)
        try:
            matrix = placed(step.matrix, tile)
            bound = self._bound(tile, matrix, where)
        except (ValueError, TypeError) as fault:
            self.structure.fail(f"{where}: {fault}")
            return
        error = self._error(tile, step)
        if bound is not None:
            self._volume(bound, step)
        here = replace(step, matrix=matrix, error=error, above=bound)
        children = tile.get("children", ())
        for index, child in enumerate(children if isinstance(children, list) else ()):
            self.ahead.append(
                replace(here, tile=child, where=f"{where}/{index}", depth=step.depth + 1)
            )
        if "implicitTiling" in tile:
            self._implicit(here)
            return
        contents = tile.get("contents", [tile["content"]] if "content" in tile else [])
        for content in contents if isinstance(contents, list) else ():
            self._content(content, here)

    def _formal(self, step: _Step) -> None:
        for fault in tile_faults(step.tile):
            self.schema.fail(f"{step.where}: {fault}")
        if "metadata" in step.tile:
            for fault in step.metadata.entity("metadata", step.tile["metadata"]):
                self.schema.fail(f"{step.where}: {fault}")

    def _bound(self, tile: Mapping[str, Any], matrix: Floats, where: str) -> Volume | None:
        given = tile.get("boundingVolume")
        if isinstance(given, dict) and given and given.keys() <= {"extensions", "extras"}:
            self.boxes.note(f"{where}: its volume is an extension's and was not looked at")
            return None
        return volume(given, matrix)

    def _error(self, tile: Mapping[str, Any], step: _Step) -> float:
        error = tile.get("geometricError")
        if error is None or not _is_error(error):
            self.structure.fail(f"{step.where}: geometricError {error!r} is not a length")
            return step.error
        if tile.get("refine", "REPLACE") not in ("ADD", "REPLACE"):
            self.structure.fail(f"{step.where}: refine {tile['refine']!r} is unknown")
        if float(error) > step.error:
            self.errors.fail(
                f"{step.where}: geometric error {error} above its parent's {step.error}"
            )
        return float(error)

    def _volume(self, bound: Volume, step: _Step) -> None:
        if step.above is not None:
            self.boxes.looked_at += 1
            excess = step.above.overhang(bound)
            self._within(excess, SLACK, f"{step.where}: its box leaves its parent's")
        if step.depth == 0:
            self._where(bound)
        if self.bounds is None:
            return
        self.place.looked_at += 1
        places = lonlat_height(bound.corners())
        if not np.isfinite(places).all():
            self.place.fail(f"{step.where}: lies nowhere on Earth")
            return
        lon, lat = places[:, 0], places[:, 1]
        extent = Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
        middle = Bounds(*(float(v) for v in (lon.mean(), lat.mean(), lon.mean(), lat.mean())))
        # grouping boxes may overhang the bounds at their corners; what they hold may not
        holds = "content" in step.tile or "contents" in step.tile
        leaf = holds and not step.tile.get("children") and "implicitTiling" not in step.tile
        if not self.bounds.contains(extent if leaf else middle):
            self.place.fail(f"{step.where}: lies at {extent}, outside of {self.bounds}")

    def _where(self, bound: Volume) -> None:
        corners = bound.corners()
        if float(np.linalg.norm(corners.mean(axis=0))) < ON_EARTH:
            self.place.note("its coordinates are local: it lies nowhere on Earth")
            return
        lon, lat, height = lonlat_height(corners).T
        self.place.figures |= {
            "west": float(lon.min()), "south": float(lat.min()),
            "east": float(lon.max()), "north": float(lat.max()),
            "lowest_m": float(height.min()), "highest_m": float(height.max()),
        }  # fmt: skip

    def _within(self, excess: float, slack: float, message: str) -> None:
        self.worst = max(self.worst, excess)
        if excess > slack or not math.isfinite(excess):
            self.boxes.fail(f"{message} by {excess:.3f} m")

    def _content(self, content: Any, step: _Step) -> None:
        uri = content.get("uri", content.get("url")) if isinstance(content, Mapping) else None
        if not isinstance(uri, str):
            self.structure.fail(f"{step.where}: content without uri")
            return
        if "metadata" in content:
            for fault in step.metadata.entity(f"content {uri}", content["metadata"]):
                self.schema.fail(f"{step.where}: {fault}")
        if "boundingVolume" in content:
            try:
                own = volume(content["boundingVolume"], step.matrix)
            except (ValueError, TypeError) as fault:
                self.structure.fail(f"{step.where}: content {uri}: {fault}")
                return
            if step.above is not None:
                excess = step.above.overhang(own)
                self._within(excess, SLACK, f"{step.where}: its content's box leaves its own")
            step = replace(step, above=own)
        self._file(uri, step)

    def _file(self, uri: str, step: _Step) -> None:
        self.content.looked_at += 1
        path = self._resolve(uri, step.chain[-1], step.where)
        if path is None:
            return
        if path.suffix.lower() == ".json":
            self._document(path, replace(step, depth=step.depth + 1))
            return
        self.used[path] += 1
        if path.suffix.lower() == ".gltf":
            self.glb.note(f"{self._name(path)}: a .gltf was not looked into")
        else:
            self._model(path, step)

    def _resolve(self, uri: str, document: Path, where: str) -> Path | None:
        """The file of a uri, where it is inside of the folder and there."""
        if "://" in uri or uri.startswith(("//", "data:")):
            self.content.fail(f"{where}: {uri[:100]} lies outside of the tileset's folder")
            return None
        try:
            path = (document.parent / unquote(uri.partition("?")[0])).resolve()
            if not path.is_relative_to(self.folder):
                self.content.fail(f"{where}: {uri} lies outside of the tileset's folder")
            elif not path.is_file():
                self.content.fail(f"{where}: {uri} is not there")
            else:
                return path
        except (OSError, ValueError) as error:
            self.content.fail(f"{where}: {uri[:100]!r} names no file: {error}")
        return None

    def _model(self, path: Path, step: _Step) -> None:
        if self.last is None or self.last[0] != path:
            self.last = (path, look_at_content(path, step.up))
        facts = self.last[1]
        if self.used[path] == 1:
            self.glb.looked_at += 1
            for fault in facts.errors:
                self.glb.fail(f"{self._name(path)}: {fault}")
            for fault in facts.notes:
                self.glb.note(f"{self._name(path)}: {fault}")
        self.counts.update(triangles=facts.triangles, points=facts.points, features=facts.features)
        if step.above is None:
            return
        scale = float(np.linalg.norm(step.matrix[:3, :3], axis=0).max())
        for points in facts.positions:
            self.boxes.looked_at += 1
            moved = points @ step.matrix[:3, :3].T + step.matrix[:3, 3]
            excess = step.above.excess(moved)
            message = f"{self._name(path)}: content leaves its box"
            slack = SLACK + facts.half_step * scale
            if slack < excess <= self.overhang * step.above.reach():
                self.boxes.note(f"{message} by {excess:.3f} m, less than a hair of its size")
                self.worst = max(self.worst, excess)
            else:
                self._within(excess, slack, message)

    def _implicit(self, step: _Step) -> None:
        document = step.chain[-1]

        def fetch(uri: str) -> bytes | None:
            try:
                path = (document.parent / unquote(uri)).resolve()
                if path.is_relative_to(self.folder) and path.is_file():
                    self.used[path] += 1
                    return path.read_bytes()
            except (OSError, ValueError):
                return None
            return None

        def fail(message: str) -> None:
            self.structure.fail(f"{step.where}: {message}")

        try:
            tiling = ImplicitTiling(step.tile, fetch, fail)
            for found in tiling.tiles():
                above = None
                if found.boxed and step.above is not None:
                    above = step.above.part(found.cell, found.level)
                where = f"{step.where}[{found.level}/{'/'.join(map(str, found.cell))}]"
                error = step.error * 0.5**found.level
                inner = replace(step, where=where, above=above, error=error)
                for uri in found.uris:
                    self._file(uri, inner)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            fail(f"implicitTiling: {type(fault).__name__} {fault}")

    def _name(self, path: Path) -> str:
        resolved = path.resolve()
        inside = resolved.is_relative_to(self.folder)
        return resolved.relative_to(self.folder).as_posix() if inside else path.name


def _is_error(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0
