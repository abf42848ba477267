"""Writes OpenSceneGraph binary files (.osgb) as producers of oblique models do, and variants.

The format is described by the serializers of OpenSceneGraph itself (``src/osgDB/InputStream.cpp``
and ``src/osgWrappers/serializers/osg``). ``Dialect()`` is what producers write: serializer version
91, no brackets, no compression; other dialects exist to test readers.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = struct.pack("<II", 0x6C910EA1, 0x1AFB4545)
PIXEL_SIZE, DISTANCE = 1, 0


@dataclass(frozen=True)
class Dialect:
    """How a file is written: serializer version, binary brackets, zlib."""

    version: int = 91
    brackets: bool = False
    zlib: bool = False


@dataclass(frozen=True, eq=False)
class Image:
    """A texture: the bytes of a JPEG or PNG file, inline, or empty for a file beside."""

    name: str
    data: bytes = b""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Triangles.

    Args:
        vertices: (n, 3) float32, m from the SRSOrigin.
        triangles: (m, 3) uint32.
        uv: (n, 2) float32, v upward from the image's last row; None without texture.
        image: The texture; None without.
    """

    vertices: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.uint32]
    uv: npt.NDArray[np.float32] | None = None
    image: Image | None = None


@dataclass(frozen=True, eq=False)
class Geode:
    """A leaf of the scene graph."""

    geometries: tuple[Geometry, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """An inner node."""

    children: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class MatrixTransform:
    """An inner node with a 4 x 4 matrix for row vectors: v' = v M."""

    matrix: npt.NDArray[np.float64]
    children: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class PagedLOD:
    """Children by range: the inline ones first, then those in files.

    Args:
        centre: Of the sphere, m.
        radius: Of the sphere, m.
        children: Inline nodes, for the first ranges.
        files: Names for the other ranges.
        ranges: (low, high) for every child.
        mode: ``PIXEL_SIZE`` or ``DISTANCE``.
    """

    centre: tuple[float, float, float]
    radius: float
    children: tuple[Node, ...]
    files: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    mode: int = PIXEL_SIZE


Node = Geode | Group | MatrixTransform | PagedLOD


def write(path: Path, node: Node, dialect: Dialect | None = None) -> None:
    """Write one file."""
    path.write_bytes(encode(node, dialect or Dialect()))


def encode(node: Node, dialect: Dialect) -> bytes:
    """The bytes of one file."""
    body = _Writer(dialect).node(node)
    attributes = 4 if dialect.brackets else 0
    head = MAGIC + struct.pack("<III", 1, dialect.version, attributes)
    if dialect.zlib:
        return head + _text("zlib") + zlib.compress(body, 9)
    return head + _text("0") + body


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<i", len(raw)) + raw


def _u(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _i(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def _f(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def _d(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


YES, NO = b"\x01", b"\x00"


class _Writer:
    """One file; hands out the ids of objects and arrays."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.version = dialect.version
        self.objects = 0
        self.arrays = 0
        self.images: dict[int, int] = {}

    def new_id(self) -> int:
        self.objects += 1
        return self.objects

    def bracket(self, content: bytes) -> bytes:
        """A block, with its size in front (counted from itself) where brackets are written."""
        if not self.dialect.brackets:
            return content
        if self.version > 148:
            return struct.pack("<Q", len(content) + 8) + content
        return struct.pack("<I", len(content) + 4) + content

    def thing(self, name: str, fields: Callable[[], bytes]) -> bytes:
        """An object: class, id, fields; ids in the order of reading."""
        number = self.new_id()
        return _text(name) + self.bracket(_u(number) + fields())

    def listed(self, items: Sequence[bytes]) -> bytes:
        """A counted list in a block."""
        return _u(len(items)) + self.bracket(b"".join(items))

    def base(self, variance: int = 2) -> bytes:
        """Fields of osg::Object."""
        return _text("") + _i(variance) + NO

    def node_base(self, states: bytes = NO) -> bytes:
        """Fields of osg::Object and osg::Node."""
        return self.base() + NO + NO * 4 + YES + _u(0xFFFFFFFF) + states

    def node(self, node: Node) -> bytes:
        """Any node."""
        if isinstance(node, Geode):
            return self.thing("osg::Geode", lambda: self._geode(node))
        if isinstance(node, MatrixTransform):
            return self.thing("osg::MatrixTransform", lambda: self._matrix(node))
        if isinstance(node, PagedLOD):
            return self.thing("osg::PagedLOD", lambda: self._paged(node))
        return self.thing("osg::Group", lambda: self.node_base() + self._children(node.children))

    def _children(self, children: Sequence[Node]) -> bytes:
        if not children:
            return NO
        return YES + self.listed([self.node(child) for child in children])

    def _matrix(self, node: MatrixTransform) -> bytes:
        values = np.asarray(node.matrix, dtype="<f8").tobytes()
        return self.node_base() + self._children(node.children) + _i(0) + self.bracket(values)

    def _paged(self, node: PagedLOD) -> bytes:
        spans = [_f(low, high) for low, high in node.ranges]
        names = ("",) * len(node.children) + node.files
        priorities = [_f(0.0, 1.0) for _ in names]
        lod = _i(1) + YES + _d(*node.centre, node.radius) + _i(node.mode) + YES + self.listed(spans)
        paging = YES + NO + (_u(0) if self.version < 70 else b"") + _u(0) + NO
        paging += YES + self.listed([_text(name) for name in names]) + self.listed(priorities)
        return self.node_base() + lod + paging + self._children(node.children)

    def _geode(self, node: Geode) -> bytes:
        drawables = [
            self.thing("osg::Geometry", lambda g=geometry: self._geometry(g))  # type: ignore[misc]
            for geometry in node.geometries
        ]
        listed = YES + self.listed(drawables) if drawables else NO
        return self.node_base() + listed

    def _geometry(self, geometry: Geometry) -> bytes:
        if self.version >= 156:
            head = self.node_base(YES + self._states(geometry.image))
        else:
            head = self.node_base() if self.version >= 154 else self.base()
            head += YES + self._states(geometry.image)
        head += NO + NO + NO  # no initial bound, bounding box callback, shape
        head += YES + NO + NO  # display lists on, vertex buffer objects off
        if self.version < 156:
            head += NO * 4
        if self.version >= 142:
            head += _u(0xFFFFFFFF)
        if self.version >= 145:
            head += YES
        return head + (self._new_arrays(geometry) if self.version >= 112 else self._old(geometry))

    def _old(self, geometry: Geometry) -> bytes:
        """Primitive sets and arrays as they were before version 112."""
        indices = geometry.triangles.astype("<u4").ravel()
        instances = _u(0) if self.version > 96 else b""
        data = self.bracket(indices.tobytes())
        sets = _u(1) + _i(54, 4) + instances + _u(len(indices)) + data
        vertices = self.bracket(self._array(geometry.vertices, 16) + NO + _i(4) + _i(0))
        body = sets + YES + vertices + NO * 4  # normals, colours, secondary colours, fog: none
        if geometry.uv is None:
            body += NO
        else:
            uv = self._array(geometry.uv, 15) + NO + _i(4) + _i(0)
            body += YES + self.listed([self.bracket(uv)])
        return body + NO + NO  # no attributes, no fast path hint

    def _array(self, values: npt.NDArray[np.float32], code: int) -> bytes:
        self.arrays += 1
        data = self.bracket(values.astype("<f4").tobytes())
        return YES + _u(self.arrays, code, len(values)) + data

    def _new_arrays(self, geometry: Geometry) -> bytes:
        """Primitive sets and arrays as objects, from version 112."""
        buffer = NO if self.version >= 147 else b""
        indices = geometry.triangles.astype("<u4").ravel()
        triangles = self.thing(
            "osg::DrawElementsUInt",
            lambda: self.base() + buffer + _i(0) + _u(4) + _u(len(indices)) + indices.tobytes(),
        )
        body = _u(1) + triangles + YES + self._new_array("osg::Vec3Array", geometry.vertices)
        body += NO * 4
        if geometry.uv is None:
            body += _u(0)
        else:
            body += _u(1) + self._new_array("osg::Vec2Array", geometry.uv)
        return body + _u(0)

    def _new_array(self, name: str, values: npt.NDArray[np.float32]) -> bytes:
        buffer = NO if self.version >= 147 else b""
        return self.thing(
            name,
            lambda: (
                self.base()
                + buffer
                + _i(4)
                + NO
                + NO
                + _u(len(values))
                + values.astype("<f4").tobytes()
            ),
        )

    def _states(self, image: Image | None) -> bytes:
        return self.thing("osg::StateSet", lambda: self._state_fields(image))

    def _state_fields(self, image: Image | None) -> bytes:
        material = self.thing("osg::Material", self._material)
        attributes = YES + _u(1) + self.bracket(material + _i(0))
        fields = self.base() + NO + attributes
        if image is None:
            fields += NO + NO
        else:
            modes = _u(1) + self.bracket(_u(0x0DE1) + _i(1))
            texture = self.thing("osg::Texture2D", lambda: self._texture(image))
            fields += YES + _u(1) + self.bracket(modes)
            fields += YES + _u(1) + self.bracket(_u(1) + self.bracket(texture + _i(0)))
        fields += NO + _i(0, 0, 0) + _text("") + NO + NO + NO
        return fields + (NO if self.version >= 151 else b"")

    def _material(self) -> bytes:
        white, black = _f(1, 1, 1, 1) * 2, _f(0, 0, 0, 1) * 2
        colours = b"".join(YES + YES + c for c in (white, white, black, black))
        return self.base() + NO + NO + _i(0x1603) + colours + YES + YES + _f(0, 0)

    def _texture(self, image: Image) -> bytes:
        fields = self.base(1) + NO + NO
        fields += b"".join(YES + _u(mode) for mode in (0x2900, 0x2900, 0x2900, 0x2703, 0x2601))
        fields += _f(1.0) + YES + YES + NO + YES + _d(0, 0, 0, 0) + _i(0, 0)
        fields += NO * 3 + NO + _i(0x0203, 0x1909) + _f(0.0)
        if 95 <= self.version < 154:
            fields += NO
        if self.version >= 98:
            fields += YES + _text("RGBA")
        if self.version >= 155:
            fields += _f(0.0, 0.0, 0.0)
        return fields + YES + self._image(image) + _i(0, 0)

    def _image(self, image: Image) -> bytes:
        kind = _text("osg::Image") if self.version > 94 else b""
        known = self.images.get(id(image))
        if known is not None:
            return kind + _u(known)
        number = self.images[id(image)] = self.new_id()
        head = kind + _u(number) + _text(image.name) + _i(0)
        if not image.data:
            return head + _i(2) + self.base()
        return head + _i(1) + _u(len(image.data)) + image.data + self.base()
