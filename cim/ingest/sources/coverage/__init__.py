"""Pictures and lines made from a published elevation model: hillshade, slope, aspect, contours."""

from cim.ingest.sources.coverage.contour import contours
from cim.ingest.sources.coverage.picture import PRODUCTS, Picture
from cim.ingest.sources.coverage.source import CoverageSource

__all__ = ["PRODUCTS", "CoverageSource", "Picture", "contours"]
