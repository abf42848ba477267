"""Reads subtrees of implicit tiling (3D Tiles 1.1): which tiles and contents there are."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

Bits = npt.NDArray[np.bool_]

BRANCHES = {"QUADTREE": 4, "OCTREE": 8}
MOST_NODES = 1 << 22  # of one subtree: beyond it the file is a bomb, not an index


@dataclass(frozen=True, slots=True, eq=False)
class Subtree:
    """What a subtree says.

    Args:
        tiles: For each node, level by level in Morton order, whether there is a tile.
        contents: The same for each of the contents.
        children: Whether a subtree begins below each node of the last level.
        errors: Broken rules.
        described: Tiles have metadata of their own, perhaps boxes.
    """

    tiles: Bits
    contents: list[Bits]
    children: Bits
    errors: list[str]
    described: bool


def nodes(branches: int, levels: int) -> int:
    """Number of nodes in some levels.

    Example:
        >>> nodes(4, 3)
        21
    """
    return int((branches**levels - 1) // (branches - 1))


def parse(raw: bytes, branches: int, levels: int, fetch: Callable[[str], bytes | None]) -> Subtree:
    """Read a subtree, binary or JSON.

    Args:
        raw: The file.
        branches: 4 or 8.
        levels: Levels of a subtree.
        fetch: Gives the bytes of another file by its uri, None where it is not there.

    Raises:
        ValueError: it is no subtree at all.
    """
    document, binary = _split(raw)
    views = _Views(document, binary, fetch)
    size, below = nodes(branches, levels), branches**levels
    if size > MOST_NODES:
        raise ValueError(f"{levels} levels in one subtree are beyond all measure")
    errors: list[str] = []
    tiles = views.bits(document["tileAvailability"], size, "tiles", errors)
    stated = document.get("contentAvailability", [])
    listed = stated if isinstance(stated, list) else [stated]
    contents = [views.bits(one, size, "contents", errors) for one in listed]
    children = views.bits(document["childSubtreeAvailability"], below, "subtrees", errors)
    if not tiles[0]:
        errors.append("the subtree has no root tile")
    parents = np.concatenate([[0], (np.arange(1, size) - 1) // branches])
    if (tiles & ~tiles[parents]).any():
        errors.append(f"tile {int(np.flatnonzero(tiles & ~tiles[parents])[0])} has no parent")
    for number, there in enumerate(contents):
        if (there & ~tiles).any():
            errors.append(f"content {number} is there where no tile is")
    last = tiles[size - branches ** (levels - 1) :].repeat(branches)
    if (children & ~last).any():
        errors.append("a subtree begins below a tile that is not there")
    return Subtree(tiles, contents, children, errors, "tileMetadata" in document)


def _split(raw: bytes) -> tuple[dict[str, Any], memoryview]:
    if raw[:4] != b"subt":
        return _document(raw), memoryview(b"")
    if len(raw) < 24:
        raise ValueError("the subtree ends within its header")
    version, text, binary = struct.unpack_from("<IQQ", raw, 4)
    if version != 1 or 24 + text + binary != len(raw):
        raise ValueError(
            f"a subtree of version {version} that announces {24 + text + binary} bytes, "
            f"in a file of {len(raw)}"
        )
    if text % 8 or binary % 8:
        raise ValueError("the chunks of the subtree are not padded to eight bytes")
    return _document(raw[24 : 24 + text]), memoryview(raw)[24 + text :]


def _document(text: bytes) -> dict[str, Any]:
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("the subtree is no object")  # noqa: TRY004 - a fault of the file
    return found


class _Views:
    def __init__(
        self, document: dict[str, Any], binary: memoryview, fetch: Callable[[str], bytes | None]
    ) -> None:
        self.document, self.binary, self.fetch = document, binary, fetch

    def _bytes(self, index: int) -> memoryview:
        view = self.document["bufferViews"][index]
        buffer = self.document["buffers"][view["buffer"]]
        data = self.binary
        if "uri" in buffer:
            found = self.fetch(buffer["uri"])
            if found is None:
                raise ValueError(f"the buffer {buffer['uri']} is not there")
            data = memoryview(found)
        start, end = view["byteOffset"], view["byteOffset"] + view["byteLength"]
        if not 0 <= start <= end <= min(len(data), buffer["byteLength"]):
            raise ValueError(f"buffer view {index} reaches beyond its buffer")
        return data[start:end]

    def bits(self, said: dict[str, Any], size: int, name: str, errors: list[str]) -> Bits:
        """The availability of ``size`` things; what it says of their count is compared."""
        if "constant" in said:
            found = np.full(size, bool(said["constant"]))
        else:
            index = said["bitstream"] if "bitstream" in said else said["bufferView"]
            data = np.frombuffer(self._bytes(index), np.uint8)
            if len(data) < -(-size // 8):
                raise ValueError(f"{len(data)} bytes of bits for {size} {name}")
            found = np.unpackbits(data, bitorder="little")[:size].astype(bool)
        if "availableCount" in said and said["availableCount"] != int(found.sum()):
            errors.append(
                f"{said['availableCount']} {name} are announced, {int(found.sum())} are there"
            )
        return found
