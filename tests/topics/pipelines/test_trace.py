"""Ways of pipes, and traces along them, in networks whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.network import BOTH, UNTOLD, trace
from cim.topics.pipelines.analysis.direction import (
    Ways,
    as_drawn,
    as_simulated,
    by_invert,
    full_velocity,
    traced_length,
)
from cim.topics.pipelines.analysis.model import Link, Network, Node, Place
from tests.topics.pipelines.towns import ladder, network


def sewer(*links: tuple[int, int, float | None, float | None], length: float = 100.0) -> Network:
    """Links of (tail, head, elevation at tail, at head), each of one length, DN 300."""
    count = max(max(tail, head) for tail, head, *_ in links) + 1
    return Network(
        nodes=tuple(Node(no=f"W{i}", x=0.0, y=0.0) for i in range(count)),
        links=tuple(
            Link(no=f"L{i}", tail=tail, head=head, length=length, diameter=300.0,
                 line=np.array([[0.0, 0.0], [1.0, 0.0]]), elevations=(a, b), direction=1)
            for i, (tail, head, a, b) in enumerate(links)
        ),
    )  # fmt: skip


def test_a_sewer_falls_from_the_higher_end_and_a_flat_one_cannot_be_told() -> None:
    net = sewer((0, 1, 10.0, 9.0), (1, 2, 8.0, 8.5), (2, 3, 8.0, 8.0005), (3, 4, None, 7.0))
    ways = by_invert(net, 0.013)
    assert ways.directions.tolist() == [1, -1, UNTOLD, UNTOLD]
    assert ways.adverse == (1,)
    assert np.isfinite(ways.times).tolist() == [True, True, False, False]


def test_a_full_pipe_runs_as_manning_says() -> None:
    # D 1.0 m, n 0.013, slope 0.003: 1.31321 m³/s full bore, as SWMM has it
    link = Link(no="x", tail=0, head=1, length=500.0, diameter=1000.0, line=np.zeros((2, 2)))
    speed = full_velocity(link, 1.5, 0.013)
    assert speed is not None
    assert speed * np.pi / 4 == pytest.approx(1.31321, abs=1e-4)


def test_a_trace_down_a_sewer_ends_at_the_outfall_and_takes_its_time() -> None:
    net = sewer((0, 1, 10, 9), (2, 1, 9.5, 9), (1, 3, 9, 8), (3, 4, 8, 7))
    ways = by_invert(net, 0.013)
    down = trace(net.graph, ways.directions, 0, 0.25, upstream=False, times=ways.times)
    assert down.ends.tolist() == [4]
    assert down.away[4] == pytest.approx(275.0)
    assert down.time[4] == pytest.approx(0.75 * ways.times[0] + ways.times[2] + ways.times[3])
    up = trace(net.graph, ways.directions, 2, 0.5, upstream=True, times=ways.times)
    assert sorted(up.ends.tolist()) == [0, 2]
    place = Place(link=2, fraction=0.5)
    assert traced_length(net, up, ways, place, upstream=True) == pytest.approx(250.0)
    assert traced_length(net, down, ways, Place(link=0, fraction=0.25), upstream=False) == (
        pytest.approx(275.0)
    )


def test_round_a_loop_the_pipe_it_starts_on_counts_whole() -> None:
    net = sewer((0, 1, 3, 2), (1, 2, 2, 1), (2, 0, 1, 0))
    ways = Ways(directions=np.ones(3, np.int64), times=np.ones(3))
    found = trace(net.graph, ways.directions, 0, 0.5, upstream=False)
    place = Place(link=0, fraction=0.5)
    assert traced_length(net, found, ways, place, upstream=False) == pytest.approx(300.0)
    assert found.ends.tolist() == []


def test_without_a_word_of_the_survey_the_drawn_way_is_unknown() -> None:
    net = network(ladder())
    assert as_drawn(net).directions.tolist() == [UNTOLD] * 5
    rows = ladder()
    rows["pipes"]["flow_dir"] = [1, -1, 0, None, 7]
    assert as_drawn(network(rows)).directions.tolist() == [1, -1, BOTH, UNTOLD, UNTOLD]


def test_still_water_has_no_way_and_running_water_takes_its_time() -> None:
    net = network(ladder())
    ways = as_simulated(net, {0: 5.0, 1: -5.0, 2: 0.001}, {0: 0.5, 1: 0.25, 2: 0.0})
    assert ways.directions.tolist() == [1, -1, UNTOLD, UNTOLD, UNTOLD]
    assert ways.times[:2].tolist() == pytest.approx(
        [net.links[0].length / 0.5, net.links[1].length / 0.25]
    )
    assert np.isinf(ways.times[2:]).all()


@given(st.lists(st.floats(0, 100), min_size=2, max_size=12, unique=True), st.data())
def test_water_by_inverts_never_comes_back_to_where_it_was(
    levels: list[float], data: st.DataObject
) -> None:
    count = len(levels)
    node = st.integers(0, count - 1)
    pairs = data.draw(
        st.lists(st.tuples(node, node).filter(lambda p: p[0] != p[1]), min_size=1, max_size=20)
    )
    net = sewer(*((a, b, levels[a], levels[b]) for a, b in pairs))
    ways = by_invert(net, 0.013)
    for i, link in enumerate(net.links):
        if ways.directions[i] == UNTOLD:
            continue
        found = trace(net.graph, ways.directions, i, 0.5, upstream=False)
        assert not found.nodes[link.tail if ways.directions[i] == 1 else link.head]
        lowest = min(levels[n] for n in np.flatnonzero(found.nodes))
        assert lowest <= min(levels[link.tail], levels[link.head]) + 1e-9
