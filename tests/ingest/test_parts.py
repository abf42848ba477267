"""Parts of a delivery: taken over, built anew, lost alone, and built wherever there is room."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.errors import ConflictError, InputError, ParameterError
from cim.ingest import pipeline
from cim.ingest.keys import digest
from cim.ingest.marks import PARTS
from cim.ingest.progress import remaining
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.installation import Installation
from tests.ingest.toy import ToySource
from tests.outside import PROJECT

pytestmark = pytest.mark.db


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    folder = tmp_path / "toys"
    folder.mkdir()
    for name in "abcde":
        (folder / f"{name}.toy").write_text(f"this is {name}")
    return folder


def make(here: Installation, folder: Path, **more: Any) -> Report:
    options = more.pop("options", {})
    request = Request(
        paths=(folder,), layer_id="test.toy", layer=None, city=here.city, options=options
    )
    return pipeline.ingest(
        request, engine=here.engine, files=here.files, source=ToySource(), **more
    )


def contents(here: Installation, version: int) -> dict[str, str]:
    root = here.files.version("test.toy", version)
    return {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*.txt"))}


def test_parts_are_joined_up_to_one_root(installation: Installation, toys: Path) -> None:
    report = make(installation, toys)
    made = contents(installation, 1)
    (root,) = [text for name, text in made.items() if text.count("THIS") == 5]
    assert root == "THIS IS A+THIS IS B+THIS IS C+THIS IS D+THIS IS E"
    assert (report.published, report.joined, report.reused) == (5, 3 + 2 + 1, 0)


def test_only_a_changed_part_and_what_is_made_from_it_is_built_anew(
    installation: Installation, toys: Path
) -> None:
    make(installation, toys)
    (toys / "b.toy").write_text("changed")
    report = make(installation, toys)
    # b, the pair of a and b, the four of the pair, and the root are made; all others are kept
    assert report.reused == 5 + 6 - 4
    assert (report.version, report.published, report.joined) == (2, 5, 6)
    old, new = (contents(installation, n) for n in (1, 2))
    assert {n for n in old if old[n] != new[n]} == {
        n for n in old if n.startswith("parts/b/") or "a-b" in n
    }
    one, two = (installation.files.version("test.toy", n) / "parts/c/out.txt" for n in (1, 2))
    assert one.stat().st_ino == two.stat().st_ino


def test_a_version_of_kept_parts_is_the_one_built_from_nothing(
    installation: Installation, toys: Path
) -> None:
    make(installation, toys)
    (toys / "d.toy").write_text("other")
    (toys / "a.toy").unlink()
    make(installation, toys)
    report = make(installation, toys, force=True)
    assert (report.version, report.reused) == (3, 0)
    assert contents(installation, 2) == contents(installation, 3)


@pytest.mark.parametrize("left", ["", "{", "[]", '{"key": 1}'])
def test_what_a_power_cut_left_of_a_mark_is_no_mark(
    left: str, installation: Installation, toys: Path
) -> None:
    make(installation, toys)
    (installation.files.version("test.toy", 1) / PARTS).write_text(left)
    (toys / "b.toy").write_text("changed")
    report = make(installation, toys)
    assert (report.version, report.reused) == (2, 0)
    assert any(text == "CHANGED" for text in contents(installation, 2).values())


def test_what_was_published_meanwhile_is_not_covered(
    installation: Installation, toys: Path
) -> None:
    make(installation, toys)
    (toys / "b.toy").write_text("the new survey")
    make(installation, toys)
    (toys / "c.toy").write_text("labels of the old one")
    with pytest.raises(ConflictError, match="served version 1 when this began, and serves 2 now"):
        make(installation, toys, based_on=1)
    assert make(installation, toys, based_on=2).version == 3


def test_a_delivery_on_another_disk_is_the_same(installation: Installation, toys: Path) -> None:
    make(installation, toys)
    moved = toys.rename(toys.with_name("elsewhere"))
    assert make(installation, moved).unchanged
    (moved / "e.toy").write_text("news")
    assert make(installation, moved).reused > 0


def test_an_option_builds_every_part_anew(installation: Installation, toys: Path) -> None:
    make(installation, toys)
    report = make(installation, toys, options={"loud": "false"})
    assert (report.version, report.reused) == (2, 0)
    assert contents(installation, 2)["parts/a/out.txt"] == "this is a"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"colour": "red"}, "colour.*options of this reader: loud"), ({"loud": "x"}, "loud.*boolean")],
)
def test_an_option_that_does_not_fit_is_refused_by_name(
    installation: Installation, toys: Path, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ParameterError) as error:
        make(installation, toys, options=options)
    text = f"{error.value.reason} {error.value.remedy}"
    assert re.search(words, text), text


@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_program_stumbles_over_loses_one_part(
    installation: Installation, toys: Path, workers: int
) -> None:
    (toys / "c.toy").write_text("stumble")
    (toys / "d.toy").write_text("bad")
    report = make(installation, toys, workers=workers)
    assert {Path(p.path).name: p.reason for p in report.refused} == {
        "c.toy": "the program failed on it: TypeError: two left feet",
        "d.toy": "it is bad",
    }
    assert report.published == 3
    assert "THIS IS A+THIS IS B+THIS IS E" in contents(installation, 1).values()


def test_a_worker_that_is_killed_loses_its_own_part_only(
    installation: Installation, toys: Path
) -> None:
    (toys / "b.toy").write_text("die")
    (toys / "d.toy").write_text("die once")
    report = make(installation, toys, workers=2)
    (lost,) = report.refused
    assert Path(lost.path).name == "b.toy"
    assert "the worker that built it was killed" in lost.reason
    assert report.published == 4
    assert not list(installation.files.version("test.toy", 1).rglob("*.begun"))
    (toys / "b.toy").write_text("well again")
    assert make(installation, toys, workers=2).reused == 4


@contextmanager
def dask(*, workers: int) -> Iterator[str]:
    """A real scheduler and real workers, each a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    quiet: dict[str, Any] = {
        "env": environment, "cwd": PROJECT, "stdout": subprocess.DEVNULL,
        "stderr": subprocess.PIPE, "text": True, "start_new_session": True,
    }  # fmt: skip
    words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
             "--port", "0", "--no-dashboard"]  # fmt: skip
    scheduler = subprocess.Popen(words, **quiet)
    assert scheduler.stderr is not None
    started = [scheduler]
    try:
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at" in line)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
                  "--no-dashboard", "--host", "127.0.0.1"]  # fmt: skip
        started += [subprocess.Popen(worker, **quiet) for _ in range(workers)]
        for process in started[1:]:
            assert process.stderr is not None
            next(line for line in process.stderr if "Registered to" in line)
        yield address
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGKILL)  # a worker has children
        for process in started:
            process.communicate(timeout=30)


@pytest.mark.filterwarnings("default")  # of the library
def test_the_workers_of_a_dask_scheduler_build_the_same(
    installation: Installation, toys: Path
) -> None:
    (toys / "c.toy").write_text("bad")
    make(installation, toys)
    with dask(workers=2) as address:
        report = make(installation, toys, scheduler=address, force=True)
        (toys / "d.toy").write_text("die")
        wounded = make(installation, toys, scheduler=address)
    assert (report.version, report.published, len(report.refused)) == (2, 4, 1)
    assert contents(installation, 1) == contents(installation, 2)
    assert [Path(p.path).name for p in wounded.refused] == ["c.toy", "d.toy"]
    assert wounded.published == 3


@pytest.mark.filterwarnings("default")
def test_a_scheduler_without_workers_or_that_is_not_there_is_one_sentence(
    installation: Installation, toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cim.ingest.crew.CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        make(installation, toys, scheduler="tcp://127.0.0.1:9")
    with dask(workers=0) as address, pytest.raises(InputError, match="has no worker"):
        make(installation, toys, scheduler=address)


@given(
    took=st.floats(0.1, 1e6), done=st.integers(0, 1000), total=st.integers(0, 1000),
    sizes=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)),
)  # fmt: skip
def test_the_time_that_is_left_is_told_only_while_there_is_some(
    took: float, done: int, total: int, sizes: tuple[int, int]
) -> None:
    told = remaining(took, (done, total), sizes)
    known = sizes if all(sizes) else (done, total)
    assert bool(told) == (0 < known[0] < known[1])


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_a_digest_does_not_care_for_the_order_of_keys(values: dict[str, Any]) -> None:
    again = dict(reversed(list(values.items())))
    assert digest(values) == digest(again)
    assert digest(values) != digest({**values, "one more": 1})
