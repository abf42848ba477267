"""The top of many clouds: nodes of thinned points, a quadtree of them above the files' own octrees.

A viewer that sees a whole city would otherwise ask for the root of every file. A node holds one
point in each cube of 1/128 of its side, taken from the roots of the files, or from the nodes, below
it; these replace it when they come near. Its points are copies: every delivered point still stands
in exactly one tile of its file.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import City
from cim.geo.frames import enu_matrix, moved
from cim.ingest.source import Built, Parcel
from cim.tiles import glb
from cim.tiles.overview.lattice import Cell, coarser
from cim.tiles.overview.tree import Node, rounded, within, write_below, write_tree
from cim.tiles.tileset import Box, Entry

Floats = npt.NDArray[np.float64]
Thin = npt.NDArray[np.void]

FOLDER = "top"
BRANCHES = "branches"
BELOW = "clouds.json"
CONTENT = "node.glb"
GRID = 128  # cubes along a node
ANCHOR = 10  # steps in a degree of the place that the common frame may stand at
ENCODING = glb.Encoding("meshopt", "keep")
THIN = np.dtype(
    [("xyz", "f8", (3,)), ("rgb", "u1", (3,)), ("colored", "?"), ("intensity", "u2"),
     ("classification", "u1"), ("return_number", "u1")]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thinning:
    """What a node is made of.

    Args:
        cell: Where it lies.
        parts: Facts of the files or nodes below it.
    """

    cell: Cell
    parts: tuple[Mapping[str, Any], ...]


def anchor(city: City) -> tuple[float, float]:
    """Where the common frame of all nodes stands, degrees: it stays when a city grows a little."""
    west, south, east, north = city.bounds
    return round((west + east) / 2 * ANCHOR) / ANCHOR, round((south + north) / 2 * ANCHOR) / ANCHOR


def next_parcels(built: Sequence[Built], city: City, path: Path) -> tuple[Parcel, ...]:
    """The nodes of the next coarser level; none above a single file or node."""
    nodes = [b for b in built if "cell" in b.facts]
    if not nodes:
        files = [b for b in built if "root" in b.facts]
        return _parcels(_by_cell(files, city), city, path) if len(files) > 1 else ()
    level = max(b.facts["cell"][0] for b in nodes)
    last = {Cell(*b.facts["cell"]): b for b in nodes if b.facts["cell"][0] == level}
    if len(last) <= 1:
        return ()
    groups = {cell: [last[c] for c in below] for cell, below in coarser(list(last)).items()}
    return _parcels(groups, city, path)


def _by_cell(files: Sequence[Built], city: City) -> dict[Cell, list[Built]]:
    """Files by the finest cells: twice as wide as most files, a power of two in metres."""
    frame = enu_matrix(*anchor(city))
    boxes = [Box.around(within(entry_of(b.facts), frame)) for b in files]
    widths = [float((box.high - box.low)[:2].max()) for box in boxes]
    side = 2.0 ** math.ceil(math.log2(max(2 * float(np.median(widths)), 1.0)))
    groups: dict[Cell, list[Built]] = defaultdict(list)
    for part, box in zip(files, boxes, strict=True):
        x, y = ((box.low + box.high) / 2)[:2]
        groups[Cell(0, math.floor(x / side), math.floor(y / side))].append(part)
    return groups


def _parcels(groups: Mapping[Cell, list[Built]], city: City, path: Path) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            id=f"{FOLDER}-{cell.name}",
            path=path / FOLDER / cell.name,
            inputs=(),
            bytes=0,
            payload=Thinning(cell, tuple(part.facts for part in groups[cell])),
            folder=f"{FOLDER}/{cell.name}",
            needs=tuple(part.parcel for part in groups[cell]),
            decides=[*cell, *anchor(city)],
        )
        for cell in sorted(groups)
    )


def entry_of(facts: Mapping[str, Any]) -> Entry:
    """The tileset of one file, relative to the root document."""
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    return Entry(facts["tileset"], box, np.array(facts["matrix"]), facts["spacing"])


def thin(parcel: Parcel, city: City, staging: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Make one node.

    Returns:
        Its facts and counts.

    Raises:
        FormatError: a file below it is damaged.
    """
    job: Thinning = parcel.payload
    frame = enu_matrix(*anchor(city))
    entries = [entry_of(part) for part in job.parts if "root" in part]
    boxes = [Box.around(within(entry, frame)) for entry in entries]
    boxes += [Box(np.array(p["low"]), np.array(p["high"])) for p in job.parts if "cell" in p]
    box = reduce(Box.union, boxes)
    side = max(float((box.high - box.low).max()), 0.001)
    held = np.zeros(0, THIN)
    for part in job.parts:  # one after the other: memory does not grow with their number
        held = _firsts(np.concatenate([held, _read(part, staging, frame)]), box.low, side / GRID)
    target = staging / str(parcel.folder)
    target.mkdir(parents=True, exist_ok=True)
    size = _write(target / CONTENT, held)
    box = rounded(Box(box.low - side / 65535, box.high + side / 65535))
    below = max(part["spacing"] for part in job.parts)
    error = side / GRID + below  # a point lies in the cube of one shown below, that in one here
    facts: dict[str, Any] = {
        "cell": list(job.cell),
        "uri": f"{parcel.folder}/{CONTENT}",
        "children": [Cell(*part["cell"]).name for part in job.parts if "cell" in part],
        "low": box.low.tolist(),
        "high": box.high.tolist(),
        "spacing": error,
        "bytes": size,
        "files": len(entries),
    }
    if entries:
        up = [Entry(f"../../{e.uri}", e.box, e.matrix, e.error) for e in entries]
        write_below(target / BELOW, up, box, error, frame)
        facts["below"] = f"{parcel.folder}/{BELOW}"
    return facts, {"top_nodes": 1, "top_points": len(held), "top_bytes": size}


def _read(facts: Mapping[str, Any], staging: Path, frame: Floats) -> Thin:
    """The points of a file's root, or of a node, in the common frame."""
    matrix = np.eye(4)
    if "root" in facts:
        matrix = np.linalg.inv(frame) @ np.array(facts["matrix"])
    found = [np.zeros(0, THIN)]
    for part in glb.read(staging / facts.get("root", facts.get("uri"))).primitives:
        points = np.zeros(len(part.positions), THIN)
        points["xyz"] = moved(part.positions, matrix)
        if part.colors is not None:
            points["rgb"], points["colored"] = part.colors[:, :3], True
        for name in ("intensity", "classification", "return_number"):
            points[name] = part.attributes[name]
        found.append(points)
    return np.concatenate(found)


def _firsts(points: Thin, low: Floats, side: float) -> Thin:
    """The first point in each cube."""
    index = ((points["xyz"] - low) / side).astype(np.int64).clip(0, GRID)
    _, first = np.unique(index @ (1, GRID + 1, (GRID + 1) ** 2), return_index=True)
    return points[np.sort(first)]


def _write(path: Path, points: Thin) -> int:
    parts = []
    for colored in (True, False):
        some = points[points["colored"] == colored]
        if len(some):
            names = ("intensity", "classification", "return_number")
            attributes = {name: np.ascontiguousarray(some[name]) for name in names}
            colors = np.ascontiguousarray(some["rgb"]) if colored else None
            parts.append(glb.Primitive(some["xyz"], None, colors=colors, attributes=attributes))
    return glb.write(path, parts, encoding=ENCODING)


def write_top(staging: Path, built: Sequence[Built], city: City, extras: Any) -> bool:
    """Write tileset.json above all nodes; not where no single root stands above all files."""
    nodes = {Cell(*b.facts["cell"]).name: b.facts for b in built if "cell" in b.facts}
    if not nodes:
        return False
    level = max(facts["cell"][0] for facts in nodes.values())
    roots = [name for name, facts in nodes.items() if facts["cell"][0] == level]
    files = sum("root" in b.facts for b in built)
    if len(roots) != 1 or sum(facts["files"] for facts in nodes.values()) != files:
        return False
    tree = _tree(roots[0], nodes)
    if _count(tree) != len(nodes):
        return False
    write_tree(staging, tree, enu_matrix(*anchor(city)), BRANCHES, extras)
    return True


def _tree(name: str, nodes: Mapping[str, Mapping[str, Any]]) -> Node:
    facts = nodes[name]
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    children = [_tree(child, nodes) for child in facts["children"] if child in nodes]
    return Node(name, facts["uri"], box, facts["spacing"], facts.get("below"), children)


def _count(node: Node) -> int:
    return 1 + sum(_count(child) for child in node.children)
