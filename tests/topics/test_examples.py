"""Every analysis answers its own example on the sample city, over HTTP."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest

from cim.topic import Analysis
from cim.topics import discover
from tests import live

pytestmark = [pytest.mark.db, pytest.mark.timeout(600)]
ANALYSES = [analysis for topic in discover() for analysis in topic.analyses]


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda a: a.id)
def test_the_example_is_answered_with_evidence_and_printed(analysis: Analysis) -> None:
    address = f"{live.city()}/api/topics/{analysis.id.replace('.', '/')}"
    question = Request(  # noqa: S310
        address, json.dumps(dict(analysis.example)).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(question, timeout=300) as answer:  # noqa: S310
        said = json.load(answer)
    assert said["summary"]
    assert said["provenance"]["inputs"]
    told = [f for f in said["summary"] if f["value"] is not None]
    assert told
    assert all(f["evidence"] for f in told)
    with urlopen(f"{live.city()}/api/results/{said['id']}/report.pdf", timeout=300) as report:  # noqa: S310
        assert report.read(5) == b"%PDF-"
