"""Buildings as solids: footprints raised from any vector format, and CityJSON."""

from cim.ingest.sources.buildings.cityjson import CityJsonSource
from cim.ingest.sources.buildings.footprint import FootprintSource

__all__ = ["CityJsonSource", "FootprintSource"]
