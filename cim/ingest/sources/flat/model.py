"""One model, read: the heavy pass, and small models at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cim.errors import FormatError
from cim.ingest.source import Problem
from cim.ingest.sources.flat.cells import census, read_cell, share_out, survey
from cim.ingest.sources.flat.gltf import read_glb
from cim.ingest.sources.flat.leaf import leaf
from cim.ingest.sources.flat.obj import read_obj
from cim.ingest.sources.flat.picture import Picture, decode
from cim.ingest.sources.flat.ply import read_ply
from cim.ingest.sources.flat.raw import Raw
from cim.tiles import glb
from cim.tiles.hlod.piece import primitives

READERS: dict[str, Callable[[Path, Path], Raw]] = {
    ".obj": read_obj,
    ".ply": read_ply,
    ".glb": read_glb,
}
QUALITY = 90  # of pictures put together anew, where nothing else is asked for
LARGEST_SMALL = 4096  # pixels along the texture of a model that is read at once
FAULTS = {
    "faces_without_corners": "faces have fewer than three corners",
    "indices_out_of_range": "faces name vertices that are not there",
    "vertices_not_finite": "faces have vertices that are no numbers",
    "faces_without_area": "faces have no area",
    "faces_with_wrong_uv": "faces name texture coordinates that are not there: they are grey",
}


@dataclass(frozen=True, slots=True)
class Parted:
    """What a model is once it lies on disk cell by cell.

    Args:
        low: Lowest corner of its box, m.
        high: Highest.
        area: Of its sound faces, m².
        triangles: How many those are.
        cells: Records of each cell by its name.
        counts: What is wrong with it, by a word for it.
        warnings: The same in sentences.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    area: float
    triangles: int
    cells: dict[str, int]
    counts: dict[str, int]
    warnings: tuple[Problem, ...]


def part(path: Path, work: Path, *, up: str, most: float, texels: float) -> Parted:
    """Read a model and leave it below ``work``, cell by cell.

    Args:
        path: The model.
        work: Folder for what only this run needs.
        up: The axis that points up in the file, ``z`` or ``y``; a glb says it by itself.
        most: Triangles in a cell.
        texels: Of the pictures in a cell.

    Raises:
        FormatError: it is damaged, or holds nothing to draw.
    """
    raw = _read(path, work / "columns")
    up = "z" if path.suffix.lower() == ".glb" else up
    try:
        seen = survey(raw, up)
    except FormatError as error:
        raise FormatError(error.reason, path=path, remedy=error.remedy) from error
    pictures = _pictures(raw, work)
    tree = census(raw, up, seen, pictures, most, texels)
    cells = share_out(raw, up, tree, pictures, work)
    raw.remove()
    warnings = [Problem(path=str(path), reason=note) for note in raw.notes]
    for word, sentence in FAULTS.items():
        if word in raw.counts:
            left = "" if word == "faces_with_wrong_uv" else "; they are left out"
            reason = f"{raw.counts[word]} {sentence}{left}"
            warnings.append(Problem(path=str(path), reason=reason))
    low, high = tuple(seen.low.tolist()), tuple(seen.high.tolist())
    return Parted(low, high, seen.area, seen.triangles, cells, raw.counts, tuple(warnings))


def _read(path: Path, work: Path) -> Raw:
    if path.stat().st_size == 0:
        raise FormatError("the file is empty", path=path, remedy="copy it again")
    return READERS[path.suffix.lower()](path, work)


def _pictures(raw: Raw, work: Path) -> list[Picture | None]:
    """Decode all textures that faces use; one that cannot be is a note, and its faces grey."""
    known: dict[Path, Picture | None] = {}
    used = set(np.unique(raw.column("materials")).tolist())
    used |= set(np.unique(raw.column("polygon_materials")).tolist())
    for number, material in enumerate(raw.materials):
        if material.lost:
            raw.count("textures_missing", number in used)
        source = material.picture
        if source is None or source in known or number not in used:
            continue
        try:
            known[source] = decode(source, work / f"texture-{len(known)}.rgb")
        except FormatError as error:
            known[source] = None
            raw.count("textures_damaged")
            raw.notes.append(f"the texture {source.name} is {error.reason}: its faces are grey")
    for material in raw.materials:
        if material.picture is not None and known.get(material.picture) is None:
            material.lose()
    return [None if m.picture is None else known[m.picture] for m in raw.materials]


def read_model(path: Path, work: Path) -> list[glb.Primitive]:
    """A small model at once, whole, in its own coordinates (z-up for glb).

    Args:
        path: .obj, .ply or .glb.
        work: An empty folder for what is needed meanwhile.

    Raises:
        FormatError: it is none of these, damaged, or holds nothing to draw.
    """
    if path.suffix.lower() not in READERS:
        raise FormatError(
            f"models ending in {path.suffix or 'nothing'} are not read",
            path=path,
            remedy=f"give one of {', '.join(READERS)}",
        )
    part(path, work, up="z", most=np.inf, texels=np.inf)
    records = read_cell(work, "0-0-0")
    piece, textures, _ = leaf(records, LARGEST_SMALL, QUALITY)
    return primitives(piece, textures, lambda points: points.astype(np.float32))
