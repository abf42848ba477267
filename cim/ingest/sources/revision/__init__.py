"""Refined models in a published mesh (模型精修): cut out, put in, published as a new version."""

from cim.ingest.sources.revision.model import Refined
from cim.ingest.sources.revision.source import RevisionSource, TakenOut

__all__ = ["Refined", "RevisionSource", "TakenOut"]
