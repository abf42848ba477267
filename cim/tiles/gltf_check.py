"""Looks at one glb file as a stranger would, with a parser that shares nothing with the writer."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}


class Broken(Exception):  # noqa: N818 - it names a finding, and never leaves this module's callers
    """The file breaks a rule of glTF; the message says which."""


@dataclass(slots=True)
class GlbFacts:
    """What a file holds.

    Args:
        positions: Vertices of each mesh node in the file's own z-up frame, m: (n, 3) float64.
        triangles: Number of triangles.
        errors: Broken rules.
    """

    positions: list[npt.NDArray[np.float64]] = field(default_factory=list)
    triangles: int = 0
    errors: list[str] = field(default_factory=list)


def look(path: Path) -> GlbFacts:
    """Read a file and list every rule that it breaks."""
    facts = GlbFacts()
    try:
        document, binary = _chunks(path.read_bytes())
        _Look(document, binary, facts).all()
    except Broken as error:
        facts.errors.append(str(error))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        facts.errors.append(f"the JSON chunk is incomplete: {type(error).__name__} {error}")
    return facts


def _chunks(raw: bytes) -> tuple[dict[str, Any], memoryview]:
    if len(raw) < 20:
        raise Broken(f"{len(raw)} bytes are too few for a glb")
    magic, version, total, length, kind = struct.unpack_from("<4sIIII", raw)
    if magic != b"glTF" or version != 2:
        raise Broken("not a glb of version 2")
    if total != len(raw):
        raise Broken(f"the header announces {total} bytes, the file has {len(raw)}")
    if kind != 0x4E4F534A or 20 + length > total or length % 4:
        raise Broken("the first chunk is not a JSON chunk that fits")
    document = json.loads(raw[20 : 20 + length])
    if document["asset"]["version"] != "2.0":
        raise Broken("asset.version is not 2.0")
    start = 20 + length
    if start == total:
        return document, memoryview(b"")
    size, kind = struct.unpack_from("<II", raw, start)
    if kind != 0x004E4942 or start + 8 + size > total or size % 4:
        raise Broken("the second chunk is not a BIN chunk that fits")
    return document, memoryview(raw)[start + 8 : start + 8 + size]


class _Look:
    def __init__(self, document: dict[str, Any], binary: memoryview, facts: GlbFacts) -> None:
        self.document = document
        self.binary = binary
        self.facts = facts

    def all(self) -> None:
        """Every mesh that a scene shows, and every image."""
        for buffer in self.document.get("buffers", [])[:1]:
            if "uri" not in buffer and not 0 <= len(self.binary) - buffer["byteLength"] <= 3:
                raise Broken("buffer 0 and the BIN chunk differ in length")
        for index, image in enumerate(self.document.get("images", [])):
            if "bufferView" in image:
                head = bytes(self._view(image["bufferView"])[:4])
                signature = _SIGNATURES.get(image["mimeType"], b"")
                if not head.startswith(signature):
                    raise Broken(f"image {index} is no {image['mimeType']}")
        nodes = self.document.get("nodes", [])
        for scene in self.document.get("scenes", []):
            for root in scene.get("nodes", []):
                self._node(nodes, root, np.eye(4), 0)

    def _node(self, nodes: list[Any], index: int, above: Numbers, depth: int) -> None:
        if depth > len(nodes):
            raise Broken("the nodes form a cycle")
        node = nodes[index]
        matrix = above @ _matrix(node)
        if "mesh" in node:
            for primitive in self.document["meshes"][node["mesh"]]["primitives"]:
                self._primitive(primitive, matrix)
        for child in node.get("children", []):
            self._node(nodes, child, matrix, depth + 1)

    def _primitive(self, primitive: dict[str, Any], matrix: Numbers) -> None:
        if "material" in primitive:
            self.document["materials"][primitive["material"]]
        attributes = {name: self._accessor(i) for name, i in primitive["attributes"].items()}
        positions = attributes.get("POSITION")
        if positions is None:
            return  # compressed by an extension; its decoder is the viewer's
        lengths = {len(a) for a in attributes.values() if a is not None}
        if len(lengths) > 1:
            raise Broken(f"attributes of one primitive differ in length: {sorted(lengths)}")
        if "indices" in primitive:
            indices = self._accessor(primitive["indices"])
            if indices is not None:
                self._indices(indices, len(positions), primitive.get("mode", 4))
        points = positions.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        self.facts.positions.append(points[:, [0, 2, 1]] * (1.0, -1.0, 1.0))

    def _indices(self, indices: Numbers, count: int, mode: int) -> None:
        if len(indices) and int(indices.max()) >= count:
            raise Broken(f"an index of {int(indices.max())} where there are {count} vertices")
        if mode == 4:
            if len(indices) % 3:
                raise Broken(f"{len(indices)} indices make no whole triangles")
            self.facts.triangles += len(indices) // 3

    def _accessor(self, index: int) -> Numbers | None:
        accessor = self.document["accessors"][index]
        if "bufferView" not in accessor or "sparse" in accessor:
            return None
        view = self.document["bufferViews"][accessor["bufferView"]]
        if self.document["buffers"][view["buffer"]].get("uri") or view.get("extensions"):
            return None
        kind = np.dtype(_COMPONENTS[accessor["componentType"]])
        width, count = _WIDTHS[accessor["type"]], accessor["count"]
        stride = view.get("byteStride", kind.itemsize * width)
        offset = accessor.get("byteOffset", 0)
        if (view.get("byteOffset", 0) + offset) % kind.itemsize or stride % kind.itemsize:
            raise Broken(f"accessor {index} is not aligned")
        if count < 1 or offset + stride * (count - 1) + kind.itemsize * width > view["byteLength"]:
            raise Broken(f"accessor {index} reaches beyond its buffer view")
        values: Numbers = np.ndarray(
            (count, width),
            kind,
            self._view(accessor["bufferView"]),
            offset,
            (stride, kind.itemsize),
        )
        if kind.kind == "f" and not np.isfinite(values).all():
            raise Broken(f"accessor {index} holds numbers that are not finite")
        for key, actual in (("min", values.min(axis=0)), ("max", values.max(axis=0))):
            if key in accessor and not np.array_equal(np.asarray(accessor[key], kind), actual):
                raise Broken(f"accessor {index} announces another {key} than it has")
        return values[:, 0] if width == 1 else values

    def _view(self, index: int) -> memoryview:
        view = self.document["bufferViews"][index]
        start = view.get("byteOffset", 0)
        end = start + view["byteLength"]
        if view["buffer"] != 0 or not 0 <= start <= end <= len(self.binary):
            raise Broken(f"buffer view {index} reaches beyond the BIN chunk")
        return self.binary[start:end]


def _matrix(node: dict[str, Any]) -> Numbers:
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
