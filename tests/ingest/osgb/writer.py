"""Writes tiny .osgb files of any serializer version, as the reader's counterpart.

It follows OpenSceneGraph's serializers, not our reader: ``test_reader.py`` has OSG itself read what
is written here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = bytes.fromhex("a10e916c4545fb1a")

_OLD_TYPES = {("<f4", 2): 15, ("<f4", 3): 16, ("<f8", 3): 19, ("<f4", 4): 17, ("<u4", 1): 5}
_CLASSES = {
    ("<f4", 2): "osg::Vec2Array",
    ("<f4", 3): "osg::Vec3Array",
    ("<f8", 3): "osg::Vec3dArray",
}
_ELEMENTS = {"<u1": (52, "UByte"), "<u2": (53, "UShort"), "<u4": (54, "UInt")}


@dataclass(eq=False)
class Picture:
    """An image: inline file, a name beside the file, or raw pixels (width, height, channels)."""

    name: str = "picture.jpg"
    file: bytes | None = None
    raw: tuple[int, int, int, bytes] | None = None
    wrap: int = 0x2900


@dataclass(eq=False)
class Draw:
    """A primitive set: indices by ``dtype``, or runs (lengths) of DrawArrays / DrawArrayLengths."""

    mode: int = 4
    indices: Sequence[int] | None = None
    dtype: str = "<u4"
    first: int = 0
    lengths: Sequence[int] = ()


@dataclass(eq=False)
class Shape:
    """A geometry."""

    vertices: Any
    sets: Sequence[Draw]
    uv: Any = None
    picture: Picture | None = None
    extra_attribute: str = ""


@dataclass(eq=False)
class Geode:
    """Geometry that is always shown."""

    shapes: Sequence[Any]


@dataclass(eq=False)
class Group:
    """Anything below."""

    children: Sequence[Any] = ()
    kind: str = "osg::Group"


@dataclass(eq=False)
class Moved:
    """Anything below, moved by a matrix of row vectors."""

    matrix: Any
    children: Sequence[Any]


@dataclass(eq=False)
class Paged:
    """A PagedLOD: inline children first, then files with their ranges."""

    inline: Sequence[Any]
    files: Sequence[str]
    switch: float = 100.0
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 50.0
    range_mode: int = 1
    centre_mode: int = 1
    ranges: Sequence[tuple[float, float]] | None = None


@dataclass
class Writer:
    """Writes one file."""

    version: int = 91
    brackets: bool = False
    compressor: str = "0"
    ids: dict[int, int] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)
    next_id: int = 1

    def encode(self, root: Any, kind: int = 1) -> bytes:
        """The whole file."""
        attributes = 4 if self.brackets else 0
        head = MAGIC + struct.pack("<3I", kind, self.version, attributes) + text(self.compressor)
        body = self.thing(root)
        return head + (zlib.compress(body) if self.compressor == "zlib" else body)

    def write(self, path: Path, root: Any) -> Path:
        """Write the file and give its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.encode(root))
        return path

    def block(self, body: bytes) -> bytes:
        """A bracket around a body; its size counts from the size field itself."""
        if not self.brackets:
            return body
        layout = "<Q" if self.version > 148 else "<I"
        return struct.pack(layout, len(body) + struct.calcsize(layout)) + body

    def object(self, kind: str, body: Callable[[], bytes], key: Any = None) -> bytes:
        """An object, or a reference to one that was written before."""
        key = object() if key is None else key
        self.kept.append(key)  # so that no other object gets its id()
        known = self.ids.get(id(key))
        if known is not None:
            return text(kind) + self.block(u32(known))
        number = self.ids[id(key)] = self.next_id
        self.next_id += 1
        return text(kind) + self.block(u32(number) + body())

    def thing(self, given: Any) -> bytes:
        """Any node."""
        if isinstance(given, Paged):
            return self.object("osg::PagedLOD", lambda: self._paged(given), given)
        if isinstance(given, Shape):
            return self.object("osg::Geometry", lambda: self._geometry(given), given)
        if isinstance(given, Geode):
            return self.object(
                "osg::Geode", lambda: self._node() + self._children(given.shapes), given
            )
        if isinstance(given, Moved):
            return self.object("osg::MatrixTransform", lambda: self._moved(given), given)
        if given.kind == "osg::Node":
            return self.object("osg::Node", self._node, given)
        return self.object(given.kind, lambda: self._node() + self._children(given.children), given)

    def _base(self) -> bytes:
        return text("") + i32(2) + flag(False)

    def _node(self, state: bytes | None = None) -> bytes:
        head = self._base() + flag(False) + flag(False) * 4 + flag(True) + u32(0xFFFFFFFF)
        return head + (flag(False) if state is None else flag(True) + state)

    def _children(self, children: Sequence[Any]) -> bytes:
        inner = b"".join(self.thing(child) for child in children)
        return flag(True) + u32(len(children)) + (self.block(inner) if children else b"")

    def _moved(self, given: Moved) -> bytes:
        matrix = self.block(np.asarray(given.matrix, "<f8").tobytes())
        return self._node() + self._children(given.children) + i32(0) + matrix

    def _paged(self, given: Paged) -> bytes:
        ranges = given.ranges or (
            [(0.0, given.switch)] * len(given.inline) + [(given.switch, 1e30)] * len(given.files)
        )
        names = [""] * len(given.inline) + list(given.files)
        sphere = struct.pack("<4d", *given.centre, given.radius)
        pairs = self.block(np.asarray(ranges, "<f4").tobytes())
        lod = i32(given.centre_mode) + flag(True) + sphere + i32(given.range_mode)
        lod += flag(True) + u32(len(ranges)) + pairs
        listed = u32(len(names)) + self.block(b"".join(text(n) for n in names))
        priorities = u32(len(names)) + self.block(
            np.tile([0, 1], len(names)).astype("<f4").tobytes()
        )
        paged = flag(True) + flag(False) + u32(0) + flag(False) + flag(True) + listed + priorities
        if not given.inline:
            return self._node() + lod + paged + flag(False)
        return self._node() + lod + paged + self._children(given.inline)

    def _geometry(self, given: Shape) -> bytes:
        state = None if given.picture is None else self._state(given)
        placed = flag(False) if state is None else flag(True) + state
        body = self._node(state) if self.version >= 154 else self._base()
        if self.version < 156:
            body += placed if self.version < 154 else flag(False)
        body += flag(False) + flag(False) * 2 + flag(True) * 3
        if self.version < 156:
            body += flag(False) * 4
        if self.version >= 142:
            body += u32(0xFFFFFFFF)
        if self.version >= 145:
            body += flag(True)
        return body + (self._old(given) if self.version < 112 else self._new(given))

    def _old(self, given: Shape) -> bytes:
        body = u32(len(given.sets)) + b"".join(self._old_set(s) for s in given.sets)
        body += flag(True) + self.block(self._old_array(given.vertices))
        body += flag(False) * 4
        if given.uv is None:
            body += flag(False)
        else:
            inner = self.block(self._old_array(given.uv))
            body += flag(True) + u32(1) + self.block(inner)
        return body + flag(False) + flag(True)

    def _old_set(self, given: Draw) -> bytes:
        instances = u32(0) if self.version > 96 else b""
        if given.indices is not None:
            data = self.block(np.asarray(given.indices, given.dtype).tobytes())
            kind = i32(_ELEMENTS[given.dtype][0]) + i32(given.mode) + instances
            return kind + u32(len(given.indices)) + data
        if len(given.lengths) == 1:
            run = i32(given.first) + i32(given.lengths[0])
            return i32(50) + i32(given.mode) + instances + run
        lengths = self.block(np.asarray(given.lengths, "<i4").tobytes())
        head = i32(51) + i32(given.mode) + instances + i32(given.first)
        return head + u32(len(given.lengths)) + lengths

    def _old_array(self, values: Any) -> bytes:
        array = np.asarray(values)
        dtype = array.dtype.newbyteorder("<").str
        self.next_id += 1
        head = u32(self.next_id) + u32(_OLD_TYPES[dtype, array.shape[1]]) + u32(len(array))
        return flag(True) + head + self.block(array.tobytes()) + flag(False) + i32(4) + i32(0)

    def _new(self, given: Shape) -> bytes:
        body = u32(len(given.sets)) + b"".join(self._new_set(s) for s in given.sets)
        body += flag(True) + self._new_array(given.vertices) + flag(False) * 4
        units = [] if given.uv is None else [self._new_array(given.uv)]
        return body + u32(len(units)) + b"".join(units) + u32(0)

    def _buffer(self) -> bytes:
        return flag(False) if self.version >= 147 else b""

    def _new_set(self, given: Draw) -> bytes:
        head = self._base() + self._buffer() + i32(0) + u32(given.mode)
        if given.indices is not None:
            data = np.asarray(given.indices, given.dtype).tobytes()
            kind, body = _ELEMENTS[given.dtype][1], u32(len(given.indices)) + data
            return self.object(f"osg::DrawElements{kind}", lambda: head + body)
        if len(given.lengths) == 1:
            run = i32(given.first) + i32(given.lengths[0])
            return self.object("osg::DrawArrays", lambda: head + run)
        lengths = u32(len(given.lengths)) + np.asarray(given.lengths, "<i4").tobytes()
        return self.object("osg::DrawArrayLengths", lambda: head + i32(given.first) + lengths)

    def _new_array(self, values: Any) -> bytes:
        array = np.asarray(values)
        kind = _CLASSES[array.dtype.newbyteorder("<").str, array.shape[1]]
        head = self._base() + self._buffer() + i32(4) + flag(False) * 2
        return self.object(kind, lambda: head + u32(len(array)) + array.tobytes())

    def _state(self, given: Shape) -> bytes:
        return self.object("osg::StateSet", lambda: self._state_fields(given))

    def _state_fields(self, given: Shape) -> bytes:
        assert given.picture is not None
        body = self._base()
        body += flag(True) + u32(1) + self.block(u32(0x0B50) + i32(0))
        if given.extra_attribute:
            unknown = self.object(given.extra_attribute, lambda: self._base() + b"\7" * 9)
            body += flag(True) + u32(1) + self.block(unknown + i32(0))
        else:
            material = self.object("osg::Material", self._material)
            body += flag(True) + u32(1) + self.block(material + i32(0))
        body += flag(True) + u32(1) + self.block(u32(1) + self.block(u32(0x0DE1) + i32(1)))
        picture = given.picture
        texture = self.object("osg::Texture2D", lambda: self._texture(picture))
        body += flag(True) + u32(1) + self.block(u32(1) + self.block(texture + i32(0)))
        body += flag(False) + i32(0) * 3 + text("") + flag(True) + flag(False) * 2
        return body + (flag(False) if self.version >= 151 else b"")

    def _material(self) -> bytes:
        colours = flag(True) + flag(True) + struct.pack("<8f", *[1.0] * 8)
        return self._attribute() + i32(0) + colours * 4 + flag(True) + flag(True) + bytes(8)

    def _attribute(self) -> bytes:
        return self._base() + flag(False) * 2

    def _texture(self, picture: Picture) -> bytes:
        wraps = b"".join(flag(True) + u32(w) for w in (*[picture.wrap] * 3, 0x2703, 0x2601))
        body = self._attribute() + wraps + bytes(4) + flag(False) * 4 + bytes(32) + i32(0) * 2
        body += flag(False) * 3 + flag(False) + i32(0x0203) + i32(0x1909) + bytes(4)
        if 95 <= self.version < 154:
            body += flag(False)
        if self.version >= 98:
            body += flag(True) + text("RGBA")
        if self.version >= 155:
            body += bytes(12)
        return body + flag(True) + self._image(picture) + i32(0) * 2

    def _image(self, picture: Picture) -> bytes:
        head = text("osg::Image") if self.version > 94 else b""
        self.kept.append(picture)
        known = self.ids.get(id(picture))
        if known is not None:
            return head + u32(known)
        number = self.ids[id(picture)] = self.next_id
        self.next_id += 1
        head += u32(number) + text(picture.name) + i32(0)
        if picture.raw is not None:
            width, height, channels, data = picture.raw
            form = {1: 0x1909, 3: 0x1907, 4: 0x1908}[channels]
            fields = (0, width, height, 1, form, form, 0x1401, 1, 0)
            head += i32(0) + struct.pack("<9i", *fields) + u32(len(data)) + data + u32(0)
        elif picture.file is not None:
            head += i32(1) + u32(len(picture.file)) + picture.file
        else:
            head += i32(2)
        return head + self._base()


def text(value: str | bytes) -> bytes:
    """A string."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(raw)) + raw


def u32(value: int) -> bytes:
    """An unsigned integer."""
    return struct.pack("<I", value)


def i32(value: int) -> bytes:
    """A signed integer."""
    return struct.pack("<i", value)


def flag(value: bool) -> bytes:
    """A bool."""
    return b"\1" if value else b"\0"
