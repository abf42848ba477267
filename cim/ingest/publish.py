"""The one moment in which a version becomes visible."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from cim.catalog import registry, rows
from cim.errors import DatabaseError
from cim.ingest.marks import gather_marks
from cim.ingest.report import Report
from cim.ingest.source import MARKS, WORK, Product
from cim.layers import Kind, Layer
from cim.store.database import ready
from cim.store.files import Files


def publish(
    engine: Engine,
    files: Files,
    layer: Layer,
    key: str,
    product: Product,
    report: Report,
    staging: Path,
) -> int:
    """Move staging to its final place and enter the version, in one transaction; its number.

    The folder goes first: a folder without a row is never served, a row without a folder would
    be. Whoever comes next removes a folder that a killed run left without its row.

    Raises:
        DatabaseError: the rows could not be loaded; nothing was published, staging stays.
    """
    with ready(engine) as connection:
        if registry.declaration(connection, layer.id) is None:
            registry.register(connection, [layer], "ingest")
        number = registry.next_version(connection, layer.id)
        target = files.version(layer.id, number)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        report.version = number
        try:
            count = _load(connection, layer, number, product, staging)
            gather_marks(staging)
            files.upload(staging, layer.id, number, leave=(WORK, MARKS))
            staging.rename(target)
            registry.add_version(
                connection,
                layer,
                number,
                key=key,
                extent=product.extent,
                media=product.media,
                heights=product.heights,
                features=count,
                report=report.to_json(),
            )
            connection.commit()
        except BaseException as error:
            report.version = None
            with suppress(DBAPIError):  # a database that went down has rolled back already
                connection.rollback()
            if target.exists() and not staging.exists():
                target.rename(staging)
            if isinstance(error, DBAPIError):
                raise _refusal(error.orig, layer) from error
            if isinstance(error, psycopg.Error):  # COPY runs on the driver itself
                raise _refusal(error, layer) from error
            raise
    for leftover in (target / WORK, target / MARKS):
        shutil.rmtree(leftover, ignore_errors=True)
    return number


def _load(
    connection: Connection, layer: Layer, number: int, product: Product, staging: Path
) -> int | None:
    if layer.kind is not Kind.VECTOR:
        return None
    geometry = str(product.media["geometry"])
    parts = [staging / part for part in product.features]
    return rows.load(connection, layer, number, parts, geometry)


def _refusal(error: BaseException | None, layer: Layer) -> DatabaseError:
    return DatabaseError(
        f"the database refused the rows of {layer.id}: {str(error).strip().splitlines()[0]}",
        remedy="nothing was published; a second run goes on where this one stopped",
    )
