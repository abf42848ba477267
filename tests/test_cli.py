"""Commands as a user types them, in processes of their own if they open an installation."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Transformer
from typer.testing import CliRunner

from cim.city import load
from cim.cli import app
from cim.installation import Installation
from cim.store import cluster, database
from tests import home
from tests.commands import cim
from tests.delivered import NORTH, WEST, deliver, hills, photo, raster
from tests.ingest.osgb import scenes
from tests.ingest.osgb.writer import Geode

BOUNDS = "106.5,35.1,106.82,35.34"
FIELDS = [{"name": "depth", "title": "埋深", "type": "real", "unit": "m"}]
WELL = {"id": "survey.well", "title": "水井", "kind": "vector", "geometry": "Point"}


def words(error: str) -> tuple[str, str]:
    """What a failed command says: the error and the remedy, and nothing else."""
    lines = error.strip().splitlines()
    assert len(lines) == 2, error
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("remedy: ")
    return lines[0][7:], lines[1][8:]


def typed(environment: dict[str, str], *arguments: object) -> tuple[int, str]:
    """Code and stderr of a command that ends before it opens anything, without a process."""
    named = {k: v for k, v in environment.items() if k.startswith("CIM_")}
    done = CliRunner().invoke(app, [str(a) for a in arguments], env=named)
    return done.exit_code, done.stderr


def wells(path: Path, count: int = 3) -> Path:
    shapes = shapely.points([[106.64 + 0.001 * i, 35.23] for i in range(count)])
    path.parent.mkdir(parents=True, exist_ok=True)
    gpd.GeoDataFrame({"depth": np.arange(count) + 0.5}, geometry=shapes, crs=4490).to_file(path)
    return path


def oblique(folder: Path) -> Path:
    return scenes.delivery(folder, {"Tile_0/Tile_0.osgb": Geode([scenes.sheet(size=300.0)])})


DELIVERIES: dict[str, Callable[[Path], Path]] = {
    "oblique": oblique,
    "dem": lambda at: raster(at / "dem.tif", hills()),
    "ortho": lambda at: raster(at / "dom.tif", np.full((3, 200, 200), 90, np.uint8), cell=0.5),
    "vector": lambda at: wells(at / "w.gpkg"),
}


@pytest.mark.parametrize("kind", list(DELIVERIES))
def test_a_profile_is_made_from_a_delivery_that_lies_in_it(
    kind: str, environment: dict[str, str], tmp_path: Path
) -> None:
    source = DELIVERIES[kind](tmp_path / "in")
    out = tmp_path / "fresh" / "city.toml"
    done = cim(environment, "city", "init", "--from", source, "--name", "华亭", "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"export CIM_CITY={out}" in done.stdout
    made = load(out)
    assert made.name == "华亭"
    assert made.compute_crs.to_epsg() == 4545
    middle = (377_000.0, 3_900_000.0) if kind == "oblique" else (WEST + 50, NORTH - 50)
    lon, lat = Transformer.from_crs(4545, 4490, always_xy=True).transform(*middle)
    if kind == "vector":
        lon, lat = 106.641, 35.23
    assert made.bounds.west < lon < made.bounds.east
    assert made.bounds.south < lat < made.bounds.north
    assert made.bounds.east - made.bounds.west < 0.1


def test_a_profile_made_from_bounds_is_the_one_shown(
    environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "c.toml"
    done = cim(environment, "city", "init", "--bounds", BOUNDS, "--geoid", "-36.5", "--out", out)
    assert done.returncode == 0, done.stderr
    data = tomllib.loads(out.read_text("utf-8"))
    assert data["bounds"] == [106.5, 35.1, 106.82, 35.34]
    assert data["geoid"] == -36.5
    shown = cim(environment | {"CIM_CITY": str(out)}, "city", "show")
    assert shown.returncode == 0, shown.stderr
    assert str(out) in shown.stdout
    assert "106.50000..106.82000°E 35.10000..35.34000°N" in shown.stdout
    assert "constant -36.5 m" in shown.stdout


@pytest.mark.parametrize(
    ("options", "said", "remedy"),
    [
        ((), "nothing to fit the profile to", "--bounds"),
        (("--bounds", "106,35,107"), "is not four numbers", "west,south,east,north"),
        (("--bounds", "a,b,c,d"), "is not four numbers", "west,south,east,north"),
        (("--bounds", "107,35,106,36"), "are not [west, south, east, north]", "docs/city.md"),
        (("--bounds", "106,35,nan,36"), "is not four numbers", "west,south,east,north"),
        (("--bounds", BOUNDS, "--crs", "EPSG:4490"), "is not projected", "docs/city.md"),
        (("--bounds", BOUNDS, "--geoid", "none.gtx"), "none.gtx is missing", "docs/city.md"),
        (("--from", "/nowhere/at/all"), "/nowhere/at/all: there is no such file", "mounted"),
    ],
)
def test_a_profile_that_cannot_be_made_leaves_no_file_and_says_why(
    options: tuple[str, ...], said: str, remedy: str, environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "c.toml"
    code, told = typed(environment, "city", "init", *options, "--out", out)
    assert code == 2, told
    reason, advice = words(told)
    assert said in reason
    assert remedy in advice
    assert not out.exists()


def test_a_profile_is_never_written_over(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "c.toml"
    out.write_text("mine")
    done = cim(environment, "city", "init", "--bounds", BOUNDS, "--out", out)
    assert done.returncode == 2
    assert words(done.stderr) == (f"{out}: the file exists", "give another --out")
    assert out.read_text() == "mine"


def test_a_missing_profile_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    done = cim(environment | {"CIM_CITY": str(tmp_path / "no.toml")}, "city", "show")
    assert done.returncode == 2
    reason, advice = words(done.stderr)
    assert reason == f"{tmp_path / 'no.toml'}: there is no city profile"
    assert "cim city init" in advice


@pytest.mark.parametrize(("name", "value"), [("CIM_PORT", "abc"), ("CIM_PORT", "70000")])
def test_a_setting_that_does_not_fit_is_named(
    name: str, value: str, environment: dict[str, str]
) -> None:
    code, told = typed(environment | {name: value}, "serve")
    assert code == 2, told
    reason, advice = words(told)
    assert reason.startswith(f"{name}={value}: ")
    assert "docs/reference/settings.md" in advice


@pytest.mark.db
@pytest.mark.parametrize("form", ["toml", "json", "list.json"])
def test_a_registered_layer_is_listed_shown_and_takes_deliveries(
    form: str, installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / f"layers.{form}"
    if form == "toml":
        text = "[[layers]]\n" + "".join(f'{k} = "{v}"\n' for k, v in WELL.items())
        file.write_text(text + '[[layers.fields]]\nname = "depth"\ntitle = "埋深"\ntype = "real"\n')
    else:
        one = WELL | {"fields": FIELDS}
        file.write_text(json.dumps([one] if form == "list.json" else one), "utf-8")
    done = cim(environment, "layers", "register", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1 layers registered"
    shown = json.loads(cim(environment, "layers", "show", "survey.well").stdout)
    assert (shown["declaration"]["title"], shown["origin"], shown["report"]) == (
        "水井", "file", None,
    )  # fmt: skip
    deliver(installation, wells(tmp_path / "w.gpkg"), "survey.well")
    listed = json.loads(cim(environment, "layers", "list", "--json").stdout)
    versions = {layer["id"]: layer["version"] for layer in listed}
    assert versions["survey.well"] == 1
    assert versions["forest_fire.tower"] is None
    table = cim(environment, "layers", "list").stdout
    row = next(line for line in table.splitlines() if line.startswith("survey.well"))
    assert row.split()[1:4] == ["水井", "vector", "1"]
    assert row.split()[-1] == "3"


@pytest.mark.db
@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(WELL | {"id": "base.building"}), "base.building is declared by a topic"),
        (json.dumps(WELL | {"id": "Well"}), "'Well'"),
        (json.dumps(WELL | {"kind": "hologram"}), "hologram"),
        ("{", "cannot be read"),
        ("[1, 2]", "holds no declarations"),
        ('{"layers": 3}', "holds no declarations"),
    ],
)
def test_declarations_that_do_not_fit_register_nothing(
    text: str, said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "layers.json"
    file.write_text(text, "utf-8")
    done = cim(environment, "layers", "register", file)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert said in done.stderr.splitlines()[0]
    listed = json.loads(cim(environment, "layers", "list", "--json").stdout)
    assert {"survey.well", "Well"}.isdisjoint(layer["id"] for layer in listed)


@pytest.mark.db
def test_versions_are_listed_and_an_older_one_is_served_again(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    for count in (3, 5):
        deliver(installation, wells(tmp_path / f"{count}.gpkg", count), "survey.well")

    def listed() -> list[list[str]]:
        done = cim(environment, "layers", "versions", "survey.well")
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    assert [row[:2] for row in listed()] == [["*", "2"], ["1", listed()[1][1]]]
    back = cim(environment, "layers", "rollback", "survey.well", 1)
    assert back.stdout.strip() == "survey.well now serves version 1"
    assert [row[0] for row in listed()] == ["2", "*"]
    none = cim(environment, "layers", "rollback", "survey.well", 9)
    assert none.returncode == 2
    assert "survey.well" in words(none.stderr)[0]
    assert [row[0] for row in listed()] == ["2", "*"]
    unknown = cim(environment, "layers", "show", "survey.spring")
    assert unknown.returncode == 2
    assert words(unknown.stderr)[0] == "there is no layer survey.spring"


@pytest.fixture
def mountains(installation: Installation, tmp_path: Path) -> Installation:
    """A coarse DEM around the documented example's place."""
    east, north = Transformer.from_crs(4490, 4545, always_xy=True).transform(106.63968, 35.24615)
    path = raster(tmp_path / "dem.tif", hills(160, 160, cell=60.0), cell=60.0,
                  west=east - 4800, north=north + 4800)  # fmt: skip
    deliver(installation, path, "base.dem")
    return installation


def test_analyses_are_listed_for_people_and_programs(environment: dict[str, str]) -> None:
    listed = json.loads(cim(environment, "run", "--list", "--json").stdout)
    viewshed = next(a for a in listed if a["id"] == "forest_fire.viewshed")
    assert set(viewshed) == {"id", "title", "title_en"}
    plain = cim(environment, "run").stdout
    assert all(a["id"] in plain and a["title"] in plain for a in listed)


@pytest.mark.db
@pytest.mark.usefixtures("mountains")
def test_the_documented_example_runs_and_values_beside_it_replace_its_own(
    environment: dict[str, str],
) -> None:
    def areas(*more: object) -> tuple[dict[str, Any], dict[str, float]]:
        done = cim(environment, "run", "forest_fire.viewshed", "--example", "--json", *more)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return answer, {f["key"]: f["value"] for f in answer["summary"]}

    answer, whole = areas("--range", 4000)
    assert answer["provenance"]["parameters"]["observer"] == [106.63968, 35.24615]
    assert answer["provenance"]["parameters"]["observer_height"] == 24
    assert answer["provenance"]["parameters"]["range"] == 4000
    assert whole["looked_at_area"] == pytest.approx(np.pi * 16, rel=0.02)
    answer, part = areas("--range=4000", "--field-of-view", 90, "--azimuth=45")
    assert part["looked_at_area"] == pytest.approx(np.pi * 4, rel=0.03)
    table = cim(
        environment, "run", "forest_fire.viewshed", "--observer", "106.63968,35.24615",
        "--range", 4000,
    )  # fmt: skip
    assert table.returncode == 0, table.stderr
    assert answer["title"] in table.stdout
    assert "coverage: /" in table.stdout


@pytest.mark.db
@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("arguments", "said", "remedy"),
    [
        (("forest_fire.nothing",), "there is no analysis", "forest_fire.viewshed"),
        (("forest_fire.viewshed", "--height", "3"), "has no --height", "--observer_height"),
        (("forest_fire.viewshed", "20"), "'20' stands alone", "--parameter value"),
        (("forest_fire.viewshed", "--example", "--range", "-5"), "range", ""),
        (("forest_fire.viewshed",), "observer", ""),
        (("forest_fire.viewshed", "--example"), "base.dem", ""),
    ],
)
def test_a_question_that_does_not_fit_is_answered_with_what_would(
    arguments: tuple[str, ...], said: str, remedy: str, environment: dict[str, str]
) -> None:
    done = cim(environment, "run", *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    reason, advice = words(done.stderr)
    assert said in reason
    assert remedy in advice


@pytest.mark.db
@pytest.mark.usefixtures("installation")
def test_a_list_of_deliveries_publishes_the_good_and_names_the_bad(
    environment: dict[str, str], tmp_path: Path
) -> None:
    wells(tmp_path / "w.gpkg")
    raster(tmp_path / "dem.tif", hills())
    (tmp_path / "bad.tif").write_text("no picture")
    file = tmp_path / "deliveries.toml"
    entries = (("survey.well", "w.gpkg"), ("base.ortho", "bad.tif"), ("base.dem", "dem.tif"))
    text = "".join(f'[[delivery]]\nlayer = "{a}"\npath = "{b}"\n' for a, b in entries)
    file.write_text(text)
    done = cim(environment, "deliveries", file)
    assert done.returncode == 3, done.stderr
    assert "survey.well version 1 published" in done.stdout
    assert "base.dem version 1 published" in done.stdout
    told = next(s for s in done.stderr.splitlines() if s.startswith("base.ortho: "))
    assert str(tmp_path / "bad.tif") in told
    assert " → " in told
    again = cim(environment, "deliveries", file)
    assert again.returncode == 3
    assert again.stdout.count("unchanged") == 2
    file.write_text(text.replace("bad.tif", "good.tif"))
    raster(tmp_path / "good.tif", np.full((3, 90, 90), 90, np.uint8), cell=0.5)
    healed = cim(environment, "deliveries", file)
    assert healed.returncode == 0, healed.stderr
    assert "base.ortho version 1 published" in healed.stdout
    file.write_text('[[delivery]]\nlayer = "base.ortho"\npath = "bad.tif"\n')
    assert cim(environment, "deliveries", file).returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lists no delivery"),
        ("delivery = 3", "lists no delivery"),
        ("[[delivery]]\nlayer = 'a.b'", "does not fit"),
        ("[[delivery]]\nlayer = 'a.b'\npath = 'c'\ncolour = 'red'", "does not fit"),
        ("[[delivery]]\nlayer = 'a.b'\npath = 'c'\nheights = 'tall'", "does not fit"),
        ("delivery = [1]", "does not fit"),
        ("[[delivery]]\nlayer = 'a.b'\npath = 'c'\n[[label]]\nmesh = 'a.b'", "does not fit"),
        ("label = 3\n[[delivery]]\nlayer = 'a.b'\npath = 'c'", "does not fit"),
    ],
)
def test_a_list_of_deliveries_that_does_not_fit_is_refused_before_anything_is_done(
    text: str, said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "deliveries.toml"
    file.write_text(text)
    nowhere = environment | {"CIM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    code, told = typed(nowhere, "deliveries", file)
    assert code == 2, told
    reason, _ = words(told)
    assert reason.startswith(f"{file}: ")
    assert said in reason


@pytest.fixture
def private(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """The environment of an installation whose private database nobody has made yet."""
    folder = home.folder() / f"cli-{abs(hash(request.node.nodeid))}"
    mine = {k: v for k, v in environment.items() if k != "CIM_DATABASE_URL"}
    yield mine | {"CIM_DATA_DIR": str(folder)}
    home.stop(cluster.locate(folder))


@pytest.mark.db
def test_the_private_database_is_upgraded_and_survives_a_stop(
    private: dict[str, str], tmp_path: Path
) -> None:
    upgraded = cim(private, "db", "upgrade")  # starts what is down
    assert upgraded.returncode == 0, upgraded.stderr
    assert upgraded.stdout.strip() == f"schema {database.newest()}"
    file = tmp_path / "l.json"
    file.write_text(json.dumps(WELL), "utf-8")
    assert cim(private, "layers", "register", file).returncode == 0
    assert cim(private, "db", "down").stdout.strip() == "stopped"
    assert cim(private, "db", "down").stdout.strip() == "was not up"
    status = cim(private, "db", "status")
    assert (status.returncode, status.stdout[:5]) == (3, "down:")
    assert cim(private, "db", "up").stdout.startswith("started: ")
    assert cim(private, "db", "up").stdout.startswith("is up: ")
    listed = json.loads(cim(private, "layers", "list", "--json").stdout)
    assert "survey.well" in [layer["id"] for layer in listed]


@pytest.mark.db
@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_server_of_others_is_neither_started_nor_stopped(
    verb: str, environment: dict[str, str]
) -> None:
    code, told = typed(environment, "db", verb)
    assert code == 2, told
    reason, advice = words(told)
    assert reason.startswith("CIM_DATABASE_URL names a server")
    assert "unset CIM_DATABASE_URL" in advice


@pytest.mark.db
def test_a_picture_is_exported_and_what_cannot_be_says_why(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    deliver(installation, raster(tmp_path / "a.tif", photo(400, 400), cell=0.5), "test.ortho")
    deliver(installation, raster(tmp_path / "dem.tif", hills()), "base.dem")
    target = tmp_path / "out" / "a.mbtiles"
    done = cim(environment, "export", "test.ortho", "--to", target)
    assert done.returncode == 0, done.stderr
    assert "tiles" in done.stdout
    assert target.is_file()
    for arguments, said in (
        (["base.dem", "--to", "a.pmtiles"], "only imagery can be exported"),
        (["test.ortho", "--to", "a.zip"], "neither .mbtiles nor .pmtiles"),
        (["test.ortho", "--to", "a.pmtiles", "--bbox", "1,2,3,4"], "does not meet the layer"),
        (["test.ortho", "--to", "a.pmtiles", "--maxzoom", "22"], "--maxzoom from 8 to 18"),
        (["test.ortho", "--to", "a.pmtiles", "--bbox", "1,2,3"], "is not four numbers"),
        (["test.ortho", "--to", "a.pmtiles", "--version", "7"], "is not published"),
    ):
        failed = cim(environment, "export", *arguments)
        assert failed.returncode == 2, arguments
        assert said in failed.stderr
