"""Ways out on streets of known length: who must walk first is not told the drive alone."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from cim.evidence import Rows
from cim.geo.roads import roads
from cim.topic import Verdict
from cim.topics.forest_fire.ways_out import ACCESS, Net, way_out_figures, ways_out
from tests.delivered import NORTH, WEST, ZONE

SPEED = 10.0  # m/s on every street


def net(shelters: list[tuple[float, float]], people: tuple[float, float], shut: int = -1) -> Net:
    """A street of 1 km from west to east in two lines, and stops beside it."""
    streets = [np.array([[WEST, NORTH], [WEST + 500, NORTH]]),
               np.array([[WEST + 500, NORTH], [WEST + 1000, NORTH]])]  # fmt: skip
    network = roads(streets, np.array([*shelters, people]) + np.array([WEST, NORTH]))
    seconds = np.where(network.line == shut, np.inf, network.length / SPEED)
    return Net(roads=network, seconds=seconds, source="base.road v1", inputs=[])


def refuges(shelters: list[tuple[float, float]]) -> Rows:
    frame = gpd.GeoDataFrame(
        {"name": [f"S{i}" for i in range(len(shelters))]},
        geometry=[Point(WEST + x, NORTH + y) for x, y in shelters], crs=ZONE,
    )  # fmt: skip
    return Rows(frame=frame, version=VERSION)


class _Version:
    class layer:  # noqa: N801 as the real one names it
        id = "base.facility"

    version = 1


VERSION: Any = _Version()


def test_people_far_from_the_road_walk_to_it_first() -> None:
    places = [(1000.0, 55.0)]
    rows, drawn = ways_out(refuges(places), net(places, (100.0, 660.0)), 0, ZONE)
    assert rows[0]["drive"] == pytest.approx(900 / SPEED / 60, abs=0.051)
    assert rows[0]["walk"] == pytest.approx((660 + 55) / ACCESS / 60, abs=0.051)
    assert rows[0]["minutes"] == pytest.approx((90 + 715 / ACCESS) / 60, abs=0.051)
    assert len(drawn) == 1


def test_a_shelter_at_ones_own_place_on_the_road_is_not_left_out() -> None:
    places = [(100.0, 11.0)]
    rows, drawn = ways_out(refuges(places), net(places, (100.0, 0.0)), 0, ZONE)
    assert rows[0]["minutes"] == pytest.approx(10 / 60, abs=0.051)
    assert drawn == []


def test_where_no_way_is_open_it_is_said_and_without_shelters_it_is_unknown() -> None:
    places = [(1000.0, 5.0)]
    shut = net(places, (100.0, 0.0), shut=1)
    own = refuges(places)
    rows, _ = ways_out(own, shut, 0, ZONE)
    assert rows == []
    assert [f.verdict for f in way_out_figures(rows, own, shut)] == [Verdict.NEEDS_REVIEW] * 2
    said = way_out_figures([], None, shut)
    assert [f.verdict for f in said] == [Verdict.UNKNOWN] * 2
    assert said[1].value is None


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(-300, 300)), min_size=1, max_size=5),
       st.tuples(st.floats(0, 1000), st.floats(-300, 300)))  # fmt: skip
def test_the_quickest_shelter_is_that_of_networkx(
    places: list[tuple[float, float]], people: tuple[float, float]
) -> None:
    own = net(places, people)
    rows, _ = ways_out(refuges(places), own, 0, ZONE)
    graph = nx.Graph()
    for (a, b), cost in zip(own.roads.ends.tolist(), own.seconds.tolist(), strict=True):
        graph.add_edge(a, b, weight=min(cost, graph.get_edge_data(a, b, {}).get("weight", np.inf)))
    lost = nx.single_source_dijkstra_path_length(graph, int(own.roads.stops[-1]))
    theirs = min(
        lost[int(node)] + (away + own.roads.away[-1]) / ACCESS
        for node, away in zip(own.roads.stops[:-1], own.roads.away[:-1], strict=True)
    )
    assert rows[0]["minutes"] == pytest.approx(theirs / 60, abs=0.051)
