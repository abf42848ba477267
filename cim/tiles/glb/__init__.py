"""Binary glTF 2.0: writes meshes and points with their features, and reads them back."""

from cim.tiles.glb.model import (
    CLAMP_TO_EDGE,
    GREY,
    MIRRORED_REPEAT,
    NULL_FEATURE,
    PLAIN,
    REPEAT,
    Column,
    Encoding,
    Model,
    Primitive,
    Table,
    Texture,
    sniff,
)
from cim.tiles.glb.reader import parse, read
from cim.tiles.glb.writer import encode, write

__all__ = [
    "CLAMP_TO_EDGE",
    "GREY",
    "MIRRORED_REPEAT",
    "NULL_FEATURE",
    "PLAIN",
    "REPEAT",
    "Column",
    "Encoding",
    "Model",
    "Primitive",
    "Table",
    "Texture",
    "encode",
    "parse",
    "read",
    "sniff",
    "write",
]
