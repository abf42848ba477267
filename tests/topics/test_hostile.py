"""No parameter of any question, however wrong, makes the server fail; refusals have a remedy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cim.topic import Analysis
from cim.topics import discover
from tests import live

pytestmark = [pytest.mark.db, pytest.mark.timeout(900)]
ANALYSES = [analysis for topic in discover() for analysis in topic.analyses]
AWAY = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
WRONG: dict[str, tuple[Any, ...]] = {
    "point": ([0, 0], [181, 91], [106.65]),
    "points": ([], [[0, 0]]),
    "line": ([[0, 0], [1, 1]], [[106.65, 35.22], [106.65, 35.22]]),
    "polygon": (AWAY, [[106.64, 35.21], [106.65, 35.22], [106.65, 35.21], [106.64, 35.22]]),
    "layer": ("no.such", "base.dem", "base.road"),
    "file": ("../../etc/passwd",),
    "": ("x", -1e12),
}


def questions(analysis: Analysis) -> Iterator[dict[str, Any]]:
    for name, field in analysis.parameters.model_json_schema()["properties"].items():
        for wrong in WRONG.get(field.get("x-widget", ""), WRONG[""]):
            yield {**analysis.example, name: wrong}
    yield {**analysis.example, "nobody_asked": 1}


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda a: a.id)
def test_wrong_parameters_are_answered_or_refused_with_a_remedy(analysis: Analysis) -> None:
    address = f"{live.city()}/api/topics/{analysis.id.replace('.', '/')}"
    for values in questions(analysis):
        status, said = ask(address, values)
        assert status < 500, (values, said)
        if status == 200:
            assert said["summary"]
        else:
            assert said["detail"], values
            assert said["remedy"], (values, said)


def ask(address: str, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    body = json.dumps(values).encode()
    question = Request(address, body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(question, timeout=300) as answer:  # noqa: S310
            return 200, dict(json.load(answer))
    except HTTPError as error:
        return error.code, dict(json.loads(error.read()))
