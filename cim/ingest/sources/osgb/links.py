"""Names inside a delivery: from what a file says to a file that is there, and to one of ours."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def resolve(name: str, folder: Path, root: Path) -> Path | None:
    r"""The file a name means, or None where there is none or it lies outside of the delivery.

    Args:
        name: As stored: ``/`` or ``\``, in any case, relative to ``folder``.
        folder: Folder of the file that holds the name.
        root: Folder that no name may leave, not by ``..``, nor by a drive, nor by a symbolic link.
    """
    clean = name.replace("\\", "/").strip()
    if not clean or "\0" in clean or clean.startswith("/") or clean[1:2] == ":":
        return None
    place = folder
    for part in PurePosixPath(clean).parts:
        if part == "..":
            place = place.parent
            continue
        found = _entry(place, part)
        if found is None:
            return None
        place = found
    if not place.is_file() or not place.resolve().is_relative_to(root.resolve()):
        return None
    return place


def _entry(folder: Path, name: str) -> Path | None:
    """The entry of that name, or the one that differs in case only."""
    try:
        exact = folder / name
        if exact.exists():
            return exact
    except OSError:
        return None
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return None
    other = _listing(folder, changed).get(name.casefold())
    return None if other is None else folder / other


@lru_cache(maxsize=64)
def _listing(folder: Path, _changed: int) -> dict[str, str]:
    """Names by their folded form; the time of change keeps the cache honest."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return {}
    return {name.casefold(): name for name in reversed(names)}


def escapes(name: str, folder: Path, root: Path) -> bool:
    """Whether a name points out of the delivery, whether or not something is there."""
    clean = name.replace("\\", "/").strip()
    if clean.startswith("/") or clean[1:2] == ":":
        return True
    place = Path(os.path.normpath(folder / clean))
    return not place.is_relative_to(os.path.normpath(root))


def safe_name(text: str, taken: set[str]) -> str:
    """A file name that needs no percent-encoding and differs from all taken ones in any case.

    Example:
        >>> safe_name("Tile_+003_+013", set())
        'Tile_003_013'
        >>> safe_name("Tile_-003", {"tile_-003"}).startswith("Tile_-003-")
        True
    """
    name = _UNSAFE.sub(lambda m: "" if m.group() == "+" else "_", text)[:80]
    if not name or name.lower() in taken:
        name = f"{name}-{sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"
    number, stem = 2, name
    while name.lower() in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name.lower())
    return name
