"""Looks at the tables of features in a glb: EXT_structural_metadata, as its specification reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from cim.tiles.gltf_document import Broken, Gltf

EXTENSION = "EXT_structural_metadata"
SIZES = {
    "INT8": 1, "UINT8": 1, "INT16": 2, "UINT16": 2, "INT32": 4, "UINT32": 4, "INT64": 8,
    "UINT64": 8, "FLOAT32": 4, "FLOAT64": 8,
}  # fmt: skip
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_OFFSETS = {"UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8"}
_STEP = 8


def check_features(gltf: Gltf) -> list[int]:
    """Look at every property table and every class.

    Returns:
        Number of rows of each table.

    Raises:
        Broken: a rule of the extension is broken.
    """
    extension = gltf.document.get("extensions", {}).get(EXTENSION)
    if extension is None:
        return []
    schema = extension.get("schema")
    if schema is None:
        if "schemaUri" not in extension:
            raise Broken(f"{EXTENSION} without a schema")
        return [table["count"] for table in extension.get("propertyTables", [])]
    check_schema(schema)
    rows = []
    for index, table in enumerate(extension.get("propertyTables", [])):
        _table(gltf, schema, table, f"property table {index}")
        rows.append(table["count"])
    for index, attribute in enumerate(extension.get("propertyAttributes", [])):
        declared = _class(schema, attribute["class"], f"property attribute {index}")
        unknown = set(attribute.get("properties", {})) - set(declared)
        if unknown:
            raise Broken(f"property attribute {index} has undeclared {sorted(unknown)}")
    return rows


def check_schema(schema: dict[str, Any]) -> None:
    """Look at the declarations of a schema: classes, types, enumerations.

    Raises:
        Broken: a type is unknown, or does not go with what stands beside it.
    """
    enums = schema.get("enums", {})
    for name, one in enums.items():
        values = [v["value"] for v in one["values"]]
        names = [v["name"] for v in one["values"]]
        if not values or len(set(values)) != len(values) or len(set(names)) != len(names):
            raise Broken(f"enum {name}: names or values are missing or given twice")
    for class_name, one in schema.get("classes", {}).items():
        for name, kind in one.get("properties", {}).items():
            _kind(f"{class_name}.{name}", kind, enums)


def _kind(name: str, kind: dict[str, Any], enums: dict[str, Any]) -> None:
    type_ = kind["type"]
    if type_ in WIDTHS:
        if kind.get("componentType") not in SIZES:
            raise Broken(f"property {name}: {kind.get('componentType')!r} is no component type")
        if kind.get("normalized") and kind["componentType"].startswith("FLOAT"):
            raise Broken(f"property {name}: floats cannot be normalized")
    elif type_ == "ENUM":
        if kind.get("enumType") not in enums:
            raise Broken(f"property {name}: there is no enum {kind.get('enumType')!r}")
    elif type_ not in {"STRING", "BOOLEAN"}:
        raise Broken(f"property {name}: {type_!r} is no type")
    if "count" in kind and (not kind.get("array") or kind["count"] < 2):
        raise Broken(f"property {name}: a count is for arrays of at least two")
    if kind.get("required") and "noData" in kind:
        raise Broken(f"property {name}: required, and yet with noData")


def _class(schema: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    if name not in schema.get("classes", {}):
        raise Broken(f"{where} is of the undeclared class {name}")
    declared: dict[str, Any] = schema["classes"][name].get("properties", {})
    return declared


def _table(gltf: Gltf, schema: dict[str, Any], table: dict[str, Any], where: str) -> None:
    if not isinstance(table["count"], int) or table["count"] < 1:
        raise Broken(f"{where} has {table['count']!r} rows")
    declared = _class(schema, table["class"], where)
    places = table.get("properties", {})
    unknown = set(places) - set(declared)
    if unknown:
        raise Broken(f"{where} has undeclared properties {sorted(unknown)}")
    missing = [n for n, k in declared.items() if k.get("required") and n not in places]
    if missing:
        raise Broken(f"{where} lacks the required {missing}")
    for name, place in places.items():
        _Column(gltf, schema, f"{where}, {name}").check(declared[name], place, table["count"])


class _Column:
    def __init__(self, gltf: Gltf, schema: dict[str, Any], where: str) -> None:
        self.gltf, self.schema, self.where = gltf, schema, where

    def check(self, kind: dict[str, Any], place: dict[str, Any], rows: int) -> None:
        """Compare the length of every view with what the rows take."""
        elements = rows
        if kind.get("array"):
            elements = (
                rows * kind["count"] if "count" in kind else self._ends(place, "arrayOffset", rows)
            )
        if kind["type"] == "STRING":
            needed = self._ends(place, "stringOffset", elements)
            text = bytes(self._bytes(place["values"]))[:needed]
            try:
                text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise Broken(f"{self.where}: byte {error.start} is not UTF-8") from error
        elif kind["type"] == "BOOLEAN":
            needed = -(-elements // 8)
        else:
            needed = elements * self._size(kind)
        if len(self._bytes(place["values"])) < needed:
            raise Broken(f"{self.where}: the values are shorter than {needed} bytes")

    def _size(self, kind: dict[str, Any]) -> int:
        if kind["type"] == "ENUM":
            return SIZES[self.schema["enums"][kind["enumType"]].get("valueType", "UINT16")]
        return SIZES[kind["componentType"]] * WIDTHS[kind["type"]]

    def _bytes(self, index: int) -> memoryview:
        data = self.gltf.view(index)
        if data is None:
            raise Broken(f"{self.where}: its values lie in another file")
        if self.gltf.items("bufferViews")[index].get("byteOffset", 0) % _STEP:
            raise Broken(f"{self.where}: its view does not begin at a multiple of eight bytes")
        return data

    def _ends(self, place: dict[str, Any], name: str, count: int) -> int:
        """The last of the offsets, which must never fall."""
        kind = np.dtype(_OFFSETS[place.get(f"{name}Type", "UINT32")])
        data = self._bytes(place[f"{name}s"])
        if len(data) < kind.itemsize * (count + 1):
            raise Broken(f"{self.where}: {count + 1} {name}s do not fit into {len(data)} bytes")
        offsets = np.frombuffer(data, kind, count + 1)
        if offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any():
            raise Broken(f"{self.where}: its {name}s fall, or do not begin at 0")
        return int(offsets[-1])
