"""Where slides are likely, learnt from where they have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LEAST_SLIDES = 20  # cells with a slide, below which nothing is learnt
RIDGE = 1.0  # penalty on standardised coefficients, that of scikit-learn's default


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratios:
    """What each class of one factor says.

    Args:
        cells: (k,) cells of each class.
        slides: (k,) cells of it with a slide.
        frequency: (k,) frequency ratio (Si/S)/(Ni/N); 0 where a class has no slide.
        information: (k,) its natural logarithm; of a class without a slide that of half a cell.
    """

    cells: Ints
    slides: Ints
    frequency: Floats
    information: Floats


def ratios(classes: Ints, slide: Flags, count: int) -> Ratios:
    """Frequency ratio and information value of the classes of a factor.

    Args:
        classes: (n,) class of each cell, 0 to count - 1.
        slide: (n,) whether it has slid.
        count: How many classes there are.

    Raises:
        ParameterError: there are no slides, or nothing but slides.

    Example:
        >>> classes = np.repeat([0, 1], [80_000, 920_000])
        >>> slide = np.zeros(1_000_000, bool)
        >>> slide[:1600] = True
        >>> slide[80_000:83_400] = True
        >>> found = ratios(classes, slide, 2)
        >>> found.frequency[0].round(4), found.information[0].round(4)
        (np.float64(4.0), np.float64(1.3863))

    References:
        Bonham-Carter (1994), Geographic Information Systems for Geoscientists;
        Yin & Yan (1988), Statistical prediction model for slope instability, Proc. 5th ISL 2,
        1269-1272.
    """
    _require_both(slide)
    cells = np.bincount(classes, minlength=count)
    slides = np.bincount(classes[slide], minlength=count)
    share = slide.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        frequency = np.where(cells > 0, slides / cells / share, np.nan)
        floored = np.where(slides > 0, slides, 0.5) / cells / share
        information = np.where(cells > 0, np.log(floored), np.nan)
    return Ratios(cells=cells, slides=slides, frequency=frequency, information=information)


def _require_both(slide: Flags) -> None:
    if not slide.any():
        raise ParameterError(
            "there is no mapped slide inside the area",
            remedy="enlarge the area, or publish an inventory (geohazards.landslide)",
        )
    if slide.all():
        raise ParameterError(
            "everything inside the area has slid: nothing can be learnt",
            remedy="enlarge the area beyond the slides",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logistic:
    """A logistic model.

    Args:
        middle: (k,) of each factor, subtracted.
        spread: (k,) by which it is divided.
        weights: (k,) per spread.
        bias: Log odds in the middle.
    """

    middle: Floats
    spread: Floats
    weights: Floats
    bias: float

    def probability(self, factors: Floats) -> Floats:
        """Of a slide, (n,), for (n, k) factors."""
        score = (factors - self.middle) / self.spread @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-score)))


def logistic(factors: Floats, slide: Flags) -> Logistic:
    """Fit a logistic model with a ridge by Newton's method.

    Args:
        factors: (n, k).
        slide: (n,).

    Raises:
        ParameterError: no slides, or nothing but slides.

    References:
        Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, 4.4.
    """
    _require_both(slide)
    middle = factors.mean(axis=0)
    spread = factors.std(axis=0)
    spread = np.where(spread > 1e-9 * (1 + np.abs(middle)), spread, 1.0)
    design = np.column_stack([(factors - middle) / spread, np.ones(len(factors))])
    penalty = np.diag([RIDGE] * factors.shape[1] + [0.0])
    beta = np.zeros(design.shape[1])
    beta[-1] = np.log(slide.mean() / (1 - slide.mean()))
    for _ in range(60):
        chance = 1 / (1 + np.exp(-design @ beta))
        slope = design.T @ (slide - chance) - penalty @ beta
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + penalty
        step = np.linalg.solve(bend, slope)
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    return Logistic(middle=middle, spread=spread, weights=beta[:-1], bias=float(beta[-1]))


def auc(score: Floats, slide: Flags) -> float:
    """Area under the ROC curve: how often a slide scores above other ground, ties by half.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        0.75
    """
    _require_both(slide)
    order = np.argsort(score, kind="stable")
    _, first, count = np.unique(score[order], return_index=True, return_counts=True)
    rank = np.empty(len(score))
    rank[order] = np.repeat(first + (count + 1) / 2, count)
    positive = int(slide.sum())
    above = rank[slide].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(score) - positive)))


def captured(score: Floats, slide: Flags, parts: int = 100) -> tuple[Floats, Floats]:
    """Success or prediction curve: share of slides in the highest shares of the ground.

    Returns:
        (parts + 1,) share of the ground from 0 to 1, and share of the slides in it.
    """
    order = np.argsort(-score, kind="stable")
    found = np.concatenate([[0.0], np.cumsum(slide[order])]) / slide.sum()
    at = np.linspace(0, len(score), parts + 1)
    return at / len(score), np.interp(at, np.arange(len(score) + 1), found)


def blocks(row: Ints, column: Ints, side: int, folds: int) -> Ints:
    """The fold of each cell: whole blocks of ground go to one fold, as on a chessboard.

    Neighbouring cells look alike, so that a test beside its training ground is no test.

    References:
        Roberts et al. (2017), Cross-validation strategies for data with spatial structure,
        Ecography 40, 913-929.
    """
    high, wide = row // side, column // side
    across = int(wide.max()) + 1
    number = high * across + wide
    _, dense = np.unique(number, return_inverse=True)
    turn = np.random.default_rng(7).permutation(int(dense.max()) + 1)
    return np.asarray(turn[dense] % folds, np.int64)
