"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.geohazards.monitoring import MONITORING
from cim.topics.geohazards.reach import RUNOUT
from cim.topics.geohazards.stability import STABILITY
from cim.topics.geohazards.susceptibility import SUSCEPTIBILITY
from cim.topics.geohazards.warning import WARNING

ANALYSES: tuple[Analysis, ...] = (WARNING, STABILITY, SUSCEPTIBILITY, RUNOUT, MONITORING)
