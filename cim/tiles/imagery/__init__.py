"""Imagery: one web-mercator COG whose blocks are the tiles.

From below: ``grid`` (where tiles lie), ``block`` (how one is stored), ``pack`` (a finished square
of them), ``joining`` (squares into a COG), ``directory`` and ``cog`` (a COG, open), ``render``
(tiles and windows in any CRS out of it).
"""

from cim.tiles.imagery.grid import HALF, MAX_ZOOM, SIZE, zoom_resolution
from cim.tiles.imagery.render import FORMATS, Tile, blank, encoded, picture, tile

__all__ = [
    "FORMATS",
    "HALF", "MAX_ZOOM", "SIZE", "Tile", "blank", "encoded", "picture", "tile", "zoom_resolution",
]  # fmt: skip
