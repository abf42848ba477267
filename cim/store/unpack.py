"""Zipped deliveries of one file and its companions, unpacked within bounds."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from cim.errors import FormatError, TooLargeError
from cim.store.files import disk_errors

SHAPEFILE = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
MOST_FILES = 200
MOST_BYTES = 256_000_000
_BLOCK = 1 << 20


def unpack(
    path: Path, folder: Path, *, endings: frozenset[str] | None = None,
    most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES,
) -> list[Path]:  # fmt: skip
    """Write the files of a zip into a folder, and nowhere else.

    What it says of itself is not believed: bytes are counted while they come out, so that a bomb
    stops at the bound. Folders inside are kept; links, hidden files and paths that lead out are not
    unpacked.

    Args:
        path: The zip.
        folder: Where the files go; made if missing.
        endings: Only files with these endings (lower case, with the dot) are unpacked; None: all.
        most_files: More are refused.
        most_bytes: More are refused, in all.

    Raises:
        FormatError: it is no zip, it is damaged or locked, or nothing in it is wanted.
        TooLargeError: it holds more than the bounds.
    """
    with _reading(path), zipfile.ZipFile(path) as archive:
        wanted = [info for info in archive.infolist() if _wanted(info, endings)]
        if len(wanted) > most_files:
            raise TooLargeError(
                f"it holds {len(wanted)} files, more than {most_files}",
                path=path.name,
                remedy="zip only what belongs to the one file",
            )
        left, done = most_bytes, []
        for info in wanted:
            target = folder / _inner(info)
            with disk_errors(folder):
                target.parent.mkdir(parents=True, exist_ok=True)
            left = _copy(archive, info, target, left, most_bytes)
            done.append(target)
    if not done:
        raise FormatError(
            f"it holds no {' or '.join(sorted(endings)) if endings else 'file'}",
            path=path.name,
            remedy="zip the files themselves",
        )
    return done


def unpack_shapefile(path: Path, folder: Path) -> Path:
    """The one shapefile of a zip, unpacked with its companions; the .shp.

    Raises:
        FormatError: it is no zip, or holds no shapefile or several.
        TooLargeError: it holds more than the bounds.
    """
    files = unpack(path, folder, endings=SHAPEFILE)
    found = [file for file in files if file.suffix.lower() == ".shp"]
    if len(found) != 1:
        names = ", ".join(sorted(file.name for file in found)[:5])
        raise FormatError(
            f"it holds {len(found)} shapefiles{': ' + names if names else ''}, not one",
            path=path.name,
            remedy="zip one .shp with its .shx, .dbf, .prj and .cpg",
        )
    return found[0]


def _copy(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int, most: int
) -> int:
    """One file; how many bytes are left for the others."""
    with archive.open(info) as source, disk_errors(target), target.open("wb") as file:
        while chunk := source.read(min(_BLOCK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise TooLargeError(
                    f"unpacked it holds more than {most / 1e6:g} MB",
                    path=Path(archive.filename or "").name,
                    remedy="zip only what belongs to the one file",
                )
            file.write(chunk)
    return left


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a bad zip raises into one sentence."""
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError
    ) as error:  # fmt: skip
        raise FormatError(
            f"it is no zip that can be read: {error}",
            path=path.name,
            remedy="zip it again, without a password",
        ) from error


def _inner(info: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))


def _wanted(info: zipfile.ZipInfo, endings: frozenset[str] | None) -> bool:
    inner = _inner(info)
    link = (info.external_attr >> 16) & 0o170000 == 0o120000
    outside = inner.is_absolute() or ".." in inner.parts or ":" in info.filename
    hidden = any(part.startswith((".", "__MACOSX")) for part in inner.parts)
    long = any(len(part.encode(errors="replace")) > 200 for part in inner.parts)
    if info.is_dir() or link or outside or hidden or long or "\x00" in info.filename:
        return False
    return endings is None or inner.suffix.lower() in endings
