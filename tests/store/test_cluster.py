"""The private cluster: root-safe, crash-safe, start-safe, and nobody else's."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from cim.errors import DatabaseError, StorageError
from cim.store import cluster, programs
from tests.outside import PROJECT

pytestmark = pytest.mark.db
Locate = Callable[[Path], cluster.Cluster]
ROOT = os.geteuid() == 0
AS_ROOT = pytest.mark.skipif(not ROOT, reason="only root can change accounts")

START = """
import sys
from pathlib import Path
from cim.store import cluster
private = cluster.locate(Path(sys.argv[1]))
print(cluster.up(private))
"""


def ask(private: cluster.Cluster, sql: str) -> object:
    url = private.url("postgres").replace("+psycopg", "", 1)
    with psycopg.connect(url) as connection:
        row = connection.execute(sql).fetchone()
        assert row is not None
        return row[0]


def postmaster(private: cluster.Cluster) -> int:
    return int((private.data / "postmaster.pid").read_text().splitlines()[0])


def start_in_process(folder: Path, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", START, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "HOME": "/nonexistent"},
    )  # fmt: skip


def test_four_processes_that_start_a_cold_folder_together_all_succeed(
    walkable: Path, locate: Locate
) -> None:
    starts = [start_in_process(walkable / "data") for _ in range(4)]
    words = [p.communicate(timeout=120) for p in starts]
    assert [p.returncode for p in starts] == [0, 0, 0, 0], words
    assert sorted(out.strip() for out, _ in words) == ["False", "False", "False", "True"]
    private = locate(walkable / "data")
    assert cluster.is_up(private)
    assert not (private.home / "data.new").exists()


def test_a_killed_server_comes_back_with_what_was_committed(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    cluster.up(private)
    url = private.url("postgres").replace("+psycopg", "", 1)
    with psycopg.connect(url) as connection:
        connection.execute("set synchronous_commit = on")
        connection.execute("create table kept (x int)")
        connection.execute("insert into kept values (42)")
    os.kill(postmaster(private), signal.SIGKILL)
    for _ in range(50):  # its children notice within moments
        try:
            assert cluster.up(private)
            break
        except DatabaseError:
            time.sleep(0.1)
    assert ask(private, "select x from kept") == 42


def test_a_second_start_leaves_a_running_server_alone(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    assert cluster.up(private)
    before = postmaster(private)
    assert not cluster.up(private)
    assert postmaster(private) == before
    assert cluster.down(private)
    assert not cluster.is_up(private)
    assert not cluster.down(private)


def test_what_an_interrupted_initdb_left_is_redone(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    (private.home / "data.new" / "base").mkdir(parents=True)
    (private.home / "data.new" / "PG_VERSION").write_text("15\n")
    if ROOT:
        shutil.chown(private.home / "data.new", private.who.uid, private.who.gid)
    assert cluster.up(private)
    assert not (private.home / "data.new").exists()
    assert ask(private, "select 1") == 1


def test_a_path_longer_than_a_socket_may_have_works(walkable: Path, locate: Locate) -> None:
    deep = walkable / ("long-" * 20) / ("path-" * 20)
    private = locate(deep)
    assert len(str(deep)) > 200
    assert cluster.up(private)
    assert ask(private, "select 1") == 1


def test_sockets_and_data_are_closed_to_others(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    cluster.up(private)
    for folder in (private.sockets, private.home, private.data):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0, folder
    assert ask(private, "show listen_addresses") == ""


@AS_ROOT
def test_another_user_cannot_connect(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    cluster.up(private)
    psql = programs.find(None) / "psql"
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run(
        [psql, "-h", private.sockets, "-U", "cim", "-d", "postgres", "-c", "select 1"],
        capture_output=True, text=True, user=nobody.pw_uid, group=nobody.pw_gid,
        extra_groups=[], cwd="/", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


@AS_ROOT
def test_an_ordinary_user_runs_the_server_as_himself(walkable: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    shutil.chown(walkable, nobody.pw_uid, nobody.pw_gid)
    site = next(p for p in map(Path, sys.path) if p.name == "site-packages")
    script = START + "print(private.who.uid, private.who.switch, cluster.down(private))"
    done = subprocess.run(
        ["/usr/bin/env", f"PYTHONPATH={PROJECT}:{site}", sys.executable, "-c", script,
         str(walkable / "data")],
        capture_output=True, text=True, user=nobody.pw_uid, group=nobody.pw_gid,
        extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"}, timeout=120, check=False,
    )  # fmt: skip
    if "Permission denied" in done.stderr and "python" in done.stderr:
        pytest.skip("the interpreter lies where an ordinary user cannot go")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", str(nobody.pw_uid), "False", "True"]
    assert (walkable / "data" / "postgres" / "data").stat().st_uid == nobody.pw_uid


@AS_ROOT
def test_below_a_closed_home_the_data_go_elsewhere_and_no_permission_changes(
    walkable: Path, locate: Locate
) -> None:
    closed = walkable / "root-home"
    closed.mkdir(mode=0o700)
    private = locate(closed / "project" / "var")
    assert private.home.parent == Path("/var/lib/cim")
    note = (closed / "project" / "var" / "cluster-is-at").read_text().strip()
    assert note == str(private.home)
    assert cluster.up(private)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@AS_ROOT
def test_a_folder_of_another_account_is_refused_by_the_owners_name(walkable: Path) -> None:
    home = walkable / "data" / "postgres"
    home.mkdir(parents=True)
    shutil.chown(home, "nobody")
    with pytest.raises(DatabaseError, match=r"belongs to nobody.*chown"):
        cluster.locate(walkable / "data")


@AS_ROOT
def test_a_squatted_socket_folder_is_refused(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    private.sockets.rmdir()
    private.sockets.symlink_to(walkable)
    try:
        with pytest.raises(DatabaseError, match="a link or somebody else's"):
            cluster.locate(walkable / "data")
    finally:
        private.sockets.unlink()


def test_data_of_another_major_version_name_the_way_out(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    private.data.mkdir()
    (private.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 9.*cim db dump"):
        cluster.up(private)


def test_a_server_that_cannot_start_shows_its_own_words(walkable: Path, locate: Locate) -> None:
    private = locate(walkable / "data")
    cluster.up(private)
    cluster.down(private)
    with (private.data / "postgresql.conf").open("a") as file:
        file.write("\nshared_buffers = nonsense\n")
    with pytest.raises(DatabaseError, match="shared_buffers"):
        cluster.up(private)


def test_without_postgresql_the_error_names_the_one_command(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"apt-get install.*postgis"):
        cluster.locate(tmp_path / "data", tmp_path)


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        cluster.locate(tmp_path / "file" / "data")
