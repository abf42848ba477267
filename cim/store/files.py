"""Folders of an installation: published versions, staging, results of analyses."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cim.errors import StorageError


@dataclass(frozen=True, slots=True)
class Files:
    """The layout below the data folder.

    ``layers/<id>/<version>/`` is immutable once its row is in the catalogue.
    ``staging/<id>/<key>/`` is where a version grows and a killed run finds its parts again.
    """

    root: Path

    def version(self, layer: str, version: int) -> Path:
        """Folder of one published version."""
        return self.root / "layers" / layer / str(version)

    def staging(self, layer: str, key: str) -> Path:
        """Folder where the version with this key grows."""
        return self.root / "staging" / layer / key

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
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
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
