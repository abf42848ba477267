"""Refined models that take the place of buildings, blocks and areas."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from cim.catalog import registry
from cim.errors import CimError, FormatError, ParameterError
from cim.ingest.revising import Refined, Revision
from cim.store.database import ready
from tests.commands import cim
from tests.delivered import deliver, warnings
from tests.ingest.town import BLOCKS, SAMPLE, Surface, Town, box, column, labelled, survey

pytestmark = pytest.mark.db
Floats = npt.NDArray[np.float64]


def test_a_refined_model_takes_a_buildings_place(town: Town, tmp_path: Path) -> None:
    town.label()
    models = labelled(town.folder(2))
    (model,) = models[max(models)]
    gone = column(model, "building_id")[0]
    frame = gpd.read_file(town.buildings).set_index("编号")
    real = frame.loc[[gone]]
    centre = real.to_crs(4490).geometry.iloc[0].centroid
    refined = Refined(
        path=box(tmp_path / "新楼.glb", (12, 10, 20)), lon=centre.x, lat=centre.y, height=1420.0,
        turn=30.0,
    )  # fmt: skip
    revised, again = town.revise(Revision(models=(refined,), buildings=(gone,)))
    assert [c for r in (revised, again) for c in r.checks if c.errors] == []
    figures = next(c.figures for c in revised.checks if c.name == "revision")
    assert figures["added_volume_m3"] == pytest.approx(12 * 10 * 20)
    assert figures["added_footprint_m2"] == pytest.approx(120)
    area = real.to_crs(4545).geometry.iloc[0].area
    assert figures["taken_out_footprint_m2"] == pytest.approx(area, rel=0.25)
    height = figures["taken_out_volume_m3"] / figures["taken_out_footprint_m2"]
    assert 0.4 * real["建筑高度"].iloc[0] < height < 1.1 * real["建筑高度"].iloc[0]
    left = {
        name for name, (m,) in labelled(town.folder(again.version or 0)).items()
        if gone in column(m, "building_id")
    }  # fmt: skip
    assert {name.split("/")[0] for name in left} == {"refined"}, left
    (new_one,) = (
        m for name, (m,) in labelled(town.folder(again.version or 0)).items() if "refined/" in name
    )
    assert column(new_one, "building_id") == [gone]  # a click on it still names the building
    old, new = town.folder(1), town.folder(revised.version or 0)
    same = [p for p in old.rglob("*.glb") if _same(p, new / p.relative_to(old))]
    assert 0 < len(list(old.rglob("*.glb"))) - len(same) < 12
    assert all(p.stat().st_ino == (new / p.relative_to(old)).stat().st_ino for p in same)


def test_what_was_labelled_with_wide_eaves_is_taken_out_with_them(town: Town) -> None:
    town.label(options={"eaves": "1.5", "clearance": "0.5"})
    (model,) = next(iter(labelled(town.folder(2)).values()))
    gone = column(model, "building_id")[0]
    _, again = town.revise(Revision(buildings=(gone,)))
    told = town.media()["features"]
    assert (told["eaves"], told["clearance"]) == (1.5, 0.5)
    left = labelled(town.folder(again.version or 0)).values()
    assert not [m for (m,) in left if gone in column(m, "building_id")]


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def test_a_block_is_taken_out_whole_and_a_second_revision_keeps_the_first(
    town: Town, tmp_path: Path
) -> None:
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    lon, lat = (extent.west + extent.east) / 2, (extent.south + extent.north) / 2
    model = Refined(path=box(tmp_path / "a.glb", (5, 5, 5)), lon=lon, lat=lat, height=1430.0)
    (first,) = town.revise(Revision(models=(model,)))
    (second,) = town.revise(Revision(blocks=("Tile_001_001",)))
    assert [c for r in (first, second) for c in r.checks if c.errors] == []
    folder = town.folder(second.version or 0)
    assert not list((folder / "tiles/Tile_001_001").glob("*.glb"))
    assert list((folder / "tiles/Tile_002_001").glob("*.glb"))
    root = json.loads((folder / "tileset.json").read_text())["root"]
    assert root["refine"] == "ADD"
    assert len(root["children"]) == 2


def test_the_same_survey_again_keeps_labels_and_models_a_new_one_says_what_it_lacks(
    town: Town, tmp_path: Path
) -> None:
    with ready(town.here.engine) as connection:
        version = registry.published(connection, "base.oblique")
    middle = (version.extent.west + version.extent.east) / 2
    model = Refined(
        path=box(tmp_path / "a.glb", (5, 5, 5)), lon=middle, lat=version.extent.south + 1e-3,
        height=1430.0,
    )  # fmt: skip
    town.label()
    town.revise(Revision(models=(model,)))
    again = deliver(town.here, survey(tmp_path, BLOCKS), "base.oblique", version.layer)
    assert (again.unchanged, again.version) == (True, 1)
    assert town.media()["features"]["key"] == "building_id"
    shutil.rmtree(tmp_path / "survey" / "Data" / BLOCKS[0])
    news = deliver(town.here, tmp_path / "survey", "base.oblique", version.layer)
    assert not news.unchanged
    assert "holds refined models that this delivery lacks" in warnings(news)


def test_an_area_is_taken_out_to_the_ground_and_below(town: Town) -> None:
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    lon, lat = (extent.west + extent.east) / 2, (extent.south + extent.north) / 2
    hole = shapely.box(lon - 3e-4, lat - 2e-4, lon + 3e-4, lat + 2e-4)
    (report,) = town.revise(Revision(area=hole))
    assert [c for c in report.checks if c.errors] == []
    surface = Surface.of(town.folder(2), "none", lon, lat)
    middles = surface.corners.mean(axis=1)
    inside = (np.abs(middles[:, 0]) < 25) & (np.abs(middles[:, 1]) < 20)
    assert not inside.any()


def test_what_is_not_there_cannot_be_taken_out(town: Town) -> None:
    with pytest.raises(ParameterError, match="no building nobody"):
        town.revise(Revision(buildings=("nobody",)))
    with pytest.raises(ParameterError, match="no block nowhere"):
        town.revise(Revision(blocks=("nowhere",)))
    with pytest.raises(ParameterError, match="no block 0_0_0") as caught:
        town.revise(Revision(blocks=("0_0_0",)))  # a node of the overview is no block
    assert "such as Tile_001_001" in str(caught.value.remedy)
    with pytest.raises(ParameterError, match="nothing is to be changed"):
        town.revise(Revision())


def test_a_model_that_shows_nothing_is_refused_by_name(town: Town, tmp_path: Path) -> None:
    path = box(tmp_path / "点.glb", (0, 0, 0))
    model = Refined(path=path, lon=106.65, lat=35.22, height=1430.0)
    with pytest.raises(FormatError, match="holds nothing to draw") as caught:
        town.revise(Revision(models=(model,)))
    assert caught.value.path == str(path)


def test_label_and_revise_as_a_user_types_them(
    town: Town, environment: dict[str, str], tmp_path: Path
) -> None:
    place = {**environment, "CIM_CITY": str(SAMPLE / "city.toml")}
    done = cim(place, "label", "base.oblique", "--report", tmp_path / "label.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("base.oblique version 2 published at 106.6")
    assert "buildings" in done.stdout
    assert json.loads((tmp_path / "label.json").read_text())["source"] == "labels"
    gone = next(
        n for name, (m,) in labelled(town.folder(2)).items() for n in column(m, "building_id")
    )
    model = box(tmp_path / "hall.glb", (8, 6, 10))
    words = ("revise", "base.oblique", "--building", gone, "--model", model)
    refused = cim(place, *words, "--at", "106.65")
    assert refused.returncode == 2
    assert "error: --at '106.65' is not lon,lat[,height]" in refused.stderr
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    at = f"{(extent.west + extent.east) / 2:.6f},{(extent.south + extent.north) / 2:.6f}"
    done = cim(place, *words, "--at", at)
    assert done.returncode == 0, done.stderr
    assert "base.oblique version 3 published" in done.stdout
    assert "base.oblique version 4 published" in done.stdout
    assert "added_volume_m3 480.0, added_footprint_m2 48.0" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "hall.glb"), (b"glTF" + bytes(60), "hall.glb"), (b"\x00" * 5000, "hall.glb")],
)
def test_a_model_that_cannot_be_read_is_named_and_nothing_is_published(
    town: Town, tmp_path: Path, content: bytes, words: str
) -> None:
    town.label()
    path = tmp_path / "hall.glb"
    path.write_bytes(content)
    model = Refined(path=path, lon=106.65, lat=35.22, height=1430.0)
    (first, *_) = column(next(m for (m,) in labelled(town.folder(2)).values()), "building_id")
    with pytest.raises(CimError, match=words):
        town.revise(Revision(models=(model,), buildings=(first,)))
    with ready(town.here.engine) as connection:
        assert registry.published(connection, "base.oblique").version == 2
