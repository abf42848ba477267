"""The heavy pass over a model: its triangles, cut at the lines of the cells, in the cells' order.

Records lie in a few columns on disk, batch after batch; within a batch they are sorted by cell, and
an index says which rows belong to which. So one cell is read without the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.errors import FormatError
from cim.ingest.sources.flat.picture import Picture
from cim.ingest.sources.flat.raw import Raw
from cim.ingest.sources.flat.triangles import Batch, batches
from cim.tiles.hlod.cut import cut, leaves
from cim.tiles.hlod.quadtree import Census, Tree

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

RIM = 1e-3  # of a picture, by which texture coordinates may be beyond it for rounding
SPAN = 1.5  # pictures; a face that covers more of them repeats its picture
INDEX = "index.json"

RECORDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "corners": (np.float64, (3, 3)),
    "uv": (np.float32, (3, 2)),
    "colors": (np.uint8, (3, 3)),
    "normals": (np.float32, (3, 3)),
    "material": (np.int32, ()),
}


@dataclass(slots=True, eq=False)
class Survey:
    """What a model is, once all of its faces were seen.

    Args:
        low: (3,) lowest corner of its box, m.
        high: (3,) highest.
        area: Of its faces, m².
        triangles: How many are sound.
    """

    low: Floats = field(default_factory=lambda: np.full(3, np.inf))
    high: Floats = field(default_factory=lambda: np.full(3, -np.inf))
    area: float = 0.0
    triangles: int = 0


def survey(raw: Raw, up: str) -> Survey:
    """See all faces once, noting what is left out.

    Raises:
        FormatError: no face is sound.
    """
    found = Survey()
    for batch in batches(raw, up, counting=True):
        if not len(batch.corners):
            continue
        found.low = np.minimum(found.low, batch.corners.min(axis=(0, 1)))
        found.high = np.maximum(found.high, batch.corners.max(axis=(0, 1)))
        found.area += area(batch.corners)
        found.triangles += len(batch.corners)
    if not found.triangles:
        raise FormatError(
            "none of its faces can be used: "
            + ", ".join(f"{k} {v}" for k, v in raw.counts.items()),
            remedy="export the model anew",
        )
    return found


def area(corners: Floats) -> float:
    """Of (n, 3, 3) triangles, m²."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.sqrt((across * across).sum(axis=1)).sum() / 2)


def census(
    raw: Raw, up: str, seen: Survey, pictures: Sequence[Picture | None], most: float, texels: float
) -> Tree:
    """The cells that suit a model."""
    counted = Census.over(seen.low[:2], seen.high[:2])
    for batch in batches(raw, up):
        counted.add(batch.corners, _texels(raw, batch, pictures))
    return counted.tree(most, texels)


def _texels(raw: Raw, batch: Batch, pictures: Sequence[Picture | None]) -> Floats:
    """How much of its picture each face shows; nothing where that repeats."""
    sizes = np.array([0 if p is None else p.width * p.height for p in pictures], np.float64)
    if not sizes.any():
        return np.zeros(len(batch.at))
    uv, _ = _uv(raw, batch)
    one, two = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    share = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2
    repeats = (uv.max(axis=1) - uv.min(axis=1)).max(axis=1) > SPAN
    return np.where(repeats, 0.0, np.minimum(share, 1.0) * sizes[batch.material])


def _uv(raw: Raw, batch: Batch) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(n, 3, 2) texture coordinates from the upper left corner, and which faces have them."""
    column = raw.column("uv")
    at = batch.at[..., 1]
    there: npt.NDArray[np.bool_] = np.asarray((at >= 0).all(axis=1))
    if not len(column):
        return np.zeros((*at.shape, 2)), there
    uv = column[np.maximum(at, 0)].astype(np.float64)
    there &= np.isfinite(uv).all(axis=(1, 2))
    uv[~there] = 0.0
    scale = np.array([m.scale for m in raw.materials])[batch.material]
    offset = np.array([m.offset for m in raw.materials])[batch.material]
    uv = uv * scale[:, None] + offset[:, None]
    uv[..., 1] = 1.0 - uv[..., 1]
    near = ((uv >= -RIM) & (uv <= 1 + RIM)).all(axis=(1, 2))
    uv[near] = np.clip(uv[near], 0.0, 1.0)
    uv[~near] -= np.floor(uv[~near].min(axis=1, keepdims=True))
    return uv, there


class Shelf:
    """Columns of records that grow batch by batch, and their index."""

    def __init__(self, folder: Path, names: Sequence[str], cells: int) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._files = {n: self._stack.enter_context((folder / n).open("wb")) for n in names}
        self.rows = 0
        self.index: list[list[tuple[int, int]]] = [[] for _ in range(cells)]

    def put(self, cell: Array, values: Mapping[str, Array]) -> None:
        """Append records, each with its cell."""
        order = np.argsort(cell, kind="stable")
        for name, file in self._files.items():
            kind, _ = RECORDS[name]
            file.write(np.ascontiguousarray(values[name][order], kind).data)
        numbers, firsts = np.unique(cell[order], return_index=True)
        counts = np.diff([*firsts, len(cell)])
        for number, first, count in zip(numbers, firsts, counts, strict=True):
            self.index[int(number)].append((self.rows + int(first), int(count)))
        self.rows += len(cell)

    def close(self, facts: Mapping[str, Any], tree: Tree) -> dict[str, int]:
        """Write the index; how many records each cell has, by its name."""
        self._stack.close()
        cells = {cell.name: own for cell, own in zip(tree.cells, self.index, strict=True) if own}
        index = {"rows": self.rows, "columns": list(self._files), "cells": cells, **facts}
        (self.folder / INDEX).write_bytes(orjson.dumps(index))
        return {name: sum(count for _, count in own) for name, own in cells.items()}


def share_out(
    raw: Raw, up: str, tree: Tree, pictures: Sequence[Picture | None], folder: Path
) -> dict[str, int]:
    """Write the records of all cells; how many each has, by its name."""
    names = ["corners", "material"]
    if any(pictures):
        names.append("uv")
    if raw.colored:
        names.append("colors")
    if raw.lengths.get("normals") and not all(pictures):
        names.append("normals")
    shelf = Shelf(folder, names, len(tree.cells))
    for batch in batches(raw, up):
        values = _values(raw, batch, names, pictures, up)
        where = leaves(batch.corners, tree)
        whole = where >= 0
        if whole.any():
            shelf.put(where[whole], {n: v[whole] for n, v in values.items()})
        if not whole.all():
            _put_pieces(shelf, tree, {n: v[~whole] for n, v in values.items()})
    looks = [
        {
            "tint": m.tint,
            "picture": None if p is None else [p.path.name, p.width, p.height],
        }
        for m, p in zip(raw.materials, pictures, strict=True)
    ]
    return shelf.close({"materials": looks, "colored": raw.colored}, tree)


def _values(
    raw: Raw, batch: Batch, names: Sequence[str], pictures: Sequence[Picture | None], up: str
) -> dict[str, Array]:
    values: dict[str, Array] = {"corners": batch.corners, "material": batch.material}
    if "uv" in names:
        values["uv"], there = _uv(raw, batch)
        pictured = np.array([p is not None for p in pictures])[batch.material]
        values["material"] = np.where(there | ~pictured, batch.material, ~batch.material)
    if "colors" in names:
        values["colors"] = raw.column("colors")[batch.at[..., 0]]
    if "normals" in names:
        normals = raw.column("normals")[np.maximum(batch.at[..., 2], 0)]
        if up == "y":
            normals = np.stack([normals[..., 0], -normals[..., 2], normals[..., 1]], axis=-1)
        normals[(batch.at[..., 2] < 0) | ~np.isfinite(normals).all(axis=-1)] = 0.0
        values["normals"] = normals
    return values


def _put_pieces(shelf: Shelf, tree: Tree, values: Mapping[str, Array]) -> None:
    pieces = cut(values["corners"], tree)
    mixed: dict[str, Array] = {"corners": pieces.corners}
    mixed["material"] = values["material"][pieces.origin]
    for name in ("uv", "colors", "normals"):
        if name in values:
            own = values[name][pieces.origin].astype(np.float64)
            between = pieces.shares @ own
            mixed[name] = between.round() if name == "colors" else between
    shelf.put(pieces.leaf, mixed)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How faces look: a linear colour, and a texture or none."""

    tint: tuple[float, float, float, float]
    picture: Picture | None


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The faces of one cell.

    Args:
        corners: (n, 3, 3) m.
        material: (n,) number of the look; the complement ~ of it where the texture cannot be used.
        looks: By number.
        uv: (n, 3, 2) from the upper left corner, or None.
        colors: (n, 3, 3) or None.
        normals: (n, 3, 3), zero where there is none; or None.
        colored: Whether the model has colours by vertex: they hold light and shade already.
    """

    corners: Floats
    material: Array
    looks: tuple[Look, ...]
    uv: Array | None
    colors: Array | None
    normals: Array | None
    colored: bool


def read_cell(folder: Path, name: str) -> Records:
    """Read one cell's records."""
    index = orjson.loads((folder / INDEX).read_bytes())
    own: dict[str, Array] = {}
    for column in index["columns"]:
        kind, shape = RECORDS[column]
        rows = np.memmap(folder / column, kind, "r", shape=(index["rows"], *shape))
        own[column] = np.concatenate([rows[s : s + n] for s, n in index["cells"][name]])
    looks = tuple(
        Look(
            tuple(m["tint"]),
            None if m["picture"] is None else Picture(folder / m["picture"][0], *m["picture"][1:]),
        )
        for m in index["materials"]
    )
    return Records(
        own["corners"],
        own["material"],
        looks,
        own.get("uv"),
        own.get("colors"),
        own.get("normals"),
        index["colored"],
    )
