"""Links between files: followed inside the delivery only, never in circles, never with holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cim.errors import FormatError
from cim.ingest.sources.osgb.links import safe_name
from tests.ingest.osgb.scenes import Run, delivery, jpeg, mesh, paged, run, sheet, triangles
from tests.ingest.osgb.writer import Geode, Group, Moved, Picture, Writer

T = "Tile_+000_+000"


def ran(tmp_path: Path, files: dict[str, Any]) -> Run:
    result = run(delivery(tmp_path / "in", files), staging=tmp_path / "out")
    assert result.errors == []
    return result


def names(tile: dict[str, Any]) -> Any:
    """A tile as (uri, [children])."""
    uri = tile.get("content", {}).get("uri")
    return uri, [names(child) for child in tile.get("children", [])]


def test_levels_become_a_tree_with_errors_from_the_ranges(tmp_path: Path) -> None:
    result = ran(
        tmp_path,
        {
            f"{T}/{T}.osgb": paged(["a.osgb"], sheet(), radius=10, switch=20),
            f"{T}/a.osgb": paged(["b.osgb"], sheet(), radius=10, switch=40),
            f"{T}/b.osgb": Geode([sheet()]),
        },
    )
    root = result.tileset()
    assert names(root) == ("Tile_000_000.glb", [("a.glb", [("b.glb", [])])])
    assert root["geometricError"] == 16
    assert root["children"][0]["geometricError"] == 8
    assert root["children"][0]["children"][0]["geometricError"] == 0
    assert root["refine"] == "REPLACE"


def test_children_that_are_not_there_make_a_leaf_and_are_listed(tmp_path: Path) -> None:
    result = ran(tmp_path, {f"{T}/{T}.osgb": paged(["x_L20.osgb", "y_L20.osgb"], sheet())})
    assert names(result.tileset()) == ("Tile_000_000.glb", [])
    assert result.tileset()["geometricError"] == 0
    (warning,) = result.warnings
    assert "x_L20.osgb, y_L20.osgb" in warning.reason
    assert result.counts["dangling"] == 2
    assert result.counts["leaf_triangles"] == 2


def test_where_some_children_are_missing_no_hole_opens(tmp_path: Path) -> None:
    root = Group(
        [
            paged(["there.osgb"], sheet(0), radius=10, switch=20),
            paged(["missing.osgb"], sheet(50), radius=10, switch=20),
            Geode([sheet(100)]),
        ]
    )
    result = ran(tmp_path, {f"{T}/{T}.osgb": root, f"{T}/there.osgb": Geode([sheet(0)])})
    tree = result.tileset()
    assert names(tree) == ("Tile_000_000.glb", [("there.glb", []), ("Tile_000_000.rest.glb", [])])
    rest = next(f for f in result.files() if f.name == "Tile_000_000.rest.glb")
    assert triangles(rest) == 4
    assert tree["children"][1]["geometricError"] == 0
    assert result.counts["leaf_triangles"] == 2 + 4


def test_where_one_of_two_children_of_a_branch_is_missing_no_hole_opens(tmp_path: Path) -> None:
    root = paged(["there.osgb", "missing.osgb"], sheet(0, size=20.0), radius=10, switch=20)
    result = ran(tmp_path, {f"{T}/{T}.osgb": root, f"{T}/there.osgb": Geode([sheet(0)])})
    assert names(result.tileset())[1] == [("there.glb", []), ("Tile_000_000.rest.glb", [])]


def test_an_unreadable_child_counts_as_missing_and_is_refused(tmp_path: Path) -> None:
    folder = delivery(
        tmp_path / "in",
        {
            f"{T}/{T}.osgb": Group([paged(["good.osgb"], sheet()), paged(["bad.osgb"], sheet(50))]),
            f"{T}/good.osgb": Geode([sheet()]),
        },
    )
    bad = folder / "Data" / T / "bad.osgb"
    bad.write_bytes((folder / "Data" / T / "good.osgb").read_bytes()[:80])
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    assert names(result.tileset())[1] == [("good.glb", []), ("Tile_000_000.rest.glb", [])]
    (problem,) = result.refused
    assert problem.path == str(bad)
    assert "ends early" in problem.reason


def test_a_child_without_triangles_draws_nothing_and_is_listed(tmp_path: Path) -> None:
    root = Group([paged(["a.osgb"], sheet()), paged(["empty.osgb"], sheet(50))])
    result = ran(
        tmp_path,
        {
            f"{T}/{T}.osgb": root,
            f"{T}/a.osgb": Geode([sheet()]),
            f"{T}/empty.osgb": Group(kind="osg::Node"),
        },
    )
    assert names(result.tileset())[1] == [("a.glb", [])]
    assert any("empty.osgb" in w.path and "nothing to draw" in w.reason for w in result.warnings)


def test_a_circle_of_files_ends_and_is_refused(tmp_path: Path) -> None:
    result = ran(
        tmp_path,
        {
            f"{T}/{T}.osgb": paged(["a.osgb"], sheet()),
            f"{T}/a.osgb": paged([f"{T}.osgb"], sheet()),
        },
    )
    assert names(result.tileset()) == ("Tile_000_000.glb", [("a.glb", [])])
    (problem,) = result.refused
    assert "in the tree already" in problem.reason


@pytest.mark.parametrize(
    "name", ["../../../secret.osgb", "..\\..\\..\\secret.osgb", "/etc/secret.osgb", "C:\\a.osgb"]
)
def test_a_link_out_of_the_delivery_is_refused(tmp_path: Path, name: str) -> None:
    Writer().write(tmp_path / "secret.osgb", Geode([sheet()]))
    result = ran(tmp_path, {f"{T}/{T}.osgb": paged([name], sheet())})
    assert names(result.tileset()) == ("Tile_000_000.glb", [])
    (problem,) = result.refused
    assert "outside of the delivery" in problem.reason


def test_a_symbolic_link_out_of_the_delivery_is_not_followed(tmp_path: Path) -> None:
    secret = Writer().write(tmp_path / "secret.osgb", Geode([sheet()]))
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": paged(["a.osgb"], sheet())})
    (folder / "Data" / T / "a.osgb").symlink_to(secret)
    result = run(folder, staging=tmp_path / "out")
    assert names(result.tileset()) == ("Tile_000_000.glb", [])


@pytest.mark.parametrize("name", ["..\\other\\A_l16.OSGB", "../Other/a_L16.osgb"])
def test_links_with_backslashes_and_in_the_wrong_case_are_followed(
    tmp_path: Path, name: str
) -> None:
    result = ran(
        tmp_path,
        {f"{T}/{T}.osgb": paged([name], sheet()), "Other/a_L16.osgb": Geode([sheet()])},
    )
    assert names(result.tileset())[1] == [("a_L16.glb", [])]


def test_names_that_need_escaping_become_safe_ones(tmp_path: Path) -> None:
    odd = ["瓦片 #1%.osgb", "瓦片 #2%.osgb", "a b.osgb", "a?b.osgb"]
    files: dict[str, Any] = {f"{T}/{T}.osgb": paged(odd, sheet())}
    files |= {f"{T}/{name}": Geode([sheet()]) for name in odd}
    result = ran(tmp_path, files)
    written = [f.stem for f in result.files()]
    assert len(written) == 5
    assert all(stem.isascii() and set(stem) <= set(_SAFE) for stem in written)


_SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."


def test_names_stored_as_gbk_are_followed(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"{T}/瓦片.osgb": Geode([sheet()])}
    folder = delivery(tmp_path / "in", files)
    data = Writer().encode(paged(["@@@@.osgb"], sheet()))
    data = data.replace(b"@@@@", "瓦片".encode("gbk"))
    (folder / "Data" / T / f"{T}.osgb").write_bytes(data)
    result = run(folder, staging=tmp_path / "out")
    assert len(names(result.tileset())[1]) == 1


def test_safe_names_never_meet_not_even_where_case_does_not_count() -> None:
    taken: set[str] = set()
    given = ["Tile_+001", "tile_001", "TILE_001", "", "瓦", "片", "a" * 300]
    made = [safe_name(name, taken) for name in given]
    assert len({name.lower() for name in made}) == len(given)
    assert max(map(len, made)) <= 92


def test_a_transformation_above_a_link_moves_the_linked_file_too(tmp_path: Path) -> None:
    shift = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [30, 0, 0, 1]]
    result = ran(
        tmp_path,
        {
            f"{T}/{T}.osgb": Moved(shift, [paged(["a.osgb"], sheet())]),
            f"{T}/a.osgb": Geode([sheet()]),
        },
    )
    child, root = (mesh(file)[0]["positions"] for file in result.files())
    assert root.tolist() == child.tolist()


def ranged(coarse: Any) -> dict[str, Any]:
    """A root with two further ranges of the same PagedLOD."""
    root = paged(["coarse.osgb", "fine.osgb"], sheet(), radius=10.0)
    root.ranges = [(0.0, 20.0), (20.0, 80.0), (80.0, 1e30)]
    fine = {f"{T}/{T}.osgb": root, f"{T}/fine.osgb": Geode([sheet()])}
    return fine if coarse is None else fine | {f"{T}/coarse.osgb": coarse}


def test_of_several_ranges_each_shows_where_the_producer_meant(tmp_path: Path) -> None:
    result = ran(tmp_path, ranged(Geode([sheet()])))
    (coarse,) = result.tileset()["children"]
    assert names(coarse) == ("coarse.glb", [("fine.glb", [])])
    assert (result.tileset()["geometricError"], coarse["geometricError"]) == (16.0, 4.0)
    assert result.errors == []
    assert result.counts["leaf_triangles"] == 2


@pytest.mark.parametrize("coarse", [None, paged(["own.osgb"], sheet())])
def test_a_range_that_cannot_stand_between_is_left_to_the_finer_one(
    coarse: Any, tmp_path: Path
) -> None:
    result = ran(tmp_path, ranged(coarse) | {f"{T}/own.osgb": Geode([sheet()])})
    assert names(result.tileset())[1] == [("fine.glb", [])]
    assert result.tileset()["geometricError"] == 16.0
    assert result.errors == []


def test_a_damaged_file_between_two_ranges_is_told_and_the_finer_one_shows(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", ranged(Geode([sheet()])))
    path = folder / "Data" / T / "coarse.osgb"
    path.write_bytes(path.read_bytes()[:60])
    result = run(folder, staging=tmp_path / "out")
    assert names(result.tileset())[1] == [("fine.glb", [])]
    assert [Path(p.path).name for p in result.refused] == ["coarse.osgb"]
    assert result.errors == []


def test_a_paged_lod_within_an_inline_child_is_followed_where_nothing_replaces_it(
    tmp_path: Path,
) -> None:
    inner = paged(["inner.osgb"], sheet(0), radius=10, switch=20)
    outer = paged(["gone.osgb"])
    outer.inline = [Group([inner, Geode([sheet(50)])])]
    result = ran(tmp_path, {f"{T}/{T}.osgb": outer, f"{T}/inner.osgb": Geode([sheet(0)])})
    assert names(result.tileset())[1] == [("inner.glb", []), ("Tile_000_000.rest.glb", [])]


def test_a_root_of_links_only_is_an_empty_tile_above_its_children(tmp_path: Path) -> None:
    root = paged(["a.osgb"], centre=(5.0, 5.0, 0.0), radius=10.0)
    result = ran(tmp_path, {f"{T}/{T}.osgb": root, f"{T}/a.osgb": Geode([sheet()])})
    assert names(result.tileset()) == (None, [("a.glb", [])])


def test_a_shared_image_is_written_once_per_file(tmp_path: Path) -> None:
    picture = Picture(file=jpeg())
    result = ran(
        tmp_path, {f"{T}/{T}.osgb": Geode([sheet(0, picture=picture), sheet(20, picture=picture)])}
    )
    assert picture.file is not None
    assert result.files()[0].read_bytes().count(picture.file) == 1
    assert result.counts["textures"] == 1


def test_a_chain_of_files_without_end_is_cut_and_told(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"{T}/{T}.osgb": paged(["f0.osgb"], sheet())}
    files |= {f"{T}/f{i}.osgb": paged([f"f{i + 1}.osgb"], sheet()) for i in range(50)}
    result = ran(tmp_path, files)
    assert any("levels deep" in problem.reason for problem in result.refused)
    assert result.counts["files"] < 50


def test_a_scene_nested_beyond_python_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("cim.ingest.sources.osgb.convert.read_scene", endless)
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([sheet()])})
    with pytest.raises(FormatError, match="anything to draw"):
        run(folder, staging=tmp_path / "out")
