"""The look at a finished tileset that every source of meshes and points takes."""

from __future__ import annotations

from pathlib import Path

from cim.city import Bounds
from cim.ingest.source import Check, Product, Request
from cim.tiles.mesh_check import check_tileset


def look_at_tileset(
    product: Product, request: Request, staging: Path, rim: float = 0.0
) -> tuple[Check, ...]:
    """The tileset as a stranger would see it, and whether it lies in the city.

    Args:
        product: Names the tileset.
        request: For the city: its bounds and its geoid.
        staging: The finished folder.
        rim: Degrees by which corners of boxes may leave the city; what they hold lies inside.
    """
    west, south, east, north = request.city.bounds
    looks = check_tileset(
        staging / str(product.media["tileset"]),
        Bounds(west - rim, south - rim, east + rim, north + rim),
        undulation=request.city.undulation,
    )
    return tuple(
        Check(
            name=look.name,
            looked_at=look.looked_at,
            errors=tuple(look.errors),
            figures=dict(look.figures),
        )
        for look in looks
    )
