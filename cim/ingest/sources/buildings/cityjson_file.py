"""CityJSON 1.0, 1.1, 2.0 and CityJSONSeq: documents, vertices, objects, faces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.errors import FormatError

Floats = npt.NDArray[np.float64]

VERSIONS = ("1.0", "1.1", "2.0")
SUFFIXES = frozenset({".json", ".jsonl"})
_MARK = re.compile(rb'"type"\s*:\s*"CityJSON"')
_LOOK = 1 << 16
_CODE = re.compile(r"EPSG[:/](?:[\d.]+/)?:?(\d+)\s*$", re.IGNORECASE)


def is_cityjson(path: Path) -> bool:
    """By suffix and first or last bytes; a folder counts when it directly holds such a file."""
    if path.is_dir():
        return any(is_cityjson(child) for child in path.iterdir() if child.is_file())
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_LOOK)
        file.seek(max(0, path.stat().st_size - _LOOK))
        return bool(_MARK.search(head) or _MARK.search(file.read(_LOOK)))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One document, or one feature of a sequence.

    Args:
        vertices: (n, 3) in the CRS of the file; rows that are no coordinates are NaN.
        objects: By id.
        templates: Geometry templates, if any.
        template_vertices: (k, 3) of theirs.
    """

    vertices: Floats
    objects: Mapping[str, Any]
    templates: tuple[Any, ...]
    template_vertices: Floats


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself.

    Args:
        version: Of CityJSON.
        crs: Its reference system as EPSG:n or as given; None where it says nothing.
        sequence: Whether features follow line by line.
    """

    version: str
    crs: str | None
    sequence: bool


def blocks(path: Path) -> tuple[Header, Iterator[Block], list[str]]:
    """Read a file.

    Returns:
        Its header; its blocks, read one after the other; and a list to which lines that cannot be
        read are added while they are.

    Raises:
        FormatError: it is no CityJSON of a version that we read.
    """
    sequence = path.suffix.lower() == ".jsonl"
    if sequence:
        with path.open("rb") as file:
            first = file.readline()
        document = _parse(first, path)
    else:
        document = _parse(path.read_bytes(), path)
    version = str(document.get("version", ""))
    if document.get("type") != "CityJSON" or version[:3] not in VERSIONS:
        raise FormatError(
            f"CityJSON {version or 'without a version'} is not read; {', '.join(VERSIONS)} are",
            path=path,
            remedy="upgrade the file with the tool cjio",
        )
    metadata = document.get("metadata")
    stated = metadata.get("referenceSystem") if isinstance(metadata, Mapping) else None
    header = Header(version, None if not stated else _crs(str(stated)), sequence)
    broken: list[str] = []
    scale = _transform(document, path)
    if not sequence:
        return header, iter([_block(document, document, scale, path)]), broken
    return header, _features(path, document, scale, broken), broken


def _parse(raw: bytes, path: Path) -> Mapping[str, Any]:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise FormatError(
            f"it is not JSON: {error}", path=path, remedy="check whether it is complete"
        ) from error
    if not isinstance(document, dict):
        raise FormatError("its JSON is no object", path=path)
    return document


def _crs(stated: str) -> str:
    """EPSG:n of the URL or URN that CityJSON writes; else what stands there."""
    found = _CODE.search(stated)
    return f"EPSG:{found.group(1)}" if found else stated


def _transform(document: Mapping[str, Any], path: Path) -> tuple[Floats, Floats]:
    given = document.get("transform") or {"scale": [1, 1, 1], "translate": [0, 0, 0]}
    try:
        scale = np.array(given["scale"], np.float64)
        shift = np.array(given["translate"], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"its transform does not fit: {error!r}", path=path) from error
    if scale.shape != (3,) or shift.shape != (3,) or not np.isfinite([*scale, *shift]).all():
        raise FormatError("its transform is not two times three finite numbers", path=path)
    return scale, shift


def _features(
    path: Path, head: Mapping[str, Any], scale: tuple[Floats, Floats], broken: list[str]
) -> Iterator[Block]:
    with path.open("rb") as file:
        file.readline()
        for number, line in enumerate(file, start=2):
            if not line.strip():
                continue
            try:
                feature = _parse(line, path)
                yield _block(_feature(feature), head, scale, path)
            except FormatError as error:
                broken.append(f"line {number}: {error.reason}")


def _feature(line: Mapping[str, Any]) -> Mapping[str, Any]:
    if line.get("type") != "CityJSONFeature":
        raise FormatError(f"a {line.get('type')!r}, not a CityJSONFeature")
    return line


def _block(
    document: Mapping[str, Any], head: Mapping[str, Any], scale: tuple[Floats, Floats], path: Path
) -> Block:
    objects = document.get("CityObjects")
    if not isinstance(objects, dict):
        raise FormatError("it has no CityObjects", path=path)
    vertices = _rows(document.get("vertices"), path) * scale[0] + scale[1]
    known = head.get("geometry-templates") or {}
    return Block(
        vertices,
        objects,
        tuple(known.get("templates", ())),
        _rows(known.get("vertices-templates", []), path),
    )


def _rows(given: Any, path: Path) -> Floats:
    """(n, 3) numbers; a row that is none becomes NaN, so that only its own object is lost."""
    if not isinstance(given, list):
        raise FormatError("it has no list of vertices", path=path)
    try:
        rows = np.array(given, np.float64).reshape(-1, 3)
        if len(rows) == len(given):
            return rows
    except (TypeError, ValueError):
        pass
    return np.array([_row(row) for row in given], np.float64).reshape(-1, 3)


def _row(given: Any) -> list[float]:
    fine = isinstance(given, list) and len(given) == 3
    if fine and all(isinstance(v, int | float) and not isinstance(v, bool) for v in given):
        return [float(v) for v in given]
    return [np.nan] * 3
