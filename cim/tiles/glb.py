"""Writes binary glTF 2.0: textured, unlit triangle meshes, image files passed through untouched.

glTF is y-up: a point (x, y, z) of a z-up frame is stored as (x, z, -y). Texture coordinates count
from the upper left corner.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

Floats32 = npt.NDArray[np.float32]
Buffer = bytes | memoryview

CLAMP_TO_EDGE, REPEAT, MIRRORED_REPEAT = 33071, 10497, 33648
_FLOAT, _U16, _U32 = 5126, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP_LINEAR = 9729, 9987
GREY = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """An image file and how it repeats.

    Args:
        data: A whole JPEG or PNG file.
        mime: What it is: ``image/jpeg`` or ``image/png``.
        wrap: How it repeats along u and v, glTF codes.
    """

    data: bytes | memoryview
    mime: str
    wrap: tuple[int, int] = (CLAMP_TO_EDGE, CLAMP_TO_EDGE)


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One mesh with one material.

    Args:
        positions: (n, 3) in a z-up frame, m, finite.
        triangles: (m, 3) indices of corners.
        uv: (n, 2) counted from the upper left corner, or None.
        texture: None for plain grey.
    """

    positions: Floats32
    triangles: npt.NDArray[np.unsignedinteger[Any]]
    uv: Floats32 | None = None
    texture: Texture | None = None


def sniff(data: bytes | memoryview) -> str | None:
    """Tell JPEG and PNG by their first bytes, never by a name; None for anything else.

    Example:
        >>> sniff(bytes.fromhex("ffd8ffe0"))
        'image/jpeg'
    """
    head = bytes(data[:8])
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if head == b"\x89PNG\r\n\x1a\n" else None


class _Document:
    """JSON and buffers of one file while they grow."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.length = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.primitives: list[dict[str, Any]] = []
        self.materials: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.samplers: list[dict[str, Any]] = []
        self.textures: list[dict[str, Any]] = []
        self._material: dict[tuple[int, tuple[int, int]] | None, int] = {}
        self._image: dict[int, int] = {}

    def view(self, data: Buffer, size: int, target: int | None = None) -> int:
        """Add a buffer view; every one begins at a multiple of four."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": size}
        if target is not None:
            view["target"] = target
        self.buffers.append(data)
        padding = -size % 4
        if padding:
            self.buffers.append(bytes(padding))
        self.length += size + padding
        self.views.append(view)
        return len(self.views) - 1

    def accessor(
        self, data: npt.NDArray[Any], component: int, shape: str, target: int, **more: Any
    ) -> int:
        """Add an accessor over a contiguous array."""
        count = data.size if shape == "SCALAR" else len(data)
        self.accessors.append(
            {
                "bufferView": self.view(data.data, data.nbytes, target),
                "componentType": component,
                "count": count,
                "type": shape,
                **more,
            }
        )
        return len(self.accessors) - 1

    def material(self, texture: Texture | None) -> int:
        """The material of a texture, made once."""
        key = None if texture is None else (id(texture.data), texture.wrap)
        if key not in self._material:
            self._material[key] = len(self.materials)
            self.materials.append(self._new_material(texture))
        return self._material[key]

    def _new_material(self, texture: Texture | None) -> dict[str, Any]:
        look: dict[str, Any] = {"metallicFactor": 0, "roughnessFactor": 1}
        if texture is None:
            look["baseColorFactor"] = [GREY, GREY, GREY, 1]
        else:
            look["baseColorTexture"] = {"index": self._texture(texture)}
        return {
            "pbrMetallicRoughness": look,
            "doubleSided": True,  # as OpenSceneGraph draws: it culls no faces unless told to
            "extensions": {"KHR_materials_unlit": {}},
        }

    def _texture(self, texture: Texture) -> int:
        source = self._image.get(id(texture.data))
        if source is None:
            source = self._image[id(texture.data)] = len(self.images)
            view = self.view(texture.data, len(texture.data))
            self.images.append({"bufferView": view, "mimeType": texture.mime})
        sampler = {
            "magFilter": _LINEAR,
            "minFilter": _LINEAR_MIPMAP_LINEAR,
            "wrapS": texture.wrap[0],
            "wrapT": texture.wrap[1],
        }
        if sampler not in self.samplers:
            self.samplers.append(sampler)
        self.textures.append({"source": source, "sampler": self.samplers.index(sampler)})
        return len(self.textures) - 1

    def json(self) -> bytes:
        """The JSON chunk."""
        document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "cim"},
            "extensionsUsed": ["KHR_materials_unlit"],
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": self.primitives}],
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self.length}],
        }
        if self.images:
            document |= {
                "images": self.images,
                "samplers": self.samplers,
                "textures": self.textures,
            }
        return orjson.dumps(document)


def _add(document: _Document, primitive: Primitive) -> None:
    p = primitive.positions
    stored = np.empty((len(p), 3), dtype=np.float32)
    stored[:, 0], stored[:, 1] = p[:, 0], p[:, 2]
    np.negative(p[:, 1], out=stored[:, 2])
    columns = [stored[:, i] for i in range(3)]
    attributes = {
        "POSITION": document.accessor(
            stored,
            _FLOAT,
            "VEC3",
            _ARRAY_BUFFER,
            min=[float(c.min()) for c in columns],
            max=[float(c.max()) for c in columns],
        )
    }
    if primitive.uv is not None and primitive.texture is not None:
        uv = np.ascontiguousarray(primitive.uv, dtype=np.float32)
        attributes["TEXCOORD_0"] = document.accessor(uv, _FLOAT, "VEC2", _ARRAY_BUFFER)
    short = len(p) <= 65535  # the index 65535 itself is reserved
    corners = np.ascontiguousarray(primitive.triangles, dtype=np.uint16 if short else np.uint32)
    indices = document.accessor(corners, _U16 if short else _U32, "SCALAR", _ELEMENT_BUFFER)
    document.primitives.append(
        {
            "attributes": attributes,
            "indices": indices,
            "material": document.material(
                primitive.texture if "TEXCOORD_0" in attributes else None
            ),
            "mode": 4,
        }
    )


def encode(primitives: Sequence[Primitive]) -> list[Buffer]:
    """The file as a list of buffers, nothing joined or copied twice.

    Args:
        primitives: At least one, each with at least one triangle.
    """
    document = _Document()
    for primitive in primitives:
        _add(document, primitive)
    text = document.json()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + document.length
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    return [head, text, struct.pack("<II", document.length, 0x004E4942), *document.buffers]


def write(path: Path, primitives: Sequence[Primitive]) -> int:
    """Write a file and give its size in bytes."""
    buffers = encode(primitives)
    with path.open("wb", buffering=1 << 20) as file:
        for buffer in buffers:
            file.write(buffer)
        return file.tell()
