"""Lines of sight and corridors past boxes: closed forms, and a walk in small steps."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.crs import resolve
from cim.topics.planning.analysis.facade import Windows
from cim.topics.planning.corridor import _standing_in
from cim.topics.planning.sight import met
from cim.topics.planning.sunlight import of_worst_floor
from cim.topics.planning.town import Town
from cim.topics.planning.viewing import Post, bend, height_of

ZONE = resolve("EPSG:4545").crs
X, Y, LAT = 377_000.0, 3_900_000.0, 35.22
EYE, GOAL = Post(x=X, y=Y, z=1401.6), Post(x=X + 1000, y=Y, z=1421.6)


def town(*boxes: tuple[float, float, float, float, float]) -> Town:
    """Blocks: west, south, width and depth from the eye, m, and the height of the top."""
    frame = gpd.GeoDataFrame(
        {"id": [f"B{i}" for i in range(len(boxes))], "name": None, "scheme": None,
         "ground": 1400.0, "top": [b[4] for b in boxes], "height": [b[4] - 1400 for b in boxes]},
        geometry=[shapely.box(X + b[0], Y + b[1], X + b[0] + b[2], Y + b[1] + b[3])
                  for b in boxes], crs=ZONE,
    )  # fmt: skip
    return Town(frame=frame, inputs=[], source="base.building v1")


def test_a_block_halfway_stands_above_the_line_by_what_geometry_says() -> None:
    """The line is lowest over the near wall, at 400 m: 1401.6 + 0.4 x 20 less the Earth's bulge."""
    (found,) = met(town((400, -10, 200, 20, 1415.0)), EYE, GOAL, LAT)
    bulge = bend(LAT) * 400 * 600
    assert 0.01 < bulge < 0.02
    assert found.near == pytest.approx(400.0)
    assert found.line == pytest.approx(1401.6 + 0.4 * 20 - bulge, abs=1e-9)
    assert found.over == pytest.approx(1415.0 - found.line)


def test_the_building_one_looks_at_or_from_hides_nothing() -> None:
    assert met(town((990, -10, 20, 20, 1500.0), (-5, -5, 10, 10, 1500.0)), EYE, GOAL, LAT) == []


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(20, 900), st.floats(-60, 60), st.floats(2, 80),
                          st.floats(2, 80), st.floats(1400, 1440)), max_size=6),
       st.floats(-80, 80), st.floats(1400, 1440))  # fmt: skip
def test_what_hides_is_what_a_walk_along_the_line_meets(
    boxes: list[tuple[float, float, float, float, float]], aside: float, height: float
) -> None:
    goal = Post(x=X + 1000, y=Y + aside, z=height)
    standing = town(*boxes)
    hidden = {m.row for m in met(standing, EYE, goal, LAT) if m.over > 0.05}
    clear = {m.row for m in met(standing, EYE, goal, LAT) if m.over < -0.05}
    length = float(np.hypot(1000, aside))
    away = np.linspace(0, length, 8000)
    x, y = X + away / length * 1000, Y + away / length * aside
    line = np.array([height_of(EYE, goal, float(d), length, LAT) for d in away])
    end = shapely.Point(goal.x, goal.y)
    for row, shape in enumerate(standing.frame.geometry):
        if shape.contains(end):
            continue
        inside = shapely.contains_xy(shape, x, y)
        above = bool((standing.frame["top"].iloc[row] > line[inside]).any())
        if row in hidden and inside.sum() > 2:
            assert above
        if row in clear:
            assert not above


def test_a_corridor_limits_each_building_by_the_line_at_its_lowest() -> None:
    wedge = shapely.Polygon([(X, Y), (X + 1000, Y + 50), (X + 1000, Y - 50)])
    standing = town(
        (200, -30, 50, 60, 1410.0), (600, -30, 50, 60, 1410.0), (600, 200, 50, 60, 1450.0)
    )
    rows, drawn = _standing_in(wedge, standing, (EYE, GOAL), LAT, ZONE)
    by = {r["name"]: r for r in rows}
    assert by.keys() == {"B0", "B1"}
    assert by["B0"]["limit"] == pytest.approx(1401.6 + 0.2 * 20, abs=0.02)
    assert by["B0"]["verdict"] == "FAIL"
    assert by["B0"]["over"] == pytest.approx(1410 - 1405.6, abs=0.03)
    assert by["B1"]["verdict"] == "PASS"
    assert by["B1"]["allowed"] == pytest.approx(1401.6 + 0.6 * 20 - 1400, abs=0.03)
    colours = [one["properties"]["style"]["color"] for one in drawn]
    assert len(set(colours)) == len(colours) == 2  # what is too tall is told from what is not


def test_a_building_of_unknown_height_in_a_corridor_is_unknown() -> None:
    wedge = shapely.Polygon([(X, Y), (X + 1000, Y + 50), (X + 1000, Y - 50)])
    rows, _ = _standing_in(wedge, town((200, -5, 50, 10, float("nan"))), (EYE, GOAL), LAT, ZONE)
    assert rows[0]["verdict"] == "UNKNOWN"
    (found,) = met(town((200, -5, 50, 10, float("nan"))), EYE, GOAL, LAT)
    assert np.isnan(found.over)


@settings(max_examples=40)
@given(st.floats(20, 900), st.floats(1400, 1440))
def test_a_hair_of_a_corridor_says_of_a_block_what_the_line_of_sight_says(
    near: float, top: float
) -> None:
    standing = town((near, -20, 30, 40, top))
    hair = shapely.Polygon([(X, Y), (X + 1000, Y + 0.005), (X + 1000, Y - 0.005)])
    rows, _ = _standing_in(hair, standing, (EYE, GOAL), LAT, ZONE)
    (one,) = met(standing, EYE, GOAL, LAT)
    assert rows[0]["over"] == pytest.approx(one.over, abs=0.011)


def test_a_sunny_roof_lights_no_ground_floor() -> None:
    seen = Windows(left=np.zeros((4, 3)), right=np.zeros((4, 3)), facing=np.zeros(4),
                   floor=np.array([1, 1, 2, 2]))  # fmt: skip
    assert of_worst_floor(np.array([0.5, 1.0, 0.0, 8.0]), seen.floor) == 1.0
