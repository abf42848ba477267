"""Field blocks of nodes, levels of detail and drawing state, in the order OSG writes them.

Sources: ``src/osgWrappers/serializers/osg/*.cpp`` of OpenSceneGraph. The numbers in conditions are
serializer versions at which a field came or went.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cim.ingest.sources.osgb.graph import Image, Lod, Node, PagedLod, StateSet, Texture, Thing
from cim.ingest.sources.osgb.graph import Transform as TransformNode
from cim.ingest.sources.osgb.objects import ObjectReader

INLINE_PIXELS, INLINE_FILE, EXTERNAL, WRITTEN_OUT = range(4)


def object_fields(r: ObjectReader, _: Thing) -> None:
    """osg::Object: name, variance, user data."""
    s = r.stream
    s.text()
    s.i32()
    if r.version >= 77:
        r.optional()
    elif s.flag():
        s.block()
        r.object()


def container_fields(r: ObjectReader, _: Thing) -> None:
    """osg::DefaultUserDataContainer."""
    s = r.stream
    if s.flag():
        s.block()
        r.object()
    if s.flag():
        texts(r)
    if s.flag():
        listed(r, r.object)


def texts(r: ObjectReader) -> list[str]:
    """A bracketed list of strings."""
    found: list[str] = []
    listed(r, lambda: found.append(r.stream.text()))
    return found


def listed(r: ObjectReader, read: Callable[[], object], least: int = 4) -> None:
    """A count, a bracket and that many items of at least ``least`` bytes."""
    number = r.stream.count(least)
    r.stream.block()
    for _ in range(number):
        read()


def node_fields(r: ObjectReader, node: Node) -> None:
    """osg::Node."""
    s = r.stream
    if s.flag():
        s.block()
        s.take(32)
    r.optionals(4)
    s.flag()
    s.u32()
    if r.version < 77 and s.flag():
        texts(r)
    state = r.optional()
    node.state = state if isinstance(state, StateSet) else None


def children_fields(r: ObjectReader, node: Node) -> None:
    """osg::Group and osg::Geode: what is below."""
    if r.stream.flag():
        _children(r, node)


def _children(r: ObjectReader, node: Node) -> None:
    number = r.stream.count(4)
    if number:
        r.stream.block()
    for _ in range(number):
        child = r.object()
        node.children.append(Thing("NULL") if child is None else child)


def transform_fields(r: ObjectReader, _: Thing) -> None:
    """osg::Transform: the reference frame."""
    r.stream.i32()


def matrix_fields(r: ObjectReader, node: TransformNode) -> None:
    """osg::MatrixTransform: 16 doubles by rows, for row vectors."""
    r.stream.block()
    node.matrix = np.array(r.stream.floats("d", 16)).reshape(4, 4)
    if not np.isfinite(node.matrix).all():
        raise r.stream.fault("a transformation holds numbers that are not finite")


def lod_fields(r: ObjectReader, lod: Lod) -> None:
    """osg::LOD: centre, radius and ranges."""
    s = r.stream
    lod.centre_mode = s.i32()
    if s.flag():
        lod.sphere = s.floats("d", 4)
    lod.range_mode = s.i32()
    if s.flag():
        number = s.count(8)
        s.block()
        lod.ranges = [(float(a), float(b)) for a, b in s.array("<f4", number, 2)]


def paged_fields(r: ObjectReader, lod: PagedLod) -> None:
    """osg::PagedLOD: file names and the inline children."""
    s = r.stream
    if s.flag() and s.flag():
        lod.folder = s.text()
    s.u32()
    s.flag()
    if s.flag():
        lod.files = texts(r)
        number = s.count(8)
        s.block()
        s.take(8 * number)
    if s.flag():
        _children(r, lod)


def state_fields(r: ObjectReader, state: StateSet) -> None:
    """osg::StateSet: the texture of the first unit that has one; the rest is stepped over."""
    s = r.stream
    if s.flag():
        _modes(r)
    if s.flag():
        _attributes(r)
    if s.flag():
        listed(r, lambda: _modes(r))
    if s.flag():
        units: list[Texture | None] = []
        listed(r, lambda: units.append(_attributes(r)))
        state.texture = next((t for t in units if t is not None), None)
    if s.flag():
        listed(r, lambda: (r.object(), s.i32()), 8)
    s.take(12)
    s.text()
    s.flag()
    r.optionals(2)
    if r.version >= 151 and s.flag():
        listed(r, lambda: (s.text(), s.text(), s.i32()), 12)


def _modes(r: ObjectReader) -> None:
    number = r.stream.count(8)
    if number:
        r.stream.block()
        r.stream.take(8 * number)


def _attributes(r: ObjectReader) -> Texture | None:
    found: Texture | None = None
    number = r.stream.count(8)
    if number:
        r.stream.block()
    for _ in range(number):
        thing = r.object()
        r.stream.i32()
        if isinstance(thing, Texture):
            found = thing
    return found


def attribute_fields(r: ObjectReader, _: Thing) -> None:
    """osg::StateAttribute: two callbacks."""
    r.optionals(2)


def material_fields(r: ObjectReader, _: Thing) -> None:
    """osg::Material: colours, which an unlit mesh does not use."""
    s = r.stream
    s.i32()
    for size in (33, 33, 33, 33, 9):
        if s.flag():
            s.take(size)


def texture_fields(r: ObjectReader, texture: Texture) -> None:
    """osg::Texture: how it repeats; filters and formats are stepped over."""
    s = r.stream
    wraps = [s.u32() if s.flag() else 0x2900 for _ in range(5)]
    texture.wrap = wraps[:2]
    s.take(4 + 4 + 32 + 8)
    for _ in range(3):
        if s.flag():
            s.take(4)
    s.take(1 + 8 + 4)
    if 95 <= r.version < 154 and s.flag():
        s.take(21)
    if r.version >= 98 and s.flag():
        s.text()
    if r.version >= 155:
        s.take(12)


def texture2d_fields(r: ObjectReader, texture: Texture) -> None:
    """osg::Texture2D: the image and its size."""
    if r.stream.flag():
        texture.image = image(r)
    r.stream.take(8)


def texenv_fields(r: ObjectReader, _: Thing) -> None:
    """osg::TexEnv: mode and colour."""
    r.stream.take(20)


def buffer_fields(r: ObjectReader, _: Thing) -> None:
    """osg::BufferObject: target, usage, one flag."""
    r.stream.take(9)


def image(r: ObjectReader) -> Image:
    """An image; its id shares the space of the objects.

    Raises:
        FormatError: an unknown way of storing it.
    """
    s = r.stream
    if r.version > 94:
        s.text()
    number = s.u32()
    known = r.known(number)
    if known is not None:
        return known
    picture = Image("osg::Image", name=s.text())
    r.seen[number] = picture
    s.i32()
    decision = s.i32()
    if decision == INLINE_PIXELS:
        _pixels(r, picture)
    elif decision == INLINE_FILE:
        picture.file = s.blob()
    elif decision not in {EXTERNAL, WRITTEN_OUT}:
        raise s.fault(f"an image is stored in an unknown way ({decision})")
    object_fields(r, picture)
    return picture


def _pixels(r: ObjectReader, picture: Image) -> None:
    s = r.stream
    _, width, height, _, _, form, kind, packing, _ = (s.i32() for _ in range(9))
    picture.shape = (width, height)
    picture.format, picture.type, picture.packing = form, kind, packing
    picture.pixels = s.blob()
    s.take(4 * s.count(4))
