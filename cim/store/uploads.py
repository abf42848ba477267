"""Files that people hand in with a question, kept by their content."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cim.errors import NotFoundError, ParameterError, TooLargeError
from cim.settings import SAMPLES
from cim.store.files import disk_errors
from cim.store.kept import Keep, sweep_now_and_then, used

SAMPLE = "samples"
_DIGEST = 32
_ID = re.compile(rf"[0-9a-f]{{{_DIGEST}}}/[^/\\\x00-\x1f]+|{SAMPLE}(/[\w.-]+)+")
_LONGEST = 120  # bytes of a name; file systems take 255
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file that was handed in.

    Args:
        id: ``<digest>/<name>``, what a parameter names it by.
        name: As it is kept: without folders and control characters.
        bytes: Its size.
    """

    id: str
    name: str
    bytes: int


@dataclass(slots=True)
class Incoming:
    """A file while it arrives.

    Args:
        name: As given by whoever sends it.
        limit: Most bytes that are taken.
        file: Where it goes meanwhile.
    """

    name: str
    limit: int
    file: BinaryIO
    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLargeError: that is more than is taken.
        """
        self.size += len(chunk)
        if self.size > self.limit:
            raise too_large(self.name, self.limit)
        self.digest.update(chunk)
        with disk_errors(Path(self.file.name)):
            self.file.write(chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The folder of uploads.

    Args:
        root: ``<digest>/<name>`` below it.
        limit: Most bytes of one file.
        keep: When they are removed.
        samples: Folder of the files that examples name as ``samples/...``.
    """

    root: Path
    limit: int = 64_000_000
    keep: Keep = field(default_factory=Keep)
    samples: Path = SAMPLES

    @contextmanager
    def receive(self, name: str) -> Iterator[Incoming]:
        """A file to write into; give it to ``store`` when it is whole, else it is dropped.

        Raises:
            ParameterError: the name is none.
            StorageError: the disk is full.
        """
        kept = safe_name(name)
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self.root))
        try:
            with (work / kept).open("wb") as file:
                yield Incoming(name=kept, limit=self.limit, file=file)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def store(self, incoming: Incoming) -> Upload:
        """Keep a file that has arrived; the same content under the same name is kept once.

        Raises:
            ParameterError: it is empty.
            StorageError: the disk is full.
        """
        if not incoming.size:
            raise ParameterError(
                f"{incoming.name} is empty", remedy="send the content as the request's body"
            )
        digest = incoming.digest.hexdigest()[:_DIGEST]
        folder = self.root / digest
        with disk_errors(folder):
            incoming.file.close()
            folder.mkdir(exist_ok=True)
            Path(incoming.file.name).replace(folder / incoming.name)
        used(folder)
        sweep_now_and_then(self.root, self.keep)
        return Upload(id=f"{digest}/{incoming.name}", name=incoming.name, bytes=incoming.size)

    def add(self, path: Path) -> Upload:
        """Keep a copy of a file of this machine, as if it had been sent.

        Raises:
            NotFoundError: there is no such file.
            TooLargeError: it is larger than what is taken.
            ParameterError: it is empty.
        """
        if not path.is_file():
            raise NotFoundError("there is no such file", path=path, remedy="check the spelling")
        with self.receive(path.name) as incoming, path.open("rb") as source:
            while chunk := source.read(_BLOCK):
                incoming.write(chunk)
            return self.store(incoming)

    def path(self, upload: str) -> Path:
        """The file that an id names.

        Raises:
            NotFoundError: nobody handed it in, or it is no longer kept.
        """
        if not is_upload(upload):
            raise self._gone(upload)
        kind, _, name = upload.partition("/")
        if kind == SAMPLE:
            found = self.samples / name
            if not found.is_file():
                raise self._gone(upload)
            return found
        found = self.root / kind / name
        try:
            there = found.is_file()
        except OSError:  # a name too long for this disk
            there = False
        if not there:
            raise self._gone(upload)
        used(found.parent)
        return found

    @staticmethod
    def _gone(upload: str) -> NotFoundError:
        return NotFoundError(
            f"there is no upload {upload[:80]!r}, or it is no longer kept",
            remedy="send the file again: POST /api/uploads?name=...",
        )


def is_upload(text: str) -> bool:
    """Whether a text could be an upload's id: ``<digest>/<name>``, or a file of the samples."""
    return _ID.fullmatch(text) is not None and not {"", ".", ".."} & set(text.split("/"))


def too_large(name: str, limit: int) -> TooLargeError:
    """The refusal of a file beyond the limit."""
    return TooLargeError(
        f"{name[:80]} is larger than the {limit / 1e6:g} MB that are taken at once",
        remedy="cut it, leave out what the question does not need, or ask the administrator to "
        "raise CIM_UPLOAD_MB",
    )


def safe_name(name: str) -> str:
    r"""A file's own name without folders, control characters and excess; its ending is kept.

    Raises:
        ParameterError: nothing is left of it.

    Example:
        >>> safe_name("C:\\survey\\..\\测区 3.xlsx")
        '测区 3.xlsx'
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(c for c in last if c.isprintable() and not "\ud800" <= c <= "\udfff")
    plain = plain.strip().lstrip(".").strip()
    if not plain:
        raise ParameterError(
            f"{name[:60]!r} is no name of a file", remedy="give one such as name=survey.xlsx"
        )
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = plain, "", ""
    room = _LONGEST - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + dot + ending
