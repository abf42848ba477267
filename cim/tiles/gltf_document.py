"""Reads the parts of a binary glTF: chunks, views, accessors, placements. Shares no writer's code.

Compressed views (EXT_meshopt_compression) are unpacked, quantized numbers (KHR_mesh_quantization)
are given as stored; ``real`` turns normalised ones into the numbers they stand for.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.errors import FormatError
from cim.tiles import meshopt

Numbers = npt.NDArray[Any]

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


class Broken(Exception):  # noqa: N818 - it names a finding, and never leaves this module's callers
    """The file breaks a rule of glTF; the message says which."""


def chunks(raw: bytes | memoryview) -> tuple[dict[str, Any], memoryview]:
    """The JSON document and the binary chunk of a glb.

    Raises:
        Broken: it is not a glb of version 2 that is all there.
    """
    if len(raw) < 20:
        raise Broken(f"{len(raw)} bytes are too few for a glb")
    magic, version, total, length, kind = struct.unpack_from("<4sIIII", raw)
    if magic != b"glTF" or version != 2:
        raise Broken("not a glb of version 2")
    if total != len(raw):
        raise Broken(f"the header announces {total} bytes, the file has {len(raw)}")
    if kind != 0x4E4F534A or 20 + length > total or length % 4:
        raise Broken("the first chunk is not a JSON chunk that fits")
    document = _parsed(bytes(raw[20 : 20 + length]))
    if document["asset"]["version"] != "2.0":
        raise Broken("asset.version is not 2.0")
    start = 20 + length
    if start == total:
        return document, memoryview(b"")
    if start + 8 > total:
        raise Broken("the second chunk is not a BIN chunk that fits")
    size, kind = struct.unpack_from("<II", raw, start)
    if kind != 0x004E4942 or start + 8 + size > total or size % 4:
        raise Broken("the second chunk is not a BIN chunk that fits")
    return document, memoryview(raw)[start + 8 : start + 8 + size]


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Broken(f"the JSON chunk is none: {error}") from error
    if not isinstance(document, dict):
        raise Broken("the JSON chunk is no object")
    return document


class Gltf:
    """A document and its binary chunk.

    Args:
        document: The JSON chunk.
        binary: The BIN chunk.
    """

    def __init__(self, document: dict[str, Any], binary: memoryview) -> None:
        self.document = document
        self.binary = binary
        self._unpacked: dict[int, memoryview] = {}
        self._read: dict[int, Numbers | None] = {}

    def items(self, name: str) -> list[Any]:
        """One of the document's lists, empty where it is missing."""
        found: list[Any] = self.document.get(name, [])
        return found

    def view(self, index: int) -> memoryview | None:
        """Bytes of a buffer view, unpacked; None where they lie in another file.

        Raises:
            Broken: it reaches beyond the chunk, or does not unpack.
        """
        view = _item(self.items("bufferViews"), index, "buffer view")
        packed = view.get("extensions", {}).get(meshopt.NAME)
        if packed is not None:
            return self._unpack(index, view, packed)
        return self._slice(f"buffer view {index}", view)

    def _slice(self, name: str, view: dict[str, Any]) -> memoryview | None:
        if "uri" in _item(self.items("buffers"), view["buffer"], "buffer"):
            return None
        start = view.get("byteOffset", 0)
        end = start + view["byteLength"]
        if view["buffer"] != 0 or not 0 <= start <= end <= len(self.binary):
            raise Broken(f"{name} reaches beyond the BIN chunk")
        return self.binary[start:end]

    def _unpack(self, index: int, view: dict[str, Any], packed: dict[str, Any]) -> memoryview:
        if index not in self._unpacked:
            data = self._slice(f"compressed view {index}", packed)
            if data is None:
                raise Broken(f"compressed view {index} lies in another file")
            try:
                whole = meshopt.decode(data, packed)
            except FormatError as error:
                raise Broken(f"buffer view {index}: {error.reason}") from error
            if len(whole) != view["byteLength"]:
                raise Broken(
                    f"buffer view {index} unpacks to {len(whole)} bytes, "
                    f"{view['byteLength']} are announced"
                )
            self._unpacked[index] = memoryview(whole)
        return self._unpacked[index]

    def accessor(self, index: int) -> Numbers | None:
        """(n, width) or (n,) numbers as stored; None where they are sparse or in another file.

        Raises:
            Broken: it reaches beyond its view, is not aligned, not finite, or its bounds lie.
        """
        if index not in self._read:
            self._read[index] = self._accessor(index)
        return self._read[index]

    def _accessor(self, index: int) -> Numbers | None:
        accessor = _item(self.items("accessors"), index, "accessor")
        if "bufferView" not in accessor or "sparse" in accessor:
            return None
        data = self.view(accessor["bufferView"])
        if data is None:
            return None
        view = self.items("bufferViews")[accessor["bufferView"]]
        kind = np.dtype(COMPONENTS[accessor["componentType"]])
        width, count = WIDTHS[accessor["type"]], accessor["count"]
        stride = view.get("byteStride", kind.itemsize * width)
        offset = accessor.get("byteOffset", 0)
        if (view.get("byteOffset", 0) + offset) % kind.itemsize or stride % kind.itemsize:
            raise Broken(f"accessor {index} is not aligned to {kind.itemsize} bytes")
        if count < 1 or offset + stride * (count - 1) + kind.itemsize * width > view["byteLength"]:
            raise Broken(f"accessor {index} reaches beyond its buffer view")
        values = np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize))
        if kind.kind == "f" and not np.isfinite(values).all():
            raise Broken(f"accessor {index} holds numbers that are not finite")
        _require_bounds(index, accessor, values, kind)
        return values[:, 0] if width == 1 else values

    def real(self, index: int) -> Numbers | None:
        """An accessor's numbers as float64, normalised ones divided (glTF 2.0, 3.11)."""
        values = self.accessor(index)
        if values is None or not self.items("accessors")[index].get("normalized"):
            return None if values is None else values.astype(np.float64)
        most = np.iinfo(values.dtype).max
        return np.maximum(values.astype(np.float64) / most, -1.0)

    def image(self, index: int) -> memoryview | None:
        """Bytes of an image; None where it lies in another file."""
        image = _item(self.items("images"), index, "image")
        return self.view(image["bufferView"]) if "bufferView" in image else None

    def placed(self) -> list[tuple[dict[str, Any], Numbers]]:
        """Nodes with a mesh that scenes show, each with its 4 × 4 matrix (column vectors).

        Raises:
            Broken: the nodes form no tree.
        """
        found: list[tuple[dict[str, Any], Numbers]] = []
        for scene in self.items("scenes"):
            ahead = [(root, np.eye(4)) for root in reversed(scene.get("nodes", []))]
            seen: set[int] = set()
            while ahead:
                index, above = ahead.pop()
                node = _item(self.items("nodes"), index, "node")
                if index in seen:
                    raise Broken(f"node {index} has two parents: the nodes form a cycle or a net")
                seen.add(index)
                matrix = above @ node_matrix(node)
                if "mesh" in node:
                    found.append((node, matrix))
                ahead += [(child, matrix) for child in reversed(node.get("children", []))]
        return found


def _item(items: list[Any], index: Any, name: str) -> dict[str, Any]:
    if not isinstance(index, int) or not 0 <= index < len(items):
        raise Broken(f"there is no {name} {index!r}")
    if not isinstance(items[index], dict):
        raise Broken(f"{name} {index} is no object")
    found: dict[str, Any] = items[index]
    return found


def _require_bounds(index: int, accessor: dict[str, Any], values: Numbers, kind: Any) -> None:
    for key, of in (("min", np.min), ("max", np.max)):
        if key in accessor:
            actual = [of(values[:, i]) for i in range(values.shape[1])]
            if not np.array_equal(np.asarray(accessor[key]).astype(kind), np.array(actual, kind)):
                raise Broken(f"accessor {index} announces another {key} than it has")


def node_matrix(node: dict[str, Any]) -> Numbers:
    """The node's transformation, 4 × 4 for column vectors."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = turn * np.asarray(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix
