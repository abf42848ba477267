"""One folder for a whole test run, shared by all xdist workers, and the server in it.

The controller makes the folder before it starts its workers and names it in the environment; it
stops what runs there and removes it when all are done.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from cim.store import cluster, database

NAME = "CIM_TEST_HOME"
TEMPLATE = "template_cim"
_LOCK = 0x7E57


def prepare() -> None:
    """Make the run's folder; PostgreSQL's account must be able to walk into it."""
    if NAME in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="cim-tests-"))
    folder.chmod(0o711)
    os.environ[NAME] = str(folder)
    for name in ("DATABASE_URL", "DATA_DIR", "CITY", "HOST", "PORT", "VIEWER_DIST"):
        os.environ.pop(f"CIM_{name}", None)  # the developer's own installation is none of ours


def clear() -> None:
    """Stop the server and remove the folder."""
    folder = Path(os.environ.pop(NAME))
    if (folder / "server" / "postgres").is_dir():
        stop(cluster.locate(folder / "server"))
    shutil.rmtree(folder, ignore_errors=True)


def stop(private: cluster.Cluster) -> None:
    """Stop a cluster and remove its socket folder."""
    cluster.down(private)
    shutil.rmtree(private.sockets, ignore_errors=True)


def folder() -> Path:
    """The run's folder."""
    return Path(os.environ[NAME])


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold a lock that all workers of the run share."""
    with (folder() / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def server() -> cluster.Cluster:
    """The run's cluster, started; many workers may ask at once."""
    private = cluster.locate(folder() / "server")
    cluster.up(private)
    return private


def clone(private: cluster.Cluster, name: str) -> str:
    """URL of a fresh database that has the newest schema, a copy of the template.

    A template that anybody is connected to cannot be copied, so making and copying take turns.
    """
    plain = private.url("postgres").replace("+psycopg", "", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        found = connection.execute("select 1 from pg_database where datname = %s", (TEMPLATE,))
        if found.fetchone() is None:
            connection.execute(f"create database {TEMPLATE}")
            engine = database.connect(private.url(TEMPLATE))
            database.upgrade(engine)
            engine.dispose()
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name} template {TEMPLATE}")
    return private.url(name)
