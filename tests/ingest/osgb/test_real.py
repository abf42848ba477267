"""Real oblique photography, against OpenSceneGraph, PROJ and Khronos' validator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from cim.city import Bounds
from cim.errors import CimError
from cim.ingest.sources.osgb.scene import branch_meshes, read_scene
from tests.ingest.osgb.conftest import Osgconv
from tests.ingest.osgb.osgt import geometries
from tests.ingest.osgb.scenes import Run, city, mesh, run
from tests.tiles.validator import gltf_errors

pytestmark = pytest.mark.shared

# The parameters of the delivery's own WKT, written anew as a PROJ string
PARAMETERS = (
    "+proj=tmerc +lat_0=0 +lon_0=113.37 +k=1 +x_0=500000 +y_0=90 +ellps=GRS80 +units=m +no_defs"
)
ORIGIN = np.array([501027.524, 2488718.808, 0.0])
N = -8.0
SHENZHEN = city(Bounds(113.0, 22.0, 114.0, 23.0), geoid=N)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Run | None:
    """The two tiles, converted once; None where the data are not there."""
    source = _production()
    if not source.is_dir():
        return None
    return run(source, staging=tmp_path_factory.mktemp("out"), where=SHENZHEN)


def _production() -> Path:
    data = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
    return data.resolve() / "osgb" / "production_5_two_tiles"


@pytest.fixture
def two_tiles(shared_data: Path, result: Run | None) -> Run:
    """The converted tiles; fails or skips like the data."""
    assert result is not None, shared_data
    return result


def sources() -> list[Path]:
    return sorted(_production().rglob("*.osgb"))


def converted(result: Run, source: Path) -> Path:
    (found,) = [f for f in result.files() if f.stem == source.stem.replace("+", "")]
    return found


def test_everything_is_converted_without_a_fault(two_tiles: Run) -> None:
    assert two_tiles.errors == []
    assert two_tiles.lost == []
    assert two_tiles.refused == []
    assert two_tiles.counts["files"] == len(sources()) == len(two_tiles.files())


def test_the_disagreement_of_wkt_and_tag_is_reported(two_tiles: Run) -> None:
    assert two_tiles.plan.crs is not None
    (warning,) = two_tiles.plan.crs.warnings
    assert "EPSG:4547" in warning
    assert "km" in warning


def test_dangling_children_are_listed_by_name(two_tiles: Run) -> None:
    listed = " ".join(w.reason for w in two_tiles.warnings)
    missing = {
        link.name
        for source in sources()
        for branch in read_scene(source).branches
        for link in branch.links
        if not (source.parent / link.name).exists()
    }
    assert len(missing) == two_tiles.counts["dangling"] > 0
    assert all("L20" in name and name in listed for name in missing)


@pytest.mark.oracle
def test_every_triangle_of_every_file_is_there(
    two_tiles: Run, tmp_path: Path, osgconv: Osgconv
) -> None:
    """OSG's own reading against our glb: vertices, uv and triangles, bit by bit.

    Triangles with a corner twice draw nothing; they are left out and counted.
    """
    dropped = leaves = 0
    for source in sources():
        theirs = geometries(osgconv(source, tmp_path / "a.osgt"))
        ours = mesh(converted(two_tiles, source))
        assert len(theirs) == len(ours)
        centre = _centre(two_tiles, source)
        for a, b in zip(theirs, ours, strict=True):
            t = a["triangles"]
            drawn = (t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 0] != t[:, 2])
            dropped += int((~drawn).sum())
            leaves += int(drawn.sum()) if "_L19_" in source.name else 0
            np.testing.assert_array_equal(b["triangles"], t[drawn])
            x, y, z = (a["vertices"].astype(np.float64) - centre).T
            np.testing.assert_array_equal(
                b["positions"], np.stack([x, z, -y], axis=1).astype(np.float32)
            )
            np.testing.assert_array_equal(b["uv"][:, 0], a["uv"][:, 0])
            np.testing.assert_array_equal(b["uv"][:, 1], np.float32(1) - a["uv"][:, 1])
    assert dropped == 48
    told = [w.reason for w in two_tiles.warnings]
    assert any("degenerate triangles or not finite ones: 48" in reason for reason in told)
    assert two_tiles.counts["leaf_triangles"] == leaves


def _centre(result: Run, source: Path) -> Any:
    """The frame's origin in local coordinates: the middle of the root file's box."""
    root = source.parent / f"{source.parent.name}.osgb"
    scene = read_scene(root)
    points = np.concatenate([m.vertices for b in scene.branches for m in branch_meshes(b)])
    assert converted(result, root).is_file()
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    return (low + high) / 2


def test_every_vertex_lies_where_the_parameters_of_the_wkt_put_it(two_tiles: Run) -> None:
    to_geodetic = Transformer.from_crs(PARAMETERS, "+proj=longlat +ellps=GRS80", always_xy=True)
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    worst = 0.0
    for built in two_tiles.built:
        matrix = np.array(built.facts["matrix"])
        folder = two_tiles.staging / "tiles" / built.parcel
        for source in sources():
            target = folder / f"{source.stem.replace('+', '')}.glb"
            if not target.is_file():
                continue
            local = [m for b in read_scene(source).branches for m in branch_meshes(b)]
            for before, after in zip(local, mesh(target), strict=True):
                x, y, h = (before.vertices.astype(np.float64) + ORIGIN).T
                lon, lat = to_geodetic.transform(x, y)
                truth = np.stack(to_ecef.transform(lon, lat, h + N), axis=1)
                z_up = after["positions"].astype(np.float64)[:, [0, 2, 1]] * (1, -1, 1)
                here = z_up @ matrix[:3, :3].T + matrix[:3, 3]
                worst = max(worst, float(np.linalg.norm(here - truth, axis=1).max()))
    assert 0 < worst < 0.001


def test_jpeg_bytes_arrive_identical(two_tiles: Run) -> None:
    for source in sources():
        written = converted(two_tiles, source).read_bytes()
        for branch in read_scene(source).branches:
            for part in branch_meshes(branch):
                assert part.texture is not None
                assert part.texture.image is not None
                assert part.texture.image.file is not None
                assert bytes(part.texture.image.file) in written


def test_errors_halve_from_level_to_level(two_tiles: Run) -> None:
    for index in range(2):
        tile = two_tiles.tileset(index)
        errors = [tile["geometricError"]]
        while tile.get("children"):
            tile = max(tile["children"], key=lambda t: t["geometricError"])
            errors.append(tile["geometricError"])
        assert errors == pytest.approx([64, 32, 16, 8, 4, 0], rel=0.01)


@pytest.mark.oracle
def test_the_validator_of_khronos_finds_nothing(two_tiles: Run) -> None:
    assert gltf_errors(two_tiles.files()) == []


@pytest.mark.parametrize(("curve", "way"), [(0.0001, "curved"), (-1.0, "exact")])
def test_the_same_vertices_come_from_every_way_of_placing(
    two_tiles: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curve: float, way: str
) -> None:
    monkeypatch.setattr("cim.ingest.sources.osgb.place.AFFINE_LIMIT", -1.0)
    monkeypatch.setattr("cim.ingest.sources.osgb.place.CURVE_LIMIT", curve)
    again = run(_production(), staging=tmp_path, where=SHENZHEN)
    assert {b.facts["placed"] for b in two_tiles.built} == {"affine"}
    assert {b.facts["placed"] for b in again.built} == {way}
    for one, other in zip(two_tiles.files(), again.files(), strict=True):
        for a, b in zip(mesh(one), mesh(other), strict=True):
            assert np.abs(a["positions"] - b["positions"]).max() < 0.001


@pytest.mark.parametrize("name", ["mylove10086/data", "fanvanzh/data"])
def test_deliveries_of_other_producers_are_converted(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    result = run(
        shared_data / "osgb" / name,
        staging=tmp_path,
        where=city(Bounds(-180, -90, 180, 90)),
        crs="ENU:35.22,106.65",
        origin=(0.0, 0.0, 0.0),
    )
    assert result.errors == []
    assert result.lost == []
    assert result.counts["leaf_triangles"] > 0
    assert gltf_errors(result.files()) == []


def test_files_of_other_producers_read_as_openscenegraph_reads_them(
    shared_data: Path, tmp_path: Path, osgconv: Osgconv
) -> None:
    compared = 0
    for folder in ("mylove10086", "fanvanzh"):
        for source in sorted((shared_data / "osgb" / folder).rglob("*.osgb")):
            ours = [m for b in read_scene(source).branches for m in branch_meshes(b)]
            theirs = geometries(osgconv(source, tmp_path / "a.osgt"))
            theirs = [t for t in theirs if t["triangles"] is not None]
            assert len(ours) == len(theirs), source.name
            for a, b in zip(theirs, ours, strict=True):
                np.testing.assert_array_equal(a["vertices"], b.vertices)
                compared += 1
    assert compared > 20


def test_an_empty_root_of_a_real_survey_is_skipped(shared_data: Path, tmp_path: Path) -> None:
    empty = shared_data / "osgb" / "mylove10086" / "data" / "Tile_+003_+013.osgb"
    assert read_scene(empty).branches == ()
    with pytest.raises(CimError, match="anything to draw"):
        run(empty, staging=tmp_path, crs="EPSG:4545", origin=(377000.0, 3900000.0, 0.0))


def test_the_overview_of_real_tiles_never_hastens_the_finest_level(
    shared_data: Path, tmp_path: Path
) -> None:
    """Every file is asked for where OpenSceneGraph would ask for it, at most at 1.1 times that."""
    assert shared_data.is_dir()
    result = run(_production(), staging=tmp_path, where=SHENZHEN, top=True)
    assert result.errors == []
    (node,) = [b.facts for b in result.built if "cell" in b.facts]
    assert node["error"] == pytest.approx(32, rel=0.01)
    assert node["bytes"] < 100_000
    assert result.counts["replaced_by_overview"] == 4
    compared = 0
    for source in sources():
        called = [link.error for b in read_scene(source).branches for link in b.links]
        name = source.stem.replace("+", "")
        found = [e for i in (0, 1) if (e := _error_of(result.tileset(i), name)) is not None]
        for ours in found:
            assert ours <= max(called, default=0.0) * 1.1
            compared += 1
    assert compared == len(sources()) - 4
    assert gltf_errors([result.staging / node["uri"]]) == []


def _error_of(tile: dict[str, Any], name: str) -> float | None:
    if tile.get("content", {}).get("uri") == f"{name}.glb":
        return float(tile["geometricError"])
    found = (_error_of(child, name) for child in tile.get("children", []))
    return next((error for error in found if error is not None), None)
