"""The shape of the ground: slope, aspect, curvature, shade, roughness, and where water flows."""

from cim.geo.terrain.flow import Flow, fill, flow, streams, watershed
from cim.geo.terrain.shape import (
    aspect,
    curvature,
    hillshade,
    position_index,
    roughness,
    ruggedness,
    slope,
    wetness,
)

__all__ = [
    "Flow",
    "aspect",
    "curvature",
    "fill",
    "flow",
    "hillshade",
    "position_index",
    "roughness",
    "ruggedness",
    "slope",
    "streams",
    "watershed",
    "wetness",
]
