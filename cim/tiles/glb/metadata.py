"""Attributes of features and of points in a glb: EXT_structural_metadata.

A column that holds nothing at all is declared in the schema, but has no property in the table.
Numbers that are not known are written as a value that does not occur, named by ``noData``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.layers import FieldType
from cim.tiles.glb.document import Document
from cim.tiles.glb.model import Column, Table

STRUCTURAL, FEATURES = "EXT_structural_metadata", "EXT_mesh_features"
BOOLEANS = "boolean"  # name of the enumeration of truth values: plain BOOLEAN knows no noData
POINTS = "point"  # name of the class of points
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRUTH = {"false": 0, "true": 1, "unknown": 255}
_LOWEST = -1.7976931348623157e308
_INT32, _EXACT = 1 << 31, 1 << 53
_STEP = 8  # every view of a table begins at a multiple of eight bytes

Stored = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Property:
    """How a column is declared, and its bytes: values, and where each text begins."""

    schema: dict[str, Any]
    values: Stored | bytes
    offsets: Stored | None = None


def add_table(document: Document, table: Table) -> None:
    """Write a table of at least one feature.

    Raises:
        ValueError: a column is of another length, or its name is no id.
    """
    properties: dict[str, Any] = {}
    stored: dict[str, Any] = {}
    for column in table.columns:
        if len(column.values) != table.count:
            raise ValueError(f"{column.name}: {len(column.values)} values, {table.count} features")
        _require_id(column.name)
        made = _WRITERS[column.type](column.values)
        properties[column.name] = _described(column) | made.schema
        if any(v is not None and v != "" for v in column.values):
            stored[column.name] = _views(document, made)
    _require_id(table.name)
    kind: dict[str, Any] = {"properties": properties} if properties else {}
    extension = _extension(document)
    extension["schema"]["classes"][table.name] = kind
    if any(p.get("enumType") for p in properties.values()):
        values = [{"name": name, "value": value} for name, value in _TRUTH.items()]
        extension["schema"]["enums"] = {BOOLEANS: {"valueType": "UINT8", "values": values}}
    rows: dict[str, Any] = {"class": table.name, "count": table.count}
    extension["propertyTables"] = [rows | ({"properties": stored} if stored else {})]


def add_attributes(document: Document, attributes: Mapping[str, Stored]) -> None:
    """Declare attributes of points, whose accessors stand in the primitive."""
    properties = {}
    for name, values in attributes.items():
        _require_id(name)
        bits = values.dtype.itemsize * 8
        kind = {"u": f"UINT{bits}", "i": f"INT{bits}", "f": "FLOAT32"}[values.dtype.kind]
        properties[name] = {"type": "SCALAR", "componentType": kind}
    extension = _extension(document)
    known = extension["schema"]["classes"].setdefault(POINTS, {"properties": {}})["properties"]
    known |= properties
    extension["propertyAttributes"] = [
        {"class": POINTS, "properties": {n: {"attribute": attribute_name(n)} for n in known}}
    ]


def attribute_name(name: str) -> str:
    """The vertex attribute of a point's property.

    Example:
        >>> attribute_name("intensity")
        '_INTENSITY'
    """
    return f"_{name.upper()}"


def _extension(document: Document) -> dict[str, Any]:
    document.used.add(STRUCTURAL)
    extension: dict[str, Any] = document.extensions.setdefault(
        STRUCTURAL, {"schema": {"id": "cim", "classes": {}}}
    )
    return extension


def _require_id(name: str) -> None:
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is no id: letters, digits and _ only")


def _described(column: Column) -> dict[str, Any]:
    extras = {"type": str(column.type)} | ({"unit": column.unit} if column.unit else {})
    return ({"name": column.title} if column.title else {}) | {"extras": extras}


def _views(document: Document, made: _Property) -> dict[str, int]:
    data = made.values if isinstance(made.values, bytes) else made.values.tobytes()
    views = {"values": document.view(data, len(data), _STEP)}
    if made.offsets is not None:
        views["stringOffsets"] = document.view(made.offsets.data, made.offsets.nbytes, _STEP)
    return views


def _texts(values: Iterable[Any]) -> _Property:
    pieces = [b"" if v is None else str(v).encode("utf-8", "replace") for v in values]
    offsets = np.zeros(len(pieces) + 1, np.uint32)
    np.cumsum([len(p) for p in pieces], out=offsets[1:])
    return _Property({"type": "STRING", "noData": ""}, b"".join(pieces), offsets)


def _integers(values: Iterable[Any]) -> _Property:
    """32 bits where they are enough; then float64, exact to 2^53, since JavaScript is."""
    given = [None if v is None else int(v) for v in values]
    most = max((abs(v) for v in given if v is not None), default=0)
    if most < _INT32:
        kind, none, dtype = "INT32", -_INT32, "<i4"
    elif most < _EXACT:
        kind, none, dtype = "FLOAT64", -_EXACT, "<f8"
    else:
        kind, none, dtype = "INT64", -(1 << 63), "<i8"
    schema = {"type": "SCALAR", "componentType": kind, "noData": none}
    return _Property(schema, np.array([none if v is None else v for v in given], dtype))


def _reals(values: Iterable[Any]) -> _Property:
    known = [None if v is None or not math.isfinite(v) else float(v) for v in values]
    schema = {"type": "SCALAR", "componentType": "FLOAT64", "noData": _LOWEST}
    return _Property(schema, np.array([_LOWEST if v is None else v for v in known], "<f8"))


def _truths(values: Iterable[Any]) -> _Property:
    schema = {"type": "ENUM", "enumType": BOOLEANS, "noData": "unknown"}
    return _Property(schema, np.array([255 if v is None else int(bool(v)) for v in values], "u1"))


_WRITERS: dict[FieldType, Callable[[Iterable[Any]], _Property]] = {
    FieldType.TEXT: _texts,
    FieldType.DATE: _texts,
    FieldType.INTEGER: _integers,
    FieldType.REAL: _reals,
    FieldType.BOOLEAN: _truths,
}
