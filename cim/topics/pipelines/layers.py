"""Layers."""

from cim.layers import Layer

LAYERS: tuple[Layer, ...] = ()
