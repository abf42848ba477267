"""Schemes against each of their parcels, and what they take of the sun of those who stay."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from cim.errors import ParameterError
from cim.geo.crs import resolve
from cim.store.database import ready
from cim.topic import Verdict
from cim.topics.planning.neighbours import staying
from cim.topics.planning.schemes import judged, massing

ZONE = resolve("EPSG:4545").crs
X, Y = 377_000.0, 3_900_000.0


def box(x: float, y: float, width: float, depth: float) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + width, Y + y + depth)


def blocks(*rows: tuple[Any, shapely.Polygon, float, float]) -> gpd.GeoDataFrame:
    """(parcel, outline, floors, height) each."""
    return gpd.GeoDataFrame(
        {"parcel": [r[0] for r in rows], "floors": [r[2] for r in rows],
         "height": [r[3] for r in rows]},
        geometry=[r[1] for r in rows], crs=ZONE,
    )  # fmt: skip


def parcels(*rows: tuple[str, shapely.Polygon, float, float, float]) -> gpd.GeoDataFrame:
    """(number, outline, FAR, density, height) each."""
    return gpd.GeoDataFrame(
        {"parcel_id": [r[0] for r in rows], "far_max": [r[2] for r in rows],
         "density_max": [r[3] for r in rows], "height_max": [r[4] for r in rows]},
        geometry=[r[1] for r in rows], crs=ZONE,
    )  # fmt: skip


ONE = parcels(("P1", box(0, 0, 100, 100), 2.0, 30.0, 54.0))
TWO = parcels(
    ("P1", box(0, 0, 100, 100), 2.0, 30.0, 54.0), ("P2", box(100, 0, 100, 100), 2.0, 30.0, 54.0)
)


def test_far_and_density_are_those_of_the_drawing() -> None:
    found = massing(blocks(("P1", box(10, 10, 40, 50), 9, 27.0)), ONE)
    assert found.far == pytest.approx(9 * 2000 / 10_000, rel=1e-6)
    assert found.density == pytest.approx(20.0, rel=1e-6)
    assert found.tallest == 27.0


def test_an_empty_parcel_does_not_excuse_the_one_that_is_built_over() -> None:
    """Together FAR 1.6 of 2.0, but all of it on one parcel: 3.2."""
    scheme = judged("A", blocks(("P1", box(5, 5, 80, 40), 10, 30.0)), TWO)
    assert scheme.whole.far == pytest.approx(1.6, rel=1e-6)
    assert scheme.verdicts == (Verdict.FAIL, Verdict.FAIL, Verdict.PASS)


@pytest.mark.parametrize(
    ("key", "said"),
    [("far_max", (Verdict.UNKNOWN, Verdict.PASS, Verdict.PASS)),
     ("density_max", (Verdict.PASS, Verdict.UNKNOWN, Verdict.PASS)),
     ("height_max", (Verdict.PASS, Verdict.PASS, Verdict.UNKNOWN))],
)  # fmt: skip
def test_one_parcel_without_a_limit_lets_nothing_pass(key: str, said: tuple[Verdict, ...]) -> None:
    site = TWO.copy()
    site.loc[1, key] = np.nan
    own = blocks(("P1", box(5, 5, 40, 40), 4, 12.0), ("P2", box(110, 5, 40, 40), 4, 12.0))
    assert judged("A", own, TWO).verdicts == (Verdict.PASS,) * 3
    assert judged("A", own, site).verdicts == said


def test_blocks_of_unknown_floors_or_height_are_unknown() -> None:
    scheme = judged("A", blocks(("P1", box(5, 5, 40, 40), np.nan, np.nan)), ONE)
    assert scheme.verdicts == (Verdict.UNKNOWN, Verdict.PASS, Verdict.UNKNOWN)
    assert scheme.whole.far is None


@pytest.mark.parametrize("number", ["P9", None])
def test_a_block_on_a_parcel_that_nobody_published_is_refused(number: Any) -> None:
    own = blocks(("P1", box(5, 5, 40, 40), 4, 12.0), (number, box(60, 5, 40, 40), 4, 12.0))
    with pytest.raises(ParameterError, match="not published"):
        judged("A", own, ONE)


def test_a_block_beyond_its_parcel_is_told() -> None:
    assert judged("A", blocks(("P1", box(90, 5, 30, 40), 4, 12.0)), ONE).beyond == 1
    assert judged("A", blocks(("P1", box(70, 5, 30, 40), 4, 12.0)), ONE).beyond == 0


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.floats(5, 90), st.integers(1, 30)), min_size=1,
                max_size=5))  # fmt: skip
def test_what_passes_keeps_to_the_limit_on_every_parcel(
    rows: list[tuple[bool, float, int]],
) -> None:
    own = blocks(*(("P1" if left else "P2", box(2 if left else 102, 2, side, side), floors,
                    3.0 * floors) for left, side, floors in rows))  # fmt: skip
    scheme = judged("A", own, TWO)
    for number in ("P1", "P2"):
        floor = sum(b.geometry.area * b.floors for b in own.itertuples() if b.parcel == number)
        if floor > 2.0 * 10_000 * (1 + 1e-6):
            assert scheme.verdicts[0] is Verdict.FAIL
        if (own["height"][own["parcel"] == number] > 54).any():
            assert scheme.verdicts[2] is Verdict.FAIL


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=8), st.lists(st.booleans(), min_size=8,
                                                                 max_size=8))  # fmt: skip
def test_windows_are_counted_of_houses_that_no_scheme_pulls_down(
    one: list[bool], other: list[bool]
) -> None:
    def town(kept: list[bool]) -> gpd.GeoDataFrame:
        shapes = [box(30.0 * i, 0, 20, 10) for i, stays in enumerate(kept) if stays]
        new = [box(500, 0, 20, 10)]
        return gpd.GeoDataFrame({"scheme": [None] * len(shapes) + ["A"]}, geometry=shapes + new,
                                crs=ZONE)  # fmt: skip

    now = town([True] * len(one)).iloc[:-1]
    found = staying(now, [town(one), town(other[: len(one)])])
    assert found.tolist() == [a and b for a, b in zip(one, other, strict=False)]


@pytest.mark.db
def test_far_and_density_are_those_of_postgis(engine: Engine) -> None:
    """Overlapping podium and tower: PostGIS joins the outlines, and sums the floors."""
    drawn = blocks(
        ("P1", box(10, 10, 60, 40), 3, 12.0), ("P1", box(30, 20, 20, 20), 18, 54.0),
        ("P1", shapely.affinity.rotate(box(70, 60, 20, 30), 31), 6, 18.0),
    )  # fmt: skip
    degrees = "ST_Area(ST_Transform(ST_Segmentize({}, 5), 4490)::geography)"
    with ready(engine) as connection:
        connection.execute(sa.text("create temp table part (floors float, g geometry)"))
        connection.execute(
            sa.text("insert into part values (:floors, ST_GeomFromText(:wkt, 4545))"),
            [{"floors": f, "wkt": g.wkt}
             for f, g in zip(drawn["floors"], drawn.geometry, strict=True)],
        )  # fmt: skip
        base, floors, site = connection.execute(sa.text(
            f"select {degrees.format('ST_Union(g)')}, sum(floors * {degrees.format('g')}), "
            + degrees.format(f"ST_GeomFromText('{ONE.geometry.iloc[0].wkt}', 4545)") + " from part"
        )).one()  # fmt: skip
    found = massing(drawn, ONE)
    assert found.far == pytest.approx(floors / site, rel=1e-6)
    assert found.density == pytest.approx(100 * base / site, rel=1e-6)
