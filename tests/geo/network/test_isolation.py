"""Segments and isolations, against WNTR, against brute force, and by what must always hold."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.network import Elements, Graph, distances, elements, isolate, parts, segments

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "pipelines" / "segments.npz"
Valves = list[tuple[int, float]]


def graph(count: int, pairs: list[tuple[int, int]], length: float = 10.0) -> Graph:
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return Graph(count, ends[:, 0], ends[:, 1], np.full(len(ends), length))


def cut(net: Graph, valves: Valves) -> Elements:
    return elements(
        net, np.array([v[0] for v in valves], np.int64), np.array([v[1] for v in valves], float)
    )


def yes(count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(count, bool)


def no(count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.zeros(count, bool)


@pytest.mark.parametrize("network", ["Net3", "ky4", "ky10"])
@pytest.mark.parametrize("placement", ["strategic", "random"])
def test_segments_are_those_that_wntr_finds(network: str, placement: str) -> None:
    with np.load(GOLDEN) as kept:
        tails, heads, valves, far, theirs = (
            kept[f"{network}_{placement}_{what}"]
            for what in ("tails", "heads", "valves", "far", "segments")
        )
    net = Graph(int(max(tails.max(), heads.max())) + 1, tails, heads, np.ones(len(tails)))
    network_cut = elements(net, valves, far.astype(float))
    mine = segments(network_cut, yes(len(valves)))
    of_links = [mine[network_cut.piece(link, 0.5)] for link in range(len(tails))]
    both = np.concatenate([mine[: net.count], of_links])
    pairs = set(zip(both.tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert len(pairs) > 30


@st.composite
def networks(draw: st.DrawFn) -> tuple[Graph, Valves]:
    count = draw(st.integers(2, 9))
    tree = [(draw(st.integers(0, i - 1)), i) for i in range(1, count)]
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    pairs = tree + draw(st.lists(pair, max_size=7))
    place = st.tuples(st.integers(0, len(pairs) - 1), st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0]))
    return graph(count, pairs), draw(st.lists(place, max_size=14, unique=True))


def walk(net: Graph, valves: Valves, start: set[object], blocked: set[int]) -> set[object]:
    """Brute force: from nodes (ints) and pieces (link, rank) to all that hangs with them."""
    order = {
        link: sorted(
            (i for i, v in enumerate(valves) if v[0] == link), key=lambda i: (valves[i][1], i)
        )
        for link in range(len(net.tails))
    }
    joined: dict[object, list[object]] = {}

    def tie(a: object, b: object) -> None:
        joined.setdefault(a, []).append(b)
        joined.setdefault(b, []).append(a)

    for link, here in order.items():
        tie(int(net.tails[link]), (link, 0))
        tie(int(net.heads[link]), (link, len(here)))
        for rank, valve in enumerate(here):
            if valve not in blocked:
                tie((link, rank), (link, rank + 1))
    seen, queue = set(start), deque(start)
    while queue:
        for other in joined.get(queue.popleft(), []):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def names(net: Graph, parts_cut: Elements) -> list[object]:
    ranks = np.arange(len(parts_cut.link)) - (parts_cut.first[parts_cut.link] - net.count)
    pieces = zip(parts_cut.link.tolist(), ranks.tolist(), strict=True)
    return [*range(net.count), *pieces]


@settings(max_examples=200)
@given(networks(), st.data())
def test_an_isolation_is_what_walking_every_pipe_finds(
    drawn: tuple[Graph, Valves], data: st.DataObject
) -> None:
    net, valves = drawn
    count = len(valves)
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    usable, closed = (np.array(data.draw(flags), bool) for _ in range(2))
    sources = data.draw(st.lists(st.integers(0, net.count - 1), max_size=2, unique=True))
    network = cut(net, valves)
    called = names(net, network)
    burst = data.draw(st.integers(net.count, network.count - 1))
    found = isolate(
        network, burst, usable=usable, closed=closed, sources=np.array(sources, np.int64)
    )
    shut = set(np.flatnonzero(closed).tolist())
    able = set(np.flatnonzero(usable | closed).tolist())
    segment = walk(net, valves, {called[burst]}, able)
    assert {called[i] for i in np.flatnonzero(found.segment)} == segment
    alive = {s for s in sources if s not in segment}
    before = walk(net, valves, set(sources), shut)
    now = walk(net, valves, set(alive), shut | set(found.close.tolist())) if alive else set()
    assert not now & segment
    cut_off = {called[i] for i in np.flatnonzero(found.cut)}
    assert cut_off == before - now - segment
    # No valve less would do: each left open lets the burst's segment grow.
    for valve in found.close.tolist():
        assert walk(net, valves, {called[burst]}, able - {valve}) != segment
    assert not set(found.close.tolist()) & shut


@settings(max_examples=150)
@given(networks(), st.data())
def test_closing_both_ends_of_a_pipe_that_is_no_bridge_cuts_off_nobody_else(
    drawn: tuple[Graph, Valves], data: st.DataObject
) -> None:
    net, _ = drawn
    whole = nx.MultiGraph()
    whole.add_nodes_from(range(net.count))
    pairs = list(zip(net.tails.tolist(), net.heads.tolist(), strict=True))
    whole.add_edges_from((a, b, i) for i, (a, b) in enumerate(pairs))
    simple = nx.Graph(whole)
    bridges = {
        i for i, (a, b) in enumerate(pairs)
        if a != b and whole.number_of_edges(a, b) == 1 and
        not nx.has_path(nx.restricted_view(simple, [], [(a, b)]), a, b)
    }  # fmt: skip
    link = data.draw(st.integers(0, len(pairs) - 1))
    source = data.draw(st.integers(0, net.count - 1))
    network = cut(net, [(link, 0.1), (link, 0.9)])
    found = isolate(
        network, network.piece(link, 0.5), usable=yes(2), closed=no(2), sources=np.array([source])
    )
    assert found.segment.sum() == 1
    assert sorted(found.close.tolist()) == [0, 1]
    assert found.cut.any() == (link in bridges)


def test_valves_are_closed_from_the_nearest_source_outwards() -> None:
    # source 0 - 1 - 2 - 3 and a long way round 0 - 4 - 3; the burst is between 1 and 2
    pairs = [(0, 1), (1, 2), (2, 3), (0, 4), (4, 3)]
    network = cut(graph(5, pairs, 100.0), [(2, 0.5), (1, 0.01), (1, 0.99)])
    found = isolate(
        network, network.piece(1, 0.5), usable=yes(3), closed=no(3), sources=np.array([0])
    )
    assert found.close.tolist() == [1, 2]
    assert found.supply.tolist() == pytest.approx([100 + 1, 3 * 100 + 1])
    assert not found.cut.any()


def test_a_stuck_valve_takes_the_next_ring_and_a_closed_one_stays() -> None:
    network = cut(graph(4, [(0, 1), (1, 2), (2, 3)]), [(0, 0.5), (1, 0.5), (2, 0.5)])
    burst = network.piece(1, 0.6)
    first = isolate(network, burst, usable=yes(3), closed=no(3), sources=np.array([0]))
    assert first.close.tolist() == [1, 2]
    stuck = isolate(
        network, burst, usable=np.array([True, False, True]), closed=np.array([False, False, True]),
        sources=np.array([0]),
    )  # fmt: skip
    assert stuck.close.tolist() == [0]
    assert stuck.shut.tolist() == [2]
    assert stuck.segment.sum() > first.segment.sum()


def test_a_source_within_the_segment_is_told_and_gives_nothing() -> None:
    network = cut(graph(3, [(0, 1), (1, 2)]), [(1, 0.5)])
    found = isolate(
        network, network.piece(0, 0.5), usable=yes(1), closed=no(1), sources=np.array([0])
    )
    assert found.origins.tolist() == [0]
    assert found.cut.sum() == 2


@settings(max_examples=60)
@given(networks())
def test_pieces_are_as_long_as_the_pipes_they_are_cut_from(drawn: tuple[Graph, Valves]) -> None:
    net, valves = drawn
    network = cut(net, valves)
    whole = np.bincount(network.link, weights=network.sizes)
    np.testing.assert_allclose(whole, net.lengths)
    assert (network.sizes >= 0).all()


def test_of_parallel_pipes_the_shortest_counts_and_a_pipe_without_length_is_one() -> None:
    starts, ends = np.array([0, 0, 1]), np.array([1, 1, 2])
    found = distances(4, starts, ends, np.array([9.0, 4.0, 0.0]), np.array([0]))
    assert found.tolist() == pytest.approx([0.0, 4.0, 4.0, np.inf])
    assert parts(4, starts, ends).tolist() == [0, 0, 0, 1]
    assert np.isinf(distances(2, starts[:0], ends[:0], np.zeros(0), starts[:0])).all()
