"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.planning.compliance import COMPLIANCE
from cim.topics.planning.corridor import VIEW_CORRIDOR
from cim.topics.planning.earthwork import CUT_AND_FILL
from cim.topics.planning.horizon import SKYLINE
from cim.topics.planning.inundation import INUNDATION
from cim.topics.planning.land import LAND_STATISTICS
from cim.topics.planning.schemes import COMPARE_SCHEMES
from cim.topics.planning.shade import SHADOW
from cim.topics.planning.sight import LINE_OF_SIGHT
from cim.topics.planning.sunlight import SUNLIGHT

ANALYSES: tuple[Analysis, ...] = (
    COMPLIANCE,
    LAND_STATISTICS,
    SUNLIGHT,
    SHADOW,
    LINE_OF_SIGHT,
    SKYLINE,
    VIEW_CORRIDOR,
    COMPARE_SCHEMES,
    CUT_AND_FILL,
    INUNDATION,
)
