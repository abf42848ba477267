"""Terrain: heights along lines and over areas, what stands in the way, where sun and water go."""

from cim.topic import Topic
from cim.topics.terrain.operations import ANALYSES

TOPIC = Topic(name="terrain", title="地形分析", title_en="Terrain", analyses=ANALYSES)
