"""Options of every source that writes meshes or points: how the files are encoded."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cim.ingest.source import Options
from cim.tiles.glb import Encoding


class MeshOptions(Options):
    """How geometry and images are written; docs/encodings.md compares size and cost."""

    geometry: Literal["float32", "quantized", "meshopt"] = Field(
        "float32",
        description="float32: as it is; quantized: 16 bits; meshopt: 16 bits, compressed",
    )
    texture: Literal["keep", "jpeg", "webp"] = Field(
        "keep", description="keep the delivered images, or write them anew as jpeg or webp"
    )
    quality: int = Field(75, ge=1, le=100, description="of images written anew")

    @property
    def encoding(self) -> Encoding:
        """What the writer of glb files is told."""
        return Encoding(self.geometry, self.texture, self.quality)
