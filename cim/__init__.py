"""A city's 3D spatio-temporal platform: deliveries in, a live city that answers questions out."""

__version__ = "0.1.0"
