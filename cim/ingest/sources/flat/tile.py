"""Tiles as parts of an ingest: the finest from a model's cells, the others from finer ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cim.city import City
from cim.errors import FormatError
from cim.geo.heights import Heights
from cim.ingest.source import Built, Parcel
from cim.ingest.sources.flat.cells import read_cell
from cim.ingest.sources.flat.leaf import leaf
from cim.ingest.sources.osgb.metadata import Georeference
from cim.ingest.sources.osgb.place import Frame, Placement
from cim.tiles import glb
from cim.tiles.hlod.atlas import decoded
from cim.tiles.hlod.parent import Child, parent, texel_of
from cim.tiles.hlod.piece import Piece, primitives
from cim.tiles.hlod.quadtree import Cell
from cim.tiles.tileset import Box, Tile

CONTENT = "tile.glb"
PIECE = "piece.npz"
GRID = 1 / 65535  # of a box's longest side: how far 16 bits may move a vertex


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a finest tile is made from.

    Args:
        model: Facts of its model.
        place: Where that lies.
        cell: Which of its cells.
        work: Folder of its records below staging.
    """

    model: Mapping[str, Any]
    place: Georeference
    cell: str
    work: str


@dataclass(frozen=True, slots=True)
class Above:
    """What a coarser tile is made from.

    Args:
        model: Facts of its model.
        place: Where that lies.
        cell: Which cell it fills.
        parts: Facts of the tiles below it.
    """

    model: Mapping[str, Any]
    place: Georeference
    cell: Cell
    parts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Making:
    """How tiles are made.

    Args:
        city: For the geoid.
        heights: What the model's heights are measured from.
        triangles: In a finest tile; coarser ones aim at half as many.
        side: Pixels along a finest tile's picture; coarser ones have half of them.
        quality: Of pictures.
        encoding: Of files.
    """

    city: City
    heights: Heights
    triangles: int
    side: int
    quality: int
    encoding: glb.Encoding

    def frame(self, model: Mapping[str, Any], place: Georeference) -> Frame:
        """The one frame of all tiles of a model: a vertex lies at one place in all of them."""
        box = Box(np.array(model["low"]), np.array(model["high"]))
        return Frame.over(Placement(place, self.city, self.heights), box)


def cell_of(name: str) -> Cell:
    """A cell by its name."""
    level, column, row = (int(word) for word in name.split("-"))
    return Cell(level, column, row)


def make_leaf(parcel: Parcel, making: Making, staging: Path) -> Built:
    """Write a finest tile.

    Raises:
        FormatError: nothing in the cell can be drawn.
    """
    job: Leaf = parcel.payload
    records = read_cell(staging / job.work, job.cell)
    piece, textures, area = leaf(records, making.side, making.quality)
    if not len(piece.triangles):
        raise FormatError("a cell of it holds only faces without area", path=parcel.path)
    sizes = [decoded(t).shape[1::-1] for t in textures]
    facts: dict[str, Any] = {
        "error": 0.0,
        "moved": 0.0,
        "area": area,
        "texel": texel_of(piece, sizes),
    }
    frame = making.frame(job.model, job.place)
    facts |= _write(piece, textures, parcel, frame, making, staging)
    facts |= {"file": job.model["file"], "cell": job.cell, "leaf": True}
    counts = {"tiles": 1, "triangles": len(piece.triangles), "bytes": facts["bytes"]}
    return Built(parcel=parcel.id, facts=facts, counts=counts)


def make_above(parcel: Parcel, making: Making, staging: Path) -> Built:
    """Write a coarser tile.

    Raises:
        FormatError: a tile below it is damaged.
    """
    job: Above = parcel.payload
    children = [_child(part, staging) for part in job.parts]
    made = parent(children, making.triangles // 2, making.side // 2, making.quality)
    frame = making.frame(job.model, job.place)
    facts: dict[str, Any] = {"error": made.error, "moved": made.moved, "texel": made.texel}
    facts |= _write(made.piece, made.pictures, parcel, frame, making, staging)
    facts |= {"file": job.model["file"], "cell": job.cell.name, "leaf": False}
    return Built(
        parcel=parcel.id, facts=facts, counts={"coarser_tiles": 1, "bytes": facts["bytes"]}
    )


def _child(part: Mapping[str, Any], staging: Path) -> Child:
    folder = staging / part["folder"]
    piece = Piece.load(folder / PIECE)
    model = glb.read(folder / CONTENT)
    textures = [p.texture for p in model.primitives if p.texture is not None]
    return Child(piece, textures, part["error"], part["moved"], part["texel"])


def _write(
    piece: Piece,
    textures: Sequence[glb.Texture],
    parcel: Parcel,
    frame: Frame,
    making: Making,
    staging: Path,
) -> dict[str, Any]:
    """Write the tile and what coarser ones are made from; where it lies."""
    folder = staging / str(parcel.folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = primitives(piece, textures, frame.local)
    size = glb.write(folder / CONTENT, parts, encoding=making.encoding)
    piece.save(folder / PIECE)
    box = Box.around(np.concatenate([p.positions for p in parts]))
    exact = making.encoding.geometry == "float32"
    margin = 0.0 if exact else GRID * float((box.high - box.low).max())
    return {
        "low": (box.low - margin).tolist(),
        "high": (box.high + margin).tolist(),
        "folder": parcel.folder,
        "shown": len(piece.triangles),
        "bytes": size,
    }


def leaf_parcels(
    model: Mapping[str, Any], place: Georeference, path: Path, needs: str
) -> list[Parcel]:
    """The finest tiles of a model."""
    return [
        Parcel(
            id=f"{model['file']}-{name}",
            path=path,
            inputs=(),
            bytes=count,
            payload=Leaf(_slim(model), place, name, model["work"]),
            folder=f"tiles/{model['file']}/{name}",
            needs=(needs,),
            decides=name,
        )
        for name, count in sorted(model["cells"].items())
    ]


def parent_parcels(
    model: Mapping[str, Any], place: Georeference, path: Path, tiles: Sequence[Built]
) -> list[Parcel]:
    """The tiles of the next coarser level; none when one stands above all."""
    inner = [cell_of(b.facts["cell"]).level for b in tiles if not b.facts["leaf"]]
    level = min(inner) if inner else max(cell_of(b.facts["cell"]).level for b in tiles)
    groups: dict[Cell, list[Built]] = {}
    for part in tiles:
        cell = cell_of(part.facts["cell"])
        if cell.level == level and level > 0:
            groups.setdefault(cell.parent, []).append(part)
    return [
        Parcel(
            id=f"{model['file']}-{cell.name}",
            path=path,
            inputs=(),
            bytes=sum(part.facts["bytes"] for part in own),
            payload=Above(_slim(model), place, cell, tuple(part.facts for part in own)),
            folder=f"tiles/{model['file']}/{cell.name}",
            needs=tuple(part.parcel for part in own),
            decides=cell.name,
        )
        for cell, own in sorted(groups.items())
    ]


def _slim(model: Mapping[str, Any]) -> dict[str, Any]:
    return {name: model[name] for name in ("file", "low", "high")}


def tree(tiles: Sequence[Built]) -> Tile:
    """The tiles of a model below one another; one that was lost is an empty tile.

    Args:
        tiles: At least one.
    """
    nodes: dict[Cell, Tile] = {}
    for part in tiles:
        facts = part.facts
        box = Box(np.array(facts["low"]), np.array(facts["high"]))
        cell = cell_of(facts["cell"])
        nodes[cell] = Tile(box, facts["error"], f"{cell.name}/{CONTENT}")
    known = set(nodes)
    for cell in sorted(known, reverse=True):
        while cell.level > 0:
            cell = cell.parent  # noqa: PLW2901 - up to the root
            nodes.setdefault(cell, Tile(None, float("inf")))
    for cell in sorted(nodes, reverse=True):
        if cell.level > 0:
            nodes[cell.parent].children.insert(0, nodes[cell])
    return nodes[Cell(0, 0, 0)]
