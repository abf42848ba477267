"""PLY: meshes in text or binary, with vertex colours or textures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.ingest.sources.flat.material import find_file, text_of
from cim.ingest.sources.flat.raw import Material, Raw, Writer

Array = npt.NDArray[Any]

REMEDY = "export the model anew as PLY with triangles"
ROWS = 1 << 18
LONGEST = 1 << 16  # bytes of a header
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_COLORS = (
    ("red", "green", "blue"),
    ("r", "g", "b"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
)
_INDICES = ("vertex_indices", "vertex_index")


@dataclass(slots=True)
class Property:
    """One value of an element; a list where ``length`` is a type."""

    name: str
    type: str
    length: str | None = None


@dataclass(slots=True)
class Element:
    """One kind of things."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)


@dataclass(slots=True)
class Header:
    """What the text at the start says."""

    form: str = ""
    elements: list[Element] = field(default_factory=list)
    textures: list[bytes] = field(default_factory=list)
    end: int = 0

    @property
    def order(self) -> str:
        """Byte order of numbers, as numpy writes it."""
        return ">" if self.form == "binary_big_endian" else "<"

    def element(self, name: str) -> Element | None:
        """An element by its name."""
        return next((e for e in self.elements if e.name == name), None)

    @property
    def faces(self) -> int:
        """How many faces it announces; 0 for a cloud of points."""
        found = self.element("face")
        return 0 if found is None else found.count


def read_header(path: Path) -> Header:
    """Read the header.

    Raises:
        FormatError: it is none.
    """
    with path.open("rb") as file:
        raw = file.read(LONGEST)
    end = raw.find(b"end_header")
    stop = raw.find(b"\n", end)
    if not raw.startswith(b"ply") or end < 0 or stop < 0:
        raise FormatError("it has no PLY header", path=path, remedy=REMEDY)
    header = Header(end=stop + 1)
    try:
        for line in raw[:end].splitlines()[1:]:
            _line(header, line)
    except (ValueError, IndexError, KeyError) as error:
        raise FormatError(f"its header is malformed: {error}", path=path, remedy=REMEDY) from error
    if header.form not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise FormatError(f"an unknown format {header.form!r}", path=path, remedy=REMEDY)
    return header


def _line(header: Header, line: bytes) -> None:
    words = line.split()
    if not words:
        return
    first, rest = words[0], [w.decode("latin-1") for w in words[1:]]
    if first == b"format":
        header.form = rest[0]
    elif first == b"element":
        header.elements.append(Element(rest[0], int(rest[1])))
    elif first == b"property" and rest[0] == "list":
        kind = Property(rest[3], _TYPES[rest[2]], _TYPES[rest[1]])
        header.elements[-1].properties.append(kind)
    elif first == b"property":
        header.elements[-1].properties.append(Property(rest[1], _TYPES[rest[0]]))
    elif first == b"comment" and len(words) > 2 and words[1].lower() == b"texturefile":
        header.textures.append(line.split(None, 2)[2].strip())


def read_ply(path: Path, folder: Path) -> Raw:
    """Read a file into columns below ``folder``.

    Raises:
        FormatError: it is damaged, or a cloud of points.
    """
    header = read_header(path)
    if not header.faces:
        raise FormatError(
            "it has no faces: a cloud of points, not a mesh",
            path=path,
            remedy="convert it to LAS, which is read as a point cloud",
        )
    with Writer(folder) as writer:
        _materials(writer.raw, header, path.parent)
        with path.open("rb") as file:
            file.seek(header.end)
            try:
                for element in header.elements:
                    for rows in _rows(file, element, header):
                        _take(writer, element.name, rows)
            except (ValueError, OverflowError) as error:
                raise FormatError(f"it is damaged: {error}", path=path, remedy=REMEDY) from error
    return writer.raw


def _materials(raw: Raw, header: Header, folder: Path) -> None:
    for name in header.textures:
        material = Material(text_of(name), picture=find_file(folder, name))
        if material.picture is None:
            material.lose()
            raw.notes.append(f"the texture {text_of(name)} is not there: its faces are grey")
        raw.materials.append(material)
    if not raw.materials:
        raw.materials.append(Material())


def _rows(file: BinaryIO, element: Element, header: Header) -> Iterator[dict[str, Array]]:
    """Values of an element by name; a list becomes its values and, with ``#``, their number."""
    if header.form == "ascii":
        left = element.count
        while left > 0:
            lines = [line for line in islice(file, min(left, ROWS)) if line.strip()]
            if not lines:
                raise ValueError(f"{left} rows of {element.name} are missing")
            left -= len(lines)
            yield _text_rows(lines, element)
        return
    left, ask = element.count, ROWS
    while left > 0:
        rows, taken = _binary_rows(file, element, header.order, min(left, ask))
        left -= taken
        ask = min(4 * taken + 16, ROWS)  # where triangles and others take turns, runs are short
        yield rows


def _text_rows(lines: list[bytes], element: Element) -> dict[str, Array]:
    table = [line.split() for line in lines]
    values = np.array([word for words in table for word in words], np.float64)
    sizes = np.array([len(words) for words in table])
    starts = np.cumsum(sizes) - sizes
    at = np.zeros(len(lines), np.int64)
    found: dict[str, Array] = {}
    for prop in element.properties:
        if prop.length is None:
            if (at >= sizes).any():
                raise ValueError(f"a row without {prop.name}")
            found[prop.name] = values[starts + at]
            at += 1
            continue
        if (at >= sizes).any():
            raise ValueError(f"a row without {prop.name}")
        lengths = values[starts + at].astype(np.int64)
        at += 1
        if (lengths < 0).any() or (at + lengths > sizes).any():
            raise ValueError(f"a list {prop.name} is longer than its row")
        found["#" + prop.name] = lengths
        found[prop.name] = values[_ranges(starts + at, lengths)]
        at += lengths
    return found


def _ranges(starts: Array, lengths: Array) -> Array:
    """start, start + 1, ... of each range, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    found: Array = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return found


def _binary_rows(
    file: BinaryIO, element: Element, order: str, most: int
) -> tuple[dict[str, Array], int]:
    """As many rows as have lists of the same lengths as the first; how many they are."""
    start = file.tell()
    lengths = _first_lengths(file, element, order)
    fields: list[Any] = []
    for prop in element.properties:
        if prop.length is not None:
            fields.append(("#" + prop.name, order + prop.length))
            fields.append((prop.name, order + prop.type, (lengths[prop.name],)))
        else:
            fields.append((prop.name, order + prop.type))
    kind = np.dtype(fields)
    file.seek(start)
    data = file.read(kind.itemsize * most)
    table: Array = np.frombuffer(data, kind, len(data) // kind.itemsize)
    if not len(table):
        raise ValueError(f"it ends within {element.name}")
    same = np.ones(len(table), np.bool_)
    for name, length in lengths.items():
        same &= table["#" + name] == length
    whole = len(table) if same.all() else int(np.argmin(same))
    if same.all() and whole < most:
        raise ValueError(f"it ends within {element.name}")
    file.seek(start + whole * kind.itemsize)
    rows = {name: table[name][:whole] for name in kind.names or ()}
    return {k: v.reshape(-1) if k in lengths else v for k, v in rows.items()}, whole


def _first_lengths(file: BinaryIO, element: Element, order: str) -> dict[str, int]:
    found = {}
    for prop in element.properties:
        if prop.length is None:
            file.seek(np.dtype(prop.type).itemsize, 1)
            continue
        kind = np.dtype(order + prop.length)
        raw = file.read(kind.itemsize)
        if len(raw) < kind.itemsize:
            raise ValueError(f"it ends within {element.name}")
        found[prop.name] = int(np.frombuffer(raw, kind)[0])
        if found[prop.name] < 0:
            raise ValueError(f"a list of {found[prop.name]} values")
        file.seek(found[prop.name] * np.dtype(prop.type).itemsize, 1)
    return found


def _take(writer: Writer, name: str, rows: dict[str, Array]) -> None:
    if name == "vertex":
        _take_vertices(writer, rows)
    elif name == "face":
        _take_faces(writer, rows)


def _stack(rows: dict[str, Array], choices: tuple[tuple[str, ...], ...]) -> Array | None:
    for names in choices:
        if all(name in rows for name in names):
            return np.column_stack([rows[name] for name in names])
    return None


def _take_vertices(writer: Writer, rows: dict[str, Array]) -> None:
    places = _stack(rows, (("x", "y", "z"),))
    if places is None:
        raise ValueError("vertices without x, y, z")
    writer.add("positions", places)
    colors = _stack(rows, _COLORS)
    if colors is not None:
        writer.raw.colored = True
        if colors.dtype.kind == "f" and float(colors.max(initial=0)) <= 1.0:
            colors = colors * 255.0
        writer.add("colors", np.clip(colors, 0, 255).round())
    else:
        writer.add("colors", np.full(places.shape, 255))
    uv = _stack(rows, _UV)
    if uv is not None:
        writer.add("uv", uv)
    normals = _stack(rows, (("nx", "ny", "nz"),))
    if normals is not None:
        writer.add("normals", normals)


def _take_faces(writer: Writer, rows: dict[str, Array]) -> None:
    name = next((n for n in _INDICES if n in rows), None)
    if name is None:
        raise ValueError("faces without vertex_indices")
    indices = rows[name].astype(np.int64)
    sizes = rows["#" + name].astype(np.int64)
    raw = writer.raw
    corners = np.full((len(indices), 3), -1, np.int64)
    corners[:, 0] = np.where((indices >= 0) & (indices < 1 << 31), indices, -2)
    if raw.lengths.get("normals"):
        corners[:, 2] = corners[:, 0]
    wedges = rows.get("texcoord")
    if wedges is not None:
        own = rows["#texcoord"] == 2 * sizes
        first = raw.lengths.get("uv", 0)
        held = np.repeat(own, rows["#texcoord"])
        count = int(held.sum()) // 2
        corners[np.repeat(own, sizes), 1] = first + np.arange(count)
        writer.add("uv", wedges[held].reshape(-1, 2))
    elif raw.lengths.get("uv"):
        corners[:, 1] = corners[:, 0]
    numbers = rows.get("texnumber", np.zeros(len(sizes))).astype(np.int64)
    numbers = np.where((numbers >= 0) & (numbers < len(raw.materials)), numbers, 0)
    real = sizes >= 3
    raw.count("faces_without_corners", int((~real).sum()))
    writer.add_faces(corners[np.repeat(real, sizes)], sizes[real], numbers[real])
