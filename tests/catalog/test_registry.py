"""The catalogue: versions are for ever, and one pointer says which is served."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import sqlalchemy as sa
from shapely.geometry import Point
from sqlalchemy import Engine

from cim.catalog import registry
from cim.city import Bounds
from cim.errors import DeclarationError, NotFoundError
from cim.installation import Installation, open_installation
from cim.layers import Geometry, Kind, Layer
from cim.settings import Settings
from cim.store.database import ready
from cim.topics import discover
from tests.delivered import deliver

pytestmark = pytest.mark.db
DEM = Layer(id="test.dem", title="高程", kind=Kind.TERRAIN)


def wells(path: Path, names: list[str]) -> Path:
    shapes = [Point(106.6 + i / 100, 35.2) for i in range(len(names))]
    gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=4490).to_file(path)
    return path


def served(here: Installation) -> list[str]:
    with ready(here.engine) as connection:
        found = connection.execute(sa.text('select name from "test".well order by name'))
        return [row[0] for row in found]


def test_versions_count_up_and_the_view_follows(installation: Installation, tmp_path: Path) -> None:
    deliver(installation, wells(tmp_path / "1.gpkg", ["a"]), "test.well")
    deliver(installation, wells(tmp_path / "2.gpkg", ["a", "b"]), "test.well")
    with ready(installation.engine) as connection:
        assert [v.version for v in registry.versions(connection, "test.well")] == [2, 1]
        assert registry.published(connection, "test.well").features == 2
    assert served(installation) == ["a", "b"]
    with ready(installation.engine) as connection:
        registry.point_at(connection, "test.well", 1)
        connection.commit()
        assert registry.published(connection, "test.well").version == 1
        assert registry.published(connection, "test.well", 2).features == 2
    assert served(installation) == ["a"]
    report = deliver(installation, wells(tmp_path / "3.gpkg", ["c"]), "test.well")
    assert report.version == 3
    assert served(installation) == ["c"]


def test_a_rollback_that_is_not_committed_changes_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    deliver(installation, wells(tmp_path / "1.gpkg", ["a"]), "test.well")
    deliver(installation, wells(tmp_path / "2.gpkg", ["b"]), "test.well")
    with ready(installation.engine) as connection:
        registry.point_at(connection, "test.well", 1)
    assert served(installation) == ["b"]


def test_a_version_that_does_not_exist_cannot_be_served(
    installation: Installation, tmp_path: Path
) -> None:
    deliver(installation, wells(tmp_path / "1.gpkg", ["a"]), "test.well")
    with ready(installation.engine) as connection:
        with pytest.raises(NotFoundError, match=r"test\.well version 7 is not published"):
            registry.point_at(connection, "test.well", 7)
        with pytest.raises(NotFoundError, match=r"no layer test\.none"):
            registry.versions(connection, "test.none")
        with pytest.raises(NotFoundError, match=r"test\.none is not published"):
            registry.published(connection, "test.none")
        with pytest.raises(NotFoundError, match=r"no layer test\.none"):
            registry.entry(connection, "test.none")


def test_a_version_carries_its_lineage(installation: Installation, tmp_path: Path) -> None:
    path = wells(tmp_path / "1.gpkg", ["a", "b"])
    deliver(installation, path, "test.well")
    with ready(installation.engine) as connection:
        version = registry.published(connection, "test.well")
    assert version.report["inputs"][0]["path"] == str(path)
    assert len(version.report["inputs"][0]["sha256"]) == 64
    assert version.report["version"] == 1
    assert version.extent.contains(Bounds(106.6, 35.2, 106.61, 35.2))
    assert version.heights is None


def test_every_layer_of_the_topics_is_in_the_catalogue(installation: Installation) -> None:
    declared = {layer.id: layer for topic in discover() for layer in topic.layers}
    with ready(installation.engine) as connection:
        entries = {e.layer.id: e for e in registry.entries(connection)}
    assert {i: e.layer for i, e in entries.items()} == declared
    assert all(e.origin == "code" and e.current is None for e in entries.values())


def test_opening_twice_changes_nothing(installation: Installation, settings: Settings) -> None:
    def stamps() -> list[tuple[object, ...]]:
        with ready(installation.engine) as connection:
            sql = "select id, changed_at from catalog.layer order by id"
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    before = stamps()
    open_installation(settings).engine.dispose()
    assert stamps() == before


def test_a_file_cannot_claim_a_layer_of_the_program(engine: Engine) -> None:
    with ready(engine) as connection:
        registry.register(connection, [DEM], "code")
        claim = Layer(id="test.dem", title="mine", kind=Kind.TERRAIN)
        with pytest.raises(DeclarationError, match="declared by a topic"):
            registry.register(connection, [claim], "file")
        registry.register(connection, [DEM], "file")  # saying the same is no claim


def test_a_published_layer_keeps_its_kind(installation: Installation, tmp_path: Path) -> None:
    deliver(installation, wells(tmp_path / "1.gpkg", ["a"]), "test.well")
    other = Layer(id="test.well", title="井", kind=Kind.TERRAIN)
    retitled = Layer(id="test.well", title="水井", kind=Kind.VECTOR, geometry=Geometry.POINT)
    with ready(installation.engine) as connection:
        with pytest.raises(DeclarationError, match="published as vector, not terrain"):
            registry.register(connection, [other], "file")
        registry.register(connection, [retitled], "file")
        entry = registry.entry(connection, "test.well")
    assert entry.layer.title == "水井"
    assert entry.current is not None
    assert entry.current.layer.fields  # a version keeps the declaration it was published under


def test_heights_and_media_come_back_as_they_were_entered(engine: Engine) -> None:
    with ready(engine) as connection:
        registry.register(connection, [DEM], "file")
        assert registry.next_version(connection, "test.dem") == 1
        registry.add_version(
            connection, DEM, 1, key="k", extent=Bounds(106.5, 35.1, 106.6, 35.2),
            media={"dem": "dem.tif", "resolution": 15.0}, heights=(1400.25, 1999.5),
            features=None, report={"a": ["中"]},
        )  # fmt: skip
        found = registry.published(connection, "test.dem")
    assert found.extent == Bounds(106.5, 35.1, 106.6, 35.2)
    assert found.heights == (1400.25, 1999.5)
    assert (found.media, found.report) == ({"dem": "dem.tif", "resolution": 15.0}, {"a": ["中"]})
