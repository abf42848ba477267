"""The scene graph of one file, as far as a mesh needs it.

These are filled while they are read, not frozen: an object is registered under its id before its
fields are, because a field may refer back to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PIXEL_SIZE = 1


@dataclass(slots=True, eq=False)
class Thing:
    """Any object of the file; on its own, one whose content does not matter here."""

    kind: str = ""


@dataclass(slots=True, eq=False)
class Image(Thing):
    """A picture: a whole image file, raw pixels, or a name beside the .osgb.

    Args:
        name: File name as stored; may end otherwise than its bytes say.
        file: Bytes of an inline image file.
        pixels: Raw bytes, row 0 lowest, with ``shape`` (width, height), ``format`` and ``type``
            (OpenGL codes) and ``packing`` (row alignment, bytes).
    """

    name: str = ""
    file: memoryview | None = None
    pixels: memoryview | None = None
    shape: tuple[int, int] = (0, 0)
    format: int = 0
    type: int = 0
    packing: int = 1


@dataclass(slots=True, eq=False)
class Texture(Thing):
    """A picture and how it repeats (OpenGL wrap codes)."""

    wrap: list[int] = field(default_factory=lambda: [0x2900, 0x2900])
    image: Image | None = None


@dataclass(slots=True, eq=False)
class StateSet(Thing):
    """How the geometry below is drawn."""

    texture: Texture | None = None


@dataclass(slots=True, eq=False)
class Node(Thing):
    """A node, group or geode."""

    state: StateSet | None = None
    children: list[Thing] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Transform(Node):
    """A node that moves what is below: v' = v * matrix (row vectors)."""

    matrix: Floats = field(default_factory=lambda: np.eye(4))


@dataclass(slots=True, eq=False)
class Lod(Node):
    """Children that show at ranges of distance (m) or size on the screen (pixels).

    Args:
        centre_mode: 0 bounding sphere, 1 the given centre, 2 the union of both.
        sphere: Given centre and radius, m.
        range_mode: 0 distance, 1 pixel size.
        ranges: (least, most) of every child.
    """

    centre_mode: int = 0
    sphere: tuple[float, ...] = (0.0, 0.0, 0.0, -1.0)
    range_mode: int = 0
    ranges: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class PagedLod(Lod):
    """A level of detail whose finer children are other files; "" names an inline child."""

    folder: str = ""
    files: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Array(Thing):
    """Numbers per vertex: (n,) or (n, width)."""

    values: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))


@dataclass(slots=True, eq=False)
class PrimitiveSet(Thing):
    """Corners in drawing order: ``indices``, or ``lengths`` of runs that begin at ``first``."""

    mode: int = 0
    first: int = 0
    lengths: npt.NDArray[Any] | None = None
    indices: npt.NDArray[Any] | None = None


@dataclass(slots=True, eq=False)
class Geometry(Node):
    """Vertices, their colours, texture coordinates of the first unit, and how to join them."""

    vertices: npt.NDArray[Any] | None = None
    uv: npt.NDArray[Any] | None = None
    colours: npt.NDArray[Any] | None = None
    sets: list[PrimitiveSet] = field(default_factory=list)
