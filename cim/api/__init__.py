"""HTTP: the viewer, the layers, their tiles, the analyses."""

from cim.api.app import create_app

__all__ = ["create_app"]
