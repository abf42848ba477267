"""Rows of published layers, lent to a reader for one run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from cim.catalog import registry, rows
from cim.errors import ParameterError
from cim.ingest.source import Request, Source
from cim.layers import Kind
from cim.store.database import ready
from cim.store.files import Files


@contextmanager
def borrowed(
    reader: Source, request: Request, engine: Engine, files: Files
) -> Iterator[Mapping[str, Path]]:
    """GeoParquet of each layer that a reader asks for, where workers of other machines see it too.

    Raises:
        NotFoundError: one of the layers is not published.
        ParameterError: it is no vector layer.
    """
    asked = reader.borrows(request)
    if not asked:
        yield {}
        return
    above = files.root / "staging"
    above.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="borrowed-", dir=above) as folder:
        yield {layer: _rows(engine, layer, Path(folder) / f"{layer}.parquet") for layer in asked}


def _rows(engine: Engine, layer: str, path: Path) -> Path:
    with ready(engine) as connection:
        version = registry.published(connection, layer)
        if version.layer.kind is not Kind.VECTOR:
            raise ParameterError(
                f"{layer} is no vector layer", remedy="name one; see `cim layers list`"
            )
        rows.frame(connection, version).to_parquet(path)
    return path
