"""Wavefront OBJ: read once from front to end, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.ingest.sources.flat.material import find_file, read_materials, text_of
from cim.ingest.sources.flat.raw import Material, Raw, Writer
from cim.ingest.sources.flat.scan import CHUNK, Found, Scanner

HEAD = 1 << 16
_JOINED = re.compile(rb"(?<![\x80-\xff])\\\r?\n")  # the last byte of a Chinese character may be \
REMEDY = "export the model anew as OBJ with faces"


def read_obj(path: Path, folder: Path) -> Raw:
    """Read a file into columns below ``folder``.

    Raises:
        FormatError: it is no OBJ, or has no faces.
    """
    with Writer(folder) as writer:
        _Reader(path, writer).run()
    raw = writer.raw
    if not raw.lengths.get("positions"):
        raise FormatError("no vertex (v) is in it", path=path, remedy=REMEDY)
    if not raw.lengths.get("triangles") and not raw.lengths.get("polygons"):
        raise FormatError("no face (f) is in it", path=path, remedy=REMEDY)
    return raw


def libraries(path: Path) -> list[Path]:
    """The material libraries that the first lines of a file name."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = []
    for line in head.splitlines():
        if line.strip().lower().startswith(b"mtllib"):
            found += _library_files(path.parent, line.strip()[6:].strip())[0]
    return list(dict.fromkeys(found))


def _library_files(folder: Path, names: bytes) -> tuple[list[Path], list[bytes]]:
    """Files of a mtllib line, whose names may hold blanks, and names without a file."""
    whole = find_file(folder, names)
    if whole is not None:
        return [whole], []
    each = [(name, find_file(folder, name)) for name in names.split()]
    if not any(file for _, file in each):
        return [], [names]
    return [f for _, f in each if f is not None], [name for name, f in each if f is None]


def _joined(text: bytes) -> bytes:
    """Lines that go on behind a backslash, in one; few files have any."""
    return _JOINED.sub(b" ", text) if b"\\" in text else text


class _Reader:
    def __init__(self, path: Path, writer: Writer) -> None:
        self.path = path
        self.writer = writer
        self.raw = writer.raw
        self.scanner = Scanner()
        self.names: dict[bytes, int] = {b"": 0}
        self.current = 0
        self.libraries: list[bytes] = []

    def run(self) -> None:
        for chunk in self._chunks():
            data = np.frombuffer(chunk, np.uint8)
            self._take(chunk, self.scanner.scan(data))
        self._look_up()

    def _chunks(self) -> Iterator[bytes]:
        """Whole lines; a line may run over several that end with a backslash."""
        rest = b""
        with self.path.open("rb") as file:
            while piece := file.read(CHUNK // 2):
                if b"\0" in piece:
                    raise FormatError(
                        "it holds binary data, not the text of an OBJ file",
                        path=self.path,
                        remedy="check the name and the copy",
                    )
                rest += piece
                end = rest.rfind(b"\n")
                while end > 0 and rest[max(end - 2, 0) : end].rstrip(b"\r").endswith(b"\\"):
                    end = rest.rfind(b"\n", 0, end)
                if end >= 0:
                    yield _joined(rest[: end + 1])
                    rest = rest[end + 1 :]
                if len(rest) > CHUNK // 2:
                    raise FormatError(
                        f"a line of more than {len(rest)} bytes", path=self.path, remedy=REMEDY
                    )
        if rest:
            yield _joined(rest) + b"\n"

    def _take(self, chunk: bytes, found: Found) -> None:
        add = self.writer.add
        add("positions", found.positions)
        add("colors", self._colors(found.colors))
        add("uv", found.uv)
        add("normals", found.normals)
        self.writer.add_faces(found.corners, found.sizes, self._materials(chunk, found))
        self.raw.count("faces_without_corners", found.bad)

    def _colors(self, colors: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """As bytes; a file without any is white all over."""
        given = np.isfinite(colors)
        if not given.any():
            return np.full(colors.shape, 255, np.uint8)
        self.raw.colored = True
        scale = 255.0 if float(colors[given].max()) <= 1.0 else 1.0
        return np.where(given, np.clip(colors * scale, 0, 255).round(), 255).astype(np.uint8)

    def _materials(self, chunk: bytes, found: Found) -> npt.NDArray[np.int32]:
        """The material of each face: usemtl holds until the next one."""
        result = np.empty(len(found.sizes), np.int32)
        since = 0
        for start, end, before in found.events:
            word, _, name = chunk[start:end].strip().partition(b" ")
            if word.lower() == b"usemtl":
                result[since:before] = self.current
                since = before
                self.current = self.names.setdefault(name.strip(), len(self.names))
            elif word.lower() == b"mtllib" and name.strip() not in self.libraries:
                self.libraries.append(name.strip())
        result[since:] = self.current
        return result

    def _look_up(self) -> None:
        """Find the materials that faces have named."""
        known: dict[bytes, Material] = {}
        for names in self.libraries:
            files, missing = _library_files(self.path.parent, names)
            for name in missing:
                self._tell(f"the material library {text_of(name)} is not there")
            for file in files:
                more, lost = read_materials(file)
                known |= more
                for name in lost:
                    self._tell(f"the texture {text_of(name)} is not there: its faces are grey")
        if len(self.names) > 1 and not self.libraries:
            self._tell("it names materials but no material library (mtllib)")
        for name in self.names:
            self.raw.materials.append(known.get(name, Material(text_of(name))))

    def _tell(self, note: str) -> None:
        if note not in self.raw.notes:
            self.raw.notes.append(note)
