"""The database as one archive and back; works on the private cluster and on any server."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from cim.errors import ConflictError, DatabaseError, FormatError
from cim.settings import Settings
from cim.store import programs
from cim.store.database import ready

_MAGIC = b"PGDMP"


def dump(settings: Settings, engine: Engine, target: Path) -> None:
    """Write everything into an archive of pg_dump's custom format.

    Raises:
        ConflictError: the target exists.
        DatabaseError: pg_dump failed; nothing is left behind.
    """
    if target.exists():
        raise ConflictError("the file exists", path=target, remedy="give another name")
    part = target.with_name(target.name + ".part")
    try:
        _run(settings, "pg_dump", ["-Fc", "-f", part, "-d", _plain(engine)])
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def restore(settings: Settings, engine: Engine, source: Path) -> None:
    """Replace everything by an archive; all or nothing.

    The schemas are dropped and filled again in one transaction; the extensions stay, so that an
    account that may not make them can restore.

    Raises:
        FormatError: the file is no archive.
        DatabaseError: pg_restore failed; the database is as it was.
    """
    if not _is_archive(source):
        raise FormatError("it is no archive of `cim db dump`", path=source)
    script = source.with_name(f".{source.name}.{os.getpid()}.sql")
    listing = source.with_name(f".{source.name}.{os.getpid()}.list")
    try:
        _run(settings, "pg_restore", ["-l", "-f", listing, source])
        kept = [
            line
            for line in listing.read_text().splitlines()
            if not any(f" {kind} " in line for kind in ("EXTENSION", "COMMENT - EXTENSION"))
        ]
        listing.write_text("\n".join(kept))
        _run(settings, "pg_restore", ["--no-owner", "-L", listing, "-f", script, source])
        content = script.read_text()
        script.write_text(_drops(engine) + content)
        engine.dispose()
        _run(
            settings, "psql",
            ["-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-f", script, "-d",
             _plain(engine)],
        )  # fmt: skip
    finally:
        script.unlink(missing_ok=True)
        listing.unlink(missing_ok=True)


def _is_archive(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _drops(engine: Engine) -> str:
    with ready(engine) as connection:
        schemas = connection.execute(
            sa.text(
                "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in "
                "('information_schema', 'public')"
            )
        ).scalars()
        drops = "".join(f'drop schema "{name}" cascade;\n' for name in schemas)
    return drops + "drop table if exists public.alembic_version;\n"


def _plain(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _run(settings: Settings, name: str, arguments: list[str | Path]) -> None:
    account = programs.myself()  # root may enter the socket folder; a file of ours stays ours
    command = [programs.find(settings.pg_bin) / name, *arguments]
    code, words = programs.run(account, command, timeout=24 * 3600)
    if code != 0:
        raise DatabaseError(f"{name} failed: {words[-2000:].strip()}")
