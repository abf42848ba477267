"""The options of building models from footprints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Option

from cim.ingest.mesh_options import MeshOptions

DEM = "dem"


class FootprintOptions(MeshOptions):
    """How footprints are raised."""

    height: str = Option("", description="column with the height of the roof, m")
    floors: str = Option("", description="column with the number of storeys above ground")
    storey: float = Option(3.0, gt=0, le=20, description="height of one storey, m")
    roof: Literal["relative", "absolute"] = Option(
        "relative", description="heights are above the ground, or above the height datum"
    )
    base: str = Option(
        DEM, description="dem: the lowest ground under the outline; zero; or a column, m"
    )
    skirt: float = Option(0.5, ge=0, le=50, description="m that walls reach below the ground (dem)")
    id: str = Option("", description="column that names a building")
    attributes: str = Option("", description="columns to keep, comma-separated; empty for all")
    tile_features: int = Option(1000, ge=10, le=50_000, description="most buildings in one tile")
