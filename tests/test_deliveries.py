"""A list of deliveries with labels: carried out in order, and only once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import cim
from tests.delivered import photo, raster

LIST = """
[[delivery]]
layer = "base.oblique"
path = "oblique"

[[delivery]]
layer = "base.building"
path = "{sample}/vector/buildings.shp"

[[label]]
mesh = "base.oblique"
footprints = "base.building"
"""


@pytest.mark.db
@pytest.mark.usefixtures("installation")
def test_labels_follow_the_deliveries_and_a_second_run_changes_nothing(
    environment: dict[str, str], sample: Path, tmp_path: Path
) -> None:
    tile = Path("oblique") / "Data" / "Tile_+002_+002"
    shutil.copytree(sample / tile, tmp_path / tile)
    shutil.copy(sample / "oblique" / "metadata.xml", tmp_path / "oblique")
    file = tmp_path / "deliveries.toml"
    file.write_text(LIST.format(sample=sample))
    done = cim(environment, "deliveries", file)
    assert done.returncode == 0, done.stderr
    assert "base.oblique version 1 published" in done.stdout
    assert "base.oblique version 2 published" in done.stdout
    again = cim(environment, "deliveries", file)
    assert again.returncode == 0, again.stderr
    assert "published" not in again.stdout.replace("parts published", "")
    assert "base.oblique version 1 unchanged" in again.stdout
    assert "base.oblique version 2 unchanged" in again.stdout


@pytest.mark.db
@pytest.mark.usefixtures("installation")
def test_a_label_without_its_mesh_is_told_and_the_rest_is_published(
    environment: dict[str, str], sample: Path, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.toml"
    kept = LIST[LIST.index('[[delivery]]\nlayer = "base.building"') :]
    file.write_text(kept.format(sample=sample))
    done = cim(environment, "deliveries", file)
    assert done.returncode == 3, done.stderr
    assert "base.building version 1 published" in done.stdout
    assert "base.oblique: " in done.stderr


def test_a_join_that_does_not_fit_is_refused_before_anything_is_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.toml"
    file.write_text(
        '[[delivery]]\nlayer = "base.dem"\npath = "dem"\n[[join]]\nterrain = "base.dem"\n'
    )
    done = cim(environment, "deliveries", file)
    assert done.returncode == 2
    assert "the join {'terrain': 'base.dem'} does not fit" in done.stderr
    assert "each has terrain and mesh" in done.stderr


@pytest.mark.db
@pytest.mark.usefixtures("installation")
def test_tubes_follow_the_pipes_of_a_list_and_a_misfit_is_refused(
    environment: dict[str, str], sample: Path, tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.toml"
    pipes = f'[[delivery]]\nlayer = "pipelines.gas_pipe"\npath = "{sample}/vector/gas_pipe.gpkg"\n'
    file.write_text(f'{pipes}[[tubes]]\nlayers = "pipelines.gas_pipe"\n')
    done = cim(environment, "deliveries", file)
    assert done.returncode == 2
    assert "the tubes {'layers': 'pipelines.gas_pipe'} do not fit" in done.stderr
    tubes = 'layers = ["pipelines.gas_pipe"]\nlayer = "pipelines.pipe_tube"\n'
    file.write_text(f"{pipes}[[tubes]]\n{tubes}options = {{ sides = 6 }}\n")
    done = cim(environment, "deliveries", file)
    assert done.returncode == 0, done.stderr
    assert "pipelines.pipe_tube version 1 published" in done.stdout


@pytest.mark.db
@pytest.mark.usefixtures("installation")
def test_deliveries_of_two_years_become_versions_once_and_the_last_one_is_shown(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for name, seed in (("old.tif", 1), ("new.tif", 2)):
        raster(tmp_path / name, photo(200, 200, seed=seed, fields=2), cell=0.5)
    file = tmp_path / "deliveries.toml"
    file.write_text(
        '[[delivery]]\nlayer = "base.ortho"\npath = "old.tif"\noptions = { date = "2021-04-25" }\n'
        '[[delivery]]\nlayer = "base.ortho"\npath = "new.tif"\noptions = { date = "2024-05-18" }\n'
    )
    done = cim(environment, "deliveries", file)
    assert done.returncode == 0, done.stderr
    assert "base.ortho version 1 published" in done.stdout
    assert "base.ortho version 2 published" in done.stdout
    again = cim(environment, "deliveries", file)
    assert again.returncode == 0, again.stderr
    assert "base.ortho version 1 unchanged" in again.stdout
    assert "base.ortho version 2 unchanged" in again.stdout
    told = json.loads(cim(environment, "layers", "show", "base.ortho").stdout)
    assert "new.tif" in json.dumps(told)
    assert "old.tif" not in json.dumps(told)
    shutil.copy(tmp_path / "new.tif", tmp_path / "old.tif")  # the past is delivered anew
    changed = cim(environment, "deliveries", file)
    assert "base.ortho version 3 published" in changed.stdout
    assert "base.ortho version 4 published" in changed.stdout
