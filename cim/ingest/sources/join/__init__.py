"""Terrain joined to an oblique mesh (接边): no gap at the mesh's border, no poke-through inside."""

from cim.ingest.sources.join.options import JoinOptions
from cim.ingest.sources.join.source import JoinSource
from cim.ingest.sources.join.terrain import BareTerrain

__all__ = ["BareTerrain", "JoinOptions", "JoinSource"]
