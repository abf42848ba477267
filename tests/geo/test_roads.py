"""Roads as a graph, against networkx and cases whose ways are known."""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.geo.roads import roads, travel, way

Floats = npt.NDArray[np.float64]


def line(*places: tuple[float, float]) -> Floats:
    return np.array(places, dtype=np.float64)


def town(size: int, step: float = 100.0) -> list[Floats]:
    """Streets that run through all of their crossings."""
    far = (size - 1) * step
    east = [line((0, i * step), (far, i * step)) for i in range(size)]
    north = [line((i * step, 0), (i * step, far)) for i in range(size)]
    return east + north


def test_streets_that_cross_without_a_common_point_are_connected() -> None:
    network = roads([line((0, 0), (100, 0)), line((50, -50), (50, 50))], np.zeros((0, 2)))
    assert len(network.ends) == 4
    assert network.pieces() == 1
    assert network.length.sum() == pytest.approx(200)


def test_a_stop_joins_the_nearest_road_where_it_is_nearest() -> None:
    network = roads([line((0, 0), (100, 0))], np.array([[30.0, 40.0], [-30.0, 0.0]]))
    assert network.nodes[network.stops].round(6).tolist() == [[30, 0], [0, 0]]
    assert network.away.tolist() == [40, 30]


def test_lines_too_short_to_be_roads_are_refused_when_there_are_no_others() -> None:
    with pytest.raises(ParameterError, match="no roads"):
        roads([line((0, 0), (0, 0))], np.zeros((0, 2)))


def test_an_end_that_misses_its_street_by_less_than_the_snap_is_joined() -> None:
    network = roads([line((0, 0), (100, 0)), line((50, 0.4), (50, 80))], np.zeros((0, 2)))
    assert network.pieces() == 1


def test_the_way_through_a_town_of_blocks_has_the_length_of_its_blocks() -> None:
    stops = np.array([[0.0, 0.0], [300.0, 200.0]])
    network = roads(town(5), stops)
    found = travel(network, network.length, network.stops[:1])
    course, pieces = way(network, network.length, found, int(network.stops[1]))
    assert found.cost[network.stops[1]] == pytest.approx(500)
    assert network.length[pieces].sum() == pytest.approx(500)
    assert course[0].tolist() == [0, 0]
    assert course[-1].tolist() == [300, 200]
    assert np.abs(np.diff(course, axis=0)).sum() == pytest.approx(500)


def test_a_closed_road_is_driven_around() -> None:
    network = roads(town(3), np.array([[0.0, 0.0], [100.0, 0.0]]))
    closed = network.length.copy()
    middle = np.array([path.mean(axis=0) for path in network.paths])
    closed[(middle[:, 1] == 0) & (middle[:, 0] == 50)] = np.inf
    found = travel(network, closed, network.stops[:1])
    assert found.cost[network.stops[1]] == pytest.approx(300)


def test_what_lies_beyond_the_limit_has_no_way() -> None:
    network = roads(town(4), np.array([[0.0, 0.0], [300.0, 300.0]]))
    found = travel(network, network.length, network.stops[:1], limit=400.0)
    assert np.isinf(found.cost[network.stops[1]])
    course, pieces = way(network, network.length, found, int(network.stops[1]))
    assert len(course) == 0
    assert len(pieces) == 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9),
                          st.integers(0, 9)), min_size=1, max_size=25))  # fmt: skip
def test_ways_are_those_of_networkx_on_the_same_pieces(ends: list[tuple[int, ...]]) -> None:
    lines = [line((a * 100, b * 100), (c * 100, d * 100)) for a, b, c, d in ends
             if (a, b) != (c, d)]  # fmt: skip
    if not lines:
        return
    network = roads(lines, np.array([[450.0, 450.0]]))
    other = nx.MultiGraph()
    other.add_nodes_from(range(len(network.nodes)))
    for (begin, end), length in zip(network.ends.tolist(), network.length, strict=True):
        other.add_edge(begin, end, weight=length)
    source = int(network.stops[0])
    found = travel(network, network.length, network.stops)
    theirs = nx.single_source_dijkstra_path_length(other, source)
    for node in range(len(network.nodes)):
        assert found.cost[node] == pytest.approx(theirs.get(node, np.inf), abs=1e-6)
        course, _ = way(network, network.length, found, node)
        if np.isfinite(found.cost[node]) and node != source:
            walked = np.hypot(*np.diff(course, axis=0).T).sum()
            assert walked == pytest.approx(found.cost[node], abs=2.5 * len(course))
