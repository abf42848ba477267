"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.pipelines.burst import BURST

ANALYSES: tuple[Analysis, ...] = (BURST,)
