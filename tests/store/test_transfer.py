"""A dump comes back whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import sqlalchemy as sa

from cim.catalog import registry
from cim.errors import ConflictError, DatabaseError, FormatError
from cim.ingest.pipeline import ingest
from cim.ingest.source import Request
from cim.installation import Installation
from cim.settings import Settings
from cim.store import transfer
from cim.store.database import ready

pytestmark = pytest.mark.db


@pytest.fixture
def published(installation: Installation, tmp_path: Path) -> Installation:
    path = tmp_path / "wells.geojson"
    shapes = shapely.points([[106.6, 35.2, 1400.5], [106.7, 35.25, 1388.0]])
    gpd.GeoDataFrame({"name": ["一号井", "二号井"]}, geometry=shapes, crs=4490).to_file(path)
    request = Request(
        paths=(path,), layer_id="test.well", layer=None, city=installation.city
    )  # fmt: skip
    ingest(request, engine=installation.engine, files=installation.files)
    return installation


def rows(here: Installation) -> list[tuple[object, ...]]:
    with ready(here.engine) as connection:
        found = connection.execute(sa.text('select name, ST_AsEWKT(geom) from "test".well'))
        return [tuple(row) for row in found]


def test_a_dump_comes_back_whole(
    published: Installation, settings: Settings, tmp_path: Path
) -> None:
    before = rows(published)
    transfer.dump(settings, published.engine, tmp_path / "city.dump")
    with ready(published.engine) as connection:
        connection.execute(sa.text('drop schema "test" cascade'))
        connection.execute(sa.text("truncate catalog.layer cascade"))
        connection.execute(sa.text("create schema later"))
        connection.commit()
    transfer.restore(settings, published.engine, tmp_path / "city.dump")
    assert rows(published) == before
    with ready(published.engine) as connection:
        assert registry.published(connection, "test.well").version == 1
        gone = sa.text("select count(*) from pg_namespace where nspname = 'later'")
        assert connection.execute(gone).scalar_one() == 0
    assert sorted(p.name for p in tmp_path.glob(".*")) == []


def test_a_restore_that_fails_leaves_the_database_as_it_was(
    published: Installation, settings: Settings, tmp_path: Path
) -> None:
    before = rows(published)
    transfer.dump(settings, published.engine, tmp_path / "city.dump")
    cut = tmp_path / "cut.dump"
    whole = (tmp_path / "city.dump").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatabaseError, match="pg_restore failed"):
        transfer.restore(settings, published.engine, cut)
    assert rows(published) == before


def test_a_file_that_is_no_archive_is_refused(
    published: Installation, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "x.dump").write_text("select 1")
    for name in ("x.dump", "none.dump"):
        with pytest.raises(FormatError, match="no archive"):
            transfer.restore(settings, published.engine, tmp_path / name)


def test_a_dump_does_not_overwrite_a_file(
    published: Installation, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "kept.dump").write_text("mine")
    with pytest.raises(ConflictError, match="exists"):
        transfer.dump(settings, published.engine, tmp_path / "kept.dump")
    assert (tmp_path / "kept.dump").read_text() == "mine"
