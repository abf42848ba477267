"""A model as arrays on disk: whatever its size, only the pages that are looked at are in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
GREY = 0.6  # linear
WHITE = (1.0, 1.0, 1.0, 1.0)

COLUMNS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "positions": (np.float64, (3,)),
    "colors": (np.uint8, (3,)),
    "uv": (np.float32, (2,)),
    "normals": (np.float32, (3,)),
    "triangles": (np.int32, (3, 3)),
    "materials": (np.int32, ()),
    "polygons": (np.int32, (3,)),
    "sizes": (np.int32, ()),
    "polygon_materials": (np.int32, ()),
}


@dataclass(slots=True)
class Material:
    """How faces look.

    Args:
        name: As the file has it.
        color: Linear red, green, blue, alpha, 0..1.
        picture: File of its texture, or None.
        lost: Whether it has a texture that cannot be had: its faces are grey.
        scale: Of texture coordinates, as ``-s`` gives it.
        offset: Of texture coordinates, as ``-o`` gives it.
    """

    name: str = ""
    color: tuple[float, float, float, float] = WHITE
    picture: Path | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    lost: bool = False

    def lose(self) -> None:
        """Go without the texture."""
        self.picture, self.lost = None, True

    @property
    def tint(self) -> tuple[float, float, float, float]:
        """The colour where there is no texture."""
        return (GREY, GREY, GREY, 1.0) if self.lost else self.color


@dataclass(slots=True)
class Raw:
    """A model that a reader has left below a folder.

    Args:
        folder: Holds one file a column: ``positions`` (n, 3); ``colors`` (n, 3) sRGB, one a vertex;
            ``uv`` (n, 2) from the lower left corner; ``normals`` (n, 3); ``triangles`` (n, 3, 3)
            vertex, uv and normal of each corner, negative for none, and ``materials`` (n,);
            ``polygons`` (n, 3) corners of faces of more than three, their ``sizes`` and
            ``polygon_materials``.
        lengths: Rows of each column.
        materials: By their number.
        colored: Whether vertices have colours.
        counts: What was found wrong, by a word for it.
        notes: Sentences about the file for the report.
    """

    folder: Path
    lengths: dict[str, int] = field(default_factory=dict)
    materials: list[Material] = field(default_factory=list)
    colored: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> Array:
        """A column as an array; its pages are read when they are looked at."""
        kind, shape = COLUMNS[name]
        rows = self.lengths.get(name, 0)
        if not rows:
            return np.empty((0, *shape), kind)
        return np.memmap(self.folder / name, kind, "r", shape=(rows, *shape))

    def rows(self, name: str, part: slice) -> Array:
        """Some rows of a column, read into memory: for columns that are read front to back."""
        kind, shape = COLUMNS[name]
        size = np.dtype(kind).itemsize * int(np.prod(shape))
        count = (part.stop - part.start) * size
        with (self.folder / name).open("rb") as file:
            file.seek(part.start * size)
            return np.frombuffer(bytearray(file.read(count)), kind).reshape(-1, *shape)

    def count(self, word: str, number: int = 1) -> None:
        """Note that something was found so many times."""
        if number:
            self.counts[word] = self.counts.get(word, 0) + int(number)

    def remove(self) -> None:
        """Delete the columns, and all else that the reader has left there."""
        shutil.rmtree(self.folder)


class Writer:
    """Writes the columns of a model, piece by piece."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.raw = Raw(folder)
        self._stack = ExitStack()
        self._files = {
            name: self._stack.enter_context((folder / name).open("wb")) for name in COLUMNS
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, name: str, values: Array) -> None:
        """Append rows to a column."""
        kind, shape = COLUMNS[name]
        rows = np.ascontiguousarray(values, kind).reshape(-1, *shape)
        self._files[name].write(rows.data)
        self.raw.lengths[name] = self.raw.lengths.get(name, 0) + len(rows)

    def add_faces(self, corners: Array, sizes: Array, materials: Array) -> None:
        """Append faces of any number of corners.

        Args:
            corners: (n, 3) vertex, uv, normal.
            sizes: (m,) corners of each face.
            materials: (m,).
        """
        if len(sizes) == 0:
            return
        three = sizes == 3
        if three.all():
            self.add("triangles", corners)
            self.add("materials", materials)
            return
        each = np.repeat(three, sizes)
        self.add("triangles", corners[each])
        self.add("materials", materials[three])
        self.add("polygons", corners[~each])
        self.add("sizes", sizes[~three])
        self.add("polygon_materials", materials[~three])


def parts(total: int, most: int) -> Iterator[slice]:
    """Slices of at most so many rows."""
    for start in range(0, total, most):
        yield slice(start, min(start + most, total))
