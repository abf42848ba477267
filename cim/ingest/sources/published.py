"""Reads the files of a published mesh: each glb with its place on Earth, folder by folder.

What is made from a published mesh (buildings told apart, a model refined) keeps its tileset
documents as they are, and all files that it does not touch.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.frames import lonlat_height
from cim.ingest.marks import PARTS, link
from cim.ingest.source import Parcel
from cim.tiles import glb
from cim.tiles.glb import Encoding
from cim.tiles.volume import Volume, volume

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A published mesh that another version is made from; one without labels.

    Args:
        folder: Of its version.
        version: Its number.
        media: How it is served.
        extent: Where it lies.
        heights: Lowest and highest orthometric height, m.
    """

    folder: Path
    version: int
    media: Mapping[str, Any]
    extent: Bounds
    heights: tuple[float, float] | None

    @property
    def documents(self) -> tuple[Path, Path]:
        """What tells this version from any other, whatever files they share."""
        return self.folder / PARTS, self.folder / str(self.media["tileset"])


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One glb of a published tileset.

    Args:
        path: Relative to the version's folder.
        matrix: 4 × 4 affine from its frame to ECEF (column vectors).
        bounds: Of its tile, degrees.
        heights: Of its tile, lowest and highest, ellipsoidal, m.
        error: Geometric error of its tile, m.
        document: The tileset that names it, relative to the version's folder.
    """

    path: Path
    matrix: Floats
    bounds: Bounds
    heights: tuple[float, float]
    error: float
    document: Path


def contents(folder: Path, tileset: str) -> list[Content]:
    """Every glb of a tileset and of the tilesets it refers to, in their order.

    Raises:
        FormatError: a document cannot be read; published ones can.
    """
    return list(_document(folder, Path(tileset), np.eye(4), 0))


def _document(folder: Path, name: Path, matrix: Floats, depth: int) -> Iterator[Content]:
    try:
        root = json.loads((folder / name).read_bytes())["root"]
        yield from _tile(folder, name, root, matrix, depth)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"no tileset: {error}", path=folder / name) from error


def _tile(
    folder: Path, document: Path, tile: Mapping[str, Any], above: Floats, depth: int
) -> Iterator[Content]:
    matrix = above
    if "transform" in tile:
        matrix = above @ np.array(tile["transform"], np.float64).reshape(4, 4).T
    for content in tile.get("contents", [tile["content"]] if "content" in tile else []):
        path = Path(os.path.normpath(document.parent / unquote(str(content["uri"]))))
        if path.suffix == ".json":
            yield from _document(folder, path, matrix, depth + 1)
        elif path.suffix == ".glb":
            bounds, heights = _place(volume(tile["boundingVolume"], matrix))
            error = float(tile["geometricError"])
            yield Content(path, matrix, bounds, heights, error, document)
    for child in tile.get("children", []):
        yield from _tile(folder, document, child, matrix, depth)


def _place(bound: Volume) -> tuple[Bounds, tuple[float, float]]:
    lon, lat, height = lonlat_height(bound.corners()).T
    extent = Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
    return extent, (float(height.min()), float(height.max()))


def bounds_of(found: Sequence[Content]) -> Bounds:
    """Around all of some contents, one at least, degrees."""
    return reduce(Bounds.union, (content.bounds for content in found))


def folder_parcel(base: Base, folder: Path, payload: Any, decides: Any) -> Parcel:
    """The part that a folder of a published version is made anew by.

    Args:
        base: The version.
        folder: Relative to it; not the version's own.
        payload: What the part is built with.
        decides: What of it decides the result, JSON values.
    """
    files = sorted(p for p in (base.folder / folder).iterdir() if p.is_file())
    return Parcel(
        id=folder.as_posix().replace("/", "-"),
        path=base.folder / folder,
        inputs=tuple(files),
        bytes=sum(f.stat().st_size for f in files),
        payload=payload,
        folder=folder.as_posix(),
        decides=decides,
    )


def by_folder(found: list[Content]) -> dict[Path, list[Content]]:
    """Contents by the folder that they lie in, relative to the version's."""
    folders: dict[Path, list[Content]] = {}
    for content in found:
        folders.setdefault(content.path.parent, []).append(content)
    return folders


def take_rest(source: Path, staging: Path, made: Collection[Path]) -> int:
    """Link every file of a published folder that staging does not hold yet; how many.

    Args:
        source: The published folder.
        staging: Where to.
        made: Folders, relative, that have been made anew: what they lack is meant to be gone.
    """
    count = 0
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        target = staging / name
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_dir() or hidden or name.parent in made or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        link(str(path), str(target))
        count += 1
    return count


def take_folder(source: Path, target: Path) -> None:
    """Link a whole folder."""
    shutil.copytree(source, target, copy_function=link, dirs_exist_ok=True)


def encoding_of(path: Path) -> Encoding:
    """How a file was written, so that it is written so again; its images are kept."""
    with path.open("rb") as file:
        (length,) = struct.unpack_from("<I", file.read(20), 12)
        used = json.loads(file.read(length)).get("extensionsUsed", [])
    if "EXT_meshopt_compression" in used:
        return Encoding("meshopt")
    return Encoding("quantized" if "KHR_mesh_quantization" in used else "float32")


def rewrite(path: Path, model: glb.Model, encoding: Encoding) -> None:
    """Write in place of a linked file, whose other name must keep what it has."""
    part = path.with_suffix(".part")
    glb.write(part, model.primitives, table=model.table, encoding=encoding)
    part.replace(path)
