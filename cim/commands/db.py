"""``cim db``: the private database, or the one that CIM_DATABASE_URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cim.commands.ending import clear_errors
from cim.errors import InputError
from cim.settings import Settings
from cim.store import cluster, database, transfer

app = typer.Typer(help="The database.", no_args_is_help=True)


def _private(settings: Settings) -> cluster.Cluster:
    if settings.database_url is not None:
        raise InputError(
            "CIM_DATABASE_URL names a server of its own administrator's",
            remedy="start and stop it there, or unset CIM_DATABASE_URL for the private one",
        )
    return cluster.locate(settings.data_dir, settings.pg_bin)


@app.command()
@clear_errors
def up() -> None:
    """Start the private database, making it first if need be."""
    settings = Settings()
    private = _private(settings)
    started = cluster.up(private)
    database.open_database(settings).dispose()
    typer.echo(f"{'started' if started else 'is up'}: {private.url()}")


@app.command()
@clear_errors
def down() -> None:
    """Stop the private database."""
    stopped = cluster.down(_private(Settings()))
    typer.echo("stopped" if stopped else "was not up")


@app.command()
@clear_errors
def status() -> None:
    """Say where the database is, whether it answers and what schema it has."""
    settings = Settings()
    if settings.database_url is None:
        private = cluster.locate(settings.data_dir, settings.pg_bin)
        if not cluster.is_up(private):
            typer.echo(f"down: {private.home}")
            raise typer.Exit(3)
        url = private.url()
    else:
        url = database.external_url(settings.database_url)
    engine = database.connect(url)
    with database.ready(engine) as connection:
        have, want = database.revision(connection), database.newest()
    state = "newest" if have == want else f"upgrade to {want} with `cim db upgrade`"
    typer.echo(f"up: {engine.url.render_as_string(hide_password=True)}, schema {have} ({state})")
    engine.dispose()


@app.command()
@clear_errors
def upgrade() -> None:
    """Bring the schema to the newest version."""
    database.open_database(Settings()).dispose()
    typer.echo(f"schema {database.newest()}")


@app.command()
@clear_errors
def dump(file: Annotated[Path, typer.Argument(help="archive to write")]) -> None:
    """Write the database into one archive; published tiles are plain folders below the data dir."""
    settings = Settings()
    engine = database.open_database(settings)
    transfer.dump(settings, engine, file.resolve())
    typer.echo(f"{file}: {file.stat().st_size} bytes")


@app.command()
@clear_errors
def restore(file: Annotated[Path, typer.Argument(help="archive of `cim db dump`")]) -> None:
    """Replace the database's content by an archive, in one transaction."""
    settings = Settings()
    engine = database.open_database(settings)
    transfer.restore(settings, engine, file.resolve())
    typer.echo(f"restored from {file}")
