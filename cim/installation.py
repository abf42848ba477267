"""One installation, opened: settings, city, database, folders, and a catalogue that is in step."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from cim import city as cities
from cim.answer import Asker
from cim.catalog import registry
from cim.catalog.registry import Version
from cim.city import City
from cim.report import Reporter
from cim.settings import Settings
from cim.store.database import open_database, ready
from cim.store.files import Files
from cim.store.kept import Keep
from cim.store.objects import Store
from cim.store.uploads import Uploads
from cim.topics import discover


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What both composition roots work on.

    ``versions`` remembers what never changes, so that a tile costs no query.
    """

    settings: Settings
    city: City
    engine: Engine
    files: Files
    versions: dict[tuple[str, int, str], Version] = field(default_factory=dict)

    @property
    def asker(self) -> Asker:
        """Runs analyses here."""
        return Asker(
            city=self.city, engine=self.engine, files=self.files, uploads=self.uploads,
            keep=self._keep,
        )  # fmt: skip

    @property
    def reporter(self) -> Reporter:
        """Makes reports of answers."""
        return Reporter(city=self.city, engine=self.engine, files=self.files)

    @property
    def uploads(self) -> Uploads:
        """Files that were handed in here."""
        return Uploads(
            root=self.files.root / "uploads",
            limit=round(self.settings.upload_mb * 1e6),
            keep=self._keep,
        )

    @property
    def _keep(self) -> Keep:
        return Keep(days=self.settings.keep_days, gigabytes=self.settings.keep_gb)


def open_installation(settings: Settings) -> Installation:
    """Open an installation; the topics' declarations are brought into its catalogue.

    Raises:
        DeclarationError: the city profile or a topic's declaration does not fit.
        DatabaseError: the database cannot be used.
    """
    city = cities.load(settings.city)
    engine = open_database(settings)
    with ready(engine) as connection:
        registry.register(connection, [layer for t in discover() for layer in t.layers], "code")
        connection.commit()
    store = None if settings.store_url is None else Store(settings.store_url)
    files = Files(settings.data_dir.resolve(), store)
    return Installation(settings=settings, city=city, engine=engine, files=files)
