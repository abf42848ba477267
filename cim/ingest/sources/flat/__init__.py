"""Meshes in one file each, such as OpenDroneMap and modellers deliver them."""

from cim.ingest.sources.flat.model import read_model
from cim.ingest.sources.flat.source import FlatOptions, FlatSource

__all__ = ["FlatOptions", "FlatSource", "read_model"]
