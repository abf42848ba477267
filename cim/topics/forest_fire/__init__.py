"""Forest fire."""

from cim.topic import Topic
from cim.topics.forest_fire.layers import LAYERS

TOPIC = Topic(name="forest_fire", title="森林防火", title_en="Forest fire", layers=LAYERS)
