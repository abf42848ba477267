"""The ground under terrain tiles: models over each other, the same bits whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from cim.city import Bounds
from cim.geo.heights import ConstantGeoid, GridGeoid
from cim.tiles.terrain.bundle import Writer, bundles
from cim.tiles.terrain.depth import blocks, depth_below
from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.levels import Levels, finest_zoom, height_bound
from cim.tiles.terrain.place import STEPS, Place
from cim.tiles.terrain.reader import decode
from cim.tiles.terrain.surface import Lattice, Surface, files, in_memory
from tests.delivered import NORTH, WEST, hills

Grid = npt.NDArray[Any]
ZONE = CRS.from_epsg(4545)
CITY = Bounds(106.5, 35.1, 106.82, 35.34)
GEOID = GridGeoid(106.0, 35.0, (0.25, 0.25), np.random.default_rng(3).normal(-36, 1, (4, 5)))


def surface(
    heights: Grid, cell: float = 15.0, west: float = WEST, north: float = NORTH, crs: CRS = ZONE
) -> Surface:
    lattice = Lattice.through(crs, (cell, cell), (west, north))
    known = np.asarray(heights, np.float32)
    return Surface.make(known, lattice.corner(west, north), lattice, cell, in_memory)


def ground(*surfaces: Surface) -> Ground:
    return Ground(surfaces=surfaces, geoid=GEOID, within=CITY)


def place_at(x: float, y: float, z: int) -> Place:
    lon, lat = Transformer.from_crs(ZONE, 4326, always_xy=True).transform(x, y)
    return Place(z, int((lon + 180) / 180 * 2**z), int((lat + 90) / 180 * 2**z))


def xy(window: Window) -> tuple[Grid, Grid]:
    """Coordinates of a window's posts, every one projected."""
    row, column = window.first
    rows, columns = window.shape
    lon = np.arange(column, column + columns) * window.unit - 180
    lat = np.arange(row, row + rows) * window.unit - 90
    step = Transformer.from_crs(4326, ZONE, always_xy=True)
    x, y = step.transform(*np.meshgrid(lon, lat))
    return np.asarray(x), np.asarray(y)


WHOLE = ground(surface(hills(300, 300)), surface(hills(60, 60, cell=90.0) + 40, 90.0, WEST - 900))


@settings(max_examples=30)
@given(
    z=st.integers(10, 17), dx=st.integers(-3, 4), dy=st.integers(-3, 4),
    columns=st.integers(1, 4), rows=st.integers(1, 4), at=st.tuples(*[st.floats(0, 1)] * 2),
)  # fmt: skip
def test_a_post_has_the_same_bits_whatever_window_asks(
    z: int, dx: int, dy: int, columns: int, rows: int, at: tuple[float, float]
) -> None:
    place = place_at(WEST + 4500 * at[0], NORTH - 4500 * at[1], z)
    whole = Window(z, place.x - 3, place.y - 3, 8, 8)
    part = Window(z, place.x + min(dx, 5 - columns), place.y + min(dy, 5 - rows), columns, rows)
    row, column = (part.y - whole.y) * STEPS, (part.x - whole.x) * STEPS
    found = WHOLE.posts(part)
    cut = WHOLE.posts(whole)[row : row + found.shape[0], column : column + found.shape[1]]
    assert np.array_equal(found, cut)


def test_deep_posts_are_projected_to_millimetres_and_lifted_by_the_geoid() -> None:
    x = np.arange(400) * 15.0
    plane = 1000 + 0.5 * (x[None, :] - x[:, None])  # bilinear is exact on it
    here = ground(surface(plane))
    for z in (12, 14, 16):
        window = Window.of(place_at(WEST + 3000, NORTH - 3000, z))
        px, py = xy(window)
        wanted = 1000 + 0.5 * ((px - WEST - 7.5) - (NORTH - 7.5 - py))
        inside = np.abs(px - WEST - 3000) < 2850  # half a cell of the level from the rim
        inside &= np.abs(py - NORTH + 3000) < 2850
        assert inside.sum() > 500
        assert np.abs(here.orthometric(window) - wanted)[inside].max() < 0.01
        row, column = window.first
        lon = (column + np.arange(67)) * window.unit - 180
        lat = (row + np.arange(67)) * window.unit - 90
        lift = GEOID.undulation(*np.meshgrid(lon, lat))
        assert np.abs(here.posts(window) - here.orthometric(window) - lift).max() < 0.02


def test_the_first_model_that_knows_wins_and_others_show_through_its_gaps() -> None:
    fine = np.full((200, 200), 1500.0)
    fine[80:120, 80:120] = np.nan
    here = ground(surface(fine, 5.0), surface(np.full((100, 100), 1400.0), 30.0, WEST - 900))
    window = Window.of(place_at(WEST + 500, NORTH - 500, 17))
    px, py = xy(window)
    column, row = (px - WEST) / 5 - 0.5, (NORTH - py) / 5 - 0.5
    heights = here.orthometric(window)
    in_gap = (column > 80) & (column < 119) & (row > 80) & (row < 119)
    known = (column < 79) | (column > 120) | (row < 79) | (row > 120)
    assert in_gap.sum() > 300
    assert (heights[in_gap] == 1400.0).all()
    assert (heights[known & (column > 0) & (row > 0)] == 1500.0).all()
    beyond = Window.of(place_at(WEST + 1600, NORTH - 500, 17))
    assert (here.orthometric(beyond) == 1400.0).all()


@pytest.mark.parametrize("z", [5, 9, 12, 15, 17])
def test_what_nobody_knows_lies_between_what_is_known_around(z: int) -> None:
    heights = hills(200, 200)
    low, high = float(heights.min()), float(heights.max())
    heights[40:160, 50:150], heights[:, 180:] = np.nan, np.nan
    here = ground(surface(heights))
    for dx in (-20_000, 1500, 9000):
        found = here.orthometric(Window.of(place_at(WEST + dx, NORTH - 1500, z)))
        assert np.isfinite(found).all()
        assert low - 0.01 <= found.min() <= found.max() <= high + 0.01


def test_a_hole_is_closed_without_a_step_at_its_rim() -> None:
    x = np.arange(300) * 15.0
    plane = np.broadcast_to(1400 + 0.1 * x, (300, 300)).copy()
    plane[100:140, 100:140] = np.nan
    heights = surface(plane).levels[0].filled
    steps = np.abs(np.diff(heights[120, 95:145]))
    assert steps.max() < 15.0  # of 60 m from side to side
    assert np.isfinite(heights).all()


def test_a_model_that_grows_elsewhere_keeps_its_digest_here() -> None:
    heights = hills(1000, 1000)
    grown = np.full((1037, 1051), np.nan)
    grown[37:, 51:] = heights
    grown[:30, :30] = 1500.0
    before = ground(surface(heights))
    after = ground(surface(grown, west=WEST - 51 * 15, north=NORTH + 37 * 15))
    for z in (14, 15, 16):
        place = place_at(WEST + 7500, NORTH - 7500, z)
        window = Window(z, place.x, place.y, 2, 2)
        assert before.digest(window) == after.digest(window)
        assert np.array_equal(before.posts(window), after.posts(window))


def test_a_single_changed_cell_changes_the_digest_of_the_windows_that_see_it() -> None:
    heights = hills(1000, 1000)
    before = ground(surface(heights))
    heights[500, 500] += 0.01
    after = ground(surface(heights))
    seen = place_at(WEST + 15 * 500.5, NORTH - 15 * 500.5, 15)
    assert before.digest(Window.of(seen)) != after.digest(Window.of(seen))
    far = Window(15, seen.x + 4, seen.y, 1, 1)
    assert before.digest(far) == after.digest(far)


def test_a_model_on_disk_is_the_one_in_memory(tmp_path: Path) -> None:
    heights = hills(150, 170)
    heights[20:40, 30:60] = np.nan
    lattice = Lattice.through(ZONE, (15.0, 15.0), (WEST, NORTH))
    room = files(tmp_path / "m")
    known = room("known-0", heights.shape)
    known[:] = heights
    Surface.make(known, lattice.corner(WEST, NORTH), lattice, 15.0, room).save(tmp_path / "m")
    window = Window.of(place_at(WEST + 700, NORTH - 500, 15))
    kept, fresh = ground(Surface.open(tmp_path / "m")), ground(surface(heights))
    assert np.array_equal(kept.posts(window), fresh.posts(window))
    assert kept.digest(window) == fresh.digest(window)
    assert kept.surfaces[0].box == fresh.surfaces[0].box


def test_a_fine_town_in_a_coarse_county_is_deep_only_where_it_lies(tmp_path: Path) -> None:
    county = surface(hills(300, 300, cell=30.0), 30.0)
    town = surface(hills(200, 200, cell=2.0, seed=4), 2.0, WEST + 4000, NORTH - 4000)
    here = ground(town, county)
    levels = Levels.of(here)
    assert (finest_zoom(2.0), finest_zoom(30.0)) == (18, 14)
    assert len(levels.tiles) == 19
    assert len(levels.tiles[14]) > 50
    in_town = place_at(WEST + 4200, NORTH - 4200, 18)
    assert (in_town.x, in_town.y) in levels.tiles[18]
    width = {z: max(x for x, _ in t) - min(x for x, _ in t) + 1 for z, t in enumerate(levels.tiles)}
    assert width[18] <= 10
    deeper = [depth_below(here, z, ends) for (z, _, _), ends in blocks(levels).items()]
    levels = levels.deepened(tile for depth in deeper for tile in depth.tiles)
    for z in range(1, len(levels.tiles)):
        for x, y in levels.tiles[z]:
            assert levels.holds(z - 1, x // 2, y // 2)
            assert all(levels.holds(z, x ^ i, y ^ j) for i in (0, 1) for j in (0, 1))
    writer = Writer(here, tmp_path)
    count = sum(len(writer.write(bundle).tiles) for bundle in bundles(levels))
    assert count == sum(map(len, levels.tiles)) == len(list(tmp_path.glob("*/*/*.terrain")))
    tile = decode((tmp_path / f"18/{in_town.x}/{in_town.y}.terrain").read_bytes())
    assert tile.heights.min() > 1300


@pytest.mark.parametrize("metres", [1.0, 15.0, 30.0, 90.0])
def test_steps_never_grow_with_depth_and_reach_the_relief(metres: float) -> None:
    random = np.random.default_rng(2)
    heights = np.cumsum(np.cumsum(random.normal(0, 0.4 * metres**0.5, (260, 260)), 0), 1)
    here = ground(surface(2000 + heights / np.abs(heights).max() * 1500, metres))
    levels = Levels.of(here)
    assert list(levels.steps) == sorted(levels.steps, reverse=True)
    for z, tiles in enumerate(levels.tiles):
        for x, y in list(tiles)[:: max(1, len(tiles) // 5)]:
            posts = here.posts(Window.of(Place(z, x, y)))
            assert np.ptp(posts) < levels.steps[z] * 32766
    assert height_bound(metres) > 0


def test_a_constant_geoid_lifts_everything_alike() -> None:
    here = Ground(surfaces=(surface(hills()),), geoid=ConstantGeoid(-36.0), within=CITY)
    window = Window.of(place_at(WEST + 700, NORTH - 500, 15))
    assert np.array_equal(here.posts(window), here.orthometric(window) - 36.0)
