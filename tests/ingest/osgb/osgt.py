"""Reads the text export of osgconv: the geometries of a file, as OSG itself understood it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

_GEOMETRY = re.compile(r"^( *)osg::Geometry \{$")


def geometries(path: Path) -> list[dict[str, Any]]:
    """Vertices, uv and triangles of every geometry, in the order of the file."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = []
    for i, line in enumerate(lines):
        match = _GEOMETRY.match(line.rstrip())
        if match:
            end = next(
                j for j in range(i + 1, len(lines)) if lines[j].rstrip() == match.group(1) + "}"
            )
            found.append(_geometry(lines[i:end]))
    return found


def _geometry(lines: list[str]) -> dict[str, Any]:
    def vector(after: str, start: int = 0) -> Any:
        at = next((i for i in range(start, len(lines)) if after in lines[i]), None)
        if at is None:
            return None
        at = next(i for i in range(at, len(lines)) if lines[i].strip().startswith("vector "))
        end = next(i for i in range(at, len(lines)) if lines[i].strip() == "}")
        return np.array(" ".join(lines[at + 1 : end]).split(), dtype=np.float64)

    corners = vector("osg::DrawElements")
    uv = vector("TexCoordArrayList")
    return {
        "vertices": vector("VertexArray TRUE").reshape(-1, 3).astype(np.float32),
        "uv": None if uv is None else uv.reshape(-1, 2).astype(np.float32),
        "triangles": None if corners is None else corners.astype(np.int64).reshape(-1, 3),
    }
