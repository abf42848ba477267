"""Nodes of the overview as parts of an ingest: which there are, how one is baked, how they join."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from cim.city import City
from cim.geo.heights import Heights
from cim.ingest.source import Built, Parcel
from cim.ingest.sources.osgb.overview import RASTER, Plane, Top
from cim.ingest.sources.osgb.place import Placement
from cim.tiles import glb
from cim.tiles.overview.lattice import SHARPNESS, Cell, coarser
from cim.tiles.overview.raster import Raster, mosaic
from cim.tiles.overview.surface import Surface, passed_on, surface
from cim.tiles.overview.tree import Node, rounded, within, write_below, write_tree
from cim.tiles.tileset import STEP, Box, Entry

FOLDER = "top"
BRANCHES = "branches"
BELOW = "tiles.json"
CONTENT = "node.glb"
MARGIN = 0.05  # m around a node's content, for the grid of its encoding
FALL = 18.9  # error over texel that producers' own levels have
SPREAD = 2.0  # error over the root mean square of what heights are off
ROUGH = 0.5  # texels by which heights of a finest node may be off before it gets more quads
MOST = 512  # texels along a node's picture
ENCODING = glb.Encoding("meshopt", "keep")


@dataclass(frozen=True, slots=True)
class Bake:
    """What a node is baked from.

    Args:
        cell: Where it lies.
        parts: Facts of the folders or nodes below it.
    """

    cell: Cell
    parts: tuple[Mapping[str, Any], ...]


def next_parcels(top: Top, built: Sequence[Built], path: Path) -> tuple[Parcel, ...]:
    """The nodes of the next coarser level; none when one node stands above everything."""
    nodes = [b for b in built if "cell" in b.facts]
    if not nodes:
        return _parcels(_by_cell(top, built), path)
    level = max(b.facts["cell"][0] for b in nodes)
    last = {Cell(*b.facts["cell"]): b for b in nodes if b.facts["cell"][0] == level}
    if len(last) <= 1:
        return ()
    groups = {cell: [last[c] for c in below] for cell, below in coarser(list(last)).items()}
    return _parcels(groups, path)


def _by_cell(top: Top, built: Sequence[Built]) -> dict[Cell, list[Built]]:
    groups: dict[Cell, list[Built]] = defaultdict(list)
    for part in built:
        if "middle" in part.facts:
            x, y = part.facts["middle"]
            groups[top.lattice.cell(x, y)].append(part)
    return groups


def _parcels(groups: Mapping[Cell, list[Built]], path: Path) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            id=f"{FOLDER}-{cell.name}",
            path=path / FOLDER / cell.name,
            inputs=(),
            bytes=0,
            payload=Bake(cell, tuple(part.facts for part in groups[cell])),
            folder=f"{FOLDER}/{cell.name}",
            needs=tuple(part.parcel for part in groups[cell]),
            decides=list(cell),
        )
        for cell in sorted(groups)
    )


def bake(
    parcel: Parcel, top: Top, city: City, heights: Heights, staging: Path
) -> tuple[dict[str, Any], dict[str, int]]:
    """Bake one node.

    Returns:
        Its facts and counts.

    Raises:
        FormatError: a raster below it is damaged.
    """
    job: Bake = parcel.payload
    plane = Plane(top, Placement(top.georeference, city, heights))
    target = staging / str(parcel.folder)
    target.mkdir(parents=True, exist_ok=True)
    whole = mosaic([Raster.load(staging / part["raster"]) for part in job.parts])
    passed_on(whole).save(target / RASTER)
    shown = whole
    while max(shown.cover.shape) > MOST:
        shown = passed_on(shown)
    mesh = surface(shown, top.lattice.quad)
    if mesh is not None and job.cell.level == 0 and mesh.deviation[0] > ROUGH * shown.texel:
        mesh = surface(shown, max(top.lattice.quad // 2, 1))  # built-up, and seen from nearest
    frame = plane.frame()
    entries = [entry for part in job.parts for entry in _entries(part)]
    boxes = [Box.around(within(entry, frame)) for entry in entries]
    boxes += [Box(np.array(p["low"]), np.array(p["high"])) for p in job.parts if "cell" in p]
    size = 0
    if mesh is not None:
        points = plane.framed(mesh.points)
        size = _write(target / CONTENT, mesh, points)
        own = Box.around(points)
        boxes.append(Box(own.low - MARGIN, own.high + MARGIN))
    box = rounded(reduce(Box.union, boxes))
    deviation = (0.0, 0.0) if mesh is None else mesh.deviation
    error = _error(job, shown.texel, deviation)
    facts: dict[str, Any] = {
        "cell": list(job.cell),
        "raster": f"{parcel.folder}/{RASTER}",
        "uri": f"{parcel.folder}/{CONTENT}" if mesh is not None else None,
        "children": [Cell(*part["cell"]).name for part in job.parts if "cell" in part],
        "low": box.low.tolist(),
        "high": box.high.tolist(),
        "error": error,
        "bytes": size,
        "deviation": list(deviation),
        "folders": sum("heads" in part for part in job.parts),
    }
    if job.cell.level == 0:
        write_below(target / BELOW, entries, box, error, frame)
        facts["below"] = f"{parcel.folder}/{BELOW}"
    return facts, {"top_nodes": 1, "top_bytes": size}


def _write(path: Path, mesh: Surface, points: Any) -> int:
    texture = glb.Texture(mesh.jpeg, "image/jpeg")
    primitive = glb.Primitive(points, mesh.triangles, mesh.uv, texture)
    return glb.write(path, [primitive], encoding=ENCODING)


def _error(job: Bake, texel: float, deviation: tuple[float, float]) -> float:
    """Geometric error of a node, m.

    A finest node takes the error of the producer's files that it stands for, so that the files
    below them show where the producer meant; coarser ones that of their texels. Neither is less
    than what the heights are off, nor falls to that of what is below.
    """
    base = job.cell.level == 0
    called = max((part.get("called", 0.0) for part in job.parts), default=0.0)
    own = max(called, SHARPNESS * texel) if base else FALL * texel
    below = max(
        max((head["error"] for head in part["heads"]), default=0.0) if base else part["error"]
        for part in job.parts
    )
    return float(max(own, SPREAD * deviation[0], below * STEP))


def _entries(part: Mapping[str, Any]) -> list[Entry]:
    """The tilesets of a folder, relative to the folder of a node."""
    matrix = np.array(part["matrix"]) if "heads" in part else np.eye(4)
    return [
        Entry(
            f"../../{head['uri']}",
            Box(np.array(head["low"]), np.array(head["high"])),
            matrix,
            head["error"],
        )
        for head in part.get("heads", ())
    ]


def write_top(
    staging: Path, built: Sequence[Built], top: Top, placement: Placement, extras: Any
) -> dict[str, float] | None:
    """Write tileset.json above all nodes; None where there is no single root above all folders.

    Returns:
        Figures of the overview.
    """
    nodes = {Cell(*b.facts["cell"]).name: b.facts for b in built if "cell" in b.facts}
    if not nodes:
        return None
    level = max(facts["cell"][0] for facts in nodes.values())
    roots = [name for name, facts in nodes.items() if facts["cell"][0] == level]
    if len(roots) != 1:
        return None
    tree = _tree(roots[0], nodes)
    folders = sum("heads" in b.facts for b in built)
    if _count(tree) != len(nodes) or _folders(built) != folders:
        return None
    documents = write_tree(staging, tree, Plane(top, placement).frame(), BRANCHES, extras)
    return {
        "nodes": len(nodes),
        "levels": level + 1,
        "documents": documents,
        "bytes": sum(facts["bytes"] for facts in nodes.values()),
        "largest_bytes": max(facts["bytes"] for facts in nodes.values()),
        "root_bytes": nodes[roots[0]]["bytes"],
        "typical_deviation_m": max(facts["deviation"][0] for facts in nodes.values()),
        "deviation_bound_m": max(facts["deviation"][1] for facts in nodes.values()),
    }


def _folders(built: Sequence[Built]) -> int:
    """How many folders stand below a node."""
    return sum(b.facts.get("folders", 0) for b in built)


def _tree(name: str, nodes: Mapping[str, Mapping[str, Any]]) -> Node:
    facts = nodes[name]
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    children = [_tree(child, nodes) for child in facts["children"] if child in nodes]
    return Node(name, facts["uri"], box, facts["error"], facts.get("below"), children)


def _count(node: Node) -> int:
    return 1 + sum(_count(child) for child in node.children)
