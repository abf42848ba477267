"""What a glb holds, as values: primitives, textures, a table of features, and how to encode it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cim.layers import FieldType

Floats32 = npt.NDArray[np.float32]
Reals = npt.NDArray[np.floating[Any]]

CLAMP_TO_EDGE, REPEAT, MIRRORED_REPEAT = 33071, 10497, 33648
GREY = 0.8
NULL_FEATURE = 0xFFFFFF  # a vertex that belongs to no feature; the last whole number in float32


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """An image file and how it repeats.

    Args:
        data: A whole JPEG or PNG file (or WebP, where an encoding has made it one).
        mime: What it is: ``image/jpeg``, ``image/png`` or ``image/webp``.
        wrap: How it repeats along u and v, glTF codes.
    """

    data: bytes | memoryview
    mime: str
    wrap: tuple[int, int] = (CLAMP_TO_EDGE, CLAMP_TO_EDGE)


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One mesh with one material, or points.

    Args:
        positions: (n, 3) in a z-up frame, m, finite.
        triangles: (m, 3) indices of corners; None for points.
        uv: (n, 2) counted from the upper left corner, or None.
        texture: None for one colour.
        normals: (n, 3) unit vectors, z-up; given only where the mesh shall be lit.
        colors: (n, 3) or (n, 4) uint8, sRGB as cameras give them; the file holds them linear, as
            glTF wants them (two bytes each, so that every one of the 256 steps comes back).
        features: (n,) rows of the table, or ``NULL_FEATURE``.
        attributes: (n,) numbers by name: ``{"intensity": ..., "classification": ...}``. 8 and 16
            bits are kept, wider ones become float32.
        base_color: Linear red, green, blue, alpha, 0..1; None for grey, or white under colours.
    """

    positions: Reals
    triangles: npt.NDArray[np.unsignedinteger[Any]] | None
    uv: Reals | None = None
    texture: Texture | None = None
    normals: Reals | None = None
    colors: npt.NDArray[np.uint8] | None = None
    features: npt.NDArray[np.unsignedinteger[Any]] | None = None
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    base_color: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute of all features.

    Args:
        name: Id of the property: English letters, digits and _.
        type: What its values are; dates are ``datetime.date`` or ISO text.
        values: One a feature; None where nothing is known. An empty text is nothing known.
        title: What users read.
        unit: UCUM unit, empty for none.
    """

    name: str
    type: FieldType
    values: Sequence[Any]
    title: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The features of a file: row i belongs to the vertices whose feature is i.

    Args:
        name: Name of the class, such as ``building``.
        columns: Attributes.
        count: Number of features.
    """

    name: str
    columns: tuple[Column, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """How geometry and images are written.

    Args:
        geometry: ``float32``; ``quantized``: 16 bits on a grid over the file (error at most half
            of its longest side / 65535 along each axis); ``meshopt``: quantized and compressed.
        texture: ``keep`` the delivered files, or write ``jpeg`` or ``webp`` where that is smaller.
        quality: Of written images, 1..100.
    """

    geometry: Literal["float32", "quantized", "meshopt"] = "float32"
    texture: Literal["keep", "jpeg", "webp"] = "keep"
    quality: int = 75


PLAIN = Encoding()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A file read back.

    Args:
        primitives: Positions as float64 in the z-up frame, after the transformations of nodes.
        table: The features, if the file has any.
    """

    primitives: list[Primitive]
    table: Table | None = None


def sniff(data: bytes | memoryview) -> str | None:
    """Tell JPEG and PNG by their first bytes, never by a name; None for anything else.

    Example:
        >>> sniff(bytes.fromhex("ffd8ffe0"))
        'image/jpeg'
    """
    head = bytes(data[:8])
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if head == b"\x89PNG\r\n\x1a\n" else None
