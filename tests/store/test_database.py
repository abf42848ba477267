"""Any database: opened, upgraded, or refused in one sentence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from geoalchemy2 import alembic_helpers
from sqlalchemy import Engine

from cim.catalog.tables import METADATA
from cim.errors import DatabaseError
from cim.settings import Settings
from cim.store import cluster, database
from tests import home
from tests.commands import cim

pytestmark = pytest.mark.db


def test_the_migrations_make_the_tables_that_the_code_declares(engine: Engine) -> None:
    with database.ready(engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == "catalog",
                "include_object": alembic_helpers.include_object,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, METADATA) == []
        assert database.revision(connection) == database.newest()


def test_an_external_server_is_used_under_any_spelling(
    server: cluster.Cluster, settings: Settings
) -> None:
    url = home.clone(server, "test_spelling").replace("postgresql+psycopg", "postgres")
    engine = database.open_database(settings.model_copy(update={"database_url": url}))
    assert engine.url.drivername == "postgresql+psycopg"
    with database.ready(engine) as connection:
        assert connection.execute(sa.text("select PostGIS_Lib_Version()")).scalar_one()
    engine.dispose()


def test_many_at_once_upgrade_an_empty_database_once(server: cluster.Cluster) -> None:
    admin = database.connect(server.url("postgres"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("drop database if exists test_empty with (force)"))
        connection.execute(sa.text("create database test_empty"))
    admin.dispose()
    engines = [database.connect(server.url("test_empty")) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(database.upgrade, engines))
    with database.ready(engines[0]) as connection:
        assert database.revision(connection) == database.newest()
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://cim@127.0.0.1:1/cim", "does not answer"),
        ("postgresql://cim@/nowhere?host=/nonexistent", "does not answer"),
        ("mysql://root@localhost/x", "not PostgreSQL"),
        ("nonsense", "CIM_DATABASE_URL"),
    ],
)
def test_a_wrong_url_is_one_sentence_and_code_2(
    url: str, said: str, environment: dict[str, str]
) -> None:
    done = cim(environment | {"CIM_DATABASE_URL": url}, "layers", "list")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "remedy: " in done.stderr


def test_a_password_is_never_shown(environment: dict[str, str]) -> None:
    url = "postgresql://cim:geheim123@127.0.0.1:1/cim"
    done = cim(environment | {"CIM_DATABASE_URL": url}, "layers", "list")
    assert done.returncode == 2
    assert "geheim123" not in done.stderr + done.stdout


def test_a_database_of_a_newer_program_is_refused(server: cluster.Cluster) -> None:
    engine = database.connect(home.clone(server, "test_newer"))
    with database.ready(engine) as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
        connection.commit()
    with pytest.raises(DatabaseError, match="9999"):
        database.upgrade(engine)
    engine.dispose()


def test_status_tells_where_the_database_is_and_its_schema(environment: dict[str, str]) -> None:
    done = cim(environment, "db", "status")
    assert done.returncode == 0, done.stderr
    assert f"schema {database.newest()} (newest)" in done.stdout


def test_the_private_database_is_made_shown_and_stopped(environment: dict[str, str]) -> None:
    folder = home.folder() / "private"
    mine = {k: v for k, v in environment.items() if k != "CIM_DATABASE_URL"}
    mine["CIM_DATA_DIR"] = str(folder)
    try:
        down = cim(mine, "db", "status")
        assert (down.returncode, down.stdout[:5]) == (3, "down:")
        up = cim(mine, "db", "up")
        assert up.returncode == 0, up.stderr
        assert up.stdout.startswith("started: postgresql")
        assert "(newest)" in cim(mine, "db", "status").stdout
    finally:
        stopped = cim(mine, "db", "down")
    assert stopped.stdout.strip() == "stopped"
    home.stop(cluster.locate(folder))
