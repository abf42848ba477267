"""Posts are pushed below the mesh, however the mesh lies between them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cim.ingest.sources.join.joined import push, tolerance


@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 60), high=st.floats(-5, 30),
)  # fmt: skip
def test_nothing_between_posts_rises_above_the_ceiling(seed: int, count: int, high: float) -> None:
    random = np.random.default_rng(seed)
    heights = random.uniform(0, 20, (7, 9))
    row, column = random.uniform(-1, 8, (1, count)), random.uniform(-1, 10, (1, count))
    ceiling = random.uniform(-10, high + 1e-3, (1, count))
    ceiling[0, random.random(count) < 0.2] = np.nan
    pushed = np.zeros(heights.shape)
    push(heights, row, column, ceiling, 0.0, pushed)
    assert (pushed >= 0).all()
    low = heights - pushed
    for r, c, top in zip(row[0], column[0], ceiling[0], strict=True):
        if np.isnan(top) or not (0 <= r < 6 and 0 <= c < 8):
            continue
        i, j = int(r), int(c)
        fr, fc = r - i, c - j
        between = (low[i, j] * (1 - fc) + low[i, j + 1] * fc) * (1 - fr)
        between += (low[i + 1, j] * (1 - fc) + low[i + 1, j + 1] * fc) * fr
        assert between <= top + 1e-9


def test_posts_that_bear_nothing_too_high_stay_where_they_are() -> None:
    heights = np.zeros((4, 4))
    pushed = np.zeros((4, 4))
    push(heights, np.array([[0.5]]), np.array([[0.5]]), np.array([[-1.0]]), 0.0, pushed)
    assert (pushed[:2, :2] == 1).all()
    assert pushed.sum() == 4


def test_joined_tiles_are_the_tighter_the_finer_they_are() -> None:
    found = [tolerance(z) for z in range(20)]
    assert found == sorted(found, reverse=True)
    assert tolerance(17) == 0.1
