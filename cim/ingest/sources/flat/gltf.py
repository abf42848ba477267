"""Binary glTF as a model to be cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cim.errors import FormatError
from cim.ingest.sources.flat.raw import WHITE, Material, Raw, Writer
from cim.tiles import glb

REMEDY = "export the model as .glb with its textures inside"


def read_glb(path: Path, folder: Path) -> Raw:
    """Read a file into columns below ``folder``; its positions become z-up.

    Raises:
        FormatError: it is damaged, or holds nothing to draw.
    """
    model = glb.read(path)
    pictures: dict[int, Path] = {}
    with Writer(folder) as writer:
        raw = writer.raw
        for primitive in model.primitives:
            if primitive.triangles is None or not len(primitive.triangles):
                raw.count("primitives_without_triangles")
                continue
            material = Material(color=primitive.base_color or WHITE)
            if primitive.texture is not None and primitive.uv is not None:
                material.picture = _picture(primitive.texture, folder, pictures)
            raw.materials.append(material)
            _take(writer, primitive, len(raw.materials) - 1)
    if not raw.lengths.get("triangles"):
        raise FormatError("it holds no triangles", path=path, remedy=REMEDY)
    return raw


def _picture(texture: glb.Texture, folder: Path, known: dict[int, Path]) -> Path:
    """Leave a texture as a file for the one way in which textures are read."""
    key = hash(bytes(texture.data))
    if key not in known:
        known[key] = folder / f"picture-{len(known)}.{texture.mime.rpartition('/')[2]}"
        known[key].write_bytes(texture.data)
    return known[key]


def _take(writer: Writer, primitive: glb.Primitive, material: int) -> None:
    lengths = writer.raw.lengths
    count = len(primitive.positions)
    assert primitive.triangles is not None  # noqa: S101 - the caller asked
    at = primitive.triangles.astype(np.int64)
    corners = np.full((*at.shape, 3), -1, np.int64)
    corners[..., 0] = at + lengths.get("positions", 0)
    writer.add("positions", primitive.positions)
    colors = np.full((count, 3), 255)
    if primitive.colors is not None:
        writer.raw.colored = True
        colors = primitive.colors[:, :3].astype(np.int64)
    writer.add("colors", colors)
    if primitive.uv is not None:
        corners[..., 1] = at + lengths.get("uv", 0)
        uv = np.asarray(primitive.uv, np.float64)
        writer.add("uv", np.column_stack([uv[:, 0], 1.0 - uv[:, 1]]))
    if primitive.normals is not None:
        corners[..., 2] = at + lengths.get("normals", 0)
        writer.add("normals", primitive.normals)
    writer.add("triangles", corners)
    writer.add("materials", np.full(len(at), material))
