"""Elevation models: sheets cleaned, joined, tiled."""

from cim.ingest.sources.dem.source import DemSource

__all__ = ["DemSource"]
