"""The directories of a TIFF: where its blocks lie, read once, without decoding anything.

TIFF 6.0 and BigTIFF (libtiff's design), little-endian as GDAL and this program write them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

SUBFILE, WIDTH, HEIGHT, SAMPLES = 254, 256, 257, 277
COMPRESSION, PHOTOMETRIC = 259, 262
TILE_WIDTH, TILE_HEIGHT, OFFSETS, COUNTS, TABLES = 322, 323, 324, 325, 347
PIXEL_SCALE, TIE_POINT = 33550, 33922
JPEG, DEFLATE, WEBP = 7, 8, 50001
RGB, YCBCR = 2, 6
REDUCED, MASK = 1, 4  # bits of SUBFILE
_TYPES = {1: "u1", 2: "u1", 3: "<u2", 4: "<u4", 7: "u1", 12: "<f8", 16: "<u8"}
_MOST_DIRECTORIES = 64
Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture of a file; values by tag."""

    values: dict[int, Numbers]

    def one(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        found = self.values.get(tag)
        return default if found is None or len(found) == 0 else int(found[0])


def read(handle: int) -> list[Directory]:
    """All directories of an open file, in their order.

    Raises:
        FormatError: it is no little-endian TIFF.
    """
    head = os.pread(handle, 16, 0)
    if head[:4] == b"II*\0":
        big, first = False, int.from_bytes(head[4:8], "little")
    elif head[:8] == b"II+\0\x08\0\0\0":
        big, first = True, int.from_bytes(head[8:16], "little")
    else:
        raise FormatError("it is no little-endian TIFF")
    found: list[Directory] = []
    while first and len(found) < _MOST_DIRECTORIES:
        values, first = _directory(handle, first, big=big)
        found.append(Directory(values))
    return found


def _directory(handle: int, at: int, *, big: bool) -> tuple[dict[int, Numbers], int]:
    counter, length, link = (8, 20, 8) if big else (2, 12, 4)
    count = int.from_bytes(os.pread(handle, counter, at), "little")
    if count > 4096:
        raise FormatError("its directory is damaged")
    raw = os.pread(handle, count * length + link, at + counter)
    if len(raw) != count * length + link:
        raise FormatError("its directory is cut short")
    entries = [raw[i * length : (i + 1) * length] for i in range(count)]
    values = dict(_values(handle, entries, big=big))
    return values, int.from_bytes(raw[count * length :], "little")


def _values(handle: int, entries: list[bytes], *, big: bool) -> Iterator[tuple[int, Numbers]]:
    for entry in entries:
        tag, kind = struct.unpack_from("<HH", entry)
        if kind not in _TYPES:
            continue
        dtype = np.dtype(_TYPES[kind])
        count = int.from_bytes(entry[4 : 12 if big else 8], "little")
        room = entry[12:] if big else entry[8:]
        size = count * dtype.itemsize
        if size > os.fstat(handle).st_size:
            raise FormatError(f"its tag {tag} is longer than the file")
        stored = room[:size] if size <= len(room) else _far(handle, size, room)
        yield tag, np.frombuffer(stored, dtype)


def _far(handle: int, size: int, room: bytes) -> bytes:
    stored = os.pread(handle, size, int.from_bytes(room, "little"))
    if len(stored) != size:
        raise FormatError("its directory is cut short")
    return stored
