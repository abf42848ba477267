"""tileset.json above many tilesets: nodes with content of their own, in as few bytes as may be.

All nodes share one frame, whose matrix stands on the root tile. A tile that names a tileset with a
whole matrix of its own undoes it. Numbers are rounded outward to centimetres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.tiles.tileset import STEP, Box, Entry, write

Floats = npt.NDArray[np.float64]

GRAIN = 0.02  # m; boxes of nodes begin and end at multiples of it
REFERENCE = 300  # bytes of a tile that names a document, about
LARGEST = 60_000  # bytes of one document; larger trees are spread over several


@dataclass(slots=True)
class Node:
    """One node of the overview.

    Args:
        name: Its cell's.
        uri: Its content, relative to the root document; None where nothing is to be seen.
        box: In the common frame, around everything below it too.
        error: Geometric error, m.
        below: The document of the tilesets below a finest node, relative to the root document.
        children: Finer nodes.
    """

    name: str
    uri: str | None
    box: Box
    error: float
    below: str | None = None
    children: list[Node] = field(default_factory=list)


def rounded(box: Box) -> Box:
    """The box with its corners moved outward to whole grains."""
    return Box(np.floor(box.low / GRAIN) * GRAIN, np.ceil(box.high / GRAIN) * GRAIN)


def within(entry: Entry, frame: Floats) -> Floats:
    """(8, 3) corners of a tileset's box in the common frame."""
    moved: Floats = (entry.corners() - frame[:3, 3]) @ frame[:3, :3]
    return moved


def write_below(
    path: Path, entries: Sequence[Entry], box: Box, error: float, frame: Floats
) -> None:
    """The document of the tilesets that replace a finest node.

    Its root draws nothing. It has the box and the error of the node, so that a viewer opens it
    exactly where it replaces the node: one that stayed shut would be a hole.

    Args:
        path: To write to.
        entries: The tilesets, relative to the document; each with its whole matrix.
        box: Of the node, in the common frame.
        error: Of the node, m.
        frame: 4 × 4 of the common frame to ECEF: rigid.
    """
    back = np.eye(4)
    back[:3, :3] = frame[:3, :3].T
    back[:3, 3] = -frame[:3, :3].T @ frame[:3, 3]
    root = _tile(box, error)
    root["children"] = [
        {
            "transform": back.T.ravel().tolist(),
            "boundingVolume": entry.box.volume(entry.matrix),
            "geometricError": entry.error,
            "refine": "REPLACE",
            "content": {"uri": entry.uri},
        }
        for entry in entries
    ]
    write(path, root, error)


def write_tree(folder: Path, root: Node, frame: Floats, branch: str, extras: Any) -> int:
    """Write tileset.json, and documents of branches where one would be too large.

    Args:
        folder: Of the root document.
        root: The whole tree.
        frame: 4 × 4 of the common frame to ECEF.
        branch: Folder for the documents of branches, below ``folder``.
        extras: Goes to the root document's asset.

    Returns:
        Documents written.
    """
    apart: set[str] = set()
    _divide(root, apart)
    head = {"transform": frame.T.ravel().tolist()} | _inline(root, "", branch, apart)
    # a viewer draws nothing at all of a tileset whose own error it cannot see: not before it is
    # smaller than that itself
    whole = max(float(np.linalg.norm(root.box.high - root.box.low)), root.error * STEP)
    write(folder / "tileset.json", head, whole, extras)
    if apart:
        (folder / branch).mkdir(exist_ok=True)
    for node in _all(root):
        if node.name in apart:
            tile = _inline(node, "../", branch, apart)
            write(folder / branch / f"{node.name}.json", tile, node.error)
    return 1 + len(apart)


def _divide(node: Node, apart: set[str]) -> int:
    """Note which nodes get documents of their own; bytes that a node takes in its document."""
    own = len(orjson.dumps(_bare(node, "../")))
    sizes = [_divide(child, apart) for child in node.children]
    if own + sum(sizes) <= LARGEST:
        return own + sum(sizes)
    apart.update(child.name for child in node.children)
    return own + len(node.children) * REFERENCE


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _bare(node: Node, up: str) -> dict[str, Any]:
    """A node's tile without its finer nodes."""
    tile = _tile(node.box, node.error)
    if node.uri is not None:
        tile["content"] = {"uri": up + node.uri}
    if node.below is not None:
        tile["children"] = [_tile(node.box, node.error) | {"content": {"uri": up + node.below}}]
    return tile


def _inline(node: Node, up: str, branch: str, apart: set[str]) -> dict[str, Any]:
    """A node's tile with those below it, or with tiles that name their documents."""
    tile = _bare(node, up)
    children = tile.get("children", [])
    for child in node.children:
        if child.name in apart:
            uri = f"{up}{branch}/{child.name}.json"
            children.append(_tile(child.box, child.error) | {"content": {"uri": uri}})
        else:
            children.append(_inline(child, up, branch, apart))
    return tile | {"children": children} if children else tile


def _tile(box: Box, error: float) -> dict[str, Any]:
    centre = np.round((box.low + box.high) / 2, 3)
    half = np.round((box.high - box.low) / 2, 3)
    numbers = [*centre, half[0], 0, 0, 0, half[1], 0, 0, 0, half[2]]
    return {
        "boundingVolume": {"box": [round(float(v), 3) for v in numbers]},
        "geometricError": error,
        "refine": "REPLACE",
    }
