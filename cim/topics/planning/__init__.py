"""Planning: may it be built here, what does it do to light and view, how much earth and water."""

from cim.topic import Topic
from cim.topics.planning.layers import LAYERS
from cim.topics.planning.operations import ANALYSES

TOPIC = Topic(
    name="planning",
    title="城市规划",
    title_en="Planning",
    layers=LAYERS,
    analyses=ANALYSES,
)
