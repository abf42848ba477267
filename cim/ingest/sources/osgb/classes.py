"""The classes of OpenSceneGraph that survey programs write, and how each is read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cim.ingest.sources.osgb import fields, geometry
from cim.ingest.sources.osgb.binary import open_stream
from cim.ingest.sources.osgb.graph import (
    Array,
    Geometry,
    Lod,
    Node,
    PagedLod,
    PrimitiveSet,
    StateSet,
    Texture,
    Thing,
    Transform,
)
from cim.ingest.sources.osgb.objects import Chain, ObjectReader

_OBJECT = (fields.object_fields,)
_NODE = (*_OBJECT, fields.node_fields)
_GROUP = (*_NODE, fields.children_fields)
_ATTRIBUTE = (*_OBJECT, fields.attribute_fields)
_TEXTURE = (*_ATTRIBUTE, fields.texture_fields)
_BUFFER = (*_OBJECT, geometry.buffer_data_fields)

_ARRAYS = (
    *(f"osg::Vec{n}{t}Array" for n in "234" for t in ("", "d", "b", "ub", "s", "us", "i", "ui")),
    *(f"osg::{t}Array" for t in ("Byte", "UByte", "Short", "UShort", "Int", "UInt")),
    "osg::FloatArray",
    "osg::DoubleArray",
)
_SETS = (
    "osg::DrawArrays",
    "osg::DrawArrayLengths",
    "osg::DrawElementsUByte",
    "osg::DrawElementsUShort",
    "osg::DrawElementsUInt",
)

CHAINS: dict[str, Chain] = {
    "osg::Node": Chain(Node, _NODE),
    "osg::Group": Chain(Node, _GROUP),
    "osg::Geode": Chain(Node, _GROUP),
    "osg::Transform": Chain(Transform, (*_GROUP, fields.transform_fields)),
    "osg::MatrixTransform": Chain(
        Transform, (*_GROUP, fields.transform_fields, fields.matrix_fields)
    ),
    "osg::LOD": Chain(Lod, (*_GROUP, fields.lod_fields)),
    "osg::PagedLOD": Chain(PagedLod, (*_NODE, fields.lod_fields, fields.paged_fields)),
    "osg::Geometry": Chain(
        Geometry,
        (
            *_OBJECT,
            geometry.drawable_node_fields,
            geometry.drawable_fields,
            geometry.geometry_fields,
        ),
    ),
    "osg::StateSet": Chain(StateSet, (*_OBJECT, fields.state_fields)),
    "osg::Material": Chain(Thing, (*_ATTRIBUTE, fields.material_fields)),
    "osg::TexEnv": Chain(Thing, (*_ATTRIBUTE, fields.texenv_fields)),
    "osg::Texture2D": Chain(Texture, (*_TEXTURE, fields.texture2d_fields)),
    "osg::DefaultUserDataContainer": Chain(Thing, (*_OBJECT, fields.container_fields)),
    "osg::VertexBufferObject": Chain(Thing, (*_OBJECT, fields.buffer_fields)),
    "osg::ElementBufferObject": Chain(Thing, (*_OBJECT, fields.buffer_fields)),
    **{name: Chain(Array, (*_BUFFER, geometry.array_fields)) for name in _ARRAYS},
    **{
        name: Chain(partial(PrimitiveSet, kind=name), (*_BUFFER, geometry.set_fields))
        for name in _SETS
    },
}


def read_graph(path: Path) -> tuple[Thing | None, ObjectReader]:
    """Read the root object of a file, and the reader with what it skipped.

    Raises:
        FormatError: naming file, offset, class and serializer version.
    """
    reader = ObjectReader(open_stream(path), CHAINS)
    return reader.object(), reader
