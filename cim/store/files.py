"""Folders of an installation: published versions, staging, results of analyses."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cim.errors import StorageError
from cim.store.objects import Store

# EFBIG: 4 GB are the most on a stick with FAT32
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Files:
    """The layout below the data folder.

    ``layers/<id>/<version>/`` is immutable once its row is in the catalogue.
    ``staging/<id>/<key>/`` is where a version grows and a killed run finds its parts again.

    Args:
        root: The data folder.
        store: Where published versions lie too, for servers that share no disk; what is asked for
            and not in the data folder is fetched from there once, for it never changes.
    """

    root: Path
    store: Store | None = None

    def version(self, layer: str, version: int) -> Path:
        """Folder of one published version."""
        return self.root / "layers" / layer / str(version)

    def staging(self, layer: str, key: str) -> Path:
        """Folder where the version with this key grows."""
        return self.root / "staging" / layer / key

    def file(self, layer: str, version: int, name: str) -> Path:
        """One file of a published version, fetched if it is not here; it may not exist.

        Raises:
            StorageError: the store does not answer.
        """
        path = self.version(layer, version) / name
        if self.store is not None and not path.is_file():
            content = self.store.read(f"{layer}/{version}/{name}")
            if content is not None:
                write_atomic(path, content)
        return path

    def held(self, layer: str, version: int, name: str) -> Path:
        """One file that a published version has.

        Raises:
            StorageError: it is gone, or the store does not answer.
        """
        path = self.file(layer, version, name)
        if not path.is_file():
            raise StorageError(
                f"{layer} version {version} has lost its file {name}",
                path=path,
                remedy="restore the data folder's layers/, or ingest the delivery with --force",
            )
        return path

    def whole(self, layer: str, version: int) -> Path:
        """Folder of a published version with all its files, fetched where they are not here.

        Raises:
            StorageError: the store does not answer.
        """
        folder = self.version(layer, version)
        if self.store is not None:
            for name in self.store.names(f"{layer}/{version}"):
                self.file(layer, version, name)
        return folder

    def upload(self, staging: Path, layer: str, version: int, leave: Sequence[str] = ()) -> None:
        """Put a version that is about to be published into the store, if there is one.

        Args:
            staging: The finished folder.
            layer: Its layer.
            version: Its number.
            leave: Sub-folders that do not last.

        Raises:
            StorageError: the store does not take it.
        """
        if self.store is None:
            return
        kept = (
            path.relative_to(staging)
            for path in staging.rglob("*")
            if path.is_file() and path.relative_to(staging).parts[0] not in leave
        )
        self.store.replace(f"{layer}/{version}", staging, sorted(kept))

    @property
    def results(self) -> Path:
        """Folder of analysis results, a cache: safe to remove."""
        return self.root / "results"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one clear sentence.

    Raises:
        StorageError: naming the folder and how much is free.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageError(
            f"cannot write: {os.strerror(error.errno)} ({free(path)} free)",
            path=error.filename or path,
            remedy="free some room or give another CIM_DATA_DIR; a second run goes on where "
            "this one stopped",
        ) from error


def free(path: Path) -> str:
    """Room left where a file would lie, in words."""
    while not path.exists():
        path = path.parent
    return f"{shutil.disk_usage(path).free / 1e6:.0f} MB"


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if isinstance(content, str):
        content = content.encode()
    part.write_bytes(content)
    part.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, readable and whole."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))
