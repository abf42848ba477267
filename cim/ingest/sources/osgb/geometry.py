"""Field blocks of geometry: arrays and primitive sets, as before and since version 112."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import numpy.typing as npt

from cim.ingest.sources.osgb.fields import listed, node_fields
from cim.ingest.sources.osgb.graph import Array, Geometry, PrimitiveSet, StateSet, Thing
from cim.ingest.sources.osgb.objects import ObjectReader

Numbers = npt.NDArray[np.generic]

# Type codes of arrays before version 112: number type and width.
_CODES: tuple[tuple[str, int], ...] = (
    *((t, 1) for t in ("<i1", "<u1", "<i2", "<u2", "<i4", "<u4", "<f4", "<f8")),
    ("<i1", 2), ("<i1", 3), ("<i1", 4), ("<u1", 4),
    ("<i2", 2), ("<i2", 3), ("<i2", 4),
    ("<f4", 2), ("<f4", 3), ("<f4", 4),
    ("<f8", 2), ("<f8", 3), ("<f8", 4),
    ("<u1", 2), ("<u1", 3),
    ("<u2", 2), ("<u2", 3), ("<u2", 4),
    ("<i4", 2), ("<i4", 3), ("<i4", 4),
    ("<u4", 2), ("<u4", 3), ("<u4", 4),
    ("<u8", 1), ("<i8", 1),
)  # fmt: skip

_SCALARS = {
    "Byte": "<i1", "UByte": "<u1", "Short": "<i2", "UShort": "<u2",
    "Int": "<i4", "UInt": "<u4", "Float": "<f4", "Double": "<f8",
}  # fmt: skip
_VECTORS = {
    "b": "<i1", "ub": "<u1", "s": "<i2", "us": "<u2", "i": "<i4", "ui": "<u4", "": "<f4",
    "d": "<f8",
}  # fmt: skip
_VECTOR_NAME = re.compile(r"osg::Vec([234])(b|ub|s|us|i|ui|d|)Array")
_SCALAR_NAME = re.compile(r"osg::(U?Byte|U?Short|U?Int|Float|Double)Array")

_DRAW_ARRAYS, _DRAW_LENGTHS = 50, 51
_ELEMENTS = {52: "<u1", 53: "<u2", 54: "<u4"}
_ELEMENT_CLASSES = {
    "osg::DrawElementsUByte": "<u1",
    "osg::DrawElementsUShort": "<u2",
    "osg::DrawElementsUInt": "<u4",
}


def layout(name: str) -> tuple[str, int] | None:
    """Number type and width of an array class, such as ("<f4", 3) of osg::Vec3Array."""
    vector = _VECTOR_NAME.fullmatch(name)
    if vector:
        return _VECTORS[vector.group(2)], int(vector.group(1))
    scalar = _SCALAR_NAME.fullmatch(name)
    return (_SCALARS[scalar.group(1)], 1) if scalar else None


def drawable_fields(r: ObjectReader, geometry: Geometry) -> None:
    """osg::Drawable."""
    s = r.stream
    if r.version < 156:
        state = r.optional()
        if isinstance(state, StateSet):
            geometry.state = state
    if s.flag():
        s.block()
        s.take(48)
    r.optionals(2)
    s.take(3)
    if r.version < 156:
        r.optionals(4)
    if r.version >= 142:
        s.u32()
    if r.version >= 145:
        s.flag()


def drawable_node_fields(r: ObjectReader, geometry: Geometry) -> None:
    """osg::Node as a part of osg::Drawable, since version 154."""
    if r.version >= 154:
        node_fields(r, geometry)


def geometry_fields(r: ObjectReader, geometry: Geometry) -> None:
    """osg::Geometry."""
    if r.version < 112:
        _old_geometry(r, geometry)
    else:
        _new_geometry(r, geometry)


def _old_geometry(r: ObjectReader, geometry: Geometry) -> None:
    s = r.stream
    for _ in range(s.count(8)):
        geometry.sets.append(_old_set(r))
    vertices = [_old_data(r) if s.flag() else None for _ in range(5)]
    geometry.vertices, geometry.colours = vertices[0], vertices[2]
    for target in ("uv", ""):  # texture coordinates, then attributes
        found: list[Numbers | None] = []
        if s.flag():
            listed(r, partial(lambda keep: keep.append(_old_data(r)), found), 6)
        if target and found:
            geometry.uv = found[0]
    s.flag()


def _old_set(r: ObjectReader) -> PrimitiveSet:
    s = r.stream
    kind, mode = s.i32(), s.i32()
    if r.version > 96:
        s.u32()
    result = PrimitiveSet(mode=mode)
    if kind == _DRAW_ARRAYS:
        result.first = s.i32()
        result.lengths = s.array("<i4", 1)
    elif kind == _DRAW_LENGTHS:
        result.first = s.i32()
        number = s.count(4)
        s.block()
        result.lengths = s.array("<i4", number)
    elif kind in _ELEMENTS:
        number = s.count(np.dtype(_ELEMENTS[kind]).itemsize)
        s.block()
        result.indices = s.array(_ELEMENTS[kind], number)
    else:
        raise s.fault(f"a primitive set of the unknown type {kind}")
    return result


def _old_data(r: ObjectReader) -> Numbers | None:
    """An array with its optional indices, applied."""
    s = r.stream
    s.block()
    values = _old_array(r) if s.flag() else None
    indices = _old_array(r) if s.flag() else None
    s.take(8)
    if values is None or indices is None:
        return values
    if indices.dtype.kind not in "iu" or not len(indices):
        return values[:0]
    chosen = indices.astype(np.int64).ravel()
    if chosen.min() < 0 or chosen.max() >= len(values):
        raise s.fault("an index points outside of its array")
    return values[chosen]


def _old_array(r: ObjectReader) -> Numbers:
    s = r.stream
    number = s.u32()
    known = r.arrays.get(number)
    if known is not None:
        return known.values
    code = s.u32()
    if code >= len(_CODES):
        raise s.fault(f"an array of the unknown type {code}")
    dtype, width = _CODES[code]
    count = s.count(np.dtype(dtype).itemsize * width)
    s.block()
    values = s.array(dtype, count, width)
    r.arrays[number] = Array(values=values)
    return values


def _new_geometry(r: ObjectReader, geometry: Geometry) -> None:
    for _ in range(r.stream.count(4)):
        thing = r.object()
        if isinstance(thing, PrimitiveSet):
            geometry.sets.append(thing)
    arrays = [r.optional() for _ in range(5)]
    if isinstance(arrays[0], Array):
        geometry.vertices = arrays[0].values
    if isinstance(arrays[2], Array):
        geometry.colours = arrays[2].values
    units = [r.object() for _ in range(r.stream.count(4))]
    if units and isinstance(units[0], Array):
        geometry.uv = units[0].values
    for _ in range(r.stream.count(4)):
        r.object()


def buffer_data_fields(r: ObjectReader, _: Thing) -> None:
    """osg::BufferData: the buffer object, since version 147."""
    if r.version >= 147:
        r.optional()


def array_fields(r: ObjectReader, array: Array) -> None:
    """osg::Vec3Array and its kin, since version 112."""
    s = r.stream
    shape = layout(array.kind)
    if shape is None:
        raise s.fault(f"an array of the unknown class {array.kind!r}")
    dtype, width = shape
    s.take(6)
    count = s.count(np.dtype(dtype).itemsize * width)
    array.values = s.array(dtype, count, width)


def set_fields(r: ObjectReader, primitives: PrimitiveSet) -> None:
    """osg::PrimitiveSet and its kin, since version 112."""
    s = r.stream
    s.i32()
    primitives.mode = s.i32()
    if primitives.kind == "osg::DrawArrays":
        primitives.first = s.i32()
        primitives.lengths = s.array("<i4", 1)
    elif primitives.kind == "osg::DrawArrayLengths":
        primitives.first = s.i32()
        primitives.lengths = s.array("<i4", s.count(4))
    else:
        dtype = _ELEMENT_CLASSES[primitives.kind]
        primitives.indices = s.array(dtype, s.count(np.dtype(dtype).itemsize))
