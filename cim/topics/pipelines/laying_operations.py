"""The questions about how pipes lie."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.pipelines.clearance import CLEARANCE

LAYING: tuple[Analysis, ...] = (CLEARANCE,)
