"""``cim run``: every kind of parameter from the command line, answers for people and to keep."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from cim.commands.given import values
from cim.errors import CimError
from cim.installation import Installation
from tests import outside
from tests.browser import showcase
from tests.commands import cim

pytestmark = pytest.mark.db
ASKED = ("run", "showcase.everything", "--example")


@pytest.fixture
def asked(installation: object, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that has the topic with everything."""
    del installation
    shown = outside.installed(tmp_path / "topics", showcase="tests.browser.showcase:TOPIC")
    return environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{shown}"}


def answer(environment: dict[str, str], *more: object) -> dict[str, Any]:
    done = cim(environment, *ASKED, "--json", *more)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_places_files_lists_and_rows_are_read_from_words(
    asked: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "survey.csv").write_text("a,b\n1,2\n")
    square = {"type": "Polygon", "coordinates": [[[106.6, 35.2], [106.61, 35.2], [106.61, 35.21],
                                                  [106.6, 35.2]]]}  # fmt: skip
    (tmp_path / "plan.geojson").write_text(json.dumps({"type": "Feature", "geometry": square}))
    (tmp_path / "wells.json").write_text('[{"name": "乙井", "depth": 3}]')
    said = answer(
        asked,
        *("--cameras", "106.61,35.21;106.62,35.22;106.63,35.23"),
        *("--area", f"@{tmp_path / 'plan.geojson'}"),
        *("--survey", tmp_path / "survey.csv"),
        *("--rates", "[0.5, 4]"),
        *("--wells", f"@{tmp_path / 'wells.json'}"),
        *("--method=exact", "--moment", "2026-07-20T09:00:00+08:00"),
    )
    parameters = said["provenance"]["parameters"]
    assert parameters["cameras"][2] == [106.63, 35.23]
    assert parameters["area"]["type"] == "MultiPolygon"
    assert parameters["survey"].endswith("/survey.csv")
    assert parameters["wells"] == [{"name": "乙井", "depth": 3.0}]
    figures = {f["key"]: f["value"] for f in said["summary"]}
    assert figures == {"bytes": 8, "corners": 4, "rates": 4.5, "state": "可行 <b>*#$x$"}
    again = answer(asked, "--survey", parameters["survey"])
    assert again["provenance"]["parameters"]["survey"] == parameters["survey"]


def test_people_see_tables_and_whoever_saves_has_the_files(
    asked: dict[str, str], tmp_path: Path
) -> None:
    cameras = ";".join(f"106.6{n:02},35.2" for n in range(25))
    done = cim(asked, *ASKED, "--cameras", cameras, "--save", tmp_path / "kept",
               "--report", tmp_path / "out.pdf")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "机位检查" in done.stdout
    assert "NEEDS_REVIEW" in done.stdout
    assert "未核实 unverified" in done.stdout
    assert "可行 <b>*#$x$" in done.stdout
    assert "机位 20 " in done.stdout
    assert "机位 21 " not in done.stdout
    assert "… 5 more rows" in done.stdout
    assert {p.name for p in (tmp_path / "kept").iterdir()} == {"result.json", "wells.csv"}
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF-")
    assert "甲井,12.5" in (tmp_path / "kept" / "wells.csv").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said", "remedy"),
    [
        (("--survey", "nowhere.csv"), "no such file", "spelling"),
        (("--area", "@nowhere.shp"), "no such file", "spelling"),
        (("--wells", "@nowhere.json"), "cannot be read as JSON", "check the file"),
        (("--wells", '[{"name": "x", "depth": -1}]'), "wells.0.depth", "form"),
        (("--survey", "0" * 32 + "/gone.csv"), "no longer kept", "send the file again"),
        (("--rates",), "--rates has no value", "--rates value"),
    ],
)
def test_what_does_not_fit_is_said_with_what_would(
    arguments: tuple[str, ...], said: str, remedy: str, installation: Installation
) -> None:
    analysis = showcase.TOPIC.analyses[0]
    with pytest.raises(CimError, match=re.escape(said)) as caught:
        installation.asker.ask(
            analysis, {**analysis.example, **values(analysis, [*arguments], installation)}
        )
    assert remedy in caught.value.remedy
