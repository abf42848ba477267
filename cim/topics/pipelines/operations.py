"""The topic's questions."""

from __future__ import annotations

from cim.topic import Analysis
from cim.topics.pipelines.burst import BURST
from cim.topics.pipelines.hydraulics import HYDRAULICS
from cim.topics.pipelines.laying_operations import LAYING
from cim.topics.pipelines.survey_check import SURVEY
from cim.topics.pipelines.trace import TRACE

ANALYSES: tuple[Analysis, ...] = (BURST, HYDRAULICS, TRACE, SURVEY, *LAYING)
