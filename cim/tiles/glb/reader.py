"""Reads a glb back into primitives: what the writer makes, and most of what others make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.layers import FieldType
from cim.tiles.glb.model import (
    NULL_FEATURE,
    REPEAT,
    Column,
    Model,
    Primitive,
    Table,
    Texture,
    sniff,
)
from cim.tiles.gltf_document import Broken, Gltf, Numbers, chunks

_FEATURES, _STRUCTURAL = "EXT_mesh_features", "EXT_structural_metadata"
_TRIANGLES, _POINTS = 4, 0
_DTYPES = {
    "INT8": "<i1", "UINT8": "<u1", "INT16": "<i2", "UINT16": "<u2", "INT32": "<i4",
    "UINT32": "<u4", "INT64": "<i8", "UINT64": "<u8", "FLOAT32": "<f4", "FLOAT64": "<f8",
}  # fmt: skip


def read(path: Path) -> Model:
    """Read a file: triangles and points of all its nodes, textures as bytes, features and colours.

    Strips, fans and lines, sparse accessors and data in other files are refused.

    Raises:
        FormatError: it is no glb, or holds what is not read.
    """
    try:
        return parse(path.read_bytes())
    except FormatError as error:
        raise FormatError(error.reason, path=path, remedy=error.remedy) from error
    except OSError as error:
        raise FormatError(f"it cannot be read: {error.strerror}", path=path) from error


def parse(raw: bytes | memoryview) -> Model:
    """Read the bytes of a file; see ``read``."""
    try:
        gltf = Gltf(*chunks(raw))
        reader = _Reader(gltf)
        primitives = [
            reader.primitive(primitive, matrix)
            for node, matrix in gltf.placed()
            for primitive in gltf.items("meshes")[node["mesh"]]["primitives"]
        ]
        return Model(primitives, _table(gltf))
    except Broken as error:
        raise FormatError(str(error), remedy="export the model anew") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"the JSON chunk does not fit: {type(error).__name__} {error}",
            remedy="export the model anew",
        ) from error


class _Reader:
    def __init__(self, gltf: Gltf) -> None:
        self.gltf = gltf
        self.images: dict[int, memoryview | None] = {}

    def primitive(self, given: dict[str, Any], matrix: Numbers) -> Primitive:
        """One primitive, its positions moved by the matrix and turned to z-up."""
        attributes = given["attributes"]
        positions = self._needed(attributes["POSITION"])
        moved = positions @ matrix[:3, :3].T + matrix[:3, 3]
        texture, color = self._material(given.get("material"))
        uv = self._optional(attributes.get("TEXCOORD_0"))
        colors = self._optional(attributes.get("COLOR_0"))
        return Primitive(
            _z_up(moved),
            self._triangles(given, len(positions)),
            uv,
            texture,
            self._normals(attributes.get("NORMAL"), matrix),
            None if colors is None else _srgb(colors),
            self._features(given),
            self._attributes(given),
            color,
        )

    def _needed(self, index: int) -> Numbers:
        values = self.gltf.real(index)
        if values is None:
            raise Broken(f"accessor {index} is sparse, or lies in another file")
        return values

    def _optional(self, index: int | None) -> Numbers | None:
        return None if index is None else self._needed(index)

    def _triangles(self, given: dict[str, Any], count: int) -> npt.NDArray[np.uint32] | None:
        mode = given.get("mode", _TRIANGLES)
        if mode == _POINTS:
            return None
        if mode != _TRIANGLES:
            raise Broken(f"primitives of mode {mode} are not read: triangles and points are")
        if "indices" in given:
            corners = self._needed(given["indices"])
        else:
            corners = np.arange(count, dtype=np.float64)
        if len(corners) % 3:
            raise Broken(f"{len(corners)} indices make no whole triangles")
        if len(corners) and corners.max() >= count:
            raise Broken(f"an index of {int(corners.max())} where there are {count} vertices")
        return corners.astype(np.uint32).reshape(-1, 3)

    def _normals(self, index: int | None, matrix: Numbers) -> npt.NDArray[np.float32] | None:
        normals = self._optional(index)
        if normals is None:
            return None
        turned = normals @ np.linalg.inv(matrix[:3, :3])  # the inverse's transpose, as a row
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        return _z_up(turned / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def _material(
        self, index: int | None
    ) -> tuple[Texture | None, tuple[float, float, float, float] | None]:
        if index is None:
            return None, None
        surface = self.gltf.items("materials")[index].get("pbrMetallicRoughness", {})
        color = surface.get("baseColorFactor")
        texture = surface.get("baseColorTexture")
        made = None if texture is None else self._texture(texture["index"])
        if color is None:
            return made, None
        red, green, blue, alpha = map(float, color)
        return made, (red, green, blue, alpha)

    def _texture(self, index: int) -> Texture | None:
        texture = self.gltf.items("textures")[index]
        webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
        source = webp.get("source", texture.get("source"))
        if source is None:
            return None  # in a form that we do not read
        if source not in self.images:
            self.images[source] = self.gltf.image(source)
        data = self.images[source]
        if data is None:
            return None
        mime = self.gltf.items("images")[source].get("mimeType") or sniff(data) or ""
        sampler = self.gltf.items("samplers")[texture["sampler"]] if "sampler" in texture else {}
        return Texture(data, mime, (sampler.get("wrapS", REPEAT), sampler.get("wrapT", REPEAT)))

    def _features(self, given: dict[str, Any]) -> npt.NDArray[np.uint32] | None:
        told = given.get("extensions", {}).get(_FEATURES, {}).get("featureIds", [])
        if not told or "attribute" not in told[0]:
            return None
        ids = self._needed(given["attributes"][f"_FEATURE_ID_{told[0]['attribute']}"])
        null = told[0].get("nullFeatureId")
        rows = ids if null is None else np.where(ids == null, NULL_FEATURE, ids)
        return rows.astype(np.uint32)

    def _attributes(self, given: dict[str, Any]) -> dict[str, Numbers]:
        told = given.get("extensions", {}).get(_STRUCTURAL, {}).get("propertyAttributes", [])
        found: dict[str, Numbers] = {}
        for index in told:
            properties = self.gltf.document["extensions"][_STRUCTURAL]["propertyAttributes"][index]
            for name, place in properties.get("properties", {}).items():
                values = self.gltf.accessor(given["attributes"][place["attribute"]])
                if values is not None:
                    found[name] = values
        return found


def _z_up(vectors: Numbers) -> Numbers:
    return vectors[:, [0, 2, 1]] * (1.0, -1.0, 1.0)


def _srgb(linear: Numbers) -> npt.NDArray[np.uint8]:
    """Linear light, 0..1, as sRGB bytes (IEC 61966-2-1); a fourth column is alpha."""
    light = linear.clip(0, 1)
    curved = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    if light.shape[1] == 4:
        curved[:, 3] = light[:, 3]
    bytes_: npt.NDArray[np.uint8] = np.rint(curved * 255).astype(np.uint8)
    return bytes_


def _table(gltf: Gltf) -> Table | None:
    extension = gltf.document.get("extensions", {}).get(_STRUCTURAL, {})
    if not extension.get("propertyTables"):
        return None
    table = extension["propertyTables"][0]
    declared = extension["schema"]["classes"][table["class"]].get("properties", {})
    columns = tuple(
        _column(gltf, name, kind, table.get("properties", {}).get(name), table["count"])
        for name, kind in declared.items()
    )
    return Table(table["class"], columns, table["count"])


def _column(
    gltf: Gltf, name: str, kind: dict[str, Any], place: dict[str, Any] | None, count: int
) -> Column:
    extras = kind.get("extras") if isinstance(kind.get("extras"), dict) else {}
    values = [None] * count if place is None else _values(gltf, kind, place, count)
    said = (extras or {}).get("type")
    told = FieldType(said) if said in set(FieldType) else _guess(kind)
    if told is FieldType.INTEGER:
        values = [None if v is None else int(v) for v in values]
    unit = str((extras or {}).get("unit", ""))
    return Column(name, told, values, str(kind.get("name", "")), unit)


def _values(gltf: Gltf, kind: dict[str, Any], place: dict[str, Any], count: int) -> list[Any]:
    data = gltf.view(place["values"])
    if data is None:
        raise Broken("a property table lies in another file")
    if kind["type"] == "STRING":
        offset_type = _DTYPES[place.get("stringOffsetType", "UINT32")]
        ends = np.frombuffer(gltf.view(place["stringOffsets"]) or b"", offset_type, count + 1)
        pairs = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        texts = [bytes(data[a:b]).decode("utf-8", "replace") for a, b in pairs]
        return [None if t == kind.get("noData") else t for t in texts]
    if kind["type"] == "ENUM":
        return _named(gltf, kind, data, count)
    if kind["type"] == "BOOLEAN" and not kind.get("array"):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return [bool(b) for b in bits[:count]]
    if kind["type"] != "SCALAR" or kind.get("array"):
        return [None] * count  # vectors and arrays are no column of ours
    numbers = np.frombuffer(data, _DTYPES[kind["componentType"]], count).tolist()
    return [None if v == kind.get("noData") else v for v in numbers]


def _named(gltf: Gltf, kind: dict[str, Any], data: memoryview, count: int) -> list[Any]:
    schema = gltf.document["extensions"][_STRUCTURAL]["schema"]["enums"][kind["enumType"]]
    names = {v["value"]: v["name"] for v in schema["values"]}
    codes = np.frombuffer(data, _DTYPES[schema.get("valueType", "UINT16")], count)
    texts = [None if names[c] == kind.get("noData") else names[c] for c in codes.tolist()]
    if set(names.values()) >= {"true", "false"}:
        return [None if t is None else t == "true" for t in texts]
    return texts


def _guess(kind: dict[str, Any]) -> FieldType:
    if kind["type"] == "SCALAR":
        whole = "INT" in kind.get("componentType", "")
        return FieldType.INTEGER if whole else FieldType.REAL
    return FieldType.BOOLEAN if kind["type"] == "BOOLEAN" else FieldType.TEXT
