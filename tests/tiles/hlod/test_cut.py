"""Cutting: nothing is lost, and both sides of every line have the same vertices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.tiles.hlod.cut import cut, leaves
from cim.tiles.hlod.quadtree import Cell, Census, Tree

Floats = npt.NDArray[np.float64]


def surface(seed: int, steps: int) -> Floats:
    """(n, 3, 3) triangles over uneven ground."""
    random = np.random.default_rng(seed)
    line = np.sort(random.uniform(-50, 50, steps + 1))
    x, y = np.meshgrid(line, line)
    points = np.stack([x, y, random.uniform(0, 20, x.shape)], axis=-1)
    a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]
    return np.concatenate(
        [
            np.stack([a, b, c], axis=2).reshape(-1, 3, 3),
            np.stack([a, c, d], axis=2).reshape(-1, 3, 3),
        ]
    )


def tree_over(corners: Floats, most: float) -> Tree:
    low, high = corners.min(axis=(0, 1))[:2], corners.max(axis=(0, 1))[:2]
    census = Census.over(low, high)
    census.add(corners, np.zeros(len(corners)))
    return census.tree(most, np.inf)


def area(corners: Floats) -> float:
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 60))
def test_the_area_is_kept_and_every_piece_lies_in_its_cell(
    seed: int, steps: int, most: int
) -> None:
    corners = surface(seed, steps)
    tree = tree_over(corners, most)
    pieces = cut(corners, tree)
    assert area(pieces.corners) == pytest.approx(area(corners), rel=1e-9)
    census = Census.over(corners.min(axis=(0, 1))[:2], corners.max(axis=(0, 1))[:2])
    for number in np.unique(pieces.leaf):
        cell = tree.cells[number]
        side = census.side / (1 << cell.level)
        low = census.low + np.array([cell.column, cell.row]) * side
        inside = pieces.corners[pieces.leaf == number][..., :2]
        assert (inside >= low - 1e-9).all()
        assert (inside <= low + side + 1e-9).all()


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 60))
def test_inner_edges_meet_to_the_last_bit(seed: int, steps: int, most: int) -> None:
    """Every edge of a piece has its twin, but where a coarser cell meets finer ones."""
    corners = surface(seed, steps)
    tree = tree_over(corners, most)
    if len({cell.level for cell in tree.cells}) > 1:
        level = max(cell.level for cell in tree.cells)
        census = Census.over(corners.min(axis=(0, 1))[:2], corners.max(axis=(0, 1))[:2])
        census.counts[:: 512 >> level, :: 512 >> level] = most  # all cells alike
        tree = census.tree(most, np.inf)
    pieces = cut(corners, tree)
    twins: dict[tuple[bytes, bytes], int] = {}
    for piece in pieces.corners + 0.0:  # no negative zero
        for i in range(3):
            ends = (piece[i].tobytes(), piece[(i + 1) % 3].tobytes())
            if ends[0] != ends[1]:
                twins[ends] = twins.get(ends, 0) + 1
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    for (a, b), count in twins.items():
        p, q = np.frombuffer(a), np.frombuffer(b)
        rim = any(p[k] == q[k] and p[k] in (low[k], high[k]) for k in (0, 1))
        assert rim or twins.get((b, a)) == count


def test_shares_give_the_places_back() -> None:
    corners = surface(7, 6)
    pieces = cut(corners, tree_over(corners, 10))
    again = np.einsum("nij,njk->nik", pieces.shares, corners[pieces.origin])
    assert np.abs(again - pieces.corners).max() < 1e-9
    assert np.abs(pieces.shares.sum(axis=2) - 1).max() < 1e-12


def test_a_triangle_that_no_line_crosses_knows_its_cell() -> None:
    corners = surface(3, 10)
    tree = tree_over(corners, 12)
    whole = leaves(corners, tree)
    pieces = cut(corners, tree)
    alone = np.bincount(pieces.origin, minlength=len(corners)) == 1
    assert alone[whole >= 0].all()
    assert (whole >= 0).any()
    assert (whole < 0).any()


def test_a_wall_on_a_line_lies_in_one_cell_only() -> None:
    ground = surface(1, 8)
    tree = tree_over(ground, 20)
    x = tree.middles[0, 0]
    wall = np.array([[[x, -49.0, 0], [x, 49.0, 0], [x, 0.0, 9.0]]])
    assert area(cut(wall, tree).corners) == pytest.approx(area(wall), rel=1e-12)


def test_a_huge_triangle_is_shared_out_over_the_cells_it_covers() -> None:
    big = np.array([[[0.0, 0, 0], [100, 0, 0], [0, 100, 0]]])
    census = Census.over(np.zeros(2), np.full(2, 100.0))
    census.add(big, np.array([64e6]))
    tree = census.tree(1e9, 4e6)
    assert len(tree.cells) > 8
    assert max(cell.level for cell in tree.cells) < 6
    assert Cell(3, 5, 4).parent == Cell(2, 2, 2)
