"""Geohazards."""

from cim.topic import Topic
from cim.topics.geohazards.layers import LAYERS

TOPIC = Topic(name="geohazards", title="地质灾害", title_en="Geohazards", layers=LAYERS)
