"""What the reader of elevation models can be told."""

from __future__ import annotations

from pydantic import Field

from cim.ingest.source import Options


class DemOptions(Options):
    """Options of elevation models."""

    priority: str = Field(
        default="",
        description="sheets that win over all others, the first most: names, comma-separated; "
        "without it the finest sheet wins, of equally fine ones the newest",
    )
    dates: str = Field(
        default="",
        description="of sheets, where files do not tell: name:2024-05-01, comma-separated",
    )
    seam_tolerance: float = Field(
        default=0.0,
        ge=0,
        description="m by which overlapping sheets may lie apart or lean; 0 for a third of the "
        "coarser one's cell, 0.5 m at least",
    )
    accept_seams: bool = Field(
        default=False, description="publish sheets that do not agree all the same, with a warning"
    )
    accuracy: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="root mean square error of the heights, m, as the delivery's quality report "
        "states it; without it answers call the heights unverified",
    )
    water: str = Field(
        default="",
        description="published layer, or file, of polygons that become the terrain's water mask",
    )
    metadata: bool = Field(
        default=False,
        description="tiles tell of their children (metadataAvailability) instead of layer.json",
    )
