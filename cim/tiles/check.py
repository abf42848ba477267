"""Tells what a path holds - a tileset, terrain, a COG, one model - and has it checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from cim.city import Bounds
from cim.errors import FormatError, NotFoundError
from cim.tiles.cog_check import check_cog
from cim.tiles.content_check import look_at_content
from cim.tiles.look import Look
from cim.tiles.mesh_check import check_tileset
from cim.tiles.origin import Undulation
from cim.tiles.terrain.check import check_terrain_folder

FOREIGN = 0.005  # share of half a box's diagonal by which tilesets of others may overhang
MODELS = frozenset({".glb", ".b3dm", ".i3dm", ".pnts", ".cmpt"})
REMEDY = "give a tileset.json, a folder with layer.json, a GeoTIFF, or one model"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check.

    Args:
        kind: ``tileset``, ``terrain``, ``cog`` or ``model``.
        looks: What was looked at, and found.
    """

    kind: str
    looks: tuple[Look, ...]

    @property
    def errors(self) -> int:
        """Number of errors found."""
        return sum(len(look.errors) for look in self.looks)


def check(
    path: Path,
    bounds: Bounds | None = None,
    *,
    strict: bool = False,
    undulation: Undulation | None = None,
) -> Verdict:
    """Check whatever lies at a path.

    Args:
        path: A file or folder.
        bounds: Where it must lie, degrees; None where it does not matter.
        strict: As for our own publications: no overhang beyond a centimetre, no gap in terrain.
        undulation: Of the geoid that heights must be made with; None where it does not matter.

    Raises:
        NotFoundError: there is nothing.
        FormatError: it cannot be told what it is, or not be read at all.
    """
    if not path.exists():
        raise NotFoundError("there is nothing by that name", path=path, remedy=REMEDY)
    target = _target(path)
    if target.name == "layer.json":
        return Verdict("terrain", check_terrain_folder(target.parent, bounds, strict=strict))
    suffix = target.suffix.lower()
    if suffix == ".json":
        _require_tileset(target)
        overhang = 0.0 if strict else FOREIGN
        looks = check_tileset(target, bounds, overhang=overhang, undulation=undulation)
        return Verdict("tileset", looks)
    if suffix in {".tif", ".tiff"}:
        return Verdict("cog", check_cog(target, bounds))
    if suffix in MODELS:
        return Verdict("model", (_model(target),))
    raise FormatError(f"{suffix or 'a file without suffix'} is nothing to check", path=path,
                      remedy=REMEDY)  # fmt: skip


def _target(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in ("tileset.json", "layer.json"):
        if (path / name).is_file():
            return path / name
    images = sorted(p for p in path.iterdir() if p.suffix.lower() in {".tif", ".tiff"})
    if len(images) == 1:
        return images[0]
    raise FormatError(
        "the folder holds neither tileset.json, layer.json nor one GeoTIFF",
        path=path,
        remedy=REMEDY,
    )


def _require_tileset(path: Path) -> None:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FormatError(f"it cannot be read: {error}", path=path, remedy=REMEDY) from error
    if not isinstance(document, dict) or "asset" not in document:
        raise FormatError("it is no tileset: it has no asset", path=path, remedy=REMEDY)


def _model(path: Path) -> Look:
    look = Look("model", 1)
    facts = look_at_content(path)
    for fault in facts.errors:
        look.fail(f"{path.name}: {fault}")
    for fault in facts.notes:
        look.note(f"{path.name}: {fault}")
    look.figures |= {
        "triangles": facts.triangles, "points": facts.points, "features": facts.features,
    }  # fmt: skip
    return look
