"""Models come out whole: their area, their colours, no crack, and coarser tiles as stated."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial import KDTree

from cim.city import City
from cim.errors import CrsError, FormatError, OutsideCityError
from cim.ingest.sources.flat import read_model
from cim.tiles import glb
from cim.tiles.glb import Primitive, Texture, read
from cim.tiles.hlod.nearest import Grid
from cim.tiles.hlod.piece import Piece
from cim.tiles.hlod.simplify import spread
from tests.ingest.buildings.run import Run
from tests.ingest.flat.models import ORIGIN, SIDE, hills, obj, photo, standard, take
from tests.tiles.validator import gltf_errors

Array = npt.NDArray[Any]
CENTRE = np.array([SIDE / 2, SIDE / 2])


@pytest.fixture(scope="module")
def valley(city_at: Callable[..., City]) -> City:
    """The test city, for the whole module."""
    return city_at((106.50, 35.10, 106.82, 35.34), "EPSG:4545", -36.0)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory, valley: City) -> Run:
    """The usual model in 16 leaves and two coarser levels."""
    folder = tmp_path_factory.mktemp("flat")
    model = standard(folder)
    return take(model, valley, folder / "staging", keep=True, leaf_triangles=1500, texture_size=256)


def tiles(run: Run, level: int) -> list[Any]:
    return [
        b.facts for b in run.built if "leaf" in b.facts and b.facts["cell"].startswith(f"{level}-")
    ]


def piece(run: Run, facts: Any) -> Piece:
    return Piece.load(run.staging / facts["folder"] / "piece.npz")


def area(corners: Array) -> float:
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


def texels(texture: Texture) -> Array:
    with Image.open(io.BytesIO(texture.data)) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def bilinear(pixels: Array, uv: Array, *, repeat: bool = False) -> Array:
    """(n, 3) colours of (n, 2) texture coordinates."""
    height, width = pixels.shape[:2]
    x, y = uv[:, 0] * width - 0.5, uv[:, 1] * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    total = np.zeros((len(uv), 3))
    for i in (0, 1):
        for j in (0, 1):
            share = np.abs(1 - i - (x - left)) * np.abs(1 - j - (y - top))
            column, row = left + i, top + j
            if repeat:
                column, row = column % width, row % height
            column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
            total += share[:, None] * pixels[row, column]
    return total


def looked_at(part: Primitive, count: int, seed: int = 0) -> tuple[Array, Array]:
    """Random places on a primitive, in its frame, and their texture coordinates."""
    assert part.triangles is not None
    assert part.uv is not None
    random = np.random.default_rng(seed)
    which = random.integers(0, len(part.triangles), count)
    shares = random.dirichlet([1, 1, 1], count)[:, :, None]
    at = part.triangles[which]
    return (shares * part.positions[at]).sum(axis=1), (shares * part.uv[at]).sum(axis=1)


def test_a_model_passes_all_checks_and_its_area_is_kept(taken: Run) -> None:
    assert taken.errors == []
    assert taken.lost == []
    leaves = tiles(taken, 2)
    assert len(leaves) == 16
    places, _, triangles = hills()
    whole = area(places[triangles])
    kept = sum(area(p.points[p.triangles]) for p in (piece(taken, f) for f in leaves))
    assert kept == pytest.approx(whole, rel=1e-6)
    assert gltf_errors(taken.glbs()) == []
    assert len(taken.glbs()) == 16 + 4 + 1


def test_leaves_show_the_colours_of_the_photograph(taken: Run) -> None:
    """At random places, by the uv of the leaf and by that of the model; JPEG loses a little."""
    picture = np.asarray(Image.open(taken.plan.parcels[0].path.parent / "photo.jpg"), np.float64)
    low, high = (np.array(taken.built[0].facts[k]) for k in ("low", "high"))
    worst = []
    for facts in tiles(taken, 2):
        (part,) = read(taken.staging / facts["folder"] / "tile.glb").primitives
        assert part.texture is not None
        own, uv = looked_at(part, 300)
        places = own[:, :2] + (low[:2] + high[:2]) / 2
        source = places / SIDE
        source[:, 1] = 1 - source[:, 1]
        off = np.abs(bilinear(texels(part.texture), uv) - bilinear(picture, source))
        worst.append(off.mean(axis=1))
    off = np.concatenate(worst)
    assert float(off.mean()) < 2.0
    assert float(np.quantile(off, 0.999)) < 12.0


def test_coarser_tiles_show_the_same_colours_softer(taken: Run) -> None:
    picture = np.asarray(Image.open(taken.plan.parcels[0].path.parent / "photo.jpg"), np.float64)
    low, high = (np.array(taken.built[0].facts[k]) for k in ("low", "high"))
    for facts in (*tiles(taken, 1), *tiles(taken, 0)):
        (part,) = read(taken.staging / facts["folder"] / "tile.glb").primitives
        assert part.texture is not None
        own, uv = looked_at(part, 500)
        source = (own[:, :2] + (low[:2] + high[:2]) / 2) / SIDE
        source[:, 1] = 1 - source[:, 1]
        off = np.abs(bilinear(texels(part.texture), uv) - bilinear(picture, source)).mean(axis=1)
        assert float(np.median(off)) < 6.0
        assert float(np.quantile(off, 0.95)) < 25.0


@pytest.mark.parametrize("level", [0, 1])
def test_coarser_surfaces_are_as_near_as_they_say(level: int, taken: Run) -> None:
    places, _, triangles = hills()
    model = places[triangles]
    for facts in tiles(taken, level):
        coarse = piece(taken, facts)
        corners = coarse.points[coarse.triangles]
        _, _, there = Grid.over(model).nearest(spread(corners, 4000, 9))
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        points = spread(model, 40_000, 8)
        inside = ((points[:, :2] > low[:2]) & (points[:, :2] < high[:2])).all(axis=1)
        _, _, back = Grid.over(corners).nearest(points[inside])
        assert max(there.max(), back.max()) <= facts["moved"] <= facts["error"]
        assert len(coarse.triangles) <= 1600


def test_errors_fall_from_the_root_down(taken: Run) -> None:
    root, inner = tiles(taken, 0)[0]["error"], [f["error"] for f in tiles(taken, 1)]
    assert root > max(inner) > 0
    assert all(f["error"] == 0 for f in tiles(taken, 2))
    assert all(f["error"] >= 15.9 * f["texel"] for f in tiles(taken, 1))


def rim(points: Array, axis: int, line: float) -> set[bytes]:
    own = points[points[:, axis] == line] + 0.0
    return {p.tobytes() for p in own}


@pytest.mark.parametrize("level", [1, 2])
def test_neighbours_share_every_vertex_of_their_border(level: int, taken: Run) -> None:
    """In the model's coordinates and in the files, of one level and between levels."""
    side = SIDE / (1 << level)
    pieces = {f["cell"]: piece(taken, f) for f in tiles(taken, level)}
    for name, own in pieces.items():
        _, column, row = (int(word) for word in name.split("-"))
        for axis, other in ((0, f"{level}-{column + 1}-{row}"), (1, f"{level}-{column}-{row + 1}")):
            if other not in pieces:
                continue
            line = ((column, row)[axis] + 1) * side
            mine, theirs = rim(own.points, axis, line), rim(pieces[other].points, axis, line)
            assert len(mine) >= 10
            assert mine == theirs


def test_a_coarse_tile_meets_the_finer_ones_of_its_neighbour(taken: Run) -> None:
    west = piece(taken, next(f for f in tiles(taken, 1) if f["cell"] == "1-0-0"))
    finer = [f for f in tiles(taken, 2) if f["cell"] in ("2-2-0", "2-2-1")]
    line = SIDE / 2
    theirs = set().union(*(rim(piece(taken, f).points, 0, line) for f in finer))
    assert rim(west.points, 0, line) == theirs


def test_files_of_neighbours_hold_the_same_border_places(taken: Run) -> None:
    """One frame for all tiles of a model: rounding to float32 moves both sides alike."""
    read_back = {
        f["cell"]: np.concatenate(
            [p.positions for p in read(taken.staging / f["folder"] / "tile.glb").primitives]
        )
        for f in tiles(taken, 2)
    }
    west, east = read_back["2-0-1"], read_back["2-1-1"]
    border = west[np.abs(west[:, 0] - west[:, 0].max()) < 1e-3]
    distance, _ = KDTree(east).query(border)
    assert len(border) >= 15
    assert float(distance.max()) == 0.0


@settings(max_examples=4)
@given(st.integers(0, 10_000), st.sampled_from([7, 13, 22]))
def test_any_ground_is_cut_without_a_crack(
    valley: City, tmp_path_factory: pytest.TempPathFactory, seed: int, steps: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    places, uv, triangles = hills(steps, seed)
    photo(folder / "photo.jpg", 64, 64)
    model = obj(folder / "model.obj", places, uv, triangles)
    run = take(model, valley, folder / "s", keep=True, leaf_triangles=100, texture_size=128)
    assert run.errors == []
    leaves = [b.facts for b in run.built if b.facts.get("leaf")]
    level = {f["cell"][0] for f in leaves}
    if len(level) == 1:
        every = [piece(run, f) for f in leaves]
        edges: dict[bytes, int] = {}
        for p in every:
            for t in p.points[p.triangles] + 0.0:
                for i in range(3):
                    ends = sorted((t[i].tobytes(), t[(i + 1) % 3].tobytes()))
                    edges[b"".join(ends)] = edges.get(b"".join(ends), 0) + 1
        for both, count in edges.items():
            a, b = np.frombuffer(both[:24]), np.frombuffer(both[24:])
            outer = any(a[k] == b[k] and a[k] in (0.0, SIDE) for k in (0, 1))
            assert count == (1 if outer else 2)
    shutil.rmtree(folder)


@pytest.mark.parametrize("geometry", ["quantized", "meshopt"])
def test_encoded_tiles_pass_the_same_checks(geometry: str, tmp_path: Path, city: City) -> None:
    model = standard(tmp_path, 24)
    run = take(
        model, city, tmp_path / "s", geometry=geometry, texture="webp", leaf_triangles=300,
        texture_size=128,
    )  # fmt: skip
    assert run.errors == []
    assert gltf_errors(run.glbs()) == []
    kinds = {p.texture.mime for m in run.models() for p in m.primitives if p.texture}
    assert kinds <= {"image/webp", "image/jpeg"}
    assert not list(run.staging.rglob("piece.npz"))


def test_the_same_model_gives_the_same_files(tmp_path: Path, city: City) -> None:
    model = standard(tmp_path, 24)
    one = take(model, city, tmp_path / "one", leaf_triangles=300, texture_size=128)
    two = take(model, city, tmp_path / "two", leaf_triangles=300, texture_size=128)
    assert [p.read_bytes() for p in one.glbs()] == [p.read_bytes() for p in two.glbs()]


def test_a_model_without_a_place_asks_for_it(tmp_path: Path, city: City) -> None:
    model = standard(tmp_path, 4)
    with pytest.raises(CrsError, match="does not say its CRS") as error:
        take(model, city, tmp_path / "s", crs=None)
    assert "--origin" in error.value.remedy
    with pytest.raises(CrsError, match="does not say its origin"):
        take(model, city, tmp_path / "s", origin=None)


def test_an_opendronemap_project_knows_its_place(tmp_path: Path, city: City) -> None:
    texturing, referencing = tmp_path / "odm_texturing", tmp_path / "odm_georeferencing"
    texturing.mkdir()
    referencing.mkdir()
    model = standard(texturing, 8).rename(texturing / "odm_textured_model_geo.obj")
    (referencing / "coords.txt").write_text("WGS84 UTM 48N\n650000 3899000\n")
    for path in (tmp_path, texturing, model):
        run = take(path, city, tmp_path / f"s-{path.name}", crs=None, origin=None)
        assert run.errors == []
        assert run.plan.crs is not None
        assert run.plan.crs.crs.to_epsg() == 32648
        west, south, east, north = run.product.extent
        assert 106.64 < west < east < 106.66
        assert 35.21 < south < north < 35.23
    (referencing / "coords.txt").write_text("WGS84 UTM 48N\n")
    with pytest.raises(CrsError, match="easting"):
        take(model, city, tmp_path / "s", crs=None, origin=None)


def test_a_model_outside_the_city_is_refused(tmp_path: Path, city: City) -> None:
    model = standard(tmp_path, 4)
    with pytest.raises(OutsideCityError):
        take(model, city, tmp_path / "s", origin=(477_000.0, 3_899_000.0, 0.0))


def test_of_several_models_a_bad_one_does_not_stop_the_others(tmp_path: Path, city: City) -> None:
    standard(tmp_path, 6)
    (tmp_path / "bad.obj").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "none.obj").write_bytes(b"")
    run = take(tmp_path, city, tmp_path / "s")
    assert run.errors == []
    assert [str(e) for e in run.lost if "binary data" in str(e)]
    assert "none.obj: the file is empty" in run.told
    assert run.product.media["area_kept_m2"] > SIDE**2


def test_a_small_model_is_read_at_once(tmp_path: Path) -> None:
    model = standard(tmp_path, 6)
    (part,) = read_model(model, tmp_path / "work")
    assert part.texture is not None
    assert len(part.triangles if part.triangles is not None else ()) == 72
    with pytest.raises(FormatError, match="are not read"):
        read_model(tmp_path / "model.mtl", tmp_path / "work")


def test_a_glb_model_is_cut_as_an_obj_is(tmp_path: Path, city: City) -> None:
    parts = read_model(standard(tmp_path, 24), tmp_path / "work")
    glb.write(tmp_path / "model.glb", parts)
    one = take(tmp_path / "model.glb", city, tmp_path / "one", leaf_triangles=300)
    two = take(tmp_path / "model.obj", city, tmp_path / "two", leaf_triangles=300)
    assert one.errors == two.errors == []
    assert one.product.media["area_m2"] == pytest.approx(two.product.media["area_m2"], rel=1e-5)
    assert len(one.glbs()) == len(two.glbs())
    assert one.product.heights is not None
    assert ORIGIN[2] - 10 < one.product.heights[0] < ORIGIN[2]
