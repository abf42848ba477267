"""What all tests share: real PostGIS, a city, the real data and programs of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from cim import city as cities
from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid
from cim.installation import Installation, open_installation
from cim.settings import Settings
from cim.store import cluster, database
from tests import home, live, outside

CITY = """
name = "试验城"
name_en = "Test city"
bounds = [106.50, 35.10, 106.82, 35.34]
compute_crs = "EPSG:4545"
geoid = -36.0
"""


# CI asks the same questions of every commit; a developer's own runs go on looking for new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "search")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="keep the pictures of flows in this folder")


def pytest_configure(config: pytest.Config) -> None:
    # rasterio multiplies affines with * in its own code, which affine has begun to discourage.
    config.addinivalue_line("filterwarnings", "ignore:Use `@` matmul:PendingDeprecationWarning")
    if not hasattr(config, "workerinput"):
        home.prepare()


class OneBrowser(LoadScopeScheduling):
    """Hands out whole files; all of the browser's go to one worker, for one Chromium at a time."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", maxsplit=1)[0]
        return "browser" if file.startswith("tests/browser/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneBrowser:
    return OneBrowser(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        live.stop()
        home.clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    if not outside.SHARED.is_dir():
        outside.missing("the real data of ../shared/data")
    return outside.SHARED.resolve()


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample city's deliveries."""
    return outside.PROJECT / "data-samples" / "huating"


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """Finds an independent program."""
    return outside.program


@pytest.fixture(scope="session")
def server() -> cluster.Cluster:
    """The run's own PostgreSQL."""
    return home.server()


@pytest.fixture(scope="session")
def database_url(server: cluster.Cluster) -> str:
    """This worker's database."""
    return home.clone(server, f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.fixture(scope="session")
def worker_engine(database_url: str) -> Iterator[Engine]:
    """An engine on the worker's database, in whatever state the last test left it."""
    engine = database.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(worker_engine: Engine) -> Engine:
    """An engine on the worker's database, emptied."""
    with database.ready(worker_engine) as connection:
        connection.execute(sa.text("truncate catalog.layer cascade"))
        topics = connection.execute(
            sa.text(
                "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in "
                "('information_schema', 'public', 'catalog')"
            )
        ).scalars()
        for name in topics.all():
            connection.execute(sa.text(f'drop schema "{name}" cascade'))
        connection.commit()
    return worker_engine


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    """The profile of the test city."""
    path = tmp_path / "city.toml"
    path.write_text(CITY, "utf-8")
    return path


@pytest.fixture
def city(city_file: Path) -> City:
    """The test city, in the Huating valley."""
    return cities.load(city_file)


@pytest.fixture(scope="session")
def city_at() -> Callable[..., City]:
    """Makes a city elsewhere: (bounds, crs, geoid)."""

    def make(bounds: tuple[float, float, float, float], crs: str, geoid: float = 0.0) -> City:
        return City(
            name="别处",
            name_en="Elsewhere",
            bounds=Bounds(*bounds),
            compute_crs=resolve(crs).crs,
            geoid=ConstantGeoid(geoid),
        )

    return make


@pytest.fixture
def settings(database_url: str, tmp_path: Path, city_file: Path) -> Settings:
    """Settings of an installation of this test's own."""
    return Settings(
        database_url=database_url,
        data_dir=tmp_path / "data",
        city=city_file,
        viewer_dist=tmp_path / "no-viewer",
    )


@pytest.fixture
def installation(engine: Engine, settings: Settings) -> Iterator[Installation]:
    """An empty installation: database, folders and catalogue of this test's own."""
    del engine  # it emptied the database
    opened = open_installation(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The environment of a ``cim`` process in this test's installation."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CIM_")}
    return {
        **kept,
        "CIM_DATABASE_URL": str(settings.database_url),
        "CIM_DATA_DIR": str(settings.data_dir),
        "CIM_CITY": str(settings.city),
        "PYTHONPATH": str(outside.PROJECT),
        "COLUMNS": "200",
    }


@pytest.fixture(scope="session")
def live_city() -> str:
    """Address of a running server with the sample city; one for the whole run."""
    return live.city()
