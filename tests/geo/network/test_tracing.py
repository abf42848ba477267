"""Traces up and down stream, against networkx and by what must always hold."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.network import BOTH, UNTOLD, Graph, trace


@st.composite
def flows(draw: st.DrawFn) -> tuple[Graph, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    count = draw(st.integers(2, 9))
    node = st.integers(0, count - 1)
    pairs = np.array(draw(st.lists(st.tuples(node, node), min_size=1, max_size=16)), np.int64)
    size = len(pairs)
    lengths = draw(st.lists(st.integers(0, 50), min_size=size, max_size=size))
    ways = draw(st.lists(st.sampled_from([1, -1, UNTOLD, BOTH]), min_size=size, max_size=size))
    return (
        Graph(count, pairs[:, 0], pairs[:, 1], np.array(lengths, float)),
        np.array(ways, np.int64),
    )


@settings(max_examples=200)
@given(flows(), st.data(), st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_a_trace_reaches_what_networkx_reaches_by_the_shortest_way(
    drawn: tuple[Graph, np.ndarray[tuple[int], np.dtype[np.int64]]], data: st.DataObject,
    upstream: bool, fraction: float,
) -> None:  # fmt: skip
    graph, ways = drawn
    link = data.draw(st.integers(0, len(ways) - 1))
    found = trace(graph, ways, link, fraction, upstream=upstream)
    net = nx.MultiDiGraph()
    net.add_nodes_from(range(graph.count))
    for i, way in enumerate(ways.tolist()):
        a, b, size = int(graph.tails[i]), int(graph.heads[i]), float(graph.lengths[i])
        if way in (1, BOTH):
            net.add_edge(*((b, a) if upstream else (a, b)), weight=size, link=i)
        if way in (-1, BOTH):
            net.add_edge(*((a, b) if upstream else (b, a)), weight=size, link=i)
    first: dict[int, float] = {}
    for a, b, more in [e for e in net.edges(data=True) if e[2]["link"] == link]:
        to_head = (int(graph.tails[link]), int(graph.heads[link])) == (a, b)
        share = 1 - fraction if to_head else fraction
        if int(graph.tails[link]) == int(graph.heads[link]):
            share = 1 - fraction if (ways[link] == 1) != upstream else fraction
        first[b] = min(first.get(b, np.inf), share * more["weight"])
    net.add_node("start")
    for node, size in first.items():
        net.add_edge("start", node, weight=size, link=-1)
    known = nx.single_source_dijkstra_path_length(net, "start")
    del known["start"]
    assert set(np.flatnonzero(found.nodes).tolist()) == set(known)
    if ways[link] != BOTH or graph.tails[link] != graph.heads[link]:
        assert {n: float(found.away[n]) for n in known} == pytest.approx(known, abs=1e-9)
    passed = {more["link"] for a, _, more in net.edges(data=True) if a in known} | {link}
    assert set(np.flatnonzero(found.links).tolist()) == passed
    assert set(found.ends.tolist()) == {n for n in known if net.out_degree(n) == 0}


def test_a_loop_is_walked_once_and_a_pipe_of_unknown_flow_is_told() -> None:
    graph = Graph(
        5, np.array([0, 1, 2, 3, 3]), np.array([1, 2, 3, 1, 4]), np.full(5, 10.0)
    )  # fmt: skip
    found = trace(
        graph, np.array([1, 1, 1, 1, UNTOLD]), 0, 0.5, upstream=False, times=np.full(5, 2.0)
    )
    assert found.nodes.tolist() == [False, True, True, True, False]
    assert found.away[:4].tolist() == pytest.approx([np.inf, 5, 15, 25])
    assert found.time[3] == pytest.approx(5.0)
    assert found.untold.tolist() == [4]
    assert found.ends.tolist() == []


def test_without_the_time_of_one_pipe_the_times_beyond_it_are_unknown() -> None:
    graph = Graph(4, np.array([0, 1, 2]), np.array([1, 2, 3]), np.full(3, 10.0))
    times = np.array([2.0, np.inf, 2.0])
    found = trace(graph, np.ones(3, np.int64), 0, 0.0, upstream=False, times=times)
    assert found.time.tolist() == pytest.approx([np.inf, 2.0, np.inf, np.inf])
    assert found.away.tolist() == pytest.approx([np.inf, 10.0, 20.0, 30.0])


@settings(max_examples=100)
@given(flows(), st.data())
def test_what_lies_downstream_of_a_pipe_has_that_pipe_upstream(
    drawn: tuple[Graph, np.ndarray[tuple[int], np.dtype[np.int64]]], data: st.DataObject
) -> None:
    graph, ways = drawn
    link = data.draw(st.integers(0, len(ways) - 1))
    down = trace(graph, ways, link, 0.5, upstream=False)
    for other in np.flatnonzero(down.links).tolist():
        if other != link:
            assert trace(graph, ways, other, 0.5, upstream=True).links[link]
