"""The source: LAS, LAZ and COPC in, an additive octree of 3D Tiles 1.1 out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field as Option

from cim import __version__
from cim.city import Bounds
from cim.errors import CrsError, FormatError, InputError
from cim.geo.crs import ResolvedCrs, lonlat_bounds, resolve
from cim.geo.vertical import height_unit
from cim.ingest.mesh_options import MeshOptions
from cim.ingest.source import Built, Check, Options, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.osgb.links import safe_name
from cim.ingest.sources.points.cloud import build_cloud
from cim.ingest.sources.points.las_header import LasHeader, announced_box, read_header
from cim.ingest.sources.points.place import Place
from cim.ingest.sources.points.stream import MEMORY
from cim.ingest.sources.points.top import Thinning, next_parcels, thin, write_top
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import CimLevel, DataClass, Kind, Layer
from cim.tiles.origin import origin
from cim.tiles.tileset import Box, Entry, join, write

TILES = "tiles"  # folder of the files' own octrees
SUFFIXES = frozenset({".las", ".laz"})
RIM = 0.0005  # degrees that the corners of a box may overhang what it holds
CLASSES = {  # ASPRS LAS 1.4 R15, table 17
    0: "未分类", 1: "未指定", 2: "地面", 3: "低矮植被", 4: "中等植被", 5: "高植被", 6: "建筑",
    7: "低点噪声", 9: "水体", 10: "铁路", 11: "路面", 13: "导线防护线", 14: "导线",
    15: "输电塔", 16: "绝缘子", 17: "桥面", 18: "高点噪声",
}  # fmt: skip


class PointOptions(MeshOptions):
    """How much a decoder may use, and how points are written."""

    decoder_memory: int = Option(MEMORY >> 20, ge=256, description="MB for decoding one file")
    decoder_seconds: int = Option(
        0, ge=0, description="s for decoding one file; 0 for a limit that fits its size"
    )


class PointSource(Source):
    """Point clouds; each file is one part."""

    name: ClassVar[str] = "points"
    kind: ClassVar[Kind] = Kind.POINTS
    reads: ClassVar[str] = "point clouds (.las, .laz, .copc.laz)"
    options: ClassVar[type[Options]] = PointOptions
    edition: ClassVar[int] = 2

    def supports(self, path: Path) -> bool:
        """By suffix; a folder counts when it directly holds such a file."""
        if path.is_dir():
            return any(self.supports(child) for child in path.iterdir() if child.is_file())
        return path.suffix.lower() in SUFFIXES

    def plan(self, request: Request) -> Plan:
        """One part a file; headers only, each held against the size of its file.

        Raises:
            ParameterError: an option does not fit.
        """
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        taken: set[str] = set()
        extents: list[Bounds | None] = []
        first: ResolvedCrs | None = None
        for path in _files(request.paths):
            try:
                header = read_header(path)
                crs, _ = place_of(path, header, request)
                here = _extent(header, crs)
            except InputError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            first = first or crs
            extents.append(here)
            name = safe_name(path.name.removesuffix(path.suffix), taken)
            parcels.append(
                Parcel(
                    id=name,
                    path=path,
                    inputs=(path,),
                    bytes=path.stat().st_size,
                    folder=f"{TILES}/{name}",
                )
            )
        known = [e for e in extents if e is not None]
        return Plan(
            parcels=tuple(parcels),
            refused=tuple(refused),
            crs=first,
            extent=reduce(Bounds.union, known) if known and len(known) == len(extents) else None,
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Convert one file.

        Raises:
            FormatError: it cannot be decoded, or its header lies.
            CrsError: it does not say where it lies.
            OutsideCityError: all of it lies outside the city.
        """
        if isinstance(parcel.payload, Thinning):
            facts, counts = thin(parcel, request.city, staging)
            return Built(parcel=parcel.id, facts=facts, counts=counts)
        options = PointOptions.of(request)
        header = read_header(parcel.path)
        _, place = place_of(parcel.path, header, request)
        return build_cloud(
            parcel, header, place, staging, encoding=options.encoding,
            memory=options.decoder_memory << 20, seconds=options.decoder_seconds or None,
        )  # fmt: skip

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """The nodes above the files, level by level."""
        return next_parcels(built, request.city, request.paths[0])

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json.

        Raises:
            FormatError: no part holds a point.
        """
        parts = [b for b in built if "root" in b.facts]
        extents = [b.extent for b in parts if b.extent is not None]
        if not extents:
            raise FormatError("no file holds a point", path=request.paths[0])
        extent = reduce(Bounds.union, extents)
        extras = {"generator": f"cim {__version__}", "source": self.name}
        extras |= origin(request.city, plan.crs, request.heights, extent)
        if not write_top(staging, built, request.city, extras):
            root, error = join([_entry(part) for part in parts])
            write(staging / "tileset.json", root, error, extras)
        facts = [b.facts for b in parts]
        return Product(
            extent=extent,
            media={
                "tileset": "tileset.json",
                "points": sum(f["points"] for f in facts),
                "colored": any(f["colored"] for f in facts),
                "attributes": _attributes(facts),
            },
            heights=(min(f["heights"][0] for f in facts), max(f["heights"][1] for f in facts)),
            proposed=None if request.layer is not None else _proposed(request.layer_id),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset as a stranger would, and count its points."""
        return (
            _conserved(product, staging),
            *look_at_tileset(product, request, staging, RIM),
        )


def place_of(path: Path, header: LasHeader, request: Request) -> tuple[ResolvedCrs, Place]:
    """Where a file lies.

    Raises:
        CrsError: nobody says its CRS.
    """
    stated = request.crs or header.crs
    if stated is None:
        raise CrsError(
            "it does not say its coordinate reference system",
            path=path,
            remedy="give the CRS with --crs, such as --crs EPSG:4545",
        )
    resolved = resolve(stated)
    unit = None if request.crs else header.height_unit
    unit = unit or height_unit(stated)
    return resolved, Place(resolved.crs, unit, request.city, request.heights)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        else:
            yield path


def _extent(header: LasHeader, crs: ResolvedCrs) -> Bounds | None:
    """Where the header says that the points lie; points themselves are looked at when built."""
    box = announced_box(header)
    return None if box is None else Bounds(*lonlat_bounds(crs.crs, box))


def _entry(part: Built) -> Entry:
    facts = part.facts
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    return Entry(facts["tileset"], box, np.array(facts["matrix"]), facts["error"])


def _attributes(facts: Sequence[Any]) -> list[dict[str, Any]]:
    classes = sorted({c for f in facts for c in f["classes"]})
    returns = sorted({r for f in facts for r in f["returns"]})
    return [
        {"name": "intensity", "title": "强度", "type": "integer",
         "min": min(f["intensity"][0] for f in facts),
         "max": max(f["intensity"][1] for f in facts)},
        {"name": "classification", "title": "类别", "type": "integer", "min": min(classes),
         "max": max(classes), "values": classes,
         "titles": [CLASSES.get(c, f"类别 {c}") for c in classes]},
        {"name": "return_number", "title": "回波序号", "type": "integer", "min": min(returns),
         "max": max(returns), "values": returns},
    ]  # fmt: skip


def _conserved(product: Product, staging: Path) -> Check:
    """Every point that was taken in stands in exactly one file."""
    found = 0
    files = sorted((staging / TILES).rglob("*.glb"))  # those above them hold copies
    for path in files:
        with path.open("rb") as file:
            file.seek(12)
            length = int.from_bytes(file.read(4), "little")
            file.seek(20)
            document = json.loads(file.read(length))
        for mesh in document["meshes"]:
            for part in mesh["primitives"]:
                found += document["accessors"][part["attributes"]["POSITION"]]["count"]
    taken = int(product.media["points"])
    errors = () if found == taken else (f"{found} points in files, {taken} were taken in",)
    return Check(
        name="points conserved", looked_at=len(files), errors=errors, figures={"points": found}
    )


def _proposed(layer_id: str) -> Layer:
    return Layer(
        id=layer_id,
        title="激光点云",
        title_en="Point cloud",
        kind=Kind.POINTS,
        data_class=DataClass.SPATIOTEMPORAL,
        cim_level=CimLevel.STANDARD,
    )
