"""The oblique delivery is what producers deliver, and what its writer meant."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sample_city import oblique, osgb
from sample_city.frame import CENTRE, WHOLE
from sample_city.scene import Scene

Floats = npt.NDArray[np.float64]
Read = Callable[[Path], Any]


def origin(huating: Path) -> Floats:
    text = ET.parse(huating / "oblique" / "metadata.xml").findtext("SRSOrigin")  # noqa: S314
    assert text is not None
    return np.array([float(v) for v in text.split(",")])


def test_there_are_sixteen_tiles_or_more_with_four_levels_each(huating: Path) -> None:
    folders = sorted((huating / "oblique" / "Data").iterdir())
    assert len(folders) >= 16
    for folder in folders:
        names = {p.stem.removeprefix(folder.name)[:4] for p in folder.glob("*.osgb")}
        assert names == {"", "_L16", "_L17", "_L18"}
        assert len(list(folder.glob("*_L18_*.osgb"))) == 4


def test_metadata_states_the_crs_and_the_origin(huating: Path) -> None:
    root = ET.parse(huating / "oblique" / "metadata.xml").getroot()  # noqa: S314
    assert (root.tag, root.get("version")) == ("ModelMetadata", "1")
    assert root.findtext("SRS") == "EPSG:4545"
    assert origin(huating) == pytest.approx([376768.0, 3899520.0, 1400.0])


@pytest.mark.parametrize("scale", [1, 2, 23, 1000])
def test_tiles_grow_around_the_core_and_stay_in_the_county(scale: int) -> None:
    tiles = oblique.tiles(scale)
    assert len(set(tiles)) == len(tiles)
    assert set(oblique.tiles(1)) <= set(tiles)
    corners = np.array([t.box for t in tiles]) - np.tile(CENTRE, 2)
    assert np.abs(corners).max() <= WHOLE


@pytest.mark.oracle
def test_openscenegraph_reads_every_file_and_every_link_leads_to_one(
    huating: Path, osgconv: Read
) -> None:
    for path in sorted(huating.rglob("*.osgb")):
        seen = osgconv(path)
        assert seen.triangles > 0, path.name
        leaf = "_L18_" in path.name
        assert bool(seen.links) != leaf, path.name
        for link in seen.links:
            assert (path.parent / link).is_file(), f"{path.name} names {link}"


@pytest.mark.oracle
def test_a_tile_made_anew_has_the_committed_geometry(
    huating: Path, osgconv: Read, tmp_path: Path
) -> None:
    tile = oblique.Tile(1, 3)
    assert oblique.write(Scene(), tile, tmp_path) == 7
    for path in sorted((tmp_path / tile.name).glob("*.osgb")):
        made = osgconv(path)
        kept = osgconv(huating / "oblique" / "Data" / tile.name / path.name)
        assert made.triangles == kept.triangles
        assert len(made.vertices) == len(kept.vertices)
        for a, b in zip(made.vertices, kept.vertices, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.oracle
@pytest.mark.parametrize("version", [80, 91, 100, 112, 130, 147, 150, 154, 156, 161])
@pytest.mark.parametrize("brackets", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_openscenegraph_reads_every_dialect_of_the_writer(
    osgconv: Read, tmp_path: Path, version: int, brackets: bool, compressed: bool
) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 2]], dtype=np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.uint32)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 90, 60)).save(buffer, "JPEG")
    shared = osgb.Image("a.jpg", buffer.getvalue())
    textured = osgb.Geometry(points, triangles, points[:, :2], shared)
    again = osgb.Geometry(points + 5, triangles, points[:, :2], shared)
    plain = osgb.Geode((textured, again, osgb.Geometry(points + 9, triangles)))
    moved = np.eye(4)
    moved[3, :3] = 5.0, 6.0, 7.0
    node = osgb.PagedLOD(
        (0.0, 0.0, 0.0),
        5.0,
        (plain, osgb.MatrixTransform(moved, (plain,))),
        ("next.osgb",),
        ((0.0, 10.0), (0.0, 10.0), (10.0, 1e30)),
        osgb.DISTANCE,
    )
    osgb.write(tmp_path / "a.osgb", node, osgb.Dialect(version, brackets, compressed))
    seen = osgconv(tmp_path / "a.osgb")
    assert (len(seen.vertices), seen.triangles, seen.links) == (6, 12, ["next.osgb"])
    np.testing.assert_array_equal(seen.vertices[1], points + 5)


@pytest.mark.oracle
def test_walls_end_at_the_height_and_on_the_outline_that_the_vectors_state(
    huating: Path, osgconv: Read
) -> None:
    data = huating / "oblique" / "Data" / "Tile_+001_+003"
    files = sorted(data.glob("*_L18_*.osgb"))
    points = np.concatenate([v for f in files for v in osgconv(f).vertices]) + origin(huating)
    west, south = origin(huating)[:2] + np.array([128.0, 384.0])
    buildings = gpd.read_file(huating / "vector" / "buildings.shp")
    inside = buildings.cx[west : west + 128, south : south + 128]
    met = 0
    for building in inside.itertuples():
        ring = np.array(building.geometry.exterior.coords)[:-1]
        top = building.地面高程 + building.建筑高度
        corners = ring[((ring > (west, south)) & (ring < (west + 128, south + 128))).all(axis=1)]
        for corner in corners:
            near = points[np.hypot(*(points[:, :2] - corner).T) < 0.02]
            assert len(near), f"{building.编号} has no wall at {corner}"
            # A gable's ridge stands over the middle of a wall, its corners reach the eaves.
            assert near[:, 2].max() <= top + 0.03
            met += abs(near[:, 2].max() - top) < 0.03
    assert met >= 24
