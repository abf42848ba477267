"""What a project may lie on: no verdict rests on a line whose kind nobody has told."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.evidence import Rows
from cim.geo.crs import resolve, to_lonlat
from cim.topic import Verdict
from cim.topics.planning.compliance import COMPLIANCE, ComplianceParameters, _lines, _strange
from cim.topics.planning.layers import BOUNDARY, FARMLAND, RED_LINE
from tests import live
from tests.topics.test_hostile import ask

ZONE = resolve("EPSG:4545").crs
X, Y = 377_000.0, 3_900_000.0
KINDS = {FARMLAND, RED_LINE, BOUNDARY}


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + width, Y + y + height)


def lines(*rows: tuple[Any, shapely.Polygon]) -> Rows:
    frame = gpd.GeoDataFrame(
        {"kind": [kind for kind, _ in rows]}, geometry=[shape for _, shape in rows], crs=ZONE
    )
    return Rows(frame=frame, version=None)  # type: ignore[arg-type]


PROJECT = box(0, 0, 100, 100)
ASKED = ComplianceParameters.model_validate(
    {"project": to_lonlat(ZONE, shapely.get_coordinates(PROJECT)).tolist()}
)


def verdicts(rows: Rows) -> dict[str, Verdict]:
    return {line.kind: line.verdict for line in _lines(rows, KINDS, PROJECT, ASKED, ZONE)}


def test_a_project_beside_all_farmland_complies_and_one_on_it_does_not() -> None:
    assert verdicts(lines((FARMLAND, box(200, 0, 50, 50))))[FARMLAND] is Verdict.PASS
    assert verdicts(lines((FARMLAND, box(50, 50, 80, 80))))[FARMLAND] is Verdict.FAIL


@pytest.mark.parametrize("kind", [None, float("nan"), "基本农田保护区", "永久基本农田 "])
def test_a_line_whose_kind_nobody_knows_lets_nothing_pass(kind: Any) -> None:
    found = lines((kind, box(50, 50, 80, 80)), (FARMLAND, box(500, 0, 50, 50)))
    assert _strange(found, PROJECT) == [0]
    assert verdicts(found)[FARMLAND] is Verdict.UNKNOWN
    beside = lines((kind, box(500, 50, 80, 80)), (FARMLAND, box(500, 0, 50, 50)))
    assert verdicts(beside)[FARMLAND] is Verdict.PASS


def test_a_hairline_is_let_pass_but_many_square_metres_of_them_are_reviewed() -> None:
    hair = lines((FARMLAND, box(-50, -50, 50.02, 200)))
    assert verdicts(hair)[FARMLAND] is Verdict.PASS
    strip = lines((FARMLAND, box(-50, -50, 50.4, 200)))
    assert verdicts(strip)[FARMLAND] is Verdict.NEEDS_REVIEW


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([FARMLAND, RED_LINE, "", None]), st.floats(-150, 150),
                          st.floats(-150, 150), st.floats(10, 120)), max_size=6))  # fmt: skip
def test_nothing_passes_that_touches_more_than_a_sliver_of_farmland_or_of_nobody_knows_what(
    rows: list[tuple[Any, float, float, float]],
) -> None:
    found = lines(*((kind, box(x, y, side, side)) for kind, x, y, side in rows))
    said = verdicts(found)
    touched = [
        kind for kind, shape in zip(found.frame["kind"], found.frame.geometry, strict=True)
        if shape.intersection(PROJECT).area > ASKED.sliver_area
        and not shape.intersection(PROJECT).buffer(-ASKED.sliver_width / 2).is_empty
    ]  # fmt: skip
    if any(kind != RED_LINE for kind in touched):
        assert said[FARMLAND] is not Verdict.PASS
    assert said[RED_LINE] is not Verdict.PASS  # its clause is unverified


@pytest.mark.db
def test_a_project_just_inside_the_border_of_the_city_is_answered() -> None:
    """Its box in the compute CRS, turned by the convergence, reaches beyond; it does not."""
    address = f"{live.city()}/api/topics/{COMPLIANCE.id.replace('.', '/')}"
    corner = [[106.5001, 35.1001], [106.51, 35.1001], [106.51, 35.11], [106.5001, 35.11]]
    status, said = ask(address, {"project": corner})
    assert status == 200, said
    status, said = ask(address, {"project": [[106.4999, 35.1001], *corner[1:]]})
    assert status == 422
    assert "beyond the city" in said["detail"]
