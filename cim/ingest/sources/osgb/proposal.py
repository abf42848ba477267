"""The declaration of a mesh layer that nobody has declared."""

from __future__ import annotations

from cim.layers import CimLevel, DataClass, Kind, Layer


def proposed(layer_id: str) -> Layer:
    """A layer of that id for an oblique survey."""
    return Layer(
        id=layer_id,
        title="倾斜摄影三维模型",
        title_en="Oblique photography mesh",
        kind=Kind.MESH,
        data_class=DataClass.SPATIOTEMPORAL,
        cim_level=CimLevel.STANDARD,
    )
