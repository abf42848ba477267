"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.forest_fire.coverage import COVERAGE
from cim.topics.forest_fire.danger import DANGER
from cim.topics.forest_fire.locate import LOCATE
from cim.topics.forest_fire.response import RESPONSE
from cim.topics.forest_fire.siting import SITING
from cim.topics.forest_fire.spread import SPREAD
from cim.topics.forest_fire.viewshed import VIEWSHED

ANALYSES: tuple[Analysis, ...] = (VIEWSHED, LOCATE, SPREAD, RESPONSE, COVERAGE, SITING, DANGER)
