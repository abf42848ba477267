"""The header of a LAS file, read by hand: what it announces is held against the file's size.

LAS 1.0 to 1.4, ASPRS specification R15. Nothing is decoded and nothing allocated that the header
asks for, so that a lying one costs nothing.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

Floats = npt.NDArray[np.float64]

# bytes of a point record of each format, 0..10
LENGTHS = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)
COLORED = frozenset({2, 3, 5, 7, 8, 10})
FARTHEST = 1e9  # beyond all coordinates, in any unit
MOST_RECORDS = 10_000
MOST_TEXT = 1 << 20  # bytes of a WKT or of GeoTIFF keys
MOST_PACKED = 300  # points a byte of a LAZ file; two million doubles of one point reach 144
_PROJECTION = b"LASF_Projection"
_LASZIP = (b"laszip encoded", 22204)
VARIABLE = 2**32 - 1  # chunks of several sizes
PADDING = 4096  # bytes after the points that nobody minds
_WKT, _KEYS = 2112, 34735
_PROJECTED, _GEOGRAPHIC, _VERTICAL, _VERTICAL_UNITS = 3072, 2048, 4096, 4099
_USER_DEFINED = 32767
UNITS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}  # metre, foot, US survey foot


@dataclass(frozen=True, slots=True, kw_only=True)
class LasHeader:
    """What a file says of itself.

    Args:
        version: Such as 1.4.
        point_format: 0..10.
        packed: Whether points are compressed (LAZ).
        count: Points announced.
        scale: (3,) of coordinates.
        offset: (3,) of coordinates.
        low: (3,) announced lowest coordinates.
        high: (3,) announced highest coordinates.
        crs: WKT or EPSG:n, None where it says nothing usable.
        height_unit: Metres in one unit of height where the file itself says so.
    """

    version: str
    point_format: int
    packed: bool
    count: int
    scale: Floats
    offset: Floats
    low: Floats
    high: Floats
    crs: str | None
    height_unit: float | None


def read_header(path: Path) -> LasHeader:
    """Read the header and the records that say where the points lie.

    Raises:
        FormatError: it is no LAS file, or announces what it cannot hold.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        raw = file.read(375)
        if len(raw) < 227 or raw[:4] != b"LASF":
            raise _bad(path, f"it is no LAS file: {len(raw)} bytes that begin with {raw[:4]!r}")
        return _Reader(path, file, raw, size).header()


def _bad(path: Path, reason: str) -> FormatError:
    return FormatError(
        reason, path=path, remedy="export the file again with the program that made it"
    )


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, raw: bytes, size: int) -> None:
        self.path, self.file, self.raw, self.size = path, file, raw, size
        self.texts: dict[int, bytes] = {}
        self.chunk = 0  # points in a chunk of a LAZ file

    def header(self) -> LasHeader:
        """Everything, held against the size of the file."""
        raw = self.raw
        major, minor = raw[24], raw[25]
        if major != 1 or minor > 4:
            raise _bad(self.path, f"LAS {major}.{minor} is not read; 1.0 to 1.4 are")
        length, begin, records = struct.unpack_from("<HII", raw, 94)
        needed = 375 if minor == 4 else 235 if minor == 3 else 227
        if length < needed or begin < length or begin > self.size:
            raise _bad(
                self.path,
                f"its header of {length} bytes puts the points at byte {begin}, "
                f"the file has {self.size}",
            )
        self._records(length, begin, records, long=False)
        if minor == 4:
            start, many = struct.unpack_from("<QI", raw, 235)
            if many:
                self._records(start, self.size, many, long=True)
        count = struct.unpack_from("<I", raw, 107)[0]
        if minor == 4:
            count = struct.unpack_from("<Q", raw, 247)[0] or count
        kind, packed = self._layout(begin, count)
        scale, offset = (np.array(struct.unpack_from("<3d", raw, at)) for at in (131, 155))
        limits = struct.unpack_from("<6d", raw, 179)
        if not np.isfinite([*scale, *offset]).all() or (scale == 0).any():
            raise _bad(self.path, f"its scale {scale.tolist()} and offset {offset.tolist()} "
                       "make no coordinates")  # fmt: skip
        crs, unit = self._crs()
        return LasHeader(
            version=f"{major}.{minor}", point_format=kind, packed=packed, count=int(count),
            scale=scale, offset=offset, low=np.array(limits[1::2]), high=np.array(limits[::2]),
            crs=crs, height_unit=unit,
        )  # fmt: skip

    def _layout(self, begin: int, count: int) -> tuple[int, bool]:
        """Point format, and whether points are compressed."""
        stated, length = struct.unpack_from("<BH", self.raw, 104)
        kind, packed = stated & 0x3F, bool(stated & 0xC0)
        if kind >= len(LENGTHS) or length < LENGTHS[kind]:
            raise _bad(self.path, f"point format {kind} with {length} bytes a point is none")
        room = self.size - begin
        held = self._chunked(begin, count) if packed else self._left_over(begin, count, length)
        if held is not None:
            raise _bad(self.path, f"it announces {count} points and holds {held}")
        if count == 0:
            raise FormatError("it holds no points", path=self.path, remedy="leave the file out")
        most = room * MOST_PACKED if packed else room // length
        if count > most:
            raise _bad(
                self.path,
                f"it announces {count} points, its {room} bytes have room for {most}: "
                "cut off, or its header lies",
            )
        return kind, packed

    def _left_over(self, begin: int, count: int, length: int) -> int | None:
        """Points that uncompressed records have room for, where that is more than announced.

        Bytes up to the first extended record belong to points; some writers pad them a little.
        """
        end = self.size
        if self.raw[25] == 4:
            start, many = struct.unpack_from("<QI", self.raw, 235)
            end = start if many and begin <= start <= end else end
        elif self.raw[25] == 3:
            (start,) = struct.unpack_from("<Q", self.raw, 227)  # of the waveforms
            end = start if begin < start <= end else end
        room = (end - begin) // length
        return room if room - count > max(PADDING // length, count // 1000) else None

    def _chunked(self, begin: int, count: int) -> str | None:
        """How many points the chunks of a LAZ file can hold, where the announced number is none.

        The place of the chunk table stands before the points (or, from writers that could not
        seek, at the end of the file), the number of chunks in its head.
        """
        size = self.chunk
        if size in (0, VARIABLE):
            return None
        (place,) = struct.unpack("<q", self._at(begin, 8) or bytes(8))
        if place == -1:
            (place,) = struct.unpack("<q", self._at(self.size - 8, 8) or bytes(8))
        head = self._at(place, 8) if begin < place <= self.size - 8 else b""
        if len(head) < 8:
            return None  # the decoder tells what is wrong
        version, chunks = struct.unpack("<II", head)
        if version != 0 or chunks * size >= 2**63 or (chunks - 1) * size < count <= chunks * size:
            return None
        return f"{max(chunks - 1, 0) * size + 1} to {chunks * size}"

    def _at(self, place: int, many: int) -> bytes:
        self.file.seek(max(place, 0))
        return self.file.read(many)

    def _records(self, start: int, end: int, many: int, *, long: bool) -> None:
        """Walk variable length records; those of the projection are kept."""
        head = 60 if long else 54
        if many > MOST_RECORDS or start + many * head > end:
            raise _bad(
                self.path, f"it announces {many} variable length records, more than fit in it"
            )
        at = start
        for index in range(many):
            self.file.seek(at)
            raw = self.file.read(head)
            if len(raw) < head:
                raise _bad(self.path, f"variable length record {index} is cut off at byte {at}")
            user, number, size = struct.unpack_from("<2x16sHQ" if long else "<2x16sHH", raw)
            at += head
            if at + size > end:
                raise _bad(
                    self.path,
                    f"variable length record {index} announces {size} bytes at byte {at}, "
                    f"it must end at {end}",
                )
            if user.rstrip(b"\0") == _PROJECTION and size <= MOST_TEXT:
                self.texts[number] = self.file.read(size)
            if (user.rstrip(b"\0"), number) == _LASZIP and size >= 16:
                self.chunk = struct.unpack_from("<I", self.file.read(16), 12)[0]
            at += size

    def _crs(self) -> tuple[str | None, float | None]:
        wkt = self.texts.get(_WKT, b"").split(b"\0")[0].decode("utf-8", "replace").strip()
        if wkt:
            return wkt, None
        keys = self._keys()
        code = keys.get(_PROJECTED, keys.get(_GEOGRAPHIC, 0))
        if not 0 < code < _USER_DEFINED:
            return None, UNITS.get(keys.get(_VERTICAL_UNITS, 0))
        vertical = keys.get(_VERTICAL, 0)
        compound = 5000 < vertical < _USER_DEFINED
        unit = UNITS.get(keys.get(_VERTICAL_UNITS, 0))
        return f"EPSG:{code}+{vertical}" if compound else f"EPSG:{code}", unit

    def _keys(self) -> dict[int, int]:
        """GeoTIFF keys whose values stand in the directory itself."""
        raw = self.texts.get(_KEYS, b"")
        numbers = np.frombuffer(raw[: len(raw) // 8 * 8], "<u2").reshape(-1, 4)
        return {int(key): int(value) for key, place, _, value in numbers[1:] if place == 0}


def announced_box(header: LasHeader) -> tuple[float, float, float, float] | None:
    """West, south, east, north that the header announces; None where that is no box."""
    box = (*header.low[:2].tolist(), *header.high[:2].tolist())
    fine = all(math.isfinite(v) and abs(v) < FARTHEST for v in box)
    fine = fine and box[0] <= box[2] and box[1] <= box[3]
    return (box[0], box[1], box[2], box[3]) if fine else None
