"""JSON and buffers of one glb while they grow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.tiles import meshopt
from cim.tiles.glb.model import GREY, Texture

Buffer = bytes | memoryview
Array = npt.NDArray[Any]

ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
UNLIT, WEBP = "KHR_materials_unlit", "EXT_texture_webp"
_LINEAR, _LINEAR_MIPMAP_LINEAR = 9729, 9987
_CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}

Look = tuple[Texture | None, bool, tuple[float, ...] | None]


class Document:
    """JSON and buffers of one file while they grow.

    Args:
        compressed: Geometry goes through the codec of meshopt.
    """

    def __init__(self, *, compressed: bool = False) -> None:
        self.compressed = compressed
        self.buffers: list[Buffer] = []
        self.length = 0
        self.unpacked = 0  # length of the buffer that stands for unpacked data
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.primitives: list[dict[str, Any]] = []
        self.materials: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.samplers: list[dict[str, Any]] = []
        self.textures: list[dict[str, Any]] = []
        self.node: dict[str, Any] = {"mesh": 0}
        self.extensions: dict[str, Any] = {}
        self.used: set[str] = set()
        self.required: set[str] = set()
        self._material: dict[Any, int] = {}
        self._image: dict[int, int] = {}

    def _add(self, data: Buffer, size: int, step: int = 4) -> int:
        """Add bytes at a multiple of ``step`` and say where they begin."""
        gap = -self.length % step
        padding = -(self.length + gap + size) % 4
        self.buffers += [bytes(gap), data, bytes(padding)] if gap or padding else [data]
        start = self.length + gap
        self.length = start + size + padding
        return start

    def view(self, data: Buffer, size: int, step: int = 4) -> int:
        """Add a buffer view of plain bytes; every one begins at a multiple of ``step``."""
        self.views.append({"buffer": 0, "byteOffset": self._add(data, size, step),
                           "byteLength": size})  # fmt: skip
        return len(self.views) - 1

    def attribute(self, values: Array, *, normalized: bool = False, bounds: bool = False) -> int:
        """Add an accessor of an attribute of vertices.

        Args:
            values: (n,) or (n, k), contiguous, of 8 or 16 bits or float32. Rows are padded to
                multiples of four bytes, as vertex attributes must be.
            normalized: Whole numbers stand for 0..1 or -1..1.
            bounds: Tell the least and the largest of each column.
        """
        table = values.reshape(len(values), -1)
        width, size = table.shape[1], table.itemsize
        accessor: dict[str, Any] = {
            "bufferView": self._rows(table),
            "componentType": _CODES[table.dtype.str[1:]],
            "count": len(table),
            "type": _SHAPES[width],
        }
        if bounds:  # column by column: ten times as fast as over an axis of three
            columns = [table[:, i] for i in range(width)]
            accessor["min"] = [c.min().item() for c in columns]
            accessor["max"] = [c.max().item() for c in columns]
        if normalized:
            accessor["normalized"] = True
        if size * width % 4 and not self.compressed:
            self.views[-1]["byteStride"] = -(-size * width // 4) * 4
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _rows(self, table: Array) -> int:
        columns = table.shape[1]
        while columns * table.itemsize % 4:
            columns += 1
        if columns > table.shape[1]:
            wide = np.zeros((len(table), columns), table.dtype)
            wide[:, : table.shape[1]] = table
            table = wide
        if not self.compressed:
            index = self.view(table.data, table.nbytes)
            self.views[index]["target"] = ARRAY_BUFFER
            return index
        stride = columns * table.itemsize
        data = meshopt.encode_vertices(np.ascontiguousarray(table))
        return self._packed(data, len(table), stride, "ATTRIBUTES", ARRAY_BUFFER)

    def corners(self, triangles: Array, vertices: int) -> int:
        """Add an accessor of corners: 16 bits where that is enough."""
        short = vertices <= 65535  # the index 65535 itself is reserved
        kind = np.uint16 if short else np.uint32
        if self.compressed:
            data = meshopt.encode_triangles(triangles)
            view = self._packed(
                data, triangles.size, np.dtype(kind).itemsize, "TRIANGLES", ELEMENT_BUFFER
            )
        else:
            stored = np.ascontiguousarray(triangles, dtype=kind)
            view = self.view(stored.data, stored.nbytes)
            self.views[view]["target"] = ELEMENT_BUFFER
        self.accessors.append(
            {
                "bufferView": view,
                "componentType": _CODES["u2" if short else "u4"],
                "count": triangles.size,
                "type": "SCALAR",
            }
        )
        return len(self.accessors) - 1

    def _packed(self, data: bytes, count: int, stride: int, mode: str, target: int) -> int:
        """Add a compressed view; unpacked it would lie in buffer 1, which no file holds."""
        size = count * stride
        view: dict[str, Any] = {
            "buffer": 1,
            "byteOffset": self.unpacked,
            "byteLength": size,
            "target": target,
            "extensions": {
                meshopt.NAME: {
                    "buffer": 0,
                    "byteOffset": self._add(data, len(data)),
                    "byteLength": len(data),
                    "byteStride": stride,
                    "count": count,
                    "mode": mode,
                }
            },
        }
        if mode == "ATTRIBUTES":
            view["byteStride"] = stride
        self.unpacked += size + -size % 4
        self.views.append(view)
        return len(self.views) - 1

    def material(self, look: Look) -> int:
        """The material of (texture, lit, base colour), made once."""
        texture, lit, color = look
        key = (None if texture is None else (id(texture.data), texture.wrap), lit, color)
        if key not in self._material:
            self._material[key] = len(self.materials)
            self.materials.append(self._new_material(look))
        return self._material[key]

    def _new_material(self, look: Look) -> dict[str, Any]:
        texture, lit, color = look
        surface: dict[str, Any] = {"metallicFactor": 0, "roughnessFactor": 1}
        if texture is not None:
            surface["baseColorTexture"] = {"index": self._texture(texture)}
        if color is not None or texture is None:
            surface["baseColorFactor"] = list(color or (GREY, GREY, GREY, 1))
        material: dict[str, Any] = {
            "pbrMetallicRoughness": surface,
            "doubleSided": True,  # as OpenSceneGraph draws: it culls no faces unless told to
        }
        if color is not None and color[3] < 1:
            material["alphaMode"] = "BLEND"
        if not lit:
            material["extensions"] = {UNLIT: {}}
            self.used.add(UNLIT)
        return material

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
        made: dict[str, Any] = {"sampler": self.samplers.index(sampler)}
        if texture.mime == "image/webp":
            made["extensions"] = {WEBP: {"source": source}}
            self.used.add(WEBP)
            self.required.add(WEBP)  # there is no second image for those who cannot read it
        else:
            made["source"] = source
        self.textures.append(made)
        return len(self.textures) - 1

    def json(self) -> bytes:
        """The JSON chunk, unpadded."""
        buffers: list[dict[str, Any]] = [{"byteLength": self.length}]
        if self.unpacked:
            buffers.append(
                {"byteLength": self.unpacked, "extensions": {meshopt.NAME: {"fallback": True}}}
            )
            self.used.add(meshopt.NAME)
            self.required.add(meshopt.NAME)
        document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "cim"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [self.node],
            "meshes": [{"primitives": self.primitives}],
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": buffers,
        }
        optional = {
            "extensionsUsed": sorted(self.used | self.required | set(self.extensions)),
            "extensionsRequired": sorted(self.required),
            "extensions": self.extensions,
            "images": self.images,
            "samplers": self.samplers,
            "textures": self.textures,
        }
        return orjson.dumps(document | {name: v for name, v in optional.items() if v})
