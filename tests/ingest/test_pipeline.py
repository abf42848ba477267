"""The way of every delivery: killed, starved, contested, repeated, and still right."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from cim.catalog import registry
from cim.errors import (
    CheckError,
    ConflictError,
    DatabaseError,
    DeclarationError,
    InputError,
    NotFoundError,
)
from cim.ingest import pipeline
from cim.ingest.source import Check, Product
from cim.ingest.sources.dem.source import DemSource
from cim.installation import Installation
from cim.layers import Kind, Layer
from cim.store import cluster
from cim.store.database import ready
from tests import home
from tests.commands import cim, command
from tests.delivered import WEST, deliver, hills, raster
from tests.outside import PROJECT

pytestmark = pytest.mark.db


def served(here: Installation, layer: str) -> int | None:
    with ready(here.engine) as connection:
        try:
            return registry.published(connection, layer).version
        except NotFoundError:
            return None


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Eight sheets of a DEM, enough to be killed among."""
    ground = hills(200, 400)
    for number in range(8):
        part = ground[:, number * 50 : number * 50 + 50]
        raster(tmp_path / "dem" / f"{number}.tif", part, west=WEST + 750 * number)
    return tmp_path / "dem"


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Whether it happened while the process was alive."""
    while process.poll() is None:
        if happened():
            return True
        time.sleep(0.002)
    return False


def start(environment: dict[str, str], *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("ingest", *words), env=environment, cwd=PROJECT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[str]) -> None:
    """Kill an ingest with its workers, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    time.sleep(0.5)  # until the database has noticed, and let go of the layer


MOMENTS = {
    "after the first part": lambda s: len(list(s.glob("*/.parts/*.json"))) >= 1,
    "after five parts": lambda s: len(list(s.glob("*/.parts/*.json"))) >= 5,
    "while joining": lambda s: bool(list(s.glob("*/models/0.*"))),
    "while tiling": lambda s: bool(list(s.glob("*/1[0-5]"))),
    "just before it is visible": lambda s: bool(list(s.glob("*/layer.json"))),
}


@pytest.mark.parametrize(
    ("workers", "moment"), [*((1, m) for m in MOMENTS), (2, "after the first part")]
)
def test_a_kill_leaves_the_last_version_and_a_second_run_completes(
    moment: str, workers: int, installation: Installation, environment: dict[str, str],
    sheets: Path, tmp_path: Path,
) -> None:  # fmt: skip
    before = deliver(installation, raster(tmp_path / "old.tif", hills(60, 60)), "test.dem")
    staging = installation.files.root / "staging" / "test.dem"
    first = start(environment, sheets, "--layer", "test.dem", "--workers", workers)
    reached = wait_for(lambda: MOMENTS[moment](staging), first)
    kill(first)
    assert reached, "the run ended before its moment came"
    assert served(installation, "test.dem") == before.version == 1
    folder = installation.files.version("test.dem", 1)
    assert (folder / "layer.json").is_file()
    marks = len(list(staging.glob("*/.parts/*.json")))
    path = tmp_path / "report.json"
    done = cim(environment, "ingest", sheets, "--layer", "test.dem", "--report", path)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    assert report["version"] == 2
    assert report["parts"]["resumed"] == marks > 0
    assert report["parts"]["published"] == 8
    assert "were finished by an earlier run" in done.stderr
    assert served(installation, "test.dem") == 2
    assert list(staging.glob("*")) == []
    assert not (installation.files.version("test.dem", 2) / "work").exists()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_workers_end_with_the_run_that_was_killed_alone(
    installation: Installation, environment: dict[str, str], sheets: Path
) -> None:
    staging = installation.files.root / "staging" / "test.dem"
    first = start(environment, sheets, "--layer", "test.dem", "--workers", 2)
    assert wait_for(lambda: MOMENTS["after the first part"](staging), first)
    told = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text()
    workers = [int(pid) for pid in told.split()]
    assert len(workers) >= 2
    os.kill(first.pid, signal.SIGKILL)  # as the kernel does when memory is short: no group
    first.communicate(timeout=60)  # they hold its pipes until they end
    for _ in range(600):
        if not any(map(alive, workers)):
            break
        time.sleep(0.1)
    assert not any(map(alive, workers))
    done = cim(environment, "ingest", sheets, "--layer", "test.dem")
    assert done.returncode == 0, done.stderr


def test_a_resumed_version_is_the_one_an_undisturbed_run_makes(
    installation: Installation, environment: dict[str, str], sheets: Path
) -> None:
    deliver(installation, sheets, "test.whole")
    staging = installation.files.root / "staging" / "test.dem"
    first = start(environment, sheets, "--layer", "test.dem", "--workers", 1)
    assert wait_for(lambda: MOMENTS["after five parts"](staging), first)
    kill(first)
    deliver(installation, sheets, "test.dem")
    whole, resumed = (installation.files.version(f"test.{n}", 1) for n in ("whole", "dem"))
    names = sorted(str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file())
    assert len(names) > 20
    assert names == sorted(str(p.relative_to(resumed)) for p in resumed.rglob("*") if p.is_file())
    assert [n for n in names if (whole / n).read_bytes() != (resumed / n).read_bytes()] == []


def test_a_folder_that_a_killed_run_left_without_its_row_is_made_anew(
    installation: Installation, tmp_path: Path
) -> None:
    stray = installation.files.version("test.dem", 1)
    stray.mkdir(parents=True)
    (stray / "half").write_text("x")
    report = deliver(installation, raster(tmp_path / "a.tif", hills()), "test.dem")
    assert report.version == 1
    assert not (stray / "half").exists()
    assert (stray / "layer.json").is_file()


def test_a_changed_delivery_does_not_go_on_where_another_stopped(
    installation: Installation, environment: dict[str, str], sheets: Path
) -> None:
    staging = installation.files.root / "staging" / "test.dem"
    first = start(environment, sheets, "--layer", "test.dem", "--workers", 1)
    assert wait_for(lambda: MOMENTS["after the first part"](staging), first)
    kill(first)
    raster(sheets / "3.tif", hills(200, 50, seed=9), west=WEST + 2250)
    report = deliver(installation, sheets, "test.dem")
    assert (report.resumed, report.published) == (0, 8)


def test_the_same_delivery_twice_is_unchanged_until_forced(
    installation: Installation, sheets: Path
) -> None:
    first = deliver(installation, sheets, "test.dem")
    again = deliver(installation, sheets, "test.dem")
    forced = deliver(installation, sheets, "test.dem", force=True)
    assert [r.version for r in (first, again, forced)] == [1, 1, 2]
    assert [r.unchanged for r in (first, again, forced)] == [False, True, False]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this container may not mount a disk; the file size limit stands in for it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_nothing_is_published(
    installation: Installation, environment: dict[str, str], small_disk: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).uniform(1400, 1500, (1200, 1200)).astype(np.float32)
    path = raster(tmp_path / "big.tif", noise, cell=5.0)
    done = cim(
        environment | {"CIM_DATA_DIR": str(small_disk / "data")},
        "ingest", path, "--layer", "test.dem",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot write: " in done.stderr
    assert "CIM_DATA_DIR" in done.stderr
    assert served(installation, "test.dem") is None


def small_files() -> None:
    """Let no file of this process grow beyond 200 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_file_that_may_grow_no_further_is_no_traceback(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    noise = hills(600, 600, cell=5.0) + random.uniform(0, 1, (600, 600)).astype(np.float32)
    path = raster(tmp_path / "big.tif", noise, cell=5.0)
    done = subprocess.run(
        command("ingest", path, "--layer", "test.dem", "--workers", 1),
        env=environment, capture_output=True, text=True, cwd=PROJECT, timeout=180, check=False,
        preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert served(installation, "test.dem") is None


def test_a_database_that_goes_down_midway_is_one_sentence(
    environment: dict[str, str], sheets: Path
) -> None:
    folder = home.folder() / "mortal"
    private = cluster.locate(folder)
    cluster.up(private)
    url = home.clone(private, "mortal")
    try:
        process = start(
            environment | {"CIM_DATABASE_URL": url}, sheets, "--layer", "test.dem", "--workers", 1
        )
        staging = Path(environment["CIM_DATA_DIR"]) / "staging" / "test.dem"
        assert wait_for(lambda: MOMENTS["after the first part"](staging), process)
        cluster.down(private)
        _, words = process.communicate(timeout=120)
        assert process.returncode == 2, words
        assert "Traceback" not in words
        assert "database" in words
        cluster.up(private)
        again = cim(
            environment | {"CIM_DATABASE_URL": url}, "ingest", sheets, "--layer", "test.dem"
        )
        assert again.returncode == 0, again.stderr
        assert "8 of 8 parts were finished by an earlier run" in again.stderr
    finally:
        home.stop(private)


def test_a_second_ingest_into_the_same_layer_is_told_to_wait(
    installation: Installation, sheets: Path
) -> None:
    with (
        pipeline._alone(installation.engine, "test.dem"),
        pytest.raises(ConflictError, match=r"another ingest into test\.dem is running"),
    ):
        deliver(installation, sheets, "test.dem")
    assert deliver(installation, sheets, "test.dem").version == 1


def test_two_layers_are_ingested_side_by_side(installation: Installation, sheets: Path) -> None:
    with pipeline._alone(installation.engine, "test.dem"):
        assert deliver(installation, sheets, "test.other").version == 1


class Failing(DemSource):
    """A source whose own check finds a fault."""

    def check(self, product: Product, request: object, staging: Path) -> tuple[Check, ...]:
        return (Check(name="a stranger's look", looked_at=3, errors=("torn", "and torn")),)


def test_what_fails_its_own_check_is_not_published(
    installation: Installation, tmp_path: Path
) -> None:
    from cim.ingest.source import Request  # noqa: PLC0415

    request = Request(
        paths=(raster(tmp_path / "a.tif", hills()),), layer_id="test.dem", layer=None,
        city=installation.city,
    )  # fmt: skip
    with pytest.raises(CheckError, match=r"did not pass a stranger's look: torn \(and 1 more\)"):
        pipeline.ingest(
            request, engine=installation.engine, files=installation.files, source=Failing()
        )
    assert served(installation, "test.dem") is None


@pytest.mark.parametrize("layer", ["../layers/test.dem", "", ".", "Test.Dem", "a/b.c", "catalog.x"])
def test_a_bad_layer_id_is_refused_before_anything_is_touched(
    layer: str, installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", hills())
    deliver(installation, path, "test.dem")
    kept = sorted(installation.files.root.rglob("*"))
    with pytest.raises(DeclarationError):
        deliver(installation, path, layer)
    assert sorted(installation.files.root.rglob("*")) == kept


def test_a_delivery_of_another_kind_than_the_layer_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    layer = Layer(id="test.dem", title="x", kind=Kind.MESH)
    path = raster(tmp_path / "a.tif", hills())
    with pytest.raises(InputError, match=r"holds mesh, the delivery is terrain \(dem\)"):
        deliver(installation, path, "test.dem", layer)


def test_deliveries_of_several_kinds_in_one_call_are_refused(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", hills())
    shapes = shapely.points([[106.6, 35.2]])
    gpd.GeoDataFrame({"n": [1]}, geometry=shapes, crs=4490).to_file(tmp_path / "b.gpkg")
    with pytest.raises(InputError, match="several kinds in one call: dem, vector"):
        deliver(installation, [path, tmp_path / "b.gpkg"], "test.dem")


def test_a_delivery_that_is_not_there_or_unknown_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        deliver(installation, tmp_path / "none", "test.dem")
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(InputError, match="no reader knows this format"):
        deliver(installation, tmp_path / "a.docx", "test.dem")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="the folder is empty"):
        deliver(installation, tmp_path / "empty", "test.dem")


REPORT = {
    "layer", "version", "source", "code_version", "unchanged", "inputs", "parts", "warnings",
    "crs", "heights", "extent", "counts", "checks", "seconds", "peak_memory_bytes",
}  # fmt: skip


def test_exit_codes_and_the_report_keep_their_contract(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    good = raster(tmp_path / "s" / "good.tif", hills())
    out = tmp_path / "report.json"
    done = cim(environment, "ingest", good, "--layer", "test.dem", "--report", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("test.dem version 1 published at 106.6")
    report = json.loads(out.read_text())
    assert set(report) == REPORT
    assert set(report["parts"]) == {
        "read", "published", "resumed", "reused", "joined", "refused",
    }  # fmt: skip
    assert set(report["crs"]) == {"given", "resolved", "epsg", "wkt", "how"}
    assert report["crs"]["epsg"] == 4545
    assert [set(i) for i in report["inputs"]] == [{"path", "sha256", "bytes"}]
    assert report["peak_memory_bytes"] > 50e6
    (tmp_path / "s" / "zbad.tif").write_text("x")
    partly = cim(environment, "ingest", tmp_path / "s", "--layer", "test.dem", "--report", out)
    assert partly.returncode == 3, partly.stderr
    refused = json.loads(out.read_text())["parts"]["refused"]
    assert [set(p) for p in refused] == [{"path", "reason", "remedy"}]
    assert "refused: " in partly.stderr
    assert "version 1 unchanged" in partly.stdout  # all that can be used of it is served already
    nothing = cim(environment, "ingest", tmp_path / "s" / "zbad.tif", "--layer", "test.dem")
    assert nothing.returncode == 2
    assert nothing.stderr.splitlines()[-2].startswith("error: ")
    assert nothing.stderr.splitlines()[-1].startswith("remedy: ")
    assert served(installation, "test.dem") == 1


def test_a_taken_port_is_one_sentence_and_code_2(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = cim(environment, "serve", "--port", port)
    assert done.returncode == 2, done.stderr
    assert f"port {port} at 127.0.0.1 is taken" in done.stderr
    assert "cim serve --port N" in done.stderr


def test_rows_that_the_database_refuses_leave_staging_for_the_next_run(
    installation: Installation, tmp_path: Path
) -> None:
    shapes = shapely.points([[106.6, 35.2]])
    gpd.GeoDataFrame({"n": [1]}, geometry=shapes, crs=4490).to_file(tmp_path / "b.gpkg")
    with ready(installation.engine) as connection:
        connection.execute(sa.text('create schema "test"'))
        connection.execute(sa.text('create table "test".well (mine int)'))  # where the view goes
        connection.commit()
    with pytest.raises(DatabaseError, match="nothing was published"):
        deliver(installation, tmp_path / "b.gpkg", "test.well")
    assert served(installation, "test.well") is None
    assert not installation.files.version("test.well", 1).exists()
    with ready(installation.engine) as connection:
        connection.execute(sa.text('drop table "test".well'))
        connection.commit()
    report = deliver(installation, tmp_path / "b.gpkg", "test.well")
    assert (report.version, report.resumed) == (1, 1)


def test_worker_processes_and_one_process_make_the_same(
    installation: Installation, sheets: Path
) -> None:
    one = deliver(installation, sheets, "test.one", workers=1)
    two = deliver(installation, sheets, "test.two", workers=2)
    assert one.counts == two.counts
    a, b = (installation.files.version(f"test.{n}", 1) / "models/0.tif" for n in ("one", "two"))
    assert a.read_bytes() == b.read_bytes()
