"""Individual buildings in a published mesh (单体化): its triangles are given to footprints."""

from cim.ingest.sources.labels.footprints import Footprints
from cim.ingest.sources.labels.source import LabelSource
from cim.ingest.sources.published import Base

__all__ = ["Base", "Footprints", "LabelSource"]
