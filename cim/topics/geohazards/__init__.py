"""Geological hazards: which slopes, whom to warn, how far it goes, what the points say."""

from cim.topic import Topic
from cim.topics.geohazards.layers import LAYERS
from cim.topics.geohazards.operations import ANALYSES

TOPIC = Topic(
    name="geohazards",
    title="地质灾害",
    title_en="Geological hazards",
    layers=LAYERS,
    analyses=ANALYSES,
)
