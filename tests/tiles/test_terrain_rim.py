"""Levels of terrain meet: patches of deeper tiles end in the coarser ones, skirts hide the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.tiles.terrain.place import STEPS, Place, level_error
from cim.tiles.terrain.quantized_mesh import encode
from cim.tiles.terrain.reader import FULL, DecodedTile, border, decode, drop, faults, gap
from cim.tiles.terrain.rim import rim
from tests.tiles.terrain_posts import at_posts

Floats = npt.NDArray[np.float64]
ROOT = Place(13, 13000, 5700)  # of all patches here: 600 m a side two levels below
SKIRT = 5.0  # level errors, in CesiumJS
SIDES = (((-1, 0), 0), ((0, -1), 1), ((1, 0), 2), ((0, 1), 3))


@cache
def sample(place: Place) -> Floats:
    """Mountains; each level sees them a little differently, as means of other cells do."""
    lon, lat = np.meshgrid(place.longitudes(1), place.latitudes(1))
    x, y = (lon - 106) * 300, (lat - 35) * 370
    heights = 1500 + 120 * np.sin(x) * np.cos(1.3 * y) + 20 * np.sin(5.1 * x + 2.3 * y)
    return np.asarray(heights + 0.37 * np.sin(place.z + 7 * x))


def step(z: int) -> float:
    return 1 / 64 if z > 14 else 1 / 32


def block() -> list[Place]:
    """The root and the ring of tiles around it."""
    return [Place(ROOT.z, ROOT.x + i, ROOT.y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def below(places: list[Place]) -> list[Place]:
    return [child for place in places for child in place.children()]


def write(places: set[Place], *, joined: bool) -> dict[Place, DecodedTile]:
    tiles = {}
    for place in places:
        line = rim(place, lambda p: p.z < 14 or p in places, sample, step) if joined else None
        partly = 0 < sum(child in places for child in place.children()) < 4
        data = encode(place, sample(place), step(place.z), 3.0, rim=line, cross=joined and partly)
        tiles[place] = decode(data)
        assert faults(tiles[place]) == []
    return tiles


def deepened(chosen: set[int], further: set[int], lost: frozenset[int] = frozenset()) -> set[Place]:
    """Two levels whole, children of some tiles of the second, and children of some of those.

    Of each level's children those with numbers in ``lost`` are left out.
    """
    second = below(block())
    inner = [p for p in second if abs(p.x - 2 * ROOT.x - 0.5) < 2 > abs(p.y - 2 * ROOT.y - 0.5)]
    third = below([inner[i] for i in sorted(chosen)])
    third = [p for i, p in enumerate(third) if i not in lost]
    fourth = below([third[i] for i in sorted(further) if i < len(third)])
    fourth = [p for i, p in enumerate(fourth) if i not in lost]
    return {*block(), *second, *third, *fourth}


def ends(tiles: dict[Place, DecodedTile]) -> list[tuple[Place, int, Place]]:
    """Sides where deeper tiles end: tile, side, and the coarser tile that lies beyond."""
    found = []
    for place in tiles:
        for (dx, dy), side in SIDES:
            beyond = Place(place.z, place.x + dx, place.y + dy)
            while beyond not in tiles and beyond.z > 13:
                beyond = Place(beyond.z - 1, beyond.x // 2, beyond.y // 2)
            if beyond in tiles and beyond.z < place.z and place.z > 14:
                found.append((place, side, beyond))
    return found


def widest(tiles: dict[Place, DecodedTile]) -> float:
    """Largest difference along all sides where deeper tiles end, at the posts of these.

    Between two posts of the coarser tile its line is taken as straight: all are vertices there.
    """
    known = cache(lambda place: at_posts(tiles[place]))
    found = []
    for place, side, beyond in ends(tiles):
        _, heights = border(tiles[place], side)
        share: int = 2 ** (place.z - beyond.z)
        upright = side in (0, 2)
        turned, along = (place.x, place.y) if upright else (place.y, place.x)
        other, first = (beyond.x, beyond.y) if upright else (beyond.y, beyond.x)
        line, rest = divmod(STEPS * (turned + side // 2 - share * other), share)
        assert rest == 0
        theirs = known(beyond)[:, line] if upright else known(beyond)[line]
        posts = (np.arange(STEPS + 1) + STEPS * (along - share * first)) / share
        found.append(np.abs(np.interp(posts, np.arange(STEPS + 1), theirs) - heights).max())
    return float(max(found))


def seams(tiles: dict[Place, DecodedTile]) -> list[float]:
    return [
        gap(tile, tiles[beside], name)
        for place, tile in tiles.items()
        for name, dx, dy in (("east", 1, 0), ("north", 0, 1))
        if (beside := Place(place.z, place.x + dx, place.y + dy)) in tiles
    ]


@settings(deadline=None, max_examples=12)
@given(
    chosen=st.sets(st.integers(0, 15), min_size=1, max_size=6),
    further=st.sets(st.integers(0, 23), min_size=1, max_size=5),
    lost=st.frozensets(st.integers(1, 23), max_size=12),
)
def test_wherever_deeper_tiles_end_they_meet_the_coarser_ones_exactly(
    chosen: set[int], further: set[int], lost: frozenset[int]
) -> None:
    tiles = write(deepened(chosen, further, lost), joined=True)
    assert set(seams(tiles)) == {0.0}
    assert widest(tiles) == 0.0


def test_a_patch_two_levels_deep_ends_at_once_in_the_coarsest() -> None:
    tiles = write(deepened({5}, {0, 1, 2, 3}), joined=True)
    levels = {(place.z, beyond.z) for place, _, beyond in ends(tiles)}
    assert (16, 14) in levels
    assert widest(tiles) == 0.0


def test_a_quarter_deepened_alone_ends_in_its_parents_middle_lines() -> None:
    tiles = write(deepened({5}, {0}, frozenset({1, 2, 3})), joined=True)
    inner = [(p, b) for p, _, b in ends(tiles) if Place(p.z - 1, p.x // 2, p.y // 2) == b]
    assert len(inner) == 2 + 2
    assert widest(tiles) == 0.0


def test_a_cliff_too_high_for_fine_steps_is_met_to_half_a_quantum() -> None:
    def tall(place: Place) -> Floats:
        return np.asarray(sample(place) * 5 - 6000)

    places = deepened({5}, {0})
    child = next(p for p in places if p.z == 15 and p.x % 2 == 0)
    line = rim(child, lambda p: p.z < 15 or p == child, tall, step)
    assert line is not None
    tile = decode(encode(child, tall(child), 1 / 16, 0.5, rim=line))
    at, heights = border(tile, 0)
    assert len(at) == STEPS + 1
    quantum = (tile.high - tile.low) / FULL
    assert 0 < np.abs(heights - line[0]).max() <= quantum / 2


def test_without_a_rim_such_a_patch_gapes() -> None:
    tiles = write(deepened({5}, {0}), joined=False)
    assert set(seams(tiles)) == {0.0}
    assert widest(tiles) > 0.1


def test_a_tile_among_its_like_has_no_rim_of_its_own() -> None:
    places = set(below(block()))
    inside = [p for p in ROOT.children() if rim(p, places.__contains__, sample, step) is None]
    assert len(inside) == 4


@pytest.mark.parametrize("lost", [frozenset(), frozenset({1, 2, 3})])
def test_the_reader_sees_a_rim_join_to_less_than_positions_are_rounded(
    lost: frozenset[int],
) -> None:
    wide = {}
    for joined in (True, False):
        tiles = write(deepened({5}, {0}, lost), joined=joined)
        wide[joined] = [
            drop(tiles[place], tiles[Place(place.z - 1, place.x // 2, place.y // 2)], side, at)
            for place, side, _ in ends(tiles)
            for at in [(place.x % 2, place.y % 2)]
        ]
    assert len(wide[True]) >= 8 + 8 - 4 * len(lost)
    assert max(wide[True]) < 1e-3
    assert min(wide[False]) > 0.05


@pytest.mark.shared
def test_skirts_hide_the_steps_between_levels_of_real_mountains(shared_data: Path) -> None:
    with rasterio.open(shared_data / "dem/topotoolbox/bigtujunga.tif") as image:
        cells = image.read(1).astype(np.float64)[::-1]
    cells = np.where((cells > 0) & (cells < 9000), cells, np.nan)
    looked, shares = 0, []
    for z in (13, 12):  # 30 m are the posts of level 13
        coarser = halved(cells)
        for x in range(1, 18):
            for y in range(1, 10):
                found = steps_to_parent(z, (x, y), cut(cells, x, y), cut(coarser, x // 2, y // 2))
                looked += len(found)
                shares += [width / (SKIRT * level_error(z)) for width in found]
        cells = coarser
    assert looked > 150
    assert 0.1 < max(shares) < 1.0


def steps_to_parent(z: int, at: tuple[int, int], posts: Floats, above: Floats) -> list[float]:
    """The steps from a tile to its parent on the two sides that they share; none over gaps."""
    if np.isnan(posts).any() or np.isnan(above).any():
        return []
    x, y = at
    tile = decode(encode(Place(z, x, y), posts, 1 / 32, level_error(z) / 4))
    parent = decode(encode(Place(z - 1, x // 2, y // 2), above, 1 / 32, level_error(z - 1) / 4))
    return [drop(tile, parent, side, (x % 2, y % 2)) for side in (x % 2 * 2, 1 + y % 2 * 2)]


def halved(cells: Floats) -> Floats:
    """Every second post, as the mean of the 3 x 3 around it."""
    padded = np.pad(cells, 1, mode="edge")
    rows, columns = cells.shape
    mean = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9
    return np.asarray(mean)[::2, ::2]


def cut(cells: Floats, x: int, y: int) -> Floats:
    part = cells[STEPS * y - 1 : STEPS * y + 66, STEPS * x - 1 : STEPS * x + 66]
    return part if part.shape == (67, 67) else np.full((67, 67), np.nan)
