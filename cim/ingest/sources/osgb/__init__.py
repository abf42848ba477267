"""Oblique photography as OSGB tile trees (ContextCapture, Smart3D and kin) to 3D Tiles 1.1."""

from cim.ingest.sources.osgb.source import OsgbSource

__all__ = ["OsgbSource"]
