"""A picture made from a published elevation model, with the values it was painted from."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from cim.ingest.source import Built, Plan, Product, Request
from cim.ingest.sources.coverage.picture import Picture
from cim.ingest.sources.ortho import OrthoSource
from cim.ingest.sources.ortho.options import OrthoOptions
from cim.layers import CimLevel, Kind, Layer, Style
from cim.tiles.imagery.block import Coding

VALUES = "values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The published version a product was made from.

    Args:
        layer: Its layer.
        version: Its number.
        key: Its digest.
        models: Files of its elevation models, for checksums.
    """

    layer: str
    version: int
    key: str
    models: tuple[Path, ...]


@dataclass(frozen=True)
class CoverageSource(OrthoSource):
    """Pictures of one product, one for each elevation model, and the rasters of its values."""

    product: Picture
    origin: Origin
    values: tuple[Path, ...]

    name: ClassVar[str] = "coverage"
    reads: ClassVar[str] = "a published elevation model"
    derived: ClassVar[bool] = True
    archived: ClassVar[bool] = False
    edition: ClassVar[int] = 3

    def coding(self, options: OrthoOptions) -> Coding:
        """Classes without loss; a grey ramp as a photograph."""
        return Coding(None) if self.product.legend else super().coding(options)

    def plan(self, request: Request) -> Plan:
        """As an orthophoto's, and with the models among its inputs."""
        planned = super().plan(request)
        return replace(
            planned,
            extra_inputs=(*planned.extra_inputs, *self.origin.models),
            parameters={**planned.parameters, "product": self.product.name},
        )

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Join the picture and put the values beside it."""
        made = super().finish(plan, built, request, staging)
        (staging / VALUES).mkdir(exist_ok=True)
        names = []
        for path in self.values:
            shutil.copyfile(path, staging / VALUES / path.name)
            names.append(f"{VALUES}/{path.name}")
        media: dict[str, Any] = {k: v for k, v in made.media.items() if k != "archive"}
        media |= {
            "product": self.product.name,
            "values": names,
            "unit": self.product.unit,
            "classed": bool(self.product.legend),
            "legend": [
                {"limit": s.limit, "color": s.color, "title": s.title, "title_en": s.title_en}
                for s in self.product.legend
            ],
            "of": {
                "layer": self.origin.layer,
                "version": self.origin.version,
                "key": self.origin.key,
            },
        }
        layer = Layer(
            id=request.layer_id,
            title=self.product.title,
            title_en=self.product.title_en,
            kind=Kind.IMAGERY,
            cim_level=CimLevel.SURFACE,
            style=Style(visible=False),
        )
        return replace(made, media=media, proposed=layer)
