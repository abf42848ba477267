"""Takes the content of 3D Tiles 1.0 apart: b3dm, i3dm, pnts and cmpt.

Only what a check needs: the glb inside, where points or instances stand, and whether the tables
fit into their bytes. Compressed points (Draco) are the viewer's to decode.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

Floats = npt.NDArray[np.float64]

MAGICS = {b"glTF": "glb", b"b3dm": "b3dm", b"i3dm": "i3dm", b"pnts": "pnts", b"cmpt": "cmpt"}
_HEADS = {"b3dm": 28, "pnts": 28, "i3dm": 32}
_COUNTS = {"b3dm": "BATCH_LENGTH", "pnts": "POINTS_LENGTH", "i3dm": "INSTANCES_LENGTH"}
_DEEPEST = 8  # composites within composites
_SIZES = {
    "BYTE": 1, "UNSIGNED_BYTE": 1, "SHORT": 2, "UNSIGNED_SHORT": 2, "INT": 4,
    "UNSIGNED_INT": 4, "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_FEATURES = {  # bytes a feature of the binary properties of feature tables
    "POSITION": 12, "POSITION_QUANTIZED": 6, "RGBA": 4, "RGB": 3, "RGB565": 2, "NORMAL": 12,
    "NORMAL_OCT16P": 2, "NORMAL_UP": 12, "NORMAL_RIGHT": 12, "NORMAL_UP_OCT32P": 4,
    "NORMAL_RIGHT_OCT32P": 4, "SCALE": 4, "SCALE_NON_UNIFORM": 12,
}  # fmt: skip


@dataclass(slots=True)
class Piece:
    """One simple content.

    Args:
        kind: ``glb``, ``b3dm``, ``i3dm`` or ``pnts``.
        glb: The binary glTF inside, if any.
        offset: (3,) added to its positions once they are z-up, m.
        points: (n, 3) where points or instances stand, z-up, m.
        count: Features, points or instances.
        errors: Broken rules.
    """

    kind: str
    glb: memoryview | None = None
    offset: Floats = field(default_factory=lambda: np.zeros(3))
    points: Floats | None = None
    count: int = 0
    errors: list[str] = field(default_factory=list)


def kind_of(raw: bytes | memoryview) -> str | None:
    """What content it is, by its first four bytes."""
    return MAGICS.get(bytes(raw[:4]))


def pieces(raw: memoryview, depth: int = 0) -> Iterator[Piece]:
    """Take content apart; a fault ends it with a piece that names the fault."""
    kind = kind_of(raw)
    if kind == "glb":
        yield Piece("glb", glb=raw)
        return
    try:
        yield from _taken(kind, raw, depth)
    except (ValueError, struct.error, KeyError, TypeError, OverflowError) as error:
        yield Piece(kind or "unknown", errors=[f"{type(error).__name__}: {error}"])


def _taken(kind: str | None, raw: memoryview, depth: int) -> Iterator[Piece]:
    if kind is None:
        raise ValueError(f"content begins with {bytes(raw[:4])!r}")
    version, total = struct.unpack_from("<II", raw, 4)
    if version != 1 or not 16 <= total <= len(raw):
        raise ValueError(f"{kind} of version {version}, {total} bytes, in {len(raw)} bytes")
    if kind == "cmpt":
        yield from _composite(raw[:total], depth)
    else:
        yield _simple(kind, raw[:total])


def _composite(raw: memoryview, depth: int) -> Iterator[Piece]:
    if depth >= _DEEPEST:
        raise ValueError("composites lie within one another too deep")
    (count,) = struct.unpack_from("<I", raw, 12)
    at = 16
    for number in range(count):
        if at + 12 > len(raw):
            raise ValueError(f"the composite ends before its content {number} of {count}")
        (size,) = struct.unpack_from("<I", raw, at + 8)
        if size < 12 or at + size > len(raw):
            raise ValueError(f"content {number} of the composite reaches beyond it")
        yield from pieces(raw[at : at + size], depth + 1)
        at += size


def _simple(kind: str, raw: memoryview) -> Piece:
    feature_json, feature_bytes, batch_json, batch_bytes = struct.unpack_from("<4I", raw, 12)
    head = _HEADS[kind]
    start = head + feature_json + feature_bytes + batch_json + batch_bytes
    if start > len(raw):
        raise ValueError(f"the tables of the {kind} reach beyond it")
    features = _json(raw[head : head + feature_json], "feature table")
    at = head + feature_json
    binary = raw[at : at + feature_bytes]
    at += feature_bytes
    batches = _json(raw[at : at + batch_json], "batch table")
    batch_binary = raw[at + batch_json : start]
    if _COUNTS[kind] not in features:
        raise ValueError(f"the feature table lacks {_COUNTS[kind]}")
    count = int(_number(features, _COUNTS[kind], binary))
    piece = Piece(kind, count=count)
    piece.errors += _feature_faults(features, binary, count)
    piece.errors += _batch_faults(kind, features, batches, batch_binary, count)
    piece.offset = _vector(features, "RTC_CENTER", binary, np.zeros(3))
    if kind == "b3dm":
        piece.glb = raw[start:]
    elif not piece.errors:
        points = _positions(features, binary, count)
        piece.points = None if points is None else points + piece.offset
    if kind == "i3dm" and struct.unpack_from("<I", raw, 28)[0] == 1:
        piece.glb = raw[start:]
    return piece


def _json(text: memoryview, name: str) -> dict[str, Any]:
    try:
        found = orjson.loads(bytes(text).rstrip(b"\0 ")) if len(text) else {}
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the {name} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"the {name} is no object")  # noqa: TRY004 - a fault of the file
    return found


def _number(table: dict[str, Any], name: str, binary: memoryview) -> float:
    value = table[name]
    if isinstance(value, dict):
        (found,) = struct.unpack_from("<I", binary, value["byteOffset"])
        return float(found)
    return float(value)


def _vector(table: dict[str, Any], name: str, binary: memoryview, default: Floats) -> Floats:
    value = table.get(name)
    if value is None:
        return default
    if isinstance(value, dict):
        return np.array(struct.unpack_from("<3f", binary, value["byteOffset"]))
    vector = np.array(value, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise ValueError(f"{name} is not three finite numbers")
    return vector


def _feature_faults(features: dict[str, Any], binary: memoryview, count: int) -> list[str]:
    found: list[str] = []
    if "3DTILES_draco_point_compression" in features.get("extensions", {}):
        return found
    for name, size in _FEATURES.items():
        place = features.get(name)
        if isinstance(place, dict):
            start = place["byteOffset"]
            if start < 0 or start + size * count > len(binary):
                found.append(f"{name} reaches beyond the feature table")
    return found


def _batch_faults(
    kind: str, features: dict[str, Any], batches: dict[str, Any], binary: memoryview, count: int
) -> list[str]:
    rows = count if kind != "pnts" else features.get("BATCH_LENGTH", count)
    if kind == "i3dm" and "BATCH_ID" in features:
        return []  # as many rows as ids, which other rules count
    found = []
    for name, values in batches.items():
        if name in {"extensions", "extras", "HIERARCHY"}:
            continue
        if isinstance(values, list):
            if len(values) != rows:
                found.append(f"batch table: {name} has {len(values)} values, {rows} features")
        elif isinstance(values, dict) and "byteOffset" in values:
            size = _SIZES[values["componentType"]] * _WIDTHS[values["type"]]
            if values["byteOffset"] < 0 or values["byteOffset"] + size * rows > len(binary):
                found.append(f"batch table: {name} reaches beyond it")
    return found


def _positions(features: dict[str, Any], binary: memoryview, count: int) -> Floats | None:
    if isinstance(features.get("POSITION"), dict):
        if "3DTILES_draco_point_compression" in features.get("extensions", {}):
            return None
        start = features["POSITION"]["byteOffset"]
        found = np.frombuffer(binary[start : start + 12 * count], "<f4").reshape(-1, 3)
        return found.astype(np.float64)
    if "POSITION_QUANTIZED" in features:
        start = features["POSITION_QUANTIZED"]["byteOffset"]
        steps = np.frombuffer(binary[start : start + 6 * count], "<u2").reshape(-1, 3)
        scale = _vector(features, "QUANTIZED_VOLUME_SCALE", binary, np.ones(3))
        offset = _vector(features, "QUANTIZED_VOLUME_OFFSET", binary, np.zeros(3))
        return steps / 65535.0 * scale + offset
    raise ValueError("no positions")
