"""Pipes and manholes in 3D: tubes along the centrelines of published layers of pipes."""

from cim.ingest.sources.tubes.source import TubeSource

__all__ = ["TubeSource"]
