"""From records to pipes as they lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.laid import Laid, Records, lay

Floats = npt.NDArray[np.float64]
NAN = np.nan


def one(
    *, line: Floats | None = None, elevation: tuple[float, float] = (NAN, NAN),
    depth: tuple[float, float] = (NAN, NAN), ground: tuple[float, float] = (NAN, NAN),
    part: str = "top", outer: float = 0.4, inner: float = 0.36,
) -> Laid:  # fmt: skip
    """One pipe of such a record."""
    course = np.array([[0.0, 0], [30, 40]]) if line is None else line
    return lay(Records(
        lines=[course], elevation=np.array([elevation]), depth=np.array([depth]),
        ground=np.array([ground]), part=[part], outer=np.array([outer]), inner=np.array([inner]),
    ))  # fmt: skip


def faults(laid: Laid) -> list[str]:
    return [key for key, flags in laid.faults.items() if flags[0]]


@pytest.mark.parametrize(
    ("part", "centre"),
    [("top", 9.8), ("管顶", 9.8), ("invert", 10.18), ("管内底", 10.18), ("centre", 10.0)],
)
def test_what_is_recorded_of_a_part_is_led_to_the_centre(part: str, centre: float) -> None:
    laid = one(elevation=(10, 10), part=part)
    assert laid.ends[0].tolist() == pytest.approx([centre, centre])
    assert laid.radius[0] == 0.2
    assert laid.known[0]


def test_the_elevation_goes_before_the_depth_which_needs_a_ground() -> None:
    assert one(elevation=(10, 11), depth=(5, 5), ground=(12, 12)).ends[0].tolist() == [9.8, 10.8]
    assert one(depth=(2, 1), ground=(12, 12)).ends[0].tolist() == pytest.approx([9.8, 10.8])
    mixed = one(elevation=(10, NAN), depth=(NAN, 1), ground=(NAN, 12))
    assert mixed.ends[0].tolist() == pytest.approx([9.8, 10.8])
    assert faults(one(depth=(2, 1))) == ["no_height"]


def test_what_is_missing_is_counted_and_never_guessed() -> None:
    assert faults(one(elevation=(10, NAN))) == ["no_height"]
    assert np.isnan(one(elevation=(10, NAN)).ends).all()
    assert faults(one(elevation=(10, 10), part="")) == ["no_part"]
    for bad in (NAN, 0.0, -0.3, 9.9):
        thin = one(elevation=(10, 10), outer=bad)
        assert faults(thin) == ["no_diameter"]
        assert np.isnan(thin.radius[0])
        assert not thin.known[0]
    assert faults(one(elevation=(0.0, 0.0), ground=(1400, 1400))) == ["far_from_ground"]
    nowhere = one(elevation=(10, 10), line=np.array([[5.0, 5], [5, 5]]))
    assert faults(nowhere) == ["no_line"]
    assert len(nowhere.pipe) == 0


def test_heights_run_evenly_along_a_bent_pipe_with_a_doubled_corner() -> None:
    laid = one(line=np.array([[0.0, 0], [3, 4], [3, 4], [3, 14]]), elevation=(10.2, 13.2))
    assert laid.a[:, 2].tolist() == pytest.approx([10, 11])
    assert laid.b[:, 2].tolist() == pytest.approx([11, 13])
    assert laid.begin.tolist() == [0, 5]
    assert laid.length[0] == 15


@given(
    st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=2, max_size=6),
    st.floats(0.5, 20),
)
def test_stations_lie_on_the_pipe_no_farther_apart_than_asked(
    corners: list[tuple[float, float]], step: float
) -> None:
    line = np.round(np.array(corners), 2)
    laid = one(line=line, elevation=(10, 20))
    at, pipe, where = laid.stations(step)
    if laid.length[0] == 0:
        assert len(at) == 0
        return
    assert (pipe == 0).all()
    assert np.diff(where).max() <= step + 1e-9
    assert (np.diff(where) > 0).all()
    assert where[[0, -1]].tolist() == pytest.approx([0, laid.length[0]])
    np.testing.assert_allclose(at[[0, -1], :2], line[[0, -1]], atol=1e-6)
    np.testing.assert_allclose(at[:, 2], 9.8 + 10 * where / laid.length[0], atol=1e-9)
