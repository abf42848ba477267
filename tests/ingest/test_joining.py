"""Terrain led to a mesh of which the truth is known: no step, no poke-through, nothing moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import shapely

from cim.catalog import elevation
from cim.city import City
from cim.errors import CheckError, InputError, NotFoundError, ParameterError
from cim.geo.crs import CGCS2000, rows, transformer
from cim.ingest.joining import join_terrain
from cim.ingest.pipeline import ingest
from cim.ingest.report import Exit
from cim.ingest.source import Request
from cim.installation import Installation
from cim.tiles.terrain.check import check_terrain_folder
from cim.tiles.terrain.reader import decode
from tests.commands import cim
from tests.delivered import ZONE, deliver, raster, warnings
from tests.ingest.join.plates import (
    MESH,
    SIDE,
    TERRAIN,
    X0,
    Y0,
    Z0,
    Shape,
    figures,
    flat,
    ground,
    join,
    plate,
    publish,
    publish_mesh,
    published,
    slope,
)  # fmt: skip

pytestmark = pytest.mark.db
Floats = npt.NDArray[np.float64]


def over(shape: Shape, metres: float) -> Shape:
    return lambda x, y: shape(x, y) + metres


def waves(x: Floats, y: Floats) -> Floats:
    """What a survey from the air knows better than a model of 15 m."""
    return 2.0 + 1.2 * np.sin(x / 23) + 0.8 * np.cos(y / 17)


def drawn(folder: Path, x: Floats, y: Floats, city: City) -> Floats:
    """Orthometric heights of the deepest tiles at places of the mesh's frame, m."""
    lon, lat = rows(
        transformer(ZONE, CGCS2000), np.column_stack([X0 + np.ravel(x), Y0 + np.ravel(y)])
    ).T
    found = [_height(folder, a, b) - city.undulation(a, b) for a, b in zip(lon, lat, strict=True)]
    return np.array(found).reshape(np.shape(x))


def _turn(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])


def _height(folder: Path, lon: float, lat: float) -> float:
    for z in range(18, -1, -1):
        u, v = (lon + 180) / 180 * 2**z, (lat + 90) / 180 * 2**z
        path = folder / f"{z}/{int(u)}/{int(v)}.terrain"
        if not path.exists():
            continue
        tile = decode(path.read_bytes())
        at = np.array([(u % 1) * 32767, (v % 1) * 32767])
        corners = np.stack([tile.u, tile.v], axis=1).astype(np.float64)[tile.triangles]
        a, b, c = (corners[:, i] for i in range(3))
        whole = _turn(b - a, c - a)
        s, t = _turn(at - a, c - a) / whole, _turn(b - a, at - a) / whole
        (hit, *_) = np.flatnonzero((s >= -1e-9) & (t >= -1e-9) & (s + t <= 1 + 1e-9))
        i, j, k = tile.heights[tile.triangles[hit]]
        return float(i + s[hit] * (j - i) + t[hit] * (k - i))
    raise AssertionError(f"no tile at {lon}, {lat}")


@pytest.mark.parametrize(
    ("below", "mesh"),
    [
        pytest.param(flat, over(flat, 3.0), id="plate"),
        pytest.param(slope, over(slope, -2.0), id="slope"),
        pytest.param(slope, lambda x, y: slope(x, y) + waves(x, y), id="waves"),
    ],
)
def test_terrain_meets_the_border_and_stays_below_the_mesh(
    installation: Installation, tmp_path: Path, below: Shape, mesh: Shape
) -> None:
    publish(installation, ground(tmp_path / "dem.tif", below), plate(tmp_path / "m.glb", mesh))
    report = join(installation)
    assert report.exit is Exit.PUBLISHED
    assert [error for check in report.checks for error in check.errors] == []
    assert figures(report, "joined tiles")["worst_gap_m"] == 0
    rises = figures(report, "below the mesh")
    assert {rises[f"cells_above_mesh_z{z}"] for z in range(10, 18)} == {0}
    border = figures(report, "border")
    assert border["step_before_p95_m"] > 1.5
    assert border["step_after_p95_m"] < 0.4
    version = published(installation)
    folder = installation.files.version(TERRAIN, version.version) / "joined"
    along = np.linspace(5, SIDE - 5, 9)
    outside, inside = np.full(9, -0.6), np.full(9, 0.6)
    at_edge = mesh(np.zeros(9), along)
    before = drawn(folder, outside, along, installation.city) - Z0
    after = drawn(folder, inside, along, installation.city) - Z0
    assert np.abs(before - at_edge).max() < 0.45
    assert (after < mesh(inside, along)).all()
    assert np.abs(after - before).max() < 0.5
    along = np.linspace(12, SIDE - 12, 9)
    deep = mesh(np.full(9, 60.0), along) - drawn(folder, np.full(9, 60.0), along, installation.city)
    assert (deep + Z0 > 1.9).all()
    assert (deep + Z0 < 6.0).all()
    far = drawn(folder, np.full(9, -80.0), along, installation.city) - Z0
    assert np.abs(far - below(np.full(9, -80.0), along)).max() < 0.5


def test_a_pond_keeps_the_ground_of_the_model_in_its_middle(
    installation: Installation, tmp_path: Path
) -> None:
    mesh = plate(tmp_path / "m.glb", over(flat, 2.0), hole=160.0)
    publish(installation, ground(tmp_path / "dem.tif"), mesh)
    report = join(installation, band=40.0)
    assert [error for check in report.checks for error in check.errors] == []
    version = published(installation)
    assert version.media["footprint_m2"] == pytest.approx(SIDE**2 - 160**2, rel=0.03)
    folder = installation.files.version(TERRAIN, version.version) / "joined"
    middle = np.array([SIDE / 2])
    assert abs(drawn(folder, middle, middle, installation.city)[0] - Z0) < 0.3
    shore = np.array([SIDE / 2 - 79.0])
    assert abs(drawn(folder, shore, middle, installation.city)[0] - Z0 - 2.0) < 0.4
    told = json.loads((folder.parent / "footprint.geojson").read_text("utf-8"))
    assert len(told["features"][0]["geometry"]["coordinates"]) == 2
    with rasterio.open(folder.parent / "surface.tif") as surface:
        assert surface.dtypes == ("float32",)
        assert np.isnan(surface.nodata)
        assert surface.crs.to_epsg() == 4545
        row, column = surface.index(X0 + 20.5, Y0 + 20.5)
        heights = surface.read(1)
        assert heights[row, column] == pytest.approx(Z0 + 2, abs=0.01)
        assert np.isnan(heights[surface.index(X0 + SIDE / 2, Y0 + SIDE / 2)])
        assert np.isfinite(heights).sum() == pytest.approx(SIDE**2 - 160**2, rel=0.02)


def test_everything_but_the_joined_tiles_is_the_same_file_and_analyses_see_no_difference(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, 2.0)))
    bare = published(installation)
    place = rows(transformer(ZONE, CGCS2000), np.array([[X0 + 50, Y0 + 60]]))[0]
    before = elevation.at(installation.files, [bare], *map(float, place))
    join(installation)
    joined = published(installation)
    after = elevation.at(installation.files, [joined], *map(float, place))
    assert before is not None
    assert after is not None
    assert after.metres == before.metres
    old, new = (installation.files.version(TERRAIN, v.version) for v in (bare, joined))
    files = [p for p in old.rglob("*") if p.is_file() and not p.name.startswith(".")]
    assert len(files) > 50
    assert all((new / p.relative_to(old)).stat().st_ino == p.stat().st_ino for p in files)
    tiles = [(p, new / "joined" / p.relative_to(old)) for p in old.glob("*/*/*.terrain")]
    shared = [p for p, other in tiles if other.samefile(p)]
    assert len(shared) > 20
    looks = check_terrain_folder(new / "joined", strict=True)
    assert [error for look in looks for error in look.errors] == []
    media = joined.media
    assert media["mesh"] == {"layer": MESH, "version": 1, "key": media["mesh"]["key"]}
    assert (media["joined"], media["joined_maxzoom"], media["surface"]) == (
        "joined/", 17, "surface.tif"
    )  # fmt: skip
    assert media["residual"]["all"]["median_m"] == pytest.approx(2.0, abs=0.05)
    with rasterio.open(new / "residual.tif") as residual:
        ring = residual.read(1)
        assert np.nanmax(np.abs(ring - 2.0)) < 0.2
        assert np.isfinite(ring).sum() == media["residual"]["all"]["n"]


def test_an_offset_beyond_the_tolerance_is_refused_and_can_be_accepted(
    installation: Installation, tmp_path: Path
) -> None:
    publish(
        installation, ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, -36.0))
    )
    with pytest.raises(CheckError, match=r"the ground of my.mesh lies 36.0 m below") as caught:
        join(installation)
    assert "--heights ellipsoidal" in caught.value.remedy
    assert published(installation).version == 1
    report = join(installation, accept_offset=True, band=120.0)
    assert "36.0 m below" in warnings(report)
    assert figures(report, "below the mesh")["cells_above_mesh"] == 0
    assert figures(report, "border")["step_after_p95_m"] < 0.5


def test_joining_again_makes_nothing_new_and_a_changed_mesh_only_what_looks_at_it(
    installation: Installation, tmp_path: Path
) -> None:
    dem, mesh = ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, 2.0))
    publish(installation, dem, mesh)
    first = join(installation)
    again = join(installation)
    assert (again.unchanged, again.version) == (True, first.version)
    same = deliver(installation, dem, TERRAIN)
    assert (same.unchanged, same.version) == (True, 1)
    assert "joined" in published(installation).media
    plate(mesh, lambda x, y: 2.0 + 1.0 * ((x < 30) & (y < 30)) * (30 - x) / 30)
    news = publish_mesh(installation, mesh)
    assert f"{TERRAIN} is joined to version 1 of this mesh" in warnings(news)
    third = join(installation)
    assert not third.unchanged
    assert third.reused > 0
    old, new = (
        installation.files.version(TERRAIN, v or 0) / "joined"
        for v in (first.version, third.version)
    )
    tiles = [p.relative_to(old) for p in old.glob("17/*/*.terrain")]
    kept = [t for t in tiles if (new / t).read_bytes() == (old / t).read_bytes()]
    assert 0 < len(kept) < len(tiles)


def test_a_new_model_is_served_bare_and_says_that_it_is_not_joined(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, 2.0)))
    join(installation)
    news = deliver(installation, ground(tmp_path / "dem.tif", over(flat, 0.5)), TERRAIN)
    assert f"version 2 was joined to {MESH}, this delivery is not yet" in warnings(news)
    assert "joined" not in published(installation).media
    report = join(installation)
    assert published(installation).media["unjoined"] == news.version == 3
    assert published(installation).media["residual"]["all"]["median_m"] == pytest.approx(
        1.5, abs=0.1
    )
    assert report.reused > 0  # rasters of the mesh


def test_masks_of_water_and_metadata_go_on_into_the_joined_tiles(
    installation: Installation, tmp_path: Path
) -> None:
    pond = gpd.GeoDataFrame(geometry=[shapely.box(X0 - 60, Y0 - 60, X0, Y0 + 60)], crs=ZONE)
    pond.to_file(tmp_path / "water.gpkg")
    request = Request(
        paths=(ground(tmp_path / "dem.tif"),), layer_id=TERRAIN, layer=None,
        city=installation.city,
        options={"water": str(tmp_path / "water.gpkg"), "metadata": True},
    )  # fmt: skip
    ingest(request, engine=installation.engine, files=installation.files)
    publish_mesh(installation, plate(tmp_path / "m.glb", over(flat, 2.0)))
    join(installation)
    folder = installation.files.version(TERRAIN, 2) / "joined"
    looks = check_terrain_folder(folder, strict=True)
    assert [error for look in looks for error in look.errors] == []
    tiles = [decode(p.read_bytes()) for p in folder.glob("17/*/*.terrain")]
    assert all({2, 4} <= set(tile.extensions) for tile in tiles)
    wet = [set(tile.extensions[2]) for tile in tiles]
    assert any(255 in mask for mask in wet)
    assert any(0 in mask for mask in wet)


def test_what_cannot_be_joined_is_refused_by_name(
    installation: Installation, tmp_path: Path
) -> None:
    dem, mesh = ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, 2.0))
    with pytest.raises(NotFoundError, match=r"my.dem is not published"):
        join(installation)
    publish(installation, dem, mesh)
    place: Any = {
        "city": installation.city, "engine": installation.engine, "files": installation.files
    }  # fmt: skip
    with pytest.raises(ParameterError, match=r"my.mesh is no terrain layer"):
        join_terrain(MESH, MESH, **place)
    with pytest.raises(ParameterError, match=r"my.dem is no mesh layer"):
        join_terrain(TERRAIN, TERRAIN, **place)
    with pytest.raises(ParameterError, match="option bandwidth"):
        join(installation, bandwidth=3)
    with rasterio.open(dem) as known:
        heights = known.read(1)
    away = raster(tmp_path / "away.tif", heights, west=X0 - 3000, north=Y0 + 4000)
    deliver(installation, away, TERRAIN)
    with pytest.raises(InputError, match=r"does not lie on my.dem"):
        join(installation)


def test_join_as_a_user_types_it(
    installation: Installation, tmp_path: Path, environment: dict[str, str]
) -> None:
    publish(installation, ground(tmp_path / "dem.tif"), plate(tmp_path / "m.glb", over(flat, 2.0)))
    path = tmp_path / "report.json"
    done = cim(environment, "join", TERRAIN, "--mesh", MESH, "-o", "band=40", "--report", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("my.dem version 2 published at 106.6")
    told = json.loads(path.read_text("utf-8"))
    assert told["source"] == "join"
    assert [c["name"] for c in told["checks"]] == ["joined tiles", "below the mesh", "border"]
    refused = cim(environment, "join", TERRAIN, "--mesh", "my.nothing")
    assert refused.returncode == 2
    assert "my.nothing is not published" in refused.stderr
