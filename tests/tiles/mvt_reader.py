"""Reads Mapbox Vector Tiles: the few bits of protobuf that they use."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Feature:
    """A feature of a tile; geometry as rings or lines of (x, y) in tile units."""

    id: int | None = None
    kind: int = 0
    properties: dict[str, Any] = field(default_factory=dict)
    parts: list[list[tuple[int, int]]] = field(default_factory=list)


@dataclass
class TileLayer:
    """A layer of a tile."""

    name: str = ""
    extent: int = 4096
    version: int = 1
    features: list[Feature] = field(default_factory=list)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        value: Any
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = data[at : at + 8], at + 8
        elif wire == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif wire == 5:
            value, at = data[at : at + 4], at + 4
        else:
            raise ValueError(f"wire type {wire}")
        yield number, value


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


_VALUES: dict[int, Callable[[Any], Any]] = {
    1: bytes.decode,
    2: lambda raw: struct.unpack("<f", raw)[0],
    3: lambda raw: struct.unpack("<d", raw)[0],
    4: lambda raw: raw - (1 << 64) if raw >> 63 else raw,
    5: int,
    6: _signed,
    7: bool,
}


def _value(data: bytes) -> Any:
    ((number, value),) = _fields(data)
    return _VALUES[number](value)


def _grouped(data: bytes, known: set[int]) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = {number: [] for number in known}
    for number, value in _fields(data):
        groups[number].append(value)
    return groups


def _parts(commands: list[int]) -> list[list[tuple[int, int]]]:
    parts: list[list[tuple[int, int]]] = []
    at, x, y = 0, 0, 0
    while at < len(commands):
        word, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if word == 7:
            parts[-1].append(parts[-1][0])
            continue
        for _ in range(count):
            x, y = x + _signed(commands[at]), y + _signed(commands[at + 1])
            at += 2
            if word == 1:
                parts.append([])
            parts[-1].append((x, y))
    return parts


def read(data: bytes) -> list[TileLayer]:
    """Layers of a tile."""
    return [_layer(value) for number, value in _fields(data) if number == 3]


def _layer(data: bytes) -> TileLayer:
    found = _grouped(data, {1, 2, 3, 4, 5, 15})
    keys = [key.decode() for key in found[3]]
    values = [_value(value) for value in found[4]]
    return TileLayer(
        name=found[1][0].decode(),
        extent=found[5][0],
        version=found[15][0],
        features=[_feature(raw, keys, values) for raw in found[2]],
    )


def _feature(data: bytes, keys: list[str], values: list[Any]) -> Feature:
    found = _grouped(data, {1, 2, 3, 4})
    tags = [word for part in found[2] for word in _packed(part)]
    return Feature(
        id=next(iter(found[1]), None),
        kind=found[3][0],
        properties={keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)},
        parts=_parts(_packed(found[4][0])),
    )
