"""Pipe networks."""

from cim.topic import Topic
from cim.topics.pipelines.layers import LAYERS

TOPIC = Topic(name="pipelines", title="智慧管网", title_en="Pipe networks", layers=LAYERS)
