"""A city of many files opens from one small root, and loses nothing by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from cim.city import City
from cim.geo.crs import resolve
from cim.geo.frames import ecef
from cim.geo.heights import Heights
from cim.ingest.sources.points import PointSource
from cim.tiles.glb import read
from tests.ingest.buildings.run import Run, run
from tests.ingest.points.las import surface, write
from tests.tiles.validator import gltf_errors

ZONE = resolve("EPSG:4545").crs
SIDE = 200.0


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Any]:
    """Nine sheets side by side, some coloured, and all their points."""
    folder = tmp_path_factory.mktemp("sheets")
    paths, places = [], []
    for number in range(9):
        xyz = surface(4_000, SIDE, seed=number) + (
            np.array([number % 3, number // 3, 0]) * (SIDE, SIDE, 1)
        )
        path = folder / f"{number}.laz"
        if number % 2:
            paths.append(write(path, xyz, red=np.full(len(xyz), 20_000)))
        else:
            paths.append(write(path, xyz, point_format=6))
        places.append(xyz)
    return paths, np.concatenate(places)


def go(paths: list[Path], city: City, folder: Path) -> Run:
    return run(PointSource(), paths, city, folder / "staging")


def root_of(done: Run) -> dict[str, Any]:
    root: dict[str, Any] = json.loads((done.staging / "tileset.json").read_text())["root"]
    return root


def shown(done: Run, tile: dict[str, Any]) -> Any:
    """Points of the root tile in ECEF."""
    matrix = np.array(tile["transform"]).reshape(4, 4).T
    parts = read(done.staging / tile["content"]["uri"]).primitives
    points = np.concatenate([np.asarray(p.positions) for p in parts])
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def test_many_clouds_open_from_one_root_that_stands_for_all_of_them(
    clouds: tuple[list[Path], Any], city: City, tmp_path: Path
) -> None:
    done = go(clouds[0], city, tmp_path)
    assert done.errors == []
    assert gltf_errors(done.glbs()) == []
    root = root_of(done)
    assert root["refine"] == "REPLACE"
    exact = ecef(ZONE, clouds[1], city.geoid, Heights.ORTHOMETRIC)
    away, _ = KDTree(shown(done, root)).query(exact)
    assert away.max() <= root["geometricError"] * np.sqrt(3)
    assert root["geometricError"] < 2.2 * 3 * SIDE / 128  # its own cubes and those of all below
    assert done.product.media["points"] == len(exact)


def test_the_root_of_many_clouds_weighs_no_more_than_that_of_few(
    city: City, tmp_path: Path
) -> None:
    paths: list[Path] = []
    for number in range(36):
        move = np.array([number % 6 * SIDE, number // 6 * SIDE, 0])
        paths.append(write(tmp_path / f"{number}.las", surface(3_000, SIDE, number) + move))
    done = go(paths, city, tmp_path)
    assert done.errors == []
    content = done.staging / root_of(done)["content"]["uri"]
    first = sum(len(p.positions) for p in read(content).primitives)
    assert first <= 2 * 128 * 128  # a surface that is not level crosses more cubes
    assert content.stat().st_size < 300_000
    levels = {b.facts["cell"][0] for b in done.built if "cell" in b.facts}
    assert levels == {0, 1, 2}


def test_nodes_keep_colours_and_what_else_is_known(
    clouds: tuple[list[Path], Any], city: City, tmp_path: Path
) -> None:
    done = go(clouds[0], city, tmp_path)
    parts = read(done.staging / root_of(done)["content"]["uri"]).primitives
    coloured = [p for p in parts if p.colors is not None]
    assert len(parts) == 2
    assert len(coloured) == 1
    assert coloured[0].colors is not None
    assert set(coloured[0].colors[:, 0].tolist()) == {20_000 >> 8}
    assert set(parts[1].attributes) == {"intensity", "classification", "return_number"}


def test_a_single_cloud_needs_nothing_above_it(
    clouds: tuple[list[Path], Any], city: City, tmp_path: Path
) -> None:
    done = go(clouds[0][:1], city, tmp_path)
    assert done.errors == []
    assert not (done.staging / "top").exists()


def test_a_file_that_is_left_out_renames_no_other(
    clouds: tuple[list[Path], Any], city: City, tmp_path: Path
) -> None:
    everything = {b.path: b.id for b in go(clouds[0], city, tmp_path / "a").plan.parcels}
    fewer = go(clouds[0][1:], city, tmp_path / "b").plan.parcels
    assert all(everything[parcel.path] == parcel.id for parcel in fewer)
