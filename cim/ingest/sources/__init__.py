"""The formats we read, one module each. Order matters: the first that says yes reads it."""

from cim.ingest.source import Source
from cim.ingest.sources.buildings import CityJsonSource, FootprintSource
from cim.ingest.sources.dem import DemSource
from cim.ingest.sources.flat import FlatSource
from cim.ingest.sources.ortho import OrthoSource
from cim.ingest.sources.osgb import OsgbSource
from cim.ingest.sources.points import PointSource
from cim.ingest.sources.vector import VectorSource

SOURCES: tuple[Source, ...] = (
    OsgbSource(),
    DemSource(),
    OrthoSource(),
    CityJsonSource(),
    VectorSource(),
    FootprintSource(),
    PointSource(),
    FlatSource(),
)
