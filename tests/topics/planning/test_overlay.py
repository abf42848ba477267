"""Pieces of areas: they add up, slivers stand apart, and PostGIS measures the same."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from cim.errors import ParameterError
from cim.geo.crs import resolve
from cim.store.database import ready
from cim.topics.planning.analysis.overlay import (
    MU,
    area_of,
    balanced,
    covered,
    is_sliver,
    pieces,
    polygons,
)

ZONE = resolve("EPSG:4545").crs
X, Y = 377_000.0, 3_900_000.0


def square(x: float, y: float, side: float) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def test_a_box_has_the_area_that_the_note_measured() -> None:
    box = shapely.box(106.5, 35.1, 106.8, 35.3)
    assert area_of(box) / 1e6 == pytest.approx(606.191206, abs=1e-5)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(20, 400)),
                min_size=1, max_size=8))  # fmt: skip
def test_pieces_and_what_is_left_add_up_to_the_whole(boxes: list[tuple[float, ...]]) -> None:
    area = square(0, 0, 1000)
    others = [square(*b) for b in boxes]
    found = pieces(area, others, ZONE, least=0.0, width=0.0)
    union = covered(found, ZONE)
    rest = area_of(polygons(area.difference(shapely.union_all(others))), ZONE)
    assert union + rest == pytest.approx(area_of(area, ZONE), rel=1e-6)
    assert sum(p.area for p in found) >= union - 1e-3


@pytest.mark.db
def test_an_overlap_has_the_area_that_postgis_tells(engine: Engine) -> None:
    area = square(0, 0, 1000)
    other = shapely.Point(X + 900, Y + 300).buffer(400)
    (piece,) = pieces(area, [other], ZONE, least=1.0, width=0.5)
    statement = sa.text(
        "select ST_Area(ST_Transform(ST_Segmentize(ST_Intersection(ST_GeomFromText(:a, 4545), "
        "ST_GeomFromText(:b, 4545)), 50), 4490)::geography)"
    )
    with ready(engine) as connection:
        theirs = connection.execute(statement, {"a": area.wkt, "b": other.wkt}).scalar_one()
    assert piece.area == pytest.approx(theirs, rel=1e-6)


def test_a_hairline_of_overlap_is_a_sliver_and_a_corner_is_not() -> None:
    assert is_sliver(shapely.box(0, 0, 300, 0.3), 5.0, 0.5)
    assert is_sliver(shapely.box(0, 0, 2, 2), 5.0, 0.5)
    assert not is_sliver(shapely.box(0, 0, 10, 10), 5.0, 0.5)


def test_an_other_that_crosses_itself_is_made_whole() -> None:
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    (piece,) = pieces(square(0, 0, 100), [bow], ZONE, least=0.0, width=0.0)
    assert piece.area == pytest.approx(5000, rel=2e-3)


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, 1e7), min_size=1, max_size=30), st.floats(1.0, 1e8))
def test_balanced_areas_add_up_to_the_control_total_exactly(
    areas: list[float], total: float
) -> None:
    total = round(total, 2)
    found = balanced(np.array(areas), total)
    assert round(float(found.sum()) * 100) == pytest.approx(round(total * 100), abs=1)
    exact = np.array(areas) * total / sum(areas)
    assert np.abs(found - exact).max() <= 0.0101


def test_nothing_cannot_be_adjusted_to_something() -> None:
    with pytest.raises(ParameterError, match="no area"):
        balanced(np.zeros(3), 100.0)


def test_fifteen_mu_are_a_hectare() -> None:
    assert pytest.approx(10_000) == 15 * MU
