"""Rasters of the mesh: highest and lowest surface, cell by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.ingest.sources.join.raster import BOTTOM, SIDE, TOP, Sheets, burn, pooling, shown_from
from cim.tiles.terrain.place import level_error

Floats = npt.NDArray[np.float64]


def drawn(
    points: Floats, triangles: list[list[int]], *, lowest: bool = False, size: int = 16
) -> tuple[Floats, Floats]:
    bottom, top = (np.full((size, size), np.nan, np.float32) for _ in range(2))
    burn(points, np.array(triangles, np.int64), 1.0, lowest, bottom, top)
    return bottom.astype(float), top.astype(float)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_heights_are_those_of_the_triangles_plane_at_cell_centres(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.uniform(-2, 18, (3, 3)) * (1, 1, 0.3)
    bottom, top = drawn(points, [[0, 1, 2]])
    (ax, ay), (bx, by), (cx, cy) = points[:, :2]
    for i in range(16):
        for j in range(16):
            x, y = j + 0.5, i + 0.5
            turns = [
                (qx - px) * (y - py) - (qy - py) * (x - px)
                for (px, py), (qx, qy) in (((ax, ay), (bx, by)), ((bx, by), (cx, cy)),
                                           ((cx, cy), (ax, ay)))
            ]  # fmt: skip
            if min(np.abs(turns)) < 1e-6:
                continue
            inside = min(turns) > 0 or max(turns) < 0
            assert np.isfinite(top[i, j]) == inside
            if inside:
                plane = np.linalg.solve(np.column_stack([points[:, :2], np.ones(3)]), points[:, 2])
                assert top[i, j] == pytest.approx(plane @ (x, y, 1), abs=1e-4)
                assert np.isnan(bottom[i, j]) or bottom[i, j] == top[i, j]


def test_a_roof_over_a_street_is_the_top_and_the_street_the_bottom() -> None:
    square = np.array([[0, 0, 5.0], [16, 0, 5], [16, 16, 5], [0, 16, 5]])
    roof = square * (0.5, 0.5, 1) + (4, 4, 10)
    bottom, top = drawn(
        np.concatenate([roof, square]), [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    )
    assert (bottom == 5).all()
    assert top[8, 8] == 15
    assert top[1, 1] == 5


def test_walls_hide_no_ground_and_coarse_files_hold_the_lowest_of_a_cell() -> None:
    wall = np.array([[2.0, 2, 0], [2.4, 2, 30], [2.4, 14, 30], [2, 14, 0]])
    bottom, _ = drawn(wall + np.array([0.3, 0, 0]), [[0, 1, 2], [0, 2, 3]])
    assert np.isnan(bottom).all()
    ramp = np.array([[0.0, 0, 0], [16, 0, 8], [16, 16, 8], [0, 16, 0]])
    at_centre, _ = drawn(ramp, [[0, 1, 2], [0, 2, 3]])
    lowest, _ = drawn(ramp, [[0, 1, 2], [0, 2, 3]], lowest=True)
    np.testing.assert_allclose(at_centre - lowest, 0.25, atol=1e-6)


def test_rasters_of_neighbours_fall_upon_each_other_and_come_back_from_disk(
    tmp_path: Path,
) -> None:
    sheets = Sheets()
    sheets.add(BOTTOM, (-3, SIDE - 2), np.full((6, 4), 7.0, np.float32))
    sheets.add(BOTTOM, (0, SIDE), np.full((2, 2), 5.0, np.float32))
    sheets.add(TOP, (0, SIDE), np.full((2, 2), 5.0, np.float32))
    sheets.add(TOP, (0, SIDE), np.full((2, 2), 9.0, np.float32))
    sheets.save(tmp_path / "a.npz")
    sheets.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = Sheets.load(tmp_path / "a.npz")
    assert set(back.blocks) == {
        (BOTTOM, -1, 0), (BOTTOM, -1, 1), (BOTTOM, 0, 0), (BOTTOM, 0, 1), (TOP, 0, 1)
    }  # fmt: skip
    assert back.blocks[BOTTOM, 0, 1][0, 0] == 5
    assert back.blocks[BOTTOM, 0, 0][0, SIDE - 1] == 7
    assert back.blocks[BOTTOM, -1, 1][SIDE - 1, 1] == 7
    assert back.blocks[TOP, 0, 1][1, 1] == 9


@given(error=st.floats(0, 5000), finest=st.integers(15, 18))
def test_a_coarse_file_counts_from_the_level_on_beside_which_it_is_drawn(
    error: float, finest: int
) -> None:
    z = shown_from(error, finest)
    assert 8 <= z <= finest
    assert error <= 20 * level_error(z) or z == 8
    if z < finest:
        assert error > 20 * level_error(z + 1)


@pytest.mark.parametrize("cell", [0.25, 1.0, 4.0])
def test_coarser_levels_never_have_finer_cells(cell: float) -> None:
    halved = [pooling(z, cell) for z in range(20)]
    assert halved == sorted(halved, reverse=True)
