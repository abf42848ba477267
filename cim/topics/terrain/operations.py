"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.terrain.catchment import CATCHMENT
from cim.topics.terrain.profile import PROFILE
from cim.topics.terrain.sight import SIGHT, SKYLINE
from cim.topics.terrain.slopes import SLOPES
from cim.topics.terrain.statistics import AREA
from cim.topics.terrain.sunshine import SUNSHINE

ANALYSES: tuple[Analysis, ...] = (PROFILE, AREA, SIGHT, SKYLINE, SLOPES, SUNSHINE, CATCHMENT)
