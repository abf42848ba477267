"""The questions about how pipes lie."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.pipelines.clash import CLASH
from cim.topics.pipelines.clearance import CLEARANCE
from cim.topics.pipelines.cover import COVER

LAYING: tuple[Analysis, ...] = (CLEARANCE, COVER, CLASH)
