"""Terrain tiles: decoded by strangers' rules, true to the model, seamless, and not mirrored."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.crs import lonlat_bounds
from cim.geo.heights import ConstantGeoid, GridGeoid
from cim.tiles.terrain.normal import oct_encode
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.pyramid import (
    Model,
    finest_zoom,
    height_bound,
    places,
    tiles_over,
    write_pyramid,
)
from cim.tiles.terrain.quantized_mesh import encode, level_step
from cim.tiles.terrain.reader import FULL, DecodedTile, decode, faults, gap
from tests.delivered import NORTH, WEST, hills

Floats = npt.NDArray[np.float64]
ZONE = CRS.from_epsg(4545)
CELL = 15.0


def model(heights: npt.NDArray[np.float32]) -> Model:
    rows, columns = heights.shape
    box = (WEST, NORTH - rows * CELL, WEST + columns * CELL, NORTH)
    return Model(
        heights=heights, crs=ZONE, west=WEST, north=NORTH, cell=(CELL, CELL),
        extent=Bounds(*lonlat_bounds(ZONE, box)), metres=CELL,
    )  # fmt: skip


def at(tile: DecodedTile, u: Floats, v: Floats) -> Floats:
    """Heights of a tile's surface, triangle by triangle, by barycentric coordinates."""
    result = np.full(u.shape, np.nan)
    for a, b, c in tile.triangles:
        (ax, bx, cx), (ay, by, cy) = tile.u[[a, b, c]], tile.v[[a, b, c]]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        wa = ((bx - u) * (cy - v) - (cx - u) * (by - v)) / area
        wb = ((cx - u) * (ay - v) - (ax - u) * (cy - v)) / area
        wc = 1 - wa - wb
        inside = (wa >= -1e-9) & (wb >= -1e-9) & (wc >= -1e-9)
        heights = wa * tile.heights[a] + wb * tile.heights[b] + wc * tile.heights[c]
        result = np.where(inside, heights, result)
    return result


def bilinear(heights: npt.NDArray[np.float32], x: Floats, y: Floats) -> Floats:
    """Heights of a DEM at places of its own CRS, from the four cell centres around."""
    column, row = (x - WEST) / CELL - 0.5, (NORTH - y) / CELL - 0.5
    c, r = np.floor(column).astype(int), np.floor(row).astype(int)
    fc, fr = column - c, row - r
    h = heights.astype(np.float64)
    upper = h[r, c] * (1 - fc) + h[r, c + 1] * fc
    lower = h[r + 1, c] * (1 - fc) + h[r + 1, c + 1] * fc
    return np.asarray(upper * (1 - fr) + lower * fr)


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    folder = tmp_path_factory.mktemp("terrain")
    ground = model(hills())
    write_pyramid(ground, ConstantGeoid(-36.0), folder, "7", lambda _: None)
    return folder, ground


def level(folder: Path, z: int) -> dict[tuple[int, int], DecodedTile]:
    return {
        (int(p.parent.name), int(p.stem)): decode(p.read_bytes())
        for p in (folder / str(z)).glob("*/*.terrain")
    }


def finest(folder: Path, lon: float, lat: float) -> tuple[DecodedTile, float, float]:
    """The deepest tile over a place, and where in it the place lies."""
    for z in range(finest_zoom(CELL) + 2, -1, -1):
        width = 180.0 / 2**z
        x, y = int((lon + 180) // width), int((lat + 90) // width)
        path = folder / f"{z}/{x}/{y}.terrain"
        if path.is_file():
            tile = decode(path.read_bytes())
            return tile, ((lon + 180) / width - x) * FULL, ((lat + 90) / width - y) * FULL
    raise AssertionError("no tile at all")


def test_a_thousand_random_places_have_the_models_height(pyramid: tuple[Path, Model]) -> None:
    folder, ground = pyramid
    random = np.random.default_rng(5)
    rows, columns = ground.heights.shape
    x = random.uniform(WEST + CELL, WEST + (columns - 1) * CELL, 1000)
    y = random.uniform(NORTH - (rows - 1) * CELL, NORTH - CELL, 1000)
    lon, lat = Transformer.from_crs(4545, 4326, always_xy=True).transform(x, y)
    found = np.empty(1000)
    for i in range(1000):
        tile, u, v = finest(folder, lon[i], lat[i])
        found[i] = at(tile, np.array([u]), np.array([v]))[0]
    wrong = np.abs(found - (bilinear(ground.heights, x, y) - 36.0))
    assert wrong.max() <= height_bound(CELL) == 0.5
    assert np.median(wrong) < 0.1
    mirrored = np.abs(found - (bilinear(ground.heights[::-1], x, y) - 36.0))
    assert np.median(mirrored) > 5.0  # the test could tell a mirrored tile


def test_every_tile_of_every_level_is_faultless(pyramid: tuple[Path, Model]) -> None:
    folder, ground = pyramid
    paths = list(folder.glob("*/*/*.terrain"))
    assert len(paths) > 20
    for path in paths:
        tile = decode(path.read_bytes())
        assert faults(tile) == [], path
        assert tile.heights.min() >= ground.heights.min() - 36.0 - 1.0
        assert tile.heights.max() <= ground.heights.max() - 36.0 + 1.0


def test_neighbours_and_corners_meet_exactly_on_all_levels(pyramid: tuple[Path, Model]) -> None:
    folder, _ = pyramid
    pairs = 0
    for z in range(finest_zoom(CELL) + 3):
        tiles = level(folder, z)
        for (x, y), tile in tiles.items():
            for side, (dx, dy) in (("east", (1, 0)), ("north", (0, 1))):
                if (x + dx, y + dy) in tiles:
                    pairs += 1
                    assert gap(tile, tiles[x + dx, y + dy], side) == 0.0, (z, x, y, side)
    assert pairs > 20


def test_normals_are_those_of_the_slope() -> None:
    slope = np.degrees(np.arctan(0.2))
    x = np.arange(150) * CELL
    ground = model(np.tile((1500 + 0.2 * x).astype(np.float32), (120, 1)))
    z = finest_zoom(CELL)
    x0, x1, y0, y1 = tiles_over(ground.extent, z)
    place = Place(z, (x0 + x1) // 2, (y0 + y1) // 2)
    tile = decode(encode(place, ground.sample(place), 1 / 64, 0.2))
    raw = np.frombuffer(tile.extensions[1], np.uint8).reshape(-1, 2).astype(np.float64)
    normals = oct_decode(raw)
    lon = np.radians(-180 + (place.x + tile.u / FULL) * place.width)
    lat = np.radians(-90 + (place.y + tile.v / FULL) * place.width)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    eastward = np.stack([-np.sin(lon), np.cos(lon), 0 * lon], axis=1)
    tilt = np.degrees(np.arccos(np.clip((normals * up).sum(axis=1), -1, 1)))
    assert tilt == pytest.approx(np.full(len(tilt), slope), abs=1.0)
    assert ((normals * eastward).sum(axis=1) < 0).all()  # it rises east, so it leans west


def oct_decode(raw: Floats) -> Floats:
    """As CesiumJS does it."""
    x, y = raw[:, 0] / 255 * 2 - 1, raw[:, 1] / 255 * 2 - 1
    z = 1 - np.abs(x) - np.abs(y)
    fold = z < 0
    ox = np.where(fold, (1 - np.abs(y)) * np.where(x < 0, -1, 1), x)
    oy = np.where(fold, (1 - np.abs(x)) * np.where(y < 0, -1, 1), y)
    vectors = np.stack([ox, oy, z], axis=1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1)[:, None])


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 1e-3))
def test_any_direction_survives_two_bytes_within_two_degrees(v: tuple[float, ...]) -> None:
    vector = np.array([v]) / math.hypot(*v)
    back = oct_decode(oct_encode(vector).astype(np.float64))
    assert np.degrees(np.arccos(np.clip((vector * back).sum(), -1, 1))) < 2.0


def surface(seed: int, rough: float, tall: float, base: float = 1500.0) -> Floats:
    """Three tiles by three of posts with halos cut from one random surface."""
    random = np.random.default_rng(seed)
    size = 3 * 64 + 3
    y, x = np.mgrid[0:size, 0:size] / 64
    heights = tall * np.sin(x * random.uniform(1, 4)) * np.cos(y * random.uniform(1, 4))
    return np.asarray(base + heights + random.normal(0, rough, (size, size)))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**31), rough=st.sampled_from([0.0, 0.01, 1.0, 20.0]),
    tall=st.sampled_from([0.0, 5.0, 300.0, 2500.0]), tolerance=st.sampled_from([0.2, 1.0, 5.0]),
    whole=st.booleans(), base=st.sampled_from([-150.0, 1500.0, 4500.3, 8300.7]),
)  # fmt: skip
def test_any_surface_is_covered_once_within_tolerance_and_without_a_seam(
    seed: int, rough: float, tall: float, tolerance: float, whole: bool, base: float
) -> None:
    posts = surface(seed, rough, tall, base)
    if whole:
        posts = posts.round()  # whole metres and ties are where greedy meshes gape
    step = level_step(float(np.ptp(posts)))
    tiles = {}
    for x in range(2):
        for y in range(2):
            cut = posts[64 * y : 64 * y + 67, 64 * x : 64 * x + 67]
            tile = decode(encode(Place(12, 6500 + x, 2850 + y), cut, step, tolerance))
            assert faults(tile) == []
            u = np.tile(np.arange(65), (65, 1)) / 64 * FULL
            if seed % 5 == 0:
                wrong = np.abs(at(tile, u, u.T) - cut[1:-1, 1:-1])
                assert wrong.max() <= 2 * tolerance + step + 0.05 * (tall + rough) / 100 + 1e-6
            tiles[x, y] = tile
    assert gap(tiles[0, 0], tiles[1, 0], "east") == 0.0
    assert gap(tiles[0, 1], tiles[1, 1], "east") == 0.0
    assert gap(tiles[0, 0], tiles[0, 1], "north") == 0.0
    assert gap(tiles[1, 0], tiles[1, 1], "north") == 0.0


@settings(deadline=None, max_examples=25)
@given(base=st.floats(-400, 8900), seed=st.integers(0, 2**31), tall=st.sampled_from([0.5, 3, 7]))
def test_a_height_reads_the_same_in_any_tile_however_high_the_ground(
    base: float, seed: int, tall: float
) -> None:
    """A float32 has no room for 1/4096 m above 4096 m: Tibet's plains must not gape."""
    step = 1 / 64
    posts = np.round(surface(seed, 0.1, tall, base)[:67, :67] / step) * step
    tile = decode(encode(Place(15, 52000, 22800), posts, step, 0.0))
    row, column = np.rint(tile.v / FULL * 64).astype(int), np.rint(tile.u / FULL * 64).astype(int)
    assert (tile.heights == posts[1:-1, 1:-1][row, column]).all()


def test_a_sphere_and_an_occlusion_point_stand_around_the_tile() -> None:
    tile = decode(encode(Place(10, 1630, 712), surface(1, 5, 300)[:67, :67], 1 / 16, 1.0))
    lon = np.radians(-180 + (1630 + tile.u / FULL) * 180 / 1024)
    lat = np.radians(-90 + (712 + tile.v / FULL) * 180 / 1024)
    step = Transformer.from_crs(4979, 4978, always_xy=True)
    points = np.stack(step.transform(np.degrees(lon), np.degrees(lat), tile.heights), axis=1)
    away = np.linalg.norm(points - np.array(tile.centre), axis=1)
    assert away.max() <= tile.radius + 0.05
    assert tile.radius < 1.2 * away.max()
    radii = np.array([6378137.0, 6378137.0, 6356752.3142451793])
    point = np.array(tile.occlusion)
    assert np.linalg.norm(point) > 1.0
    # Seen from a camera for which the point is hidden behind the horizon, no vertex shows.
    opposite = -point / np.linalg.norm(point)
    camera = opposite * 1.5
    limit = camera @ camera - 1

    def hidden(target: Floats) -> bool:
        to = target - camera
        along = -(to @ camera)
        return bool(along > limit and along**2 / (to @ to) > limit)

    assert hidden(point)
    assert all(hidden(p / radii) for p in points)


def test_layer_json_tells_a_client_all_it_asks(pyramid: tuple[Path, Model]) -> None:
    folder, ground = pyramid
    told = json.loads((folder / "layer.json").read_text())
    assert (told["version"], told["bounds"]) == ("7", list(ground.extent))
    assert told["format"] == "quantized-mesh-1.0"
    assert (told["scheme"], told["projection"]) == ("tms", "EPSG:4326")
    assert told["tiles"] == ["{z}/{x}/{y}.terrain?v={version}"]
    assert told["extensions"] == ["octvertexnormals"]
    assert len(told["available"]) == told["maxzoom"] + 1
    announced = {
        f"{z}/{x}/{y}.terrain"
        for z, ranges in enumerate(told["available"])
        for r in ranges
        for x in range(r["startX"], r["endX"] + 1)
        for y in range(r["startY"], r["endY"] + 1)
    }
    on_disk = {str(p.relative_to(folder)) for p in folder.glob("*/*/*.terrain")}
    assert announced == on_disk
    assert {"0/0/0.terrain", "0/1/0.terrain"} <= on_disk
    regular = {f"{p.z}/{p.x}/{p.y}.terrain" for p in places(ground.extent, finest_zoom(CELL))}
    assert regular <= on_disk


def test_a_geoid_that_tilts_lifts_each_post_by_its_own(tmp_path: Path) -> None:
    ground = model(np.full((60, 60), 1400.0, np.float32))
    tilted = GridGeoid(106.0, 35.0, (1.0, 1.0), np.array([[-40.0, -30.0], [-40.0, -30.0]]))
    write_pyramid(ground, tilted, tmp_path, "1", lambda _: None)
    z = finest_zoom(CELL)
    for (x, y), tile in level(tmp_path, z).items():
        lon = np.clip(-180 + (x + tile.u / FULL) * 180 / 2**z, ground.extent.west,
                      ground.extent.east)  # fmt: skip
        wanted = 1400 + tilted.undulation(lon, np.full(len(lon), 35.2))
        assert np.abs(tile.heights - wanted).max() < 0.21, (x, y)


@pytest.mark.parametrize("cut", [0, 50, 91, 200, -1])
def test_a_tile_that_ends_early_is_no_tile(cut: int, pyramid: tuple[Path, Model]) -> None:
    data = next(iter(sorted(pyramid[0].glob("15/*/*.terrain")))).read_bytes()
    with pytest.raises(FormatError):
        decode(data[:cut])


@pytest.mark.parametrize("spoil", ["mirror", "index", "edge"])
def test_the_reader_finds_what_a_client_would_choke_on(
    spoil: str, pyramid: tuple[Path, Model]
) -> None:
    data = next(iter(sorted(pyramid[0].glob("15/*/*.terrain")))).read_bytes()
    tile = decode(data)
    assert faults(tile) == []
    if spoil == "mirror":
        tile.v[:] = FULL - tile.v
    elif spoil == "index":
        tile.triangles[3, 1] = len(tile.u)
    else:
        tile.edges[2][0] = tile.edges[0][0]
    assert faults(tile) != []


@pytest.mark.parametrize(("metres", "z"), [(30.0, 14), (15.0, 15), (5.0, 16), (1.0, 19)])
def test_the_finest_level_has_posts_as_close_as_cells(metres: float, z: int) -> None:
    assert finest_zoom(metres) == z
    posts = 180 / 2**z / 64 * 111_132
    assert posts <= metres * 1.1
    assert posts * 2 > metres
