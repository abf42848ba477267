"""Looks at the content of one tile, whatever its form: glb, b3dm, i3dm, pnts, cmpt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.tiles import legacy
from cim.tiles.gltf_check import GlbFacts, look

Floats = npt.NDArray[np.float64]

MOST_BYTES = 1 << 31
_FLOAT32 = 2.0**-23
OLD_GLTF = "not a glb of version 2"


def look_at_content(path: Path, up: str = "Y") -> GlbFacts:
    """Read a content file and list every rule that it breaks.

    Args:
        path: The file.
        up: ``asset.gltfUpAxis`` of a tileset 1.0: the axis that points up in its glb files.

    Returns:
        Its facts; positions are z-up, before the tile's transformation.
    """
    facts = GlbFacts()
    try:
        if path.stat().st_size > MOST_BYTES:
            facts.errors.append(f"{path.stat().st_size} bytes are beyond all measure")
            return facts
        raw = memoryview(path.read_bytes())
    except OSError as error:
        facts.errors.append(f"it cannot be read: {error.strerror}")
        return facts
    if bytes(raw[:2]) == b"\x1f\x8b":
        facts.errors.append("it is gzipped, and no server is told so")
        return facts
    if legacy.kind_of(raw) == "glb" or path.suffix.lower() == ".glb":
        return look(raw)
    for piece in legacy.pieces(raw):
        _add(facts, piece, up)
    return facts


def _add(facts: GlbFacts, piece: legacy.Piece, up: str) -> None:
    facts.errors += [f"{piece.kind}: {error}" for error in piece.errors]
    if piece.kind == "pnts":
        facts.points += piece.count
        if piece.points is None and not piece.errors:
            facts.notes.append("pnts: points packed by Draco were not looked into")
    if piece.points is not None and len(piece.points):
        if not np.isfinite(piece.points).all():
            facts.errors.append(f"{piece.kind}: positions are not finite")
        facts.positions.append(piece.points)
        furthest = float(np.abs(piece.points - piece.offset).max())
        facts.half_step = max(facts.half_step, furthest * _FLOAT32)  # 0.8 m, where they are ECEF
    if piece.glb is None:
        return
    inner = look(piece.glb)
    if inner.errors == [OLD_GLTF] and bytes(piece.glb[:8]) == b"glTF\1\0\0\0":
        inner.notes.append(f"{piece.kind}: holds glTF 1.0, which viewers no longer read")
        inner.errors.clear()
    facts.errors += [f"{piece.kind}: {error}" for error in inner.errors]
    facts.notes += inner.notes
    facts.triangles += inner.triangles
    facts.points += inner.points
    facts.features += inner.features
    if piece.kind != "i3dm":  # an instance's shape stands wherever its instances do
        facts.positions += [_upright(p, up) + piece.offset for p in inner.positions]


def _upright(points: Floats, up: str) -> Floats:
    """Undo the turn from y-up where the file is not y-up (points come z-up from y-up)."""
    if up == "Z":
        return points[:, [0, 2, 1]] * (1.0, 1.0, -1.0)
    return points
