"""The questions about how pipes lie."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.pipelines.clash import CLASH
from cim.topics.pipelines.clearance import CLEARANCE
from cim.topics.pipelines.cover import COVER
from cim.topics.pipelines.cross_section import CROSS_SECTION
from cim.topics.pipelines.excavation import EXCAVATION
from cim.topics.pipelines.longitudinal_section import LONGITUDINAL_SECTION

LAYING: tuple[Analysis, ...] = (
    CLEARANCE,
    COVER,
    CLASH,
    CROSS_SECTION,
    LONGITUDINAL_SECTION,
    EXCAVATION,
)
