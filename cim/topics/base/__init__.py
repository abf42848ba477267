"""Base map."""

from cim.topic import Topic
from cim.topics.base.layers import LAYERS

TOPIC = Topic(name="base", title="时空底板", title_en="Base map", layers=LAYERS)
