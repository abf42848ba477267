"""Forest fire: what the watch sees."""

from cim.topic import Topic
from cim.topics.forest_fire.layers import LAYERS
from cim.topics.forest_fire.operations import ANALYSES

TOPIC = Topic(
    name="forest_fire", title="森林防火", title_en="Forest fire", layers=LAYERS, analyses=ANALYSES
)
