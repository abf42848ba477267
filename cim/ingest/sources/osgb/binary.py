"""The bytes of an .osgb file: header, compressors, brackets and plain values.

Layout after OpenSceneGraph's ``InputStream.cpp`` and ``BinaryStreamOperator.h``: everything is
little endian, a string is an i32 length and its bytes, an array a u32 count and its items. Nothing
is read past the end, and no count is believed before it is weighed against the bytes that remain.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

MAGIC = bytes.fromhex("a10e916c4545fb1a")
BIG_ENDIAN = bytes.fromhex("6c910ea11afb4545")
OLDEST, NEWEST = 80, 161
LONGEST_STRING = 1 << 20
LARGEST_INFLATED = 1 << 30

_U32, _I32, _U64 = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<Q")
_HEADER = struct.Struct("<3I")
REMEDY = "ask the producer for the file again, or export it anew"


class Stream:
    """A cursor over the plain bytes of one file. Positions restart at 0 after decompression.

    Args:
        path: The file, for messages.
        data: Its bytes, inflated.
        version: OSG's serializer version.
        brackets: Whether objects carry their size.
        offset: Where to begin.
    """

    def __init__(
        self, path: Path, data: bytes, *, version: int, brackets: bool, offset: int = 0
    ) -> None:
        self.path = path
        self.data = data
        self.end = len(data)
        self.position = offset
        self.version = version
        self.brackets = brackets
        self.classes: list[str] = []

    def fault(self, reason: str) -> FormatError:
        """An error that names the file, the offset, the class being read and the version."""
        return fault(self.path, reason, self.position, self.version, self.classes)

    def take(self, size: int) -> int:
        """Step over ``size`` bytes and give where they begin.

        Raises:
            FormatError: the file ends before.
        """
        start = self.position
        if size < 0 or size > self.end - start:
            raise self.fault(f"the file ends early: {size} bytes wanted, {self.end - start} left")
        self.position = start + size
        return start

    def u8(self) -> int:
        """One byte."""
        return self.data[self.take(1)]

    def flag(self) -> bool:
        """A bool.

        Raises:
            FormatError: neither 0 nor 1, so that the reader has lost its way.
        """
        value = self.u8()
        if value > 1:
            self.position -= 1
            raise self.fault(f"a yes or no was expected, found byte {value}")
        return value == 1

    def u32(self) -> int:
        """An unsigned 32-bit integer."""
        return int(_U32.unpack_from(self.data, self.take(4))[0])

    def i32(self) -> int:
        """A signed 32-bit integer."""
        return int(_I32.unpack_from(self.data, self.take(4))[0])

    def floats(self, kind: str, count: int) -> tuple[float, ...]:
        """Some ``f`` (32-bit) or ``d`` (64-bit) numbers."""
        layout = f"<{count}{kind}"
        return struct.unpack_from(layout, self.data, self.take(struct.calcsize(layout)))

    def count(self, least: int) -> int:
        """A u32 count of items that take at least ``least`` bytes each.

        Raises:
            FormatError: more items than the remaining bytes can hold.
        """
        number = self.u32()
        if number * least > self.end - self.position:
            raise self.fault(
                f"{number} items are announced, only {self.end - self.position} bytes are left"
            )
        return number

    def text(self) -> str:
        """A string: UTF-8, else GB18030 as Chinese producers write it."""
        size = self.i32()
        if not 0 <= size <= LONGEST_STRING:
            raise self.fault(f"a string of {size} bytes is announced")
        start = self.take(size)
        raw = self.data[start : start + size]
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("gb18030", errors="replace")

    def blob(self) -> memoryview:
        """A u32 size and as many bytes, as a view."""
        size = self.count(1)
        start = self.take(size)
        return memoryview(self.data)[start : start + size]

    def array(self, dtype: str, count: int, width: int = 1) -> npt.NDArray[Any]:
        """``count`` items of ``width`` numbers as a read-only view: (count,) or (count, width)."""
        kind = np.dtype(dtype)
        start = self.take(kind.itemsize * count * width)
        flat = np.frombuffer(self.data, kind, count * width, start)
        return flat if width == 1 else flat.reshape(count, width)

    def block(self) -> int | None:
        """Open a bracket: where its block ends, or None in files without brackets.

        Raises:
            FormatError: the block would end outside of the file.
        """
        if not self.brackets:
            return None
        start = self.position
        if self.version > 148:
            size = int(_U64.unpack_from(self.data, self.take(8))[0])
        else:
            size = self.u32()
        if start + size > self.end or start + size < self.position:
            raise self.fault(f"a block of {size} bytes does not fit into the file")
        return start + size


def fault(
    path: Path,
    reason: str,
    offset: int,
    version: int | None = None,
    classes: list[str] | None = None,
) -> FormatError:
    """An error about one place of one file."""
    where = f"offset {offset}"
    if classes:
        where += f", in {classes[-1]}"
    if version is not None:
        where += f", serializer version {version}"
    return FormatError(f"{reason} ({where})", path=path, remedy=REMEDY)


def open_stream(path: Path) -> Stream:
    """Read one file and its header.

    Raises:
        FormatError: not an OSGB scene that we can read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"cannot be read: {error.strerror or error}", path=path, remedy="check its permissions"
        ) from error
    if not raw:
        raise fault(path, "the file is empty (zero bytes)", 0)
    if raw[:8] == BIG_ENDIAN:
        raise fault(path, "the file is big endian, which no survey program writes", 0)
    if raw[:8] != MAGIC:
        raise fault(path, "not an OSGB file: the first bytes are not those of one", 0)
    header = Stream(path, raw, version=0, brackets=False, offset=8)
    start = header.take(12)
    kind, version, attributes = _HEADER.unpack_from(raw, start)
    header.version = version
    if not OLDEST <= version <= NEWEST:
        raise header.fault(f"serializer version {version} is not between {OLDEST} and {NEWEST}")
    if kind != 1:
        raise header.fault(f"the file holds no scene (type {kind})")
    if attributes & 1:
        for _ in range(header.count(8)):
            header.text()
            header.i32()
    return _body(header, attributes)


def _body(header: Stream, attributes: int) -> Stream:
    compressor = header.text()
    brackets = bool(attributes & 4)
    if compressor == "0":
        stream = Stream(
            header.path,
            header.data,
            version=header.version,
            brackets=brackets,
            offset=header.position,
        )
    elif compressor in {"zlib", "null"}:
        data = _inflate(header) if compressor == "zlib" else bytes(header.blob())
        stream = Stream(header.path, data, version=header.version, brackets=brackets)
    else:
        raise header.fault(f"the compressor {compressor[:20]!r} is unknown")
    if attributes & 2:
        stream.text()
    return stream


def _inflate(header: Stream) -> bytes:
    packed = memoryview(header.data)[header.position :]
    limit = min(LARGEST_INFLATED, (64 << 20) + 100 * len(packed))
    engine = zlib.decompressobj(47)
    try:
        data = engine.decompress(packed, limit)
    except zlib.error as error:
        raise header.fault(f"the compressed part is damaged: {error}") from error
    if engine.unconsumed_tail:
        raise header.fault(f"the compressed part swells beyond {limit} bytes")
    if not engine.eof:
        raise header.fault("the file ends early, within its compressed part")
    return data
