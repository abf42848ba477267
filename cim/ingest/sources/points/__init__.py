"""Point clouds: LAS, LAZ and COPC in, 3D Tiles of points out."""

from cim.ingest.sources.points.source import PointSource

__all__ = ["PointSource"]
