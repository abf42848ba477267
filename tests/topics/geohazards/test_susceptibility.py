"""Learning from slides: against scikit-learn, and signals that were planted."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from cim.errors import ParameterError
from cim.topics.geohazards.analysis.susceptibility import (
    auc,
    blocks,
    captured,
    logistic,
    ratios,
)

Floats = npt.NDArray[np.float64]


def planted(size: int, seed: int = 3) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Three factors, of which the last says nothing."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(size, 3)) * (1, 10, 5) + (0, 50, -3)
    odds = 2.0 * factors[:, 0] - 0.1 * (factors[:, 1] - 50) - 2
    return factors, rng.random(size) < 1 / (1 + np.exp(-odds))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=80))
def test_the_area_under_the_curve_is_that_of_scikit_learn(cells: list[tuple[int, bool]]) -> None:
    score = np.array([float(s) for s, _ in cells])
    slide = np.array([b for _, b in cells])
    if slide.all() or not slide.any():
        with pytest.raises(ParameterError):
            auc(score, slide)
        return
    assert auc(score, slide) == pytest.approx(roc_auc_score(slide, score), abs=1e-12)


def test_the_logistic_model_is_that_of_scikit_learn() -> None:
    factors, slide = planted(4000)
    mine = logistic(factors, slide)
    scaled = (factors - mine.middle) / mine.spread
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(scaled, slide)
    assert mine.weights == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert mine.bias == pytest.approx(theirs.intercept_[0], abs=1e-5)
    assert mine.probability(factors) == pytest.approx(theirs.predict_proba(scaled)[:, 1], abs=1e-5)


def test_a_planted_signal_is_found_and_noise_is_not() -> None:
    factors, slide = planted(20_000)
    found = logistic(factors, slide)
    assert found.weights[0] == pytest.approx(2.0, abs=0.15)
    assert found.weights[1] == pytest.approx(-1.0, abs=0.15)
    assert abs(found.weights[2]) < 0.06


def test_a_factor_that_never_changes_has_no_weight() -> None:
    factors, slide = planted(500)
    factors[:, 2] = 7.0
    assert logistic(factors, slide).weights[2] == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=120))
def test_ratios_weighed_by_their_ground_have_a_mean_of_one(cells: list[tuple[int, bool]]) -> None:
    classes = np.array([c for c, _ in cells])
    slide = np.array([b for _, b in cells])
    if slide.all() or not slide.any():
        with pytest.raises(ParameterError, match=r"slide|slid"):
            ratios(classes, slide, 5)
        return
    found = ratios(classes, slide, 5)
    there = found.cells > 0
    mean = (found.frequency[there] * found.cells[there]).sum() / found.cells.sum()
    assert mean == pytest.approx(1.0)
    assert np.isfinite(found.information[there]).all()


def test_the_success_curve_of_a_perfect_score_rises_at_once() -> None:
    slide = np.arange(1000) >= 900
    share, found = captured(np.arange(1000).astype(np.float64), slide)
    assert found[np.searchsorted(share, 0.1)] == pytest.approx(1.0)
    assert found[0] == 0.0
    assert (np.diff(found) >= 0).all()


def test_neighbours_of_one_block_are_held_back_together() -> None:
    row, column = (v.ravel() for v in np.mgrid[0:60, 0:60])
    fold = blocks(row, column, 20, 4)
    by_block: dict[tuple[int, int], set[int]] = defaultdict(set)
    for r, c, f in zip(row.tolist(), column.tolist(), fold.tolist(), strict=True):
        by_block[r // 20, c // 20].add(f)
    assert {len(v) for v in by_block.values()} == {1}
    assert set(fold.tolist()) == {0, 1, 2, 3}
