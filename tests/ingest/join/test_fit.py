"""How the terrain is bent: smoothly, to the mesh's edge, and nowhere beyond the band."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.ingest.sources.join.border import away, footprint
from cim.ingest.sources.join.fit import along, depth, fit, lower, weight

Floats = npt.NDArray[np.float64]


def block(rows: int = 160, columns: int = 160, rim: int = 50) -> npt.NDArray[np.bool_]:
    cover = np.zeros((rows, columns), bool)
    cover[rim:-rim, rim:-rim] = True
    return cover


@given(distance=st.floats(-500, 500), band=st.floats(10, 200), margin=st.floats(0.5, 20))
def test_weights_lie_between_zero_and_one_and_end_with_the_band(
    distance: float, band: float, margin: float
) -> None:
    (w,) = weight(np.array([distance]), band)
    (deep,) = depth(np.array([distance]), margin)
    assert 0 <= w <= 1
    assert 0 <= deep <= margin
    if abs(distance) >= band:
        assert w == 0
    if distance >= 0:
        assert deep == 0


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1), offset=st.floats(-4, 4), rough=st.floats(0, 0.5),
    lobes=st.integers(0, 3),
)  # fmt: skip
def test_what_is_added_has_no_step_and_is_nothing_beyond_the_band(
    seed: int, offset: float, rough: float, lobes: int
) -> None:
    random = np.random.default_rng(seed)
    cover = block()
    for _ in range(lobes):  # bays and capes: where two sides are equally near, nothing may tear
        row, column = random.integers(30, 110, 2)
        cover[row : row + 20, column : column + 20] ^= True
    cover = footprint(cover, 1.0)
    y, x = np.mgrid[0:160, 0:160]
    model = 1400 + 0.1 * x
    wave = offset + rough * np.sin(x / 15) + rough * np.cos(y / 11)
    bottom = np.where(cover, model + wave, np.nan)
    distance = away(cover, 1.0)
    made = fit(bottom, model, distance, 1.0, 30.0, 2.0)
    assert np.isfinite(made.added).all()
    assert (made.added[distance >= 30.0] == 0).all()
    steps = [np.abs(np.diff(made.added, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 0.2 + 0.08 * abs(offset) + 0.3 * rough + 2.0 * 1.5 / 8


def test_at_the_border_the_terrain_is_where_the_mesh_is() -> None:
    cover = block()
    y, x = np.mgrid[0:160, 0:160]
    model = 1400 + 0.1 * x
    wave = 2 + np.sin(x / 20) + 0.5 * np.cos(y / 9)
    distance = away(cover, 1.0)
    made = fit(np.where(cover, model + wave, np.nan), model, distance, 1.0, 60.0, 2.0)
    just_outside = (distance > 0) & (distance < 1)
    assert np.abs(made.added - wave)[just_outside].max() < 0.15
    inner = distance < -20
    assert np.abs(made.added - (wave - 2))[inner].max() < 0.8  # the mesh's ground, smoothed


def test_a_house_that_is_cut_by_the_border_does_not_lift_the_terrain() -> None:
    cover = block()
    delta = np.where(cover, 0.3, np.nan)
    delta[60:80, 50:60] += 9.0  # it stands on the western edge
    distance = away(cover, 1.0)
    made = fit(delta, np.zeros(cover.shape), distance, 1.0, 60.0, 2.0)
    outside = distance > 0
    assert np.abs(made.added[outside] - 0.3 * weight(distance, 60.0)[outside]).max() < 0.01
    assert not np.isfinite(made.residual[62:78, 51:58]).any()


def test_buildings_and_trees_vanish_from_the_meshs_ground_and_slopes_do_not() -> None:
    y, x = np.mgrid[0:200, 0:200]
    lean = 0.4 + 0.01 * x
    delta = lean + np.where((x % 30 < 14) & (y % 26 < 18), 12.0, 0.0)  # rows of houses
    delta[80:130, 80:130] = 9.0  # a hall, wider than the opening
    found = lower(delta, 1.0)
    assert np.isfinite(found).all()
    assert np.abs(found - lean)[20:-20, 20:-20].max() < 0.7


def test_with_no_mesh_around_nothing_is_added() -> None:
    nothing = np.full((40, 40), np.nan)
    distance = away(np.zeros((40, 40), bool), 1.0)
    made = fit(nothing, np.zeros((40, 40)), distance, 1.0, 60.0, 2.0)
    assert (made.added == 0).all()
    assert np.isnan(made.edge).all()


@pytest.mark.parametrize("cell", [0.5, 1.0, 2.0])
def test_values_along_the_border_are_carried_whatever_the_cell(cell: float) -> None:
    size = int(160 / cell)
    cover = block(size, size, int(50 / cell))
    distance = away(cover, cell)
    edge: Any = np.where((distance < 0) & (distance > -cell), 1.25, np.nan)
    near = np.abs(distance) < 60
    np.testing.assert_allclose(along(edge, distance, cell, 60.0)[near], 1.25, atol=1e-6)
