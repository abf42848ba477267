"""Land statistics against PostGIS on polygons in degrees, and against sums that are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from cim.geo.crs import resolve
from cim.store.database import ready
from cim.topics.planning.analysis.overlay import area_of
from cim.topics.planning.land import ELSEWHERE, _by_town, _changes

ZONE = resolve("EPSG:4545").crs
X, Y = 377_000.0, 3_900_000.0
TOWNS = [
    ("东", shapely.box(X + 500, Y, X + 900, Y + 800)),
    ("西", shapely.box(X, Y, X + 500, Y + 800)),
]


def mosaic(seed: int, names: str = "abc") -> gpd.GeoDataFrame:
    """A square kilometre in Voronoi cells, each of one of three uses."""
    random = np.random.default_rng(seed)
    square = shapely.box(X, Y, X + 1000, Y + 1000)
    points = shapely.MultiPoint(random.uniform(0, 1000, (25, 2)) + np.array([X, Y]))
    cells = [
        c.intersection(square) for c in shapely.voronoi_polygons(points, extend_to=square).geoms
    ]
    return gpd.GeoDataFrame(
        {"use": random.choice(list(names), len(cells))}, geometry=cells, crs=ZONE
    )


@pytest.mark.db
def test_sums_by_town_and_the_matrix_of_changes_are_those_of_postgis(engine: Engine) -> None:
    now, before = mosaic(1), mosaic(2)
    rows = [{"t": t, "use": u, "wkt": g.wkt}
            for t, frame in (("now", now), ("before", before))
            for u, g in zip(frame["use"], frame.geometry, strict=True)]  # fmt: skip
    rows += [{"t": "town", "use": name, "wkt": shape.wkt} for name, shape in TOWNS]
    area = (
        "sum(ST_Area(ST_Transform(ST_Segmentize(ST_Intersection(a.g, b.g), 50), 4490)::geography))"
    )
    with ready(engine) as connection:
        connection.execute(sa.text("create temp table land (t text, use text, g geometry)"))
        connection.execute(
            sa.text("insert into land values (:t, :use, ST_GeomFromText(:wkt, 4545))"), rows
        )
        theirs, moved = (
            {(one, other): value for one, other, value in connection.execute(sa.text(
                f"select a.use, b.use, {area} from land a, land b where a.t = '{first}' and "
                f"b.t = '{second}' and ST_Intersects(a.g, b.g) group by 1, 2"))}
            for first, second in (("town", "now"), ("before", "now"))
        )  # fmt: skip
    ours = {(r["town"], r["use"]): r["area"] for r in _by_town(now, TOWNS, "村").rows}
    for key, value in theirs.items():
        assert ours[key] == pytest.approx(value, rel=2e-6, abs=0.05)
    changes = {(r["from"], r["to"]): r["area"] for r in _changes(before, now).rows}
    assert changes.keys() == {key for key, value in moved.items() if value > 0.01}
    for key, value in changes.items():
        assert value == pytest.approx(moved[key], rel=2e-6, abs=0.05)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_towns_and_what_lies_in_none_add_up_to_every_use(seed: int) -> None:
    now = mosaic(seed)
    rows = _by_town(now, TOWNS, "村").rows
    for use, group in now.groupby("use"):
        whole = sum(area_of(shape, ZONE) for shape in group.geometry)
        assert sum(r["area"] for r in rows if r["use"] == use) == pytest.approx(
            whole, rel=2e-6, abs=0.05
        )
    assert any(r["town"] == ELSEWHERE for r in rows)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_nothing_changes_between_a_map_and_itself(seed: int) -> None:
    now = mosaic(seed)
    rows = _changes(now, now).rows
    assert all(r["from"] == r["to"] for r in rows)
    assert sum(r["area"] for r in rows) == pytest.approx(
        sum(area_of(shape, ZONE) for shape in now.geometry), rel=2e-6
    )
