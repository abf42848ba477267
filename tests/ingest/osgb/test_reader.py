"""Every serializer version and every way of storing a mesh gives the same triangles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.ingest.sources.osgb.scene import Mesh, branch_meshes, read_scene
from tests.ingest.osgb.conftest import Osgconv
from tests.ingest.osgb.osgt import geometries
from tests.ingest.osgb.scenes import jpeg, paged, sheet
from tests.ingest.osgb.writer import Draw, Geode, Group, Moved, Picture, Shape, Writer

VERSIONS = (80, 91, 96, 97, 98, 111, 112, 130, 142, 145, 147, 148, 149, 151, 154, 155, 156, 161)
FLAT = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 2, 0], [1, 2, 0]], np.float32)


def meshes(path: Path) -> list[Mesh]:
    return [m for branch in read_scene(path).branches for m in branch_meshes(branch)]


def corners(path: Path) -> list[Any]:
    (only,) = meshes(path)
    return list(only.triangles.tolist())


def scene(picture: Picture) -> Any:
    return paged(["child.osgb"], sheet(picture=picture), sheet(20, picture=picture), radius=25.0)


@pytest.mark.parametrize("compressor", ["0", "zlib"])
@pytest.mark.parametrize("brackets", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_reads_alike(
    tmp_path: Path, version: int, brackets: bool, compressor: str
) -> None:
    data = jpeg()
    writer = Writer(version, brackets, compressor)
    path = writer.write(tmp_path / "a.osgb", scene(Picture(file=data)))
    (branch,) = read_scene(path).branches
    first, second = branch.meshes
    np.testing.assert_array_equal(first.vertices, sheet().vertices)
    np.testing.assert_array_equal(second.vertices, sheet(20).vertices)
    np.testing.assert_array_equal(first.uv, sheet(picture=Picture()).uv)
    assert first.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert first.texture is not None
    assert second.texture is not None
    assert first.texture.image is not None
    assert first.texture.image is second.texture.image
    assert bytes(first.texture.image.file or b"") == data
    assert [link.name for link in branch.links] == ["child.osgb"]
    assert branch.links[0].error == pytest.approx(32 * 25.0 / 100)


@pytest.mark.oracle
@pytest.mark.parametrize("brackets", [False, True])
@pytest.mark.parametrize("version", [80, 91, 111, 112, 130, 154, 161])
def test_openscenegraph_reads_what_our_fixtures_write(
    tmp_path: Path, osgconv: Osgconv, version: int, brackets: bool
) -> None:
    picture = Picture(file=jpeg())
    path = Writer(version, brackets).write(tmp_path / "a.osgb", scene(picture))
    theirs = geometries(osgconv(path, tmp_path / "a.osgt"))
    ours = meshes(path)
    assert len(theirs) == len(ours) == 2
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(a["vertices"], b.vertices)
        np.testing.assert_array_equal(a["uv"], b.uv)
        np.testing.assert_array_equal(a["triangles"], b.triangles)


@pytest.mark.parametrize("version", [91, 130])
@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (Draw(4, lengths=[6]), [[0, 1, 2], [3, 4, 5]]),
        (Draw(4, lengths=[3], first=3), [[3, 4, 5]]),
        (Draw(4, indices=[0, 1, 2, 3], dtype="<u1"), [[0, 1, 2]]),
        (Draw(4, indices=[2, 1, 0], dtype="<u2"), [[2, 1, 0]]),
        (Draw(5, lengths=[5]), [[0, 1, 2], [2, 1, 3], [2, 3, 4]]),
        (Draw(5, lengths=[3, 3]), [[0, 1, 2], [3, 4, 5]]),
        (Draw(6, lengths=[4]), [[0, 1, 2], [0, 2, 3]]),
        (Draw(7, indices=[0, 1, 2, 3]), [[0, 1, 2], [0, 2, 3]]),
        (Draw(8, indices=[0, 1, 3, 2, 4, 5]), [[0, 1, 2], [0, 2, 3], [3, 2, 5], [3, 5, 4]]),
        (Draw(9, lengths=[4]), [[0, 1, 2], [0, 2, 3]]),
        (Draw(4, lengths=[60]), [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_strips_fans_and_quads_become_triangles(
    tmp_path: Path, version: int, draw: Draw, expected: list[list[int]]
) -> None:
    path = Writer(version).write(tmp_path / "a.osgb", Geode([Shape(FLAT, [draw])]))
    assert corners(path) == expected


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_points_and_lines_are_not_drawn(tmp_path: Path, mode: int) -> None:
    shape = Shape(FLAT, [Draw(mode, lengths=[6]), Draw(4, indices=[0, 1, 2])])
    path = Writer().write(tmp_path / "a.osgb", Geode([shape]))
    assert corners(path) == [[0, 1, 2]]


@pytest.mark.parametrize("version", [91, 130, 161])
def test_nested_transformations_multiply_from_the_inside_out(tmp_path: Path, version: int) -> None:
    turn = np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    shift = np.eye(4)
    shift[3, :3] = (100, 0, 5)
    root = Moved(shift, [Moved(turn, [Geode([Shape(FLAT, [Draw(indices=[0, 1, 2])])])])])
    (mesh,) = meshes(Writer(version).write(tmp_path / "a.osgb", root))
    np.testing.assert_allclose(mesh.vertices[1], [100, 1, 5])  # (1, 0, 0) turned, then shifted


def test_a_mirroring_transformation_turns_the_winding(tmp_path: Path) -> None:
    mirror = np.diag([-1.0, 1, 1, 1])
    root = Moved(mirror, [Geode([Shape(FLAT, [Draw(indices=[0, 1, 2])])])])
    assert corners(Writer().write(tmp_path / "a.osgb", root)) == [[2, 1, 0]]


def test_a_scale_above_a_paged_lod_scales_its_error(tmp_path: Path) -> None:
    root = Moved(np.diag([3.0, 3, 3, 1]), [paged(["x.osgb"], sheet(), radius=10.0, switch=20.0)])
    (branch,) = read_scene(Writer().write(tmp_path / "a.osgb", root)).branches
    assert branch.links[0].error == pytest.approx(32 * 30.0 / 20.0)


def test_a_distance_gives_the_error_at_which_cesium_refines_there(tmp_path: Path) -> None:
    root = paged(["x.osgb"], sheet(), range_mode=0, ranges=[(150.0, 1e30), (0.0, 150.0)])
    (branch,) = read_scene(Writer().write(tmp_path / "a.osgb", root)).branches
    assert branch.links[0].error == pytest.approx(16 * 150 / 1663)


def test_without_a_given_centre_the_radius_is_that_of_the_mesh(tmp_path: Path) -> None:
    root = paged(["x.osgb"], sheet(size=8.0), centre_mode=0, radius=999.0, switch=10.0)
    (branch,) = read_scene(Writer().write(tmp_path / "a.osgb", root)).branches
    assert branch.links[0].error == pytest.approx(32 * (4 * 2**0.5) / 10)


def test_of_several_inline_levels_the_finest_is_taken(tmp_path: Path) -> None:
    levels = [Geode([sheet(size=1.0)]), Geode([sheet(size=2.0)])]
    root = paged(["x.osgb"])
    root.inline = levels
    root.ranges = [(0.0, 50.0), (50.0, 100.0), (100.0, 1e30)]
    (mesh,) = meshes(Writer().write(tmp_path / "a.osgb", root))
    assert mesh.vertices.max() == 2.0


def test_double_vertices_keep_their_digits(tmp_path: Path) -> None:
    exact = FLAT.astype(np.float64) + 1234567.0123
    for version in (91, 130):
        path = Writer(version).write(
            tmp_path / "a.osgb", Geode([Shape(exact, [Draw(indices=[0, 1, 2])])])
        )
        np.testing.assert_array_equal(meshes(path)[0].vertices, exact)


def test_an_unknown_class_is_stepped_over_where_brackets_allow(tmp_path: Path) -> None:
    shape = sheet(picture=Picture(file=jpeg()))
    shape.extra_attribute = "osgProducer::Secret"
    path = Writer(130, brackets=True).write(tmp_path / "a.osgb", Geode([shape]))
    found = read_scene(path)
    assert found.skipped == {"osgProducer::Secret"}
    assert found.branches[0].meshes[0].texture is not None


def test_triangles_that_cannot_be_drawn_are_dropped_and_counted(tmp_path: Path) -> None:
    vertices = FLAT.copy()
    vertices[5] = np.nan
    indices = [0, 1, 2, 0, 0, 1, 3, 4, 5, 0, 1, 77, 2, 3, 4]
    path = Writer().write(tmp_path / "a.osgb", Geode([Shape(vertices, [Draw(indices=indices)])]))
    found = read_scene(path)
    assert found.faults["degenerate triangles or not finite ones"] == 3
    (mesh,) = found.branches[0].meshes
    assert mesh.triangles.tolist() == [[0, 1, 2], [2, 3, 4]]
    assert len(mesh.vertices) == 5


def test_vertices_after_one_that_is_not_finite_keep_their_corners(tmp_path: Path) -> None:
    vertices = FLAT.copy()
    vertices[0] = np.inf
    shape = Shape(vertices, [Draw(indices=[0, 1, 2, 2, 3, 4])])
    (mesh,) = meshes(Writer().write(tmp_path / "a.osgb", Geode([shape])))
    np.testing.assert_array_equal(mesh.vertices[mesh.triangles[0]], FLAT[[2, 3, 4]])


def test_an_empty_group_has_no_branches(tmp_path: Path) -> None:
    for root in (Group(kind="osg::Node"), Group(), Geode([])):
        assert read_scene(Writer().write(tmp_path / "a.osgb", root)).branches == ()
