"""Pipe networks: what shuts off a burst, what flows where, what a survey got wrong."""

from cim.topic import Topic
from cim.topics.pipelines.layers import LAYERS
from cim.topics.pipelines.laying_layers import LAYING
from cim.topics.pipelines.operations import ANALYSES

TOPIC = Topic(
    name="pipelines", title="智慧管网", title_en="Pipe networks", layers=(*LAYERS, *LAYING),
    analyses=ANALYSES,
)  # fmt: skip
