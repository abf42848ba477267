"""What the topic's questions have in common: their ground, its curvature, their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cim.catalog.elevation import Ground
from cim.evidence import ground_accuracy, ground_around, ground_provenance, ground_source
from cim.geo.visibility import radius_of_curvature
from cim.question import OnModel, Pair
from cim.topic import Context, Figure


def ground_of(context: Context, asked: OnModel, points: Sequence[Pair], margin: float) -> Ground:
    """Heights around some places and as far as a margin (m) beyond.

    Raises:
        ParameterError: the layer is no terrain, or does not cover their middle.
    """
    return ground_around(context, asked.terrain, points, margin, asked.model)


def bend_at(lat: float, refraction: float) -> float:
    """Fall of the ground per square metre of distance at a latitude, 1/m."""
    return (1 - refraction) / (2 * radius_of_curvature(lat))


def source_of(ground: Ground, asked: OnModel) -> str:
    """The evidence of a figure: layer, version and model."""
    return ground_source(ground, asked.model)


def accuracy_of(ground: Ground, asked: OnModel) -> Figure:
    """How far the heights may be off, as the delivery's own quality report says."""
    return ground_accuracy(ground, asked.model)


def provenance(
    ground: Ground, asked: OnModel, context: Context, applicability: str
) -> dict[str, Any]:
    """Where an answer comes from."""
    return {
        **ground_provenance(ground, context),
        "applicability": applicability,
        "model": asked.model,
    }
