"""Pits among pipes: against PostGIS, in a street whose pipes are known, with bad outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from cim.errors import ParameterError
from cim.geo.pit import Pit
from cim.installation import Installation
from cim.topic import Result
from cim.topics.pipelines.analysis.excavation import BARE, BELOW, BESIDE, UNTOLD, touched
from cim.topics.pipelines.excavation import EXCAVATION
from tests.golden.laying import make
from tests.topics.pipelines.beds import answer, degrees, figures, ground, publish, street
from tests.topics.pipelines.test_clearance import town

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "laying" / "pits.npz"


@pytest.mark.parametrize("number", range(len(make.PITS)))
def test_lengths_laid_bare_and_distances_are_those_of_postgis(number: int) -> None:
    a, b = make.segments()
    floor = shapely.from_wkt(make.PITS[number])
    with np.load(GOLDEN) as kept:
        inside, away = kept["inside"][number], kept["away"][number]
    laid = town(a, b, 0.1).laid
    found = touched(laid, Pit(floor=floor, level=-10.0, grade=0.0), floor, 100.0)
    assert [t.pipe for t in found] == list(range(len(a)))
    bare = [t.bare for t in found]
    assert bare == pytest.approx(inside.tolist(), abs=1e-6)
    assert [t.away for t in found] == pytest.approx(np.maximum(away - 0.1, 0).tolist(), abs=1e-9)
    assert {t.what for t in found} <= {BARE, BESIDE}


def test_a_pipe_that_dives_below_floor_and_sides_is_bare_just_so_far() -> None:
    floor = shapely.box(0, 0, 10, 10)
    pit = Pit(floor=floor, level=5.0, grade=1.0)  # ground at 8: the upper edge lies 3 m out
    top = floor.buffer(3, quad_segs=64)
    a = np.array([[-9.0, 5, 6], [-9, 4, 8.3], [-9, 2, 4], [12, -9, 6], [-9, 3, np.nan]])
    b = np.array([[19.0, 5, 6], [19, 4, 2.7], [19, 2, 4], [12, 19, 6], [19, 3, np.nan]])
    found = {t.pipe: t for t in touched(town(a, b, 0.5).laid, pit, top, 1.0)}
    # Its top, 6.5, meets the sides 1.5 m out, both west and east.
    assert found[0].what == BARE
    assert found[0].bare == pytest.approx(13.0, abs=1e-6)
    # Falls by 0.2 a metre: top 8.8 - 0.2 (x + 9) over 5 - x in the west, below 5 from x = 10 on.
    assert found[1].bare == pytest.approx(np.hypot(1, 0.2) * (10 + 2.5), rel=1e-6)
    assert found[2].what == found[3].what == BELOW
    assert found[2].under == pytest.approx(0.5)
    # Crosses the eastern side, 2 m out, where the pit's surface stands at 7: above its top.
    assert found[3].under == pytest.approx(0.5, abs=1e-6)
    assert found[4].what == UNTOLD


def asked(**more: Any) -> dict[str, Any]:
    corners = degrees((10, -2), (40, -2), (40, 4), (10, 4))
    return {"outline": corners, **more}


@pytest.mark.db
def test_a_pit_in_a_street_lays_bare_what_lies_in_it(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street())
    result = answer(installation, EXCAVATION, tmp_path / "out", **asked(level=1397.0))
    said = figures(result)
    middle = ground(25)
    assert said["volume"] == pytest.approx(30 * 6 * (middle - 1397) / 1.0001874**2, rel=1e-4)
    assert said["area"] == pytest.approx(180 / 1.0001874**2, rel=1e-4)
    assert said["bare_length"] == pytest.approx((30 + 6) / 1.0001874, abs=2e-3)  # W1 and G1
    rows = {r["no"]: r for r in result.tables[0].rows}
    assert rows["W1"]["bare"] == pytest.approx(30 / 1.0001874, abs=1e-3)
    assert rows["G1"]["bare"] == pytest.approx(6 / 1.0001874, abs=1e-3)
    assert rows["S1"]["under"] is not None  # its top, 1396.98 at most, lies below the floor
    assert rows["S1"]["under"] == pytest.approx(1397 - (1396.6 - 10 / 600 + 0.4), abs=1e-3)
    assert rows["W3"]["away"] is None  # nobody knows its radius
    assert rows["W4"]["away"] == pytest.approx(7 / 1.0001874 - 0.05, abs=1e-3)
    assert said["nearest"] == rows["W4"]["away"]
    pit, *rest = (result.features or {})["features"]
    assert pit["properties"]["style"]["hole"]
    assert pit["properties"]["style"]["bottom"] == 1397.0
    assert any(f["properties"]["style"]["color"] == "#d32f2f" for f in rest)
    deep = figures(answer(installation, EXCAVATION, tmp_path / "d", **asked(depth=5, grade=0.5)))
    assert deep["level"] == pytest.approx(ground(10) - 5, abs=2e-3)
    assert (deep["bare_pipes"], deep["below"]) == (3, 0)
    assert deep["volume"] > deep["core"] > said["volume"]


@pytest.mark.db
def test_pits_that_cannot_be_dug_are_refused_and_one_without_pipes_says_so(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street())

    def ask(**more: Any) -> Result:
        return answer(installation, EXCAVATION, tmp_path / "o", **more)

    for both in ({}, {"depth": 2, "level": 1398}):
        with pytest.raises(ParameterError, match="give either depth or level"):
            ask(**asked(**both))
    with pytest.raises(ParameterError, match="lies above all ground inside the outline → the grou"):
        ask(**asked(level=1500))
    with pytest.raises(ParameterError, match="does not cover"):
        ask(outline=[[106.81, 35.11], [106.811, 35.11], [106.811, 35.111]], depth=2)
    with pytest.raises(ParameterError, match="reaches beyond the city"):
        ask(outline=[[106.81, 35.11], [106.9, 35.11], [106.9, 35.111]], depth=2)
    with pytest.raises(ParameterError, match="crosses itself"):
        ask(outline=[[106.6, 35.2], [106.7, 35.3], [106.7, 35.2], [106.6, 35.25]], depth=2)
    with pytest.raises(ParameterError, match=r"the outline holds .* m² → draw one of at most"):
        ask(outline=[[106.6, 35.2], [106.62, 35.2], [106.62, 35.22]], depth=2)
    lonely = ask(outline=degrees((150, 150), (160, 150), (160, 160), (150, 160)), depth=2)
    assert figures(lonely)["bare_pipes"] == 0
    assert lonely.tables == ()
    assert figures(lonely)["volume"] > 0
