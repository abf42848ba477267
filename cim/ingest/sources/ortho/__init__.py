"""Orthophotos: sheets on the tile grid, joined into one COG."""

from cim.ingest.sources.ortho.source import OrthoSource

__all__ = ["OrthoSource"]
