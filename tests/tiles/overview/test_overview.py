"""Baking: what lies where, what closes, what stays open, and what neighbours agree on."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cim.errors import FormatError
from cim.tiles.overview.drape import Cloth, Table
from cim.tiles.overview.lattice import Cell, Lattice
from cim.tiles.overview.raster import Raster, coarser, mosaic
from cim.tiles.overview.surface import Surface, passed_on, surface

Floats = npt.NDArray[np.float64]


def ground(window: tuple[int, int, int, int], slope: tuple[float, float], texel: float) -> Cloth:
    """A plane over the window: z = 10 + a x + b y; red grows to the east, green to the north."""
    west, south, east, north = (v * texel for v in window)
    corners = np.array([[west, south], [east, south], [east, north], [west, north]], np.float64)
    z = 10 + corners @ np.array(slope)
    colours = np.array([[0, 0, 50], [200, 0, 50], [200, 200, 50], [0, 200, 50]], np.uint8)
    points = np.column_stack([corners, z])
    return Cloth(points, np.array([[0, 1, 2], [0, 2, 3]]), colours=colours)


def draped(window: tuple[int, int, int, int], *cloths: Cloth, texel: float = 2.0) -> Raster:
    table = Table(texel, window)
    table.drape(cloths)
    return table.raster()


slopes = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
windows = st.tuples(
    st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 5), st.integers(1, 5)
).map(lambda v: (v[0] * 4, v[1] * 4, (v[0] + v[2]) * 4, (v[1] + v[3]) * 4))


@given(windows, slopes)
@settings(deadline=None)
def test_a_closed_ground_leaves_no_hole_and_keeps_its_heights(
    window: tuple[int, int, int, int], slope: tuple[float, float]
) -> None:
    raster = draped(window, ground(window, slope, 2.0))
    assert raster.cover.all()
    assert np.isfinite(raster.height).all()
    mesh = surface(raster, 4)
    assert mesh is not None
    assert mesh.quads == (window[2] - window[0]) * (window[3] - window[1]) // 16
    top = mesh.points[mesh.points[:, 2] >= 10 + mesh.points[:, :2] @ np.array(slope) - 0.001]
    expected = 10 + top[:, :2] @ np.array(slope)
    np.testing.assert_allclose(top[:, 2], expected, atol=1e-3)
    assert mesh.deviation == pytest.approx((0, 0), abs=1e-3)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_neighbours_have_the_same_posts_on_their_common_border_at_every_level(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(129.0), np.arange(65.0))
    z = random.normal(0, 20, x.shape)
    points = np.column_stack([x.ravel() * 2, y.ravel() * 2, z.ravel()])
    index = np.arange(129 * 65).reshape(65, 129)
    a, b, c, d = (
        i.ravel() for i in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1])
    )
    cloth = Cloth(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))
    left, right = draped((0, 0, 64, 64), cloth), draped((64, 0, 128, 64), cloth)
    for _ in range(4):
        one, other = surface(left, 2), surface(right, 2)
        assert one is not None
        assert other is not None
        shared = rim(one, 128.0)
        assert len(shared) > 2
        np.testing.assert_array_equal(shared, rim(other, 128.0))
        left, right = passed_on(left), passed_on(right)


def rim(mesh: Surface, x: float) -> Floats:
    """The upper posts of a mesh on a line x = const, from the south."""
    line = mesh.points[mesh.points[:, 0] == x]
    found: dict[float, float] = {}
    for _, y, z in line:
        found[y] = max(found.get(y, -np.inf), z)
    return np.array(sorted(found.items()))


def test_a_hole_as_large_as_a_quad_stays_and_a_smaller_one_closes() -> None:
    window = (0, 0, 16, 16)
    raster = draped(window, ground(window, (0, 0), 2.0))
    raster.cover[4:8, 4:8] = False
    raster.cover[13, 13] = False
    mesh = surface(raster, 4)
    assert mesh is not None
    assert mesh.quads == 15
    empty = draped(window)
    assert not empty.cover.any()
    assert surface(empty, 4) is None


def test_a_colour_is_where_the_source_has_it() -> None:
    window = (0, 0, 32, 32)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:16, 48:] = (250, 10, 10)  # the north-eastern sixteenth is red
    cloth = ground(window, (0, 0), 2.0)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float64)
    raster = draped(window, Cloth(cloth.points, cloth.triangles, uv, picture))
    assert (raster.colour[24:, 24:] == (250, 10, 10)).all()
    assert (raster.colour[:24] == 0).all()
    mesh = surface(raster, 4)
    assert mesh is not None
    with Image.open(io.BytesIO(mesh.jpeg)) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (32, 32, 3)
    assert pixels[2, 29, 0] > 220
    assert pixels[29, 2, 0] < 30
    (place,) = np.nonzero((mesh.points[:, :2] == (64, 64)).all(axis=1) & (mesh.points[:, 2] == 10))
    np.testing.assert_array_equal(mesh.uv[place[0]], [1, 0])


def test_the_higher_of_two_surfaces_shows() -> None:
    window = (0, 0, 8, 8)
    roof = Cloth(
        np.array([[4.0, 4, 30], [12, 4, 30], [12, 12, 30], [4, 12, 30]]),
        np.array([[0, 1, 2], [0, 2, 3]]),
        colours=np.full((4, 3), 255, np.uint8),
    )
    for order in ((roof, ground(window, (0, 0), 2.0)), (ground(window, (0, 0), 2.0), roof)):
        raster = draped(window, *order)
        assert (raster.colour[2:6, 2:6] == 255).all()
        assert raster.height[4, 4] == 30
        assert raster.height[0, 0] == 10


def test_what_heights_are_off_is_measured_and_carried_upward() -> None:
    window = (0, 0, 16, 16)
    raster = draped(window, ground(window, (0, 0), 2.0))
    raster.height[7, 7] = 40.0  # a mast between the posts that are kept
    mesh = surface(raster, 4)
    assert mesh is not None
    assert 20 < mesh.deviation[1] <= 30
    assert 0 < mesh.deviation[0] < mesh.deviation[1]
    assert passed_on(raster).deviation[1] > 10


def test_a_mosaic_takes_the_higher_where_two_rasters_meet() -> None:
    one = draped((0, 0, 8, 8), ground((0, 0, 8, 8), (0, 0), 2.0))
    other = draped((4, 0, 12, 8), ground((4, 0, 12, 8), (0.5, 0), 2.0))
    whole = mosaic([one, other])
    assert whole.cover.shape == (8, 12)
    np.testing.assert_array_equal(whole.height[:, 4:9], other.height[:, :5])
    np.testing.assert_array_equal(mosaic([other, one]).height, whole.height)


def test_coarser_texels_are_means_of_what_is_covered() -> None:
    window = (-3, -1, 5, 7)  # begins between coarser texels
    raster = draped(window, ground(window, (0, 0), 2.0))
    half = coarser(raster)
    assert (half.column, half.row, half.texel) == (-2, -1, 4.0)
    assert half.cover.all()
    assert np.abs(half.colour[1:-1, 1:-1, 2].astype(int) - 50).max() <= 1


def test_a_raster_comes_back_from_its_file_and_the_same_one_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    window = (-8, 0, 5, 7)
    raster = draped(window, ground(window, (0.25, 0.5), 2.0))
    for name in ("a", "b"):
        raster.save(tmp_path / name)
    again = Raster.load(tmp_path / "a")
    assert (again.texel, again.column, again.row) == (2.0, -8, 0)
    np.testing.assert_array_equal(again.colour, raster.colour)
    np.testing.assert_array_equal(again.cover, raster.cover)
    np.testing.assert_allclose(again.height, raster.height, atol=1 / 128)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:200])
    with pytest.raises(FormatError, match="raster of the overview"):
        Raster.load(tmp_path / "a")


@given(
    st.integers(40, 600),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(-30, 30),
    st.floats(0.0, 0.006),
)
@settings(deadline=None)
def test_the_lattice_follows_the_grid_of_the_tiles(
    pitch: int, count: tuple[int, int], first: int, overhang: float
) -> None:
    places = [(first + i, first + j) for i in range(count[0]) for j in range(count[1])]
    low = np.array(places, float) * pitch - overhang * pitch
    high = (np.array(places, float) + 1) * pitch + overhang * pitch
    lattice = Lattice.fit(low, high, [64.0] * len(places))
    if len(places) > 1 or overhang * pitch * 2 < 0.4:
        cells = {lattice.cell(*((a + b) / 2)) for a, b in zip(low, high, strict=True)}
        assert lattice.texel <= 2.0 * 2**0.05 or lattice.texel == lattice.pitch / 128
        assert len(cells) <= len(places)
    if min(count) > 2:
        assert lattice.pitch == pitch
        assert lattice.phase == (0.0, 0.0)


def test_cells_of_all_places_meet_in_their_parents() -> None:
    assert Cell(0, -1, -1).parent == Cell(0, -2, -2).parent == Cell(1, -1, -1)
    assert Cell(0, 0, 1).parent == Cell(0, 1, 0).parent == Cell(1, 0, 0)


def test_what_is_known_only_on_one_side_of_a_hole_is_not_off() -> None:
    random = np.random.default_rng(3)
    raster = draped((0, 0, 64, 64), ground((0, 0, 64, 64), (0.1, 0.2), 2.0))
    height = raster.height.copy()
    height[random.random(height.shape) < 0.4] = np.nan
    holed = replace(raster, height=height)
    assert all(np.isfinite(passed_on(passed_on(holed)).deviation))
