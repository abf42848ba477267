"""The source as the pipeline sees it: what it supports, plans, builds, finishes and checks."""

from __future__ import annotations

import pickle
from pathlib import Path

import orjson
import pytest

from cim.errors import CrsError, FormatError
from cim.ingest.source import Source
from cim.ingest.sources.osgb import OsgbSource
from tests.ingest.osgb.scenes import delivery, metadata, paged, request, run, sheet
from tests.ingest.osgb.writer import Geode, Group, Writer

SOURCE: Source = OsgbSource()
NAMES = ("Tile_+000_+000", "Tile_+000_+001", "Tile_-001_+000")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {f"{name}/{name}.osgb": Geode([sheet(100.0 * i)]) for i, name in enumerate(NAMES)}
    return delivery(tmp_path / "in", files)


def test_a_delivery_is_known_by_any_of_its_paths(folder: Path) -> None:
    root = folder / "Data" / NAMES[0] / f"{NAMES[0]}.osgb"
    for path in (folder, folder / "metadata.xml", folder / "Data", root.parent, root):
        assert SOURCE.supports(path)
        plan = SOURCE.plan(request(path))
        assert plan.crs is not None
        assert len(plan.parcels) == (1 if path in {root.parent, root} else 3)


def test_other_folders_and_files_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "dem.tif").write_bytes(b"II*")
    (tmp_path / "empty").mkdir()
    metadata(tmp_path / "empty")
    for path in (tmp_path, tmp_path / "dem.tif", tmp_path / "empty", tmp_path / "nowhere"):
        assert not SOURCE.supports(path)
    assert not SOURCE.supports(tmp_path / "empty" / "metadata.xml")


def test_a_plan_names_every_input_and_survives_the_way_to_a_worker(folder: Path) -> None:
    plan = SOURCE.plan(request(folder))
    assert [p.id for p in plan.parcels] == ["Tile_000_000", "Tile_000_001", "Tile_-001_000"]
    assert [p.path.name for p in plan.parcels] == list(NAMES)
    assert all(p.bytes == sum(f.stat().st_size for f in p.inputs) for p in plan.parcels)
    assert plan.extra_inputs == (folder / "metadata.xml",)
    again = pickle.loads(pickle.dumps(plan))  # noqa: S301 - our own
    assert again.parcels == plan.parcels
    assert orjson.loads(orjson.dumps(plan.parameters))["georeference"]


def test_the_parameters_tell_another_place_apart(folder: Path) -> None:
    here = SOURCE.plan(request(folder)).parameters
    there = SOURCE.plan(request(folder, origin=(377000.0, 3900000.0, 1500.0))).parameters
    assert orjson.dumps(here) != orjson.dumps(there)


def test_all_folders_stand_below_one_root(folder: Path, tmp_path: Path) -> None:
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    assert result.product.media["tileset"] == "tileset.json"
    assert result.counts["triangles"] == 6
    assert result.counts["folders"] == 3
    assert result.counts["tiles"] == len(result.files()) == 3
    assert result.product.proposed is not None
    assert result.product.proposed.id == "demo.mesh"
    assert {c.name for c in result.checks} >= {"tileset.boxes", "tileset.glb", "tileset.place"}
    assert all(b.extent is not None for b in result.built)
    facts = [orjson.loads(orjson.dumps(b.facts)) for b in result.built]
    assert facts == [dict(b.facts) for b in result.built]


def test_two_runs_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    outputs = []
    for name in ("first", "second"):
        run(folder, staging=tmp_path / name)
        files = sorted(f for f in (tmp_path / name).rglob("*") if f.is_file())
        outputs.append({f.relative_to(tmp_path / name): f.read_bytes() for f in files})
    assert outputs[0] == outputs[1]


def test_an_empty_root_is_skipped_and_listed(folder: Path, tmp_path: Path) -> None:
    empty = folder / "Data" / NAMES[1] / f"{NAMES[1]}.osgb"
    Writer().write(empty, Group(kind="osg::Node"))
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    assert result.counts["folders"] == 2
    assert result.counts["empty_folders"] == 1
    assert [w.path for w in result.warnings] == [str(empty.parent)]


@pytest.mark.parametrize("damage", [b"", b"garbage of no format at all"])
def test_a_damaged_root_loses_its_folder_only(folder: Path, tmp_path: Path, damage: bytes) -> None:
    root = folder / "Data" / NAMES[1] / f"{NAMES[1]}.osgb"
    root.write_bytes(damage)
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    assert result.counts["folders"] == 2
    (lost,) = result.lost
    assert isinstance(lost, FormatError)
    assert lost.path == str(root)


def test_where_nothing_can_be_drawn_nothing_is_finished(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", {f"{NAMES[0]}/{NAMES[0]}.osgb": Group()})
    with pytest.raises(FormatError, match="anything to draw"):
        run(folder, staging=tmp_path / "out")


def test_loose_files_of_any_name_are_trees_by_their_links(tmp_path: Path) -> None:
    folder = delivery(
        tmp_path / "in",
        {
            "Tile_5_L21_002240t1.osgb": paged(["Tile_5_L22_0.osgb"], sheet()),
            "Tile_5_L22_0.osgb": Geode([sheet()]),
            "terra/block_a.osgb": Geode([sheet(100)]),
        },
    )
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    assert [p.id for p in result.plan.parcels] == ["Tile_5_L21_002240t1", "block_a"]
    assert [len(p.inputs) for p in result.plan.parcels] == [2, 1]


def test_a_loose_file_that_cannot_be_read_is_refused_in_the_plan(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", {"a.osgb": Geode([sheet()])})
    (folder / "Data" / "b.osgb").write_bytes(b"")
    plan = SOURCE.plan(request(folder))
    assert len(plan.parcels) == 1
    assert [Path(p.path).name for p in plan.refused] == ["b.osgb"]


def test_tile_folders_below_a_common_top_are_not_built_twice(tmp_path: Path) -> None:
    name = NAMES[0]
    folder = delivery(
        tmp_path / "in",
        {
            "Top/Top_0_0.osgb": paged([f"../{name}/{name}.osgb"], sheet(size=50)),
            f"{name}/{name}.osgb": Geode([sheet()]),
        },
    )
    result = run(folder, staging=tmp_path / "out")
    assert [p.id for p in result.plan.parcels] == ["Top_0_0"]
    assert result.counts["files"] == 2


def test_several_deliveries_with_the_same_names_do_not_meet(tmp_path: Path) -> None:
    name = NAMES[0]
    both = [
        delivery(tmp_path / which, {f"{name}/{name}.osgb": Geode([sheet(x)])})
        for which, x in (("east", 500.0), ("west", 0.0))
    ]
    result = run(*both, staging=tmp_path / "out")
    assert result.errors == []
    assert len({p.id for p in result.plan.parcels}) == 2
    together = SOURCE.plan(request(tmp_path))
    assert {p.id for p in together.parcels} == {p.id for p in result.plan.parcels}
    twice = SOURCE.plan(request(both[0], both[0] / "Data"))
    assert len(twice.parcels) == 1


def test_without_metadata_the_options_are_needed_and_enough(folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.xml").unlink()
    with pytest.raises(CrsError, match=r"no metadata\.xml"):
        SOURCE.plan(request(folder))
    result = run(
        folder, staging=tmp_path / "out", crs="EPSG:4545", origin=(377000.0, 3900000.0, 1400.0)
    )
    assert result.errors == []


def test_a_delivery_without_scenes_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    metadata(tmp_path)
    with pytest.raises(FormatError, match="nothing to read") as caught:
        SOURCE.plan(request(tmp_path))
    assert "metadata.xml and Data" in caught.value.remedy


def test_a_large_delivery_becomes_a_tree_that_can_be_culled(tmp_path: Path) -> None:
    files = {}
    for i in range(30):
        name = f"Tile_+{i % 6:03d}_+{i // 6:03d}"
        files[f"{name}/{name}.osgb"] = Geode([sheet(100.0 * (i % 6), 100.0 * (i // 6), 100.0)])
    result = run(delivery(tmp_path / "in", files), staging=tmp_path / "out")
    assert result.errors == []
    root = orjson.loads((tmp_path / "out" / "tileset.json").read_bytes())
    assert root["asset"]["extras"]["generator"].startswith("cim ")
    assert len(root["root"]["children"]) <= 4
    assert "content" not in root["root"]


def test_the_plan_tells_where_the_delivery_lies(folder: Path, tmp_path: Path) -> None:
    plan = SOURCE.plan(request(folder))
    result = run(folder, staging=tmp_path / "out")
    assert plan.extent is not None
    assert plan.extent.contains(result.product.extent)
    assert plan.extent.east - result.product.extent.east < 1e-4
    assert result.product.extent.contains(result.built[0].extent or plan.extent)
