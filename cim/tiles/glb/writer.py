"""Writes binary glTF 2.0: meshes and points, image files passed through untouched unless asked.

glTF is y-up: a point (x, y, z) of a z-up frame is stored as (x, z, -y). Texture coordinates count
from the upper left corner.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.tiles import meshopt
from cim.tiles.glb.document import Buffer, Document
from cim.tiles.glb.metadata import (
    FEATURES,
    STRUCTURAL,
    add_attributes,
    add_table,
    attribute_name,
)
from cim.tiles.glb.model import NULL_FEATURE, PLAIN, Encoding, Primitive, Table, Texture
from cim.tiles.glb.picture import recode

QUANTIZED = "KHR_mesh_quantization"
STEPS = 65535  # of a quantized axis
_NULL_SHORT = 65535  # no feature, where ids take 16 bits
_TRIANGLES, _POINTS = 4, 0
WHITE = (1.0, 1.0, 1.0, 1.0)

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Pick = Callable[[Array], Array]


def _linear() -> npt.NDArray[np.uint16]:
    """The 256 steps of sRGB as linear light in 65536 (IEC 61966-2-1)."""
    s = np.arange(256) / 255
    light = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    steps: npt.NDArray[np.uint16] = np.rint(light * 65535).astype(np.uint16)
    return steps


LINEAR = _linear()


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """One grid of 16 bits for all primitives of a file, so that their common borders stay closed.

    Args:
        origin: (3,) lowest corner, y-up, m.
        step: Width of a step along every axis, m.
    """

    origin: Floats
    step: float

    @classmethod
    def around(cls, primitives: Sequence[Primitive]) -> _Grid:
        lows = np.array([[p.positions[:, i].min() for i in range(3)] for p in primitives], float)
        highs = np.array([[p.positions[:, i].max() for i in range(3)] for p in primitives], float)
        low, high = lows.min(axis=0), highs.max(axis=0)
        longest = float((high - low).max())
        return cls(np.array([low[0], low[2], -high[1]]), longest / STEPS if longest > 0 else 1.0)

    def node(self) -> dict[str, Any]:
        """The transformation back to metres."""
        return {"translation": self.origin.tolist(), "scale": [self.step] * 3}

    def stored(self, positions: Array) -> npt.NDArray[np.uint16]:
        """(n, 3) steps, y-up, of z-up positions."""
        result = np.empty((len(positions), 3), np.uint16)
        for target, column in enumerate((positions[:, 0], positions[:, 2], -positions[:, 1])):
            steps = (column.astype(np.float64) - self.origin[target]) / self.step
            result[:, target] = np.rint(steps).clip(0, STEPS)
        return result


def _y_up(vectors: Array) -> npt.NDArray[np.float32]:
    stored = np.empty((len(vectors), 3), dtype=np.float32)
    stored[:, 0], stored[:, 1] = vectors[:, 0], vectors[:, 2]
    np.negative(vectors[:, 1], out=stored[:, 2], casting="same_kind")
    return stored


class _Writer:
    def __init__(self, encoding: Encoding, grid: _Grid | None, table: Table | None) -> None:
        self.encoding = encoding
        self.grid = grid
        self.table = table
        self.document = Document(compressed=encoding.geometry == "meshopt")
        self.recoded: dict[int, Texture] = {}
        self.attributes: dict[str, Any] | None = None
        if grid is not None:
            self.document.node |= grid.node()
            self.document.used.add(QUANTIZED)
            self.document.required.add(QUANTIZED)

    def add(self, given: Primitive) -> None:
        """Add one primitive."""
        triangles = given.triangles
        pick: Pick = _same
        if triangles is not None and self.document.compressed:
            triangles, source = meshopt.ordered(triangles, len(given.positions))
            pick = _picker(source)
        positions = pick(given.positions)
        attributes = self._geometry(given, positions, pick)
        made: dict[str, Any] = {"attributes": attributes}
        if triangles is not None:
            made["indices"] = self.document.corners(triangles, len(positions))
        made["material"] = self._material(given)
        made["mode"] = _POINTS if triangles is None else _TRIANGLES
        extensions = self._metadata(given, attributes, pick)
        if extensions:
            made["extensions"] = extensions
        self.document.primitives.append(made)

    def _geometry(self, given: Primitive, positions: Array, pick: Pick) -> dict[str, int]:
        document, grid = self.document, self.grid
        stored = _y_up(positions) if grid is None else grid.stored(positions)
        attributes = {"POSITION": document.attribute(stored, bounds=True)}
        if given.normals is not None:
            normals: Array = _y_up(pick(given.normals))
            if grid is not None:
                normals = np.rint(normals * 127).astype(np.int8)
            attributes["NORMAL"] = document.attribute(normals, normalized=grid is not None)
        if given.uv is not None and given.texture is not None:
            uv: Array = np.ascontiguousarray(pick(given.uv), dtype=np.float32)
            inside = grid is not None and uv.min() >= 0 and uv.max() <= 1
            if inside:
                uv = np.rint(uv * np.float32(STEPS)).astype(np.uint16)
            attributes["TEXCOORD_0"] = document.attribute(uv, normalized=inside)
        if given.colors is not None:
            attributes["COLOR_0"] = document.attribute(_colors(pick(given.colors)), normalized=True)
        return attributes

    def _material(self, given: Primitive) -> int:
        lit, color = given.normals is not None, given.base_color
        if given.texture is None or given.uv is None:
            plain = WHITE if color is None and given.colors is not None else color
            return self.document.material((None, lit, plain))
        key = id(given.texture.data)
        if key not in self.recoded:
            self.recoded[key] = recode(given.texture, self.encoding)
        image = self.recoded[key]
        return self.document.material(
            (Texture(image.data, image.mime, given.texture.wrap), lit, color)
        )

    def _metadata(self, given: Primitive, attributes: dict[str, int], pick: Pick) -> dict[str, Any]:
        extensions: dict[str, Any] = {}
        if given.features is not None:
            ids = self._features(pick(given.features), attributes)
            if ids is not None:
                extensions[FEATURES] = {"featureIds": [ids]}
                self.document.used.add(FEATURES)
        if given.attributes:
            narrow = {name: _narrow(values) for name, values in given.attributes.items()}
            kinds = {name: values.dtype for name, values in narrow.items()}
            if self.attributes not in (None, kinds):
                raise ValueError("points of one file have different attributes")
            self.attributes = kinds
            add_attributes(self.document, narrow)
            for name, values in narrow.items():
                stored = np.ascontiguousarray(pick(values))
                attributes[attribute_name(name)] = self.document.attribute(stored)
            extensions[STRUCTURAL] = {"propertyAttributes": [0]}
        return extensions

    def _features(self, ids: Array, attributes: dict[str, int]) -> dict[str, Any] | None:
        """Write the feature of each vertex; None where no vertex has one."""
        nothing = ids == NULL_FEATURE
        known = ids[~nothing]
        if not len(known):
            return None
        limit = NULL_FEATURE if self.table is None else self.table.count
        if int(known.max()) >= limit:
            raise ValueError(f"a vertex of feature {int(known.max())} where there are {limit}")
        short = self.grid is not None and int(known.max()) < _NULL_SHORT
        null = _NULL_SHORT if short else NULL_FEATURE
        stored = np.where(nothing, null, ids).astype(np.uint16 if short else np.float32)
        attributes["_FEATURE_ID_0"] = self.document.attribute(stored)
        told: dict[str, Any] = {"featureCount": len(np.unique(known)), "attribute": 0}
        if nothing.any():
            told["nullFeatureId"] = null
        if self.table is not None:
            told["propertyTable"] = 0
        return told


def _same(values: Array) -> Array:
    return values


def _picker(source: npt.NDArray[np.int64]) -> Pick:
    return lambda values: np.take(values, source, axis=0)


def _colors(given: Array) -> npt.NDArray[np.uint16]:
    """(n, 4) linear colours of 16 bits; opaque where nothing is said."""
    stored = np.full((len(given), 4), 65535, np.uint16)
    stored[:, :3] = LINEAR[given[:, :3]]
    if given.shape[1] == 4:
        stored[:, 3] = given[:, 3].astype(np.uint16) * 257
    return stored


def _narrow(values: Array) -> Array:
    """Numbers as a vertex attribute can hold them."""
    small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    return values if small else values.astype(np.float32)


def encode(
    primitives: Sequence[Primitive], *, table: Table | None = None, encoding: Encoding = PLAIN
) -> list[Buffer]:
    """The file as a list of buffers, nothing joined or copied twice.

    Args:
        primitives: At least one, each with at least one triangle or point.
        table: The features that vertices name.
        encoding: How geometry and images are written.

    Raises:
        ValueError: a feature is not in the table, or names and lengths do not fit.
    """
    grid = None if encoding.geometry == "float32" else _Grid.around(primitives)
    table = table if table is not None and table.count else None
    writer = _Writer(encoding, grid, table)
    for primitive in primitives:
        writer.add(primitive)
    document = writer.document
    if table is not None:
        add_table(document, table)
    text = document.json()
    # tables are aligned to eight bytes in the file too: the second chunk's data begin at 28 + text
    text += b" " * ((4 - len(text)) % 8 if table is not None else -len(text) % 4)
    total = 12 + 8 + len(text) + 8 + document.length
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    return [head, text, struct.pack("<II", document.length, 0x004E4942), *document.buffers]


def write(
    path: Path,
    primitives: Sequence[Primitive],
    *,
    table: Table | None = None,
    encoding: Encoding = PLAIN,
) -> int:
    """Write a file and give its size in bytes; see ``encode``."""
    buffers = encode(primitives, table=table, encoding=encoding)
    with path.open("wb", buffering=1 << 20) as file:
        for buffer in buffers:
            file.write(buffer)
        return file.tell()
