"""The overview above a survey: light, monotone, stable, never in the way of the finest level."""

from __future__ import annotations

import json
import math
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.ingest.source import Built
from cim.ingest.sources.osgb import OsgbSource
from cim.ingest.sources.osgb.scene import read_scene
from cim.tiles import glb
from tests.bench.bench_top import first_view
from tests.ingest.osgb.scenes import Run, delivery, paged, request, run, sheet
from tests.ingest.osgb.writer import Geode
from tests.tiles.validator import gltf_errors

SAMPLE = Path(__file__).resolve().parents[3] / "data-samples" / "huating" / "oblique"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The sample city's survey, with its overview."""
    return run(SAMPLE, staging=tmp_path_factory.mktemp("out"), top=True)


def nodes(result: Run) -> list[Built]:
    return [b for b in result.built if "cell" in b.facts]


def test_one_small_root_stands_above_everything(sample: Run) -> None:
    assert sample.errors == []
    found = nodes(sample)
    levels = [b.facts["cell"][0] for b in found]
    assert levels.count(max(levels)) == 1
    assert sum(b.facts["folders"] for b in found) == sample.counts["folders"] == 25
    root = json.loads((sample.staging / "tileset.json").read_bytes())["root"]
    assert (sample.staging / root["content"]["uri"]).stat().st_size < 100_000
    view = first_view(sample.staging / "tileset.json")
    assert sum(view.files.values()) < 3_500_000
    check = next(c for c in sample.checks if c.name == "overview")
    assert check.figures["nodes"] == len(found) == check.looked_at


def test_errors_fall_from_the_root_to_the_finest_file(sample: Run) -> None:
    paths = chains(sample.staging / "tileset.json")
    assert len(paths) == 100
    for errors in paths:
        assert all(a > b for a, b in pairwise(errors)), errors
        assert errors[-1] == 0


def chains(tileset: Path) -> list[list[float]]:
    """Errors of tiles with content from the root to every leaf."""

    def walk(tile: dict[str, Any], folder: Path, above: list[float]) -> list[list[float]]:
        uri = tile.get("content", {}).get("uri", "")
        if uri.endswith(".json"):
            path = folder / uri
            return walk(json.loads(path.read_bytes())["root"], path.parent, above)
        here = [*above, tile["geometricError"]] if uri else above
        children = tile.get("children", [])
        if not children:
            return [here]
        return [found for child in children for found in walk(child, folder, here)]

    return walk(json.loads(tileset.read_bytes())["root"], tileset.parent, [])


@pytest.mark.oracle
def test_the_validator_of_khronos_finds_nothing_in_the_nodes(sample: Run) -> None:
    files = [sample.staging / b.facts["uri"] for b in nodes(sample)]
    assert gltf_errors(files) == []


def test_a_node_lies_where_the_files_below_it_lie(sample: Run) -> None:
    """Heights of a finest node against the finest files: what its facts say they are off."""
    node = next(b for b in nodes(sample) if b.facts["cell"] == [0, 0, 0])
    model = glb.read(sample.staging / node.facts["uri"])
    assert len(model.primitives) == 1
    below = json.loads((sample.staging / node.facts["below"]).read_bytes())["root"]
    assert len(below["children"]) == 4
    box = below["boundingVolume"]["box"]
    points = model.primitives[0].positions
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = np.array(box[:3]), np.array([box[3], box[7], box[11]])
    assert (low >= centre - half).all()
    assert (high <= centre + half).all()
    assert 250 < high[0] - low[0] < 262  # two tiles of 128 m


def test_the_overview_stands_for_the_files_that_it_replaces(sample: Run) -> None:
    plain = [f.name for f in SAMPLE.rglob("*.osgb")]
    assert sample.counts["files"] == len(plain)
    replaced = sample.counts["replaced_by_overview"]
    written = [f for f in sample.files() if "top" not in f.parts]
    assert replaced == 25
    assert len(written) == len(plain) - replaced


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    folder = survey(tmp_path / "in")
    outputs = []
    for name in ("one", "two"):
        run(folder, staging=tmp_path / name, top=True)
        files = sorted(f for f in (tmp_path / name).rglob("*") if f.is_file())
        outputs.append({f.relative_to(tmp_path / name): f.read_bytes() for f in files})
    assert outputs[0] == outputs[1]
    assert any("top" in f.parts for f in outputs[0])


def survey(folder: Path, heights: dict[tuple[int, int], float] | None = None) -> Path:
    files: dict[str, Any] = {}
    for x in range(-2, 3):
        for y in range(3):
            name = f"Tile_{x:+04d}_{y:+04d}"
            z = (heights or {}).get((x, y), 0.0)
            part = sheet(100.0 * x, 100.0 * y, size=100.0, height=z)
            coarse = paged(
                [f"{name}_L16.osgb"],
                part,
                centre=(100.0 * x + 50, 100.0 * y + 50, 0.0),
                radius=70.0,
                switch=70.0,
            )
            files[f"{name}/{name}.osgb"] = coarse
            files[f"{name}/{name}_L16.osgb"] = Geode([part])
    return delivery(folder, files)


def test_a_changed_folder_changes_its_ancestors_only(tmp_path: Path) -> None:
    results = []
    for name, heights in (("a", {}), ("b", {(2, 2): 7.0})):
        folder = survey(tmp_path / f"in-{name}", heights)
        results.append(run(folder, staging=tmp_path / name, top=True))
    before, after = ({b.parcel: b for b in r.built} for r in results)
    assert before.keys() == after.keys()
    changed = {
        name
        for name in before
        if (tmp_path / "a" / _content(before[name])).read_bytes()
        != (tmp_path / "b" / _content(after[name])).read_bytes()
    }
    ancestors = {"Tile_002_002"}
    for parcel in _further(tmp_path / "in-b", tmp_path / "b", results[1].built):
        if ancestors & set(parcel.needs):
            ancestors.add(parcel.id)
    assert len(ancestors) >= 3
    assert changed <= ancestors
    assert len(changed) < len(before)


def _content(part: Built) -> str:
    return str(part.facts["raster"])


def _further(folder: Path, staging: Path, built: list[Built]) -> list[Any]:
    source = OsgbSource()
    asked = request(folder, options={"top": True})
    plan = source.plan(asked)
    so_far = [b for b in built if "cell" not in b.facts]
    found: list[Any] = []
    while more := source.further(plan, so_far, asked, staging):
        found += more
        so_far += [b for b in built if b.parcel in {p.id for p in more}]
    return found


def test_the_finest_files_are_asked_for_where_openscenegraph_would(sample: Run) -> None:
    worst = 0.0
    for path in SAMPLE.rglob("*.osgb"):
        called = [link.error for b in read_scene(path).branches for link in b.links]
        if called:
            ours = error_of(sample, path.stem.replace("+", ""))
            if ours is not None:  # the parent of the linked file
                worst = max(worst, ours / max(called))
    assert 0.99 < worst <= 1.1


def error_of(result: Run, name: str) -> float | None:
    """The error of the tile whose content is that file, where there is one."""

    def walk(tile: dict[str, Any]) -> float | None:
        if tile.get("content", {}).get("uri") == f"{name}.glb":
            return float(tile["geometricError"])
        found = (walk(child) for child in tile.get("children", []))
        return next((error for error in found if error is not None), None)

    for document in result.staging.glob("tiles/*/tileset*.json"):
        error = walk(json.loads(document.read_bytes())["root"])
        if error is not None:
            return error
    return None


def test_without_the_overview_every_file_is_kept(tmp_path: Path) -> None:
    result = run(survey(tmp_path / "in"), staging=tmp_path / "out", top=False)
    assert result.errors == []
    assert nodes(result) == []
    assert len(result.files()) == result.counts["files"] == 30


def test_folders_far_apart_meet_below_one_root(tmp_path: Path) -> None:
    files = {
        f"Tile_{i}/Tile_{i}.osgb": Geode([sheet(x, y, size=100.0)])
        for i, (x, y) in enumerate([(-3000.0, 0.0), (30.0, 40.0), (-130.0, 40.0), (2500.0, 900.0)])
    }
    result = run(delivery(tmp_path / "in", files), staging=tmp_path / "out", top=True)
    assert result.errors == []
    assert sum(b.facts["folders"] for b in nodes(result)) == 4
    assert result.product.media["overview"]["root_bytes"] > 0
    assert math.isfinite(result.product.media["overview"]["typical_deviation_m"])


def wide(folder: Path, size: float) -> Path:
    """Nine small blocks with coarse roots, and one beside them that is far wider."""
    files: dict[str, Any] = {}
    for number in range(9):
        name = f"Tile_{number}"
        low = (10.0 * (number % 3), 10.0 * (number // 3))
        files[f"{name}/{name}.osgb"] = paged([f"{name}_L.osgb"], sheet(*low, 10.0), radius=40.0)
        files[f"{name}/{name}_L.osgb"] = Geode([sheet(*low, 10.0)])
    files["Wide/Wide.osgb"] = paged(["Wide_L.osgb"], sheet(40.0, 0.0, size), radius=size * 9)
    files["Wide/Wide_L.osgb"] = Geode([sheet(40.0, 0.0, size)])
    return delivery(folder, files)


def test_a_block_far_wider_than_most_is_shown_whole(tmp_path: Path) -> None:
    result = run(wide(tmp_path / "in", 2_000.0), staging=tmp_path / "out", top=True)
    assert result.errors == []
    assert result.counts["replaced_by_overview"] >= 1
    assert not [w for w in result.warnings if "overview" in w.reason]
    tops = [b.facts for b in nodes(result) if b.facts["folders"]]
    points = [
        np.asarray(p.positions)
        for facts in tops
        for p in glb.read(result.staging / facts["uri"]).primitives
    ]
    across = np.concatenate(points)
    assert np.ptp(across[:, 0]) > 1_990


def test_of_a_block_that_no_raster_holds_every_file_is_kept_and_it_is_told(tmp_path: Path) -> None:
    result = run(wide(tmp_path / "in", 12_000.0), staging=tmp_path / "out", top=True)
    assert result.errors == []
    assert [w.path.rsplit("/")[-1] for w in result.warnings if "overview" in w.reason] == ["Wide"]
    assert (result.staging / "tiles/Wide/Wide.glb").exists()


def test_a_folder_that_is_lost_leaves_a_gap_and_the_overview_stands(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    shutil.copytree(SAMPLE, folder)
    lost = "Tile_+001_+001"
    root = folder / "Data" / lost / f"{lost}.osgb"
    root.write_bytes(root.read_bytes()[:300])
    result = run(folder, staging=tmp_path / "out", top=True)
    assert [e.path for e in result.lost] == [str(root)]
    assert result.errors == []
    assert next(c for c in result.checks if c.name == "overview").figures["nodes"] == len(
        nodes(result)
    )
    assert all(math.isfinite(v) for b in nodes(result) for v in b.facts["deviation"])
