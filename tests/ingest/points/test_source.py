"""Point clouds come through whole, in place, with what is known of each point."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from cim.city import City
from cim.errors import CimError, FormatError, OutsideCityError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.frames import ecef
from cim.geo.heights import Heights
from cim.ingest.sources.points import PointSource
from cim.ingest.sources.points.cells import POINT, Spool
from cim.ingest.sources.points.place import Place
from cim.ingest.sources.points.tiles import Octree
from cim.tiles.glb import PLAIN, read
from tests.ingest.buildings.run import Run, run
from tests.ingest.points.las import X, Y, Z, surface, write
from tests.tiles.validator import gltf_errors

REAL = "pointcloud/pdal/test/data"
ZONE = resolve("EPSG:4545").crs


def go(path: Path | list[Path], city: City, **more: Any) -> Run:
    first = path if isinstance(path, Path) else path[0]
    return run(PointSource(), path, city, first.parent / "staging", **more)


def placed(folder: Path) -> list[tuple[Any, Any]]:
    """Points of every tile in ECEF, with the primitive that they are from."""
    found = []

    def walk(tile: dict[str, Any], above: Any, where: Path) -> None:
        matrix = above @ np.array(tile.get("transform", np.eye(4).ravel())).reshape(4, 4).T
        uri = tile.get("content", {}).get("uri", "")
        if uri.endswith(".json"):
            inner = where.parent / uri
            walk(json.loads(inner.read_text())["root"], matrix, inner)
        elif uri:
            (part,) = read(where.parent / uri).primitives
            found.append((np.asarray(part.positions) @ matrix[:3, :3].T + matrix[:3, 3], part))
        for child in tile.get("children", ()):
            walk(child, matrix, where)

    root = folder / "tileset.json"
    walk(json.loads(root.read_text())["root"], np.eye(4), root)
    return found


def counterparts(places: Any, exact: Any, within: float = 0.001) -> Any:
    """Which of ``exact`` each place is: each of them once, none farther than ``within`` m."""
    distance, nearest = KDTree(exact).query(places)
    assert len(places) == len(exact) == len(np.unique(nearest))
    assert distance.max() < within
    return nearest


@pytest.mark.parametrize("suffix", ["las", "laz"])
def test_every_point_comes_out_once_within_a_millimetre_with_its_attributes(
    suffix: str, tmp_path: Path, city: City
) -> None:
    xyz = surface()
    random = np.random.default_rng(5)
    n = len(xyz)
    given: dict[str, Any] = {
        "intensity": random.integers(0, 65535, n).astype("u2"),
        "classification": random.integers(1, 7, n).astype("u1"),
        "return_number": random.integers(1, 4, n).astype("u1"),
        "red": random.integers(0, 65535, n).astype("u2"),
        "green": np.full(n, 512, "u2"),
        "blue": np.full(n, 65535, "u2"),
    }
    done = go(write(tmp_path / f"点云.{suffix}", xyz, **given), city)
    assert done.errors == []
    assert done.built[0].counts == {
        "points": n, "points_read": n, "points_dropped": 0, "tiles": 1}  # fmt: skip
    ((places, part),) = placed(done.staging)
    exact = ecef(ZONE, xyz.round(3).astype(np.float64), city.geoid, Heights.ORTHOMETRIC)
    nearest = counterparts(places, exact)
    for name in ("intensity", "classification", "return_number"):
        assert np.array_equal(part.attributes[name], given[name][nearest])
    assert part.colors is not None
    assert np.array_equal(part.colors[:, 0], given["red"][nearest] >> 8)
    assert (part.colors[:, 1:3] == (2, 255)).all()
    assert gltf_errors(done.glbs()) == []


def test_eight_bits_written_into_sixteen_are_not_made_black(tmp_path: Path, city: City) -> None:
    xyz = surface(100)
    shade = np.linspace(0, 255, 100).astype("u2")
    done = go(write(tmp_path / "a.las", xyz, red=shade, green=shade, blue=shade), city)
    ((_, part),) = placed(done.staging)
    assert part.colors is not None
    assert sorted(part.colors[:, 0].tolist()) == shade.tolist()


def test_points_without_colours_leave_them_to_the_style(tmp_path: Path, city: City) -> None:
    done = go(write(tmp_path / "a.las", surface(100), point_format=6), city)
    assert done.product.media["colored"] is False
    black = go(write(tmp_path / "b.las", surface(100), point_format=7), city)
    assert black.product.media["colored"] is False  # all zero is none


def test_a_cloud_that_does_not_fit_into_memory_loses_and_doubles_nothing(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cim.ingest.sources.points.tiles.LEAF", 300)
    monkeypatch.setattr("cim.ingest.sources.points.tiles.GRID", 3)
    xyz = surface(30_000, side=900.0)
    points = np.zeros(len(xyz), POINT)
    points["x"], points["y"], points["z"] = xyz.T
    points["intensity"] = np.arange(len(xyz)) % 60_000
    place = Place(ZONE, 1.0, city, Heights.ORTHOMETRIC)
    counts = []
    for name, most in (("whole", 10**6), ("cells", 2_000)):
        spool = Spool(tmp_path / f"{name}.spool", most)
        for start in range(0, len(points), 7_000):
            spool.add(points[start : start + 7_000])
        facts = Octree(place, spool, tmp_path / name, PLAIN, None).write()
        assert facts["points"] == len(xyz)
        found = np.concatenate([p for p, _ in placed(tmp_path / name)])
        exact = ecef(ZONE, xyz, city.geoid, Heights.ORTHOMETRIC)
        counterparts(found, exact)
        counts.append(facts["tiles"])
        spool.close()
        assert not (tmp_path / f"{name}.spool").exists()
    assert min(counts) > 20


def test_what_is_shown_at_a_level_is_as_dense_as_its_error_says(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cim.ingest.sources.points.tiles.LEAF", 1_000)
    monkeypatch.setattr("cim.ingest.sources.points.tiles.GRID", 4)
    xyz = surface(60_000, side=300.0)
    done = go(write(tmp_path / "a.las", xyz), city)
    assert done.errors == []
    top = done.staging / "tiles" / "a" / "tileset.json"
    root = json.loads(top.read_text())["root"]
    (part,) = read(top.parent / root["content"]["uri"]).primitives
    matrix = np.array(root["transform"]).reshape(4, 4).T
    shown = np.asarray(part.positions) @ matrix[:3, :3].T + matrix[:3, 3]
    exact = ecef(ZONE, xyz, city.geoid, Heights.ORTHOMETRIC)
    away, _ = KDTree(shown).query(exact)
    assert away.max() <= root["geometricError"] * np.sqrt(3)
    assert root["geometricError"] == pytest.approx(300.0 / 16, rel=0.01)


def test_a_thousand_doubles_of_one_point_stay_a_thousand(tmp_path: Path, city: City) -> None:
    xyz = np.tile([[X, Y, Z]], (1_000, 1))
    done = go(write(tmp_path / "a.las", xyz), city)
    assert done.built[0].counts["points"] == 1_000
    assert done.errors == []


def test_feet_and_degrees_lie_where_metres_do(tmp_path: Path, city_at: Callable[..., City]) -> None:
    oregon = city_at((-123.2, 43.9, -123.0, 44.2), "EPSG:26910", -22.0)
    metric = np.array([[494_100.0 + i, 4_877_500.0 + 2 * i, 130.0 + i] for i in range(20)])
    wanted = ecef(resolve("EPSG:26910").crs, metric, oregon.geoid, Heights.ORTHOMETRIC)
    feet = transformer(resolve("EPSG:26910").crs, resolve("EPSG:2992").crs)
    degrees = transformer(resolve("EPSG:26910").crs, CGCS2000)
    for name, step, crs, unit, scale in (
        ("feet", feet, 2992, 0.3048, 1e-3), ("degrees", degrees, 4326, 1.0, 1e-8)
    ):  # fmt: skip
        x, y = step.transform(metric[:, 0], metric[:, 1])
        xyz = np.column_stack([x, y, metric[:, 2] / unit])
        path = write(tmp_path / f"{name}.las", xyz, crs=crs, scale=scale)
        ((places, _),) = placed(go(path, oregon).staging)
        limit = 0.02 if name == "feet" else 2.0  # so far are NAD83 and WGS 84 apart
        assert np.linalg.norm(places.mean(axis=0) - wanted.mean(axis=0)) < limit, name
        heights = [np.linalg.norm(p, axis=1).mean() for p in (places, wanted)]
        assert abs(heights[0] - heights[1]) < 0.05


def test_points_outside_the_city_are_dropped_and_counted(tmp_path: Path, city: City) -> None:
    xyz = surface(1_000)
    xyz[:40, 0] += 90_000.0
    xyz[40:50, 2] = 25_000.0
    done = go(write(tmp_path / "a.las", xyz), city)
    counts = done.built[0].counts
    assert (counts["points"], counts["points_read"], counts["points_dropped"]) == (950, 1000, 50)
    assert "40 points: outside the city's bounds" in done.told
    assert "10 points: heights not within -1000..10000 m" in done.told
    assert done.errors == []


def test_a_cloud_outside_the_city_is_refused(tmp_path: Path, city: City) -> None:
    xyz = surface(100) + np.array([90_000.0, 0, 0])
    with pytest.raises(OutsideCityError, match="all 100 points lie outside"):
        go(write(tmp_path / "a.las", xyz), city)


def test_the_axis_order_of_the_authority_does_not_turn_the_city_round(
    tmp_path: Path, city: City
) -> None:
    done = go(write(tmp_path / "a.las", surface(200), crs=4545), city)
    assert city.bounds.contains(done.product.extent)
    assert done.product.heights == pytest.approx((Z - 5, Z + 13), abs=1.0)


def test_without_a_crs_the_switch_is_named_and_helps(tmp_path: Path, city: City) -> None:
    path = write(tmp_path / "a.las", surface(100), crs=None)
    with pytest.raises(FormatError, match="coordinate reference system"):
        go(path, city)
    assert go(path, city, crs="EPSG:4545").built[0].counts["points"] == 100


def test_several_files_are_joined_and_a_bad_one_does_not_stop_them(
    tmp_path: Path, city: City
) -> None:
    paths = [write(tmp_path / f"{i}.las", surface(300, seed=i) + np.array([300.0 * i, 0, 0]))
             for i in range(3)]  # fmt: skip
    paths[1].write_bytes(paths[1].read_bytes()[:3_000])
    done = go(paths, city)
    assert [Path(p.path).name for p in done.plan.refused] == ["1.las"]
    assert done.product.media["points"] == 600
    assert done.errors == []


@pytest.mark.parametrize("geometry", ["quantized", "meshopt"])
def test_encoded_points_pass_the_same_checks(geometry: str, tmp_path: Path, city: City) -> None:
    path = write(tmp_path / "a.laz", surface(3_000), red=np.full(3_000, 9_000))
    done = go(path, city, options={"geometry": geometry})
    assert done.errors == []
    assert gltf_errors(done.glbs()) == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "crs"),
    [("autzen/autzen-dd.las", 1065, None), ("autzen/autzen-utm.las", 1065, None),
     ("copc/1.2-with-color.copc.laz", 1065, "EPSG:2992"),
     ("copc/lone-star.copc.laz", 518_862, "EPSG:32614"),
     ("las/1.2-with-color.las", 1065, "EPSG:2992"), ("las/extrabytes.las", 1065, "EPSG:2992"),
     ("las/noise-clean.las", 1065, "EPSG:2992"), ("las/noise-dirty.las", 1065, "EPSG:2992"),
     ("las/test1_4.las", 1000, None), ("laz/autzen_trim.laz", 110_000, None)],
)  # fmt: skip
def test_real_clouds_come_through_whole(
    name: str, count: int, crs: str | None, shared_data: Path, tmp_path: Path,
    city_at: Callable[..., City],
) -> None:  # fmt: skip
    america = city_at((-130.0, 20.0, -90.0, 50.0), "EPSG:26910", -22.0)
    done = run(PointSource(), shared_data / REAL / name, america, tmp_path, crs=crs)
    assert done.errors == []
    counts = done.built[0].counts
    assert counts["points_read"] == count
    assert counts["points"] + counts["points_dropped"] == count
    assert counts["points"] > 0.99 * count
    assert gltf_errors(done.glbs()) == []


@pytest.mark.shared
def test_the_same_ground_in_feet_metres_and_degrees_lies_at_one_place(
    shared_data: Path, tmp_path: Path, city_at: Callable[..., City]
) -> None:
    oregon = city_at((-123.2, 43.9, -123.0, 44.2), "EPSG:26910", -22.0)
    folder = shared_data / REAL
    found = []
    for index, (name, crs) in enumerate(
        [("autzen/autzen-dd.las", None), ("autzen/autzen-utm.las", None),
         ("las/1.2-with-color.las", "EPSG:2992")]
    ):  # fmt: skip
        done = run(PointSource(), folder / name, oregon, tmp_path / str(index), crs=crs)
        found.append(np.concatenate([p for p, _ in placed(done.staging)]).mean(axis=0))
    assert np.linalg.norm(found[0] - found[1]) < 0.1
    assert np.linalg.norm(found[2] - found[1]) < 3.0  # of a metre and a half differ the datums


@pytest.mark.shared
def test_a_file_without_points_and_one_with_an_impossible_crs_say_so(
    shared_data: Path, tmp_path: Path, city: City
) -> None:
    for name, reason in (
        ("las/no-points.las", "it holds no points"),
        ("copc/lone-star.copc.laz", "neither projected nor geographic"),
    ):
        with pytest.raises(CimError, match=reason):
            run(PointSource(), shared_data / REAL / name, city, tmp_path)
