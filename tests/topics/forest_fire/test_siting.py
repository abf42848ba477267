"""Sites by brute force, and walks by networkx."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.geo.steps import BETWEEN, MOVES, bearings, walk
from cim.topics.forest_fire.analysis.siting import fewest, greedy, grouped, most_covered


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_no_choice_of_as_many_covers_more(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    sees, demand = rng.random((8, 40)) < 0.25, rng.uniform(0.5, 5, 40)
    if not (sees.any(axis=0)).any():
        return
    found = most_covered(sees, demand, count)
    best = max(
        demand[sees[list(pick)].any(axis=0)].sum()
        for pick in itertools.combinations(range(8), count)
    )
    assert found.covered == pytest.approx(best)
    assert found.exact
    assert found.gap == pytest.approx(0.0, abs=1e-6)
    first = greedy(sees, demand, count)
    assert demand[sees[list(first)].any(axis=0)].sum() >= (1 - 1 / math.e) * best - 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 0.9))
def test_no_fewer_candidates_reach_the_share(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    sees, demand = rng.random((7, 30)) < 0.3, rng.uniform(0.5, 5, 30)
    reachable = demand[sees.any(axis=0)].sum() / demand.sum()
    if reachable < share:
        with pytest.raises(ParameterError, match="together cover"):
            fewest(sees, demand, share)
        return
    found = fewest(sees, demand, share)
    assert demand[sees[list(found.chosen)].any(axis=0)].sum() >= share * demand.sum() - 1e-9
    for size in range(len(found.chosen)):
        for pick in itertools.combinations(range(7), size):
            assert demand[sees[list(pick)].any(axis=0)].sum() < share * demand.sum()


def test_grouped_demand_is_the_same_demand() -> None:
    rng = np.random.default_rng(1)
    sees, demand = rng.random((5, 400)) < 0.4, rng.uniform(1, 2, 400)
    small, worth = grouped(sees, demand)
    assert small.shape[1] < 33
    for i in range(5):
        assert worth[small[i]].sum() == pytest.approx(demand[sees[i]].sum())


def test_candidates_that_see_nothing_are_refused() -> None:
    with pytest.raises(ParameterError, match="no candidate sees"):
        most_covered(np.zeros((3, 10), bool), np.ones(10), 1)


def test_on_level_ground_one_walks_at_toblers_five_kilometres_an_hour() -> None:
    heights = np.full((81, 81), 100.0)
    start = np.array([[40, 40]], np.int64)
    seconds = walk(heights, np.ones((81, 81), bool), start, (10.0, 10.0), MOVES, BETWEEN, 1e9, 1.0)
    assert 400 / seconds[40, 80] * 3.6 == pytest.approx(5.037, abs=0.001)
    row, column = np.mgrid[0:81, 0:81] - 40
    away = np.hypot(row, column) * 10
    slow = seconds[away > 50] / (away[away > 50] / (5.037 / 3.6))
    assert slow.max() < 1.014
    assert slow.min() > 0.999


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, -1.0]))
def test_walks_are_those_of_networkx_over_the_same_moves(seed: int, uphill: float) -> None:
    rng = np.random.default_rng(seed)
    heights, open_ = rng.uniform(0, 30, (9, 9)), rng.random((9, 9)) > 0.15
    open_[4, 4] = True
    graph = nx.DiGraph()
    _, length = bearings((10.0, 10.0))
    for r, c in itertools.product(range(9), range(9)):
        for k, (dr, dc) in enumerate(MOVES.tolist()):
            a, b = r + dr, c + dc
            if not (0 <= a < 9 and 0 <= b < 9 and open_[r, c] and open_[a, b]):
                continue
            if not all(open_[r + p, c + q] for p, q in BETWEEN[k].tolist()):
                continue
            slope = uphill * (heights[a, b] - heights[r, c]) / length[k]
            speed = 6 * math.exp(-3.5 * abs(slope + 0.05)) / 3.6
            graph.add_edge((r, c), (a, b), weight=length[k] / speed)
    graph.add_node((4, 4))
    theirs = nx.single_source_dijkstra_path_length(graph, (4, 4))
    mine = walk(heights, open_, np.array([[4, 4]], np.int64), (10.0, 10.0), MOVES, BETWEEN, 1e9,
                uphill)  # fmt: skip
    for r, c in itertools.product(range(9), range(9)):
        assert mine[r, c] == pytest.approx(theirs.get((r, c), math.inf))
