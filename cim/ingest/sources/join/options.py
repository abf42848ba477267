"""What the join of terrain and mesh can be told."""

from __future__ import annotations

from pydantic import Field

from cim.ingest.source import Options


class JoinOptions(Options):
    """Options of ``cim join``."""

    cell: float = Field(
        default=1.0, ge=0.25, le=4, description="cell of the mesh's rasters and of the DSM, m"
    )
    band: float = Field(
        default=60.0,
        ge=10,
        le=200,
        description="how far beyond the mesh the terrain is led to its border, m",
    )
    margin: float = Field(
        default=2.0, ge=0.5, le=20, description="how deep the terrain lies below the mesh, m"
    )
    level: int = Field(
        default=17, ge=15, le=18, description="finest level of tiles along the mesh's border"
    )
    tolerance: float = Field(
        default=5.0,
        gt=0,
        description="m by which mesh ground and elevation model may lie apart (median)",
    )
    accept_offset: bool = Field(
        default=False, description="join although the median lies beyond the tolerance"
    )
