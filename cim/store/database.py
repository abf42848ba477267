"""The database an installation uses: an engine that is ready, its schema at the newest version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from cim.errors import DatabaseError
from cim.settings import Settings
from cim.store import cluster

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
# The server answers with 40 threads. A request that holds a thread must never wait for a
# connection that only another thread can give back, so there is one for each and some to spare.
MOST_CONNECTIONS = 45
_LOCK = 0x43494D  # "CIM": one schema upgrade at a time


def open_database(settings: Settings) -> Engine:
    """An engine on the installation's database, started, made and upgraded as need be.

    Raises:
        DatabaseError: the server cannot be reached, or lacks PostGIS.
    """
    if settings.database_url is not None:
        url = external_url(settings.database_url)
    else:
        private = cluster.locate(settings.data_dir, settings.pg_bin)
        cluster.up(private)
        _make_database(private)
        url = private.url()
    engine = connect(url)
    upgrade(engine)
    return engine


def external_url(given: str) -> str:
    """A URL of ours: any ``postgresql://`` spelling becomes psycopg 3's."""
    try:
        url = make_url(given)
    except ArgumentError as error:
        raise DatabaseError(
            "CIM_DATABASE_URL is no address of a database",
            remedy="give one such as postgresql://user:password@host/database",
        ) from error
    if not url.drivername.startswith("postgres"):
        raise DatabaseError(
            f"CIM_DATABASE_URL names {url.drivername}, not PostgreSQL",
            remedy="give one such as postgresql://user:password@host/database",
        )
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def connect(url: str) -> Engine:
    """An engine on a URL; nothing is asked of the server yet."""
    return create_engine(
        url, pool_size=5, max_overflow=MOST_CONNECTIONS - 5, pool_timeout=20, pool_pre_ping=True
    )


def _make_database(private: cluster.Cluster) -> None:
    plain = private.url("postgres").replace("+psycopg", "", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        if not connection.execute("select 1 from pg_database where datname = 'cim'").fetchone():
            connection.execute("create database cim")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(engine: Engine) -> None:
    """Bring extensions and schema to the newest version; many callers at once are safe.

    Raises:
        DatabaseError: unreachable, without PostGIS, or of a newer program than this one.
    """
    with ready(engine) as connection:
        if revision(connection) == newest():
            return
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for name in EXTENSIONS:
            _extend(connection, name)
        config = _alembic()
        config.attributes["connection"] = connection
        if revision(connection) != newest():
            _require_known(connection)
            command.upgrade(config, "head")
        connection.commit()


def _require_known(connection: Connection) -> None:
    have = revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if have is not None and have not in known:
        raise DatabaseError(
            f"the database has schema {have}, which this program does not know",
            remedy="it was upgraded by a newer program: install that one here too",
        )


def _extend(connection: Connection, name: str) -> None:
    try:
        connection.execute(text(f"create extension if not exists {name}"))
    except DBAPIError as error:
        raise DatabaseError(
            f"the database has no extension {name} and this account cannot make it",
            remedy=f"an administrator runs in it: create extension {name}",
        ) from error


def revision(connection: Connection) -> str | None:
    """Version of the schema, None for an empty database."""
    return MigrationContext.configure(
        connection, opts={"version_table_schema": None}
    ).get_current_revision()


def newest() -> str | None:
    """Newest version of the schema that this program knows."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


@contextmanager
def ready(engine: Engine) -> Iterator[Connection]:
    """A connection; an unreachable server becomes one clear sentence.

    Raises:
        DatabaseError: with host and remedy.
    """
    try:
        connection = engine.connect()
    except OperationalError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise DatabaseError(
            f"the database does not answer: {str(error.orig).strip().splitlines()[0]}",
            path=place,
            remedy="start it (`cim db up` for the private one) or check CIM_DATABASE_URL",
        ) from error
    with connection:
        yield connection
