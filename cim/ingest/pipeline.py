"""The way of every delivery: plan → build (many workers) → further → finish → check → publish.

Nothing half-built is ever served: a version grows in staging and becomes visible in one
transaction. A killed run leaves its finished parts in staging, and the next run goes on from there;
parts that have not changed since the served version are taken over from it.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cim import __version__
from cim.catalog import elevation, registry
from cim.catalog.registry import Entry
from cim.errors import CheckError, ConflictError, FormatError, InputError
from cim.ingest.borrowing import borrowed
from cim.ingest.crew import Crew, Job, crew_for
from cim.ingest.keys import common_key, part_keys, version_key
from cim.ingest.marks import Kept
from cim.ingest.outdated import left_behind
from cim.ingest.parcels import Works
from cim.ingest.progress import Silent, Watcher
from cim.ingest.publish import publish
from cim.ingest.report import Report, checksums, nothing
from cim.ingest.source import Options, Plan, Problem, Product, Request, Source
from cim.ingest.sources import SOURCES
from cim.layers import Kind, require_id
from cim.store.database import ready
from cim.store.files import Files, disk_errors

MOST_KEPT = 5  # newest versions whose parts may be taken over


def readers() -> tuple[tuple[str, str, type[Options]], ...]:
    """Name, what it reads, and options of every reader, for the documentation."""
    return tuple((s.name, s.reads, s.options) for s in SOURCES)


def detect(
    paths: Sequence[Path], kind: Kind | None = None, options: Collection[str] = ()
) -> Source:
    """The source that reads all of the paths.

    Args:
        paths: The delivery.
        kind: The layer's kind, if the layer is known: a reader of it is asked first.
        options: Names of options that are given; of an unknown layer, a reader that has them is
            asked first: a height column means models, where rows alone would become a table.

    Raises:
        InputError: a path is missing, nobody reads it, or the paths are of several kinds.
    """
    found: dict[str, Source] = {}
    for path in paths:
        if not path.exists():
            raise InputError(
                "there is no such file or folder",
                path=path,
                remedy="check the spelling, and whether the disk is mounted",
            )
        readers = [s for s in SOURCES if s.supports(path)]
        meant = (
            [s for s in readers if s.kind is kind]
            if kind is not None
            else [s for s in readers if set(options) <= set(s.options.model_fields)]
        )
        source = next(iter([*meant, *readers]), None)
        if source is None:
            empty = path.is_dir() and not any(path.iterdir())
            raise FormatError(
                "the folder is empty" if empty else "no reader knows this format",
                path=path,
                remedy="give " + ", ".join(s.reads for s in SOURCES),
            )
        found[source.name] = source
    if len(found) > 1:
        raise InputError(
            f"deliveries of several kinds in one call: {', '.join(sorted(found))}",
            remedy="ingest each kind into a layer of its own",
        )
    return next(iter(found.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an ingest works, and with whom.

    Args:
        engine: The installation's database.
        files: The installation's folders.
        workers: Processes; 1 builds in this process.
        scheduler: Address of a Dask scheduler whose workers build instead.
    """

    engine: Engine
    files: Files
    workers: int = 1
    scheduler: str | None = None

    @property
    def crew(self) -> Crew:
        """Who builds the parts."""
        return crew_for(self.workers, self.scheduler)


def ingest(
    request: Request,
    *,
    engine: Engine,
    files: Files,
    workers: int = 1,
    scheduler: str | None = None,
    force: bool = False,
    watcher: Watcher | None = None,
    source: Source | None = None,
    based_on: int | None = None,
    superseded: bool = False,
) -> Report:
    """Ingest a delivery and publish it as the layer's next version.

    Args:
        request: What, where to, and how to read it.
        engine: The installation's database.
        files: The installation's folders.
        workers: Processes; 1 builds in this process.
        scheduler: Address of a Dask scheduler whose workers build the parts instead.
        force: Publish again even if the current version holds exactly this, every part built anew.
        watcher: Is told of the progress.
        source: Reader; None detects it.
        based_on: Version of the layer that the source was made from, before the layer was held.
        superseded: A later delivery follows into the layer, so that any version that holds exactly
            this will do, not only the current one.

    Returns:
        The report; ``report.exit`` says whether all, part or nothing was published.

    Raises:
        CimError: nothing was published; the last publication is served as before.
    """
    watch = watcher or Silent()
    began = time.monotonic()
    require_id(request.layer_id)
    kind = request.layer.kind if request.layer else None
    reader = source or detect(request.paths, kind, request.options)
    _require_kind(request, reader)
    _require_options(request, reader)
    place = Place(engine=engine, files=files, workers=workers, scheduler=scheduler)
    report = Report(
        layer=request.layer_id,
        source=reader.name,
        code_version=__version__,
        heights=str(request.heights),
        geoid=request.city.geoid_source,
    )
    with (
        _alone(engine, request.layer_id),
        disk_errors(files.root),
        borrowed(reader, request, engine, files) as lent,
    ):
        known = _entries(engine)
        request = replace(request, elevation=elevation.rasters(known, files), borrowed=lent)
        plan = reader.plan(request)
        _note_plan(report, plan)
        _require_parts(plan, request)
        before = next((e for e in known if e.layer.id == request.layer_id), None)
        _require_unmoved(before, based_on, request.layer_id)
        run = _Run(reader, plan, request, place, watch, report, before, known)
        run.go(force=force, superseded=superseded)
    report.seconds = time.monotonic() - began
    return report


@dataclass(slots=True)
class _Run:
    """One delivery on its way, from its plan on."""

    reader: Source
    plan: Plan
    request: Request
    place: Place
    watch: Watcher
    report: Report
    before: Entry | None
    known: list[Entry]

    def go(self, *, force: bool, superseded: bool) -> None:
        """Build and publish, unless the current version holds exactly this."""
        began = time.monotonic()
        report, files, plan = self.report, self.place.files, self.plan
        paths = [path for parcel in plan.parcels for path in parcel.inputs]
        self.watch.say(f"reading {len(paths)} files to tell what has changed")
        report.inputs = checksums([*plan.extra_inputs, *paths], self.place.workers)
        common = common_key(self.reader, plan, self.request)
        keys = part_keys(common, plan.parcels, {i.path: i for i in report.inputs}, {})
        if not force and self._is_published(common, keys, superseded):
            return
        report.warnings += left_behind(self.reader, self.request, self._history(), self.known)
        staging = files.staging(self.request.layer_id, self._key(common, keys, self.request))
        kept = [] if force else self._kept(staging)
        product = self._make(staging, common, keys, kept)
        report.seconds = time.monotonic() - began
        layer = self.request.layer or product.proposed
        if layer is None:
            raise CheckError(f"the reader {self.reader.name} proposed no declaration")
        lasting = self._key(common, keys, replace(self.request, layer=layer))
        report.version = publish(self.place.engine, files, layer, lasting, product, report, staging)

    def _key(self, common: str, keys: dict[str, str], request: Request) -> str:
        extra = {str(path) for path in self.plan.extra_inputs}
        return version_key(
            common, keys, [i for i in self.report.inputs if i.path in extra], request
        )

    def _is_published(self, common: str, keys: dict[str, str], superseded: bool) -> bool:
        """Whether what is served, or was, is what this run would build; the report tells of it.

        A layer that nobody had declared is declared by its first publication: the same delivery is
        the same then, so a version is known by the declaration that it was published under.
        """
        if self.before is None or self.before.current is None:
            return False
        asked = replace(self.request, layer=self.request.layer or self.before.layer)
        key = self._key(common, keys, asked)
        report = self.report
        versions = self._served(self.before.current)
        if superseded:
            with ready(self.place.engine) as connection:
                versions = iter(registry.versions(connection, report.layer))
        held = next((v for v in versions if v.key == key), None)
        if held is None or report.lost_by_chance(held.report):
            return False
        report.version, report.unchanged = held.version, True
        report.extent = held.extent
        report.recall(held.report, tuple(str(p.path) for p in self.plan.parcels))
        self.watch.say(f"{report.layer} version {report.version} already holds exactly this")
        return True

    def _history(self) -> list[registry.Version]:
        current = None if self.before is None else self.before.current
        return [] if current is None else list(self._served(current))

    def _served(self, current: registry.Version) -> Iterator[registry.Version]:
        """The current version, and those it was made from: labelled, revised, it holds them yet."""
        ahead: registry.Version | None = current
        while ahead is not None:
            yield ahead
            media = ahead.media
            earlier = media.get(
                "unlabelled", media.get("unjoined", media.get("revision", {}).get("of"))
            )
            with ready(self.place.engine) as connection:
                ahead = (
                    None
                    if earlier is None or int(earlier) >= ahead.version
                    else registry.published(connection, ahead.layer.id, int(earlier))
                )

    def _kept(self, staging: Path) -> list[Kept]:
        """Where parts may be found: stagings that were left behind, and the served version."""
        folders: list[Path] = []
        if staging.parent.is_dir():
            folders += sorted(other for other in staging.parent.iterdir() if other != staging)
        folders += self._versions()
        return [Kept(folder) for folder in folders if folder.is_dir()]

    def _versions(self) -> list[Path]:
        """Folders of the served version, then of the newest ones: a rollback keeps its parts."""
        if self.before is None or self.before.current is None:
            return []
        served = self.before.current.version
        with ready(self.place.engine) as connection:
            newest = [v.version for v in registry.versions(connection, self.request.layer_id)]
        numbers = dict.fromkeys([served, *newest[:MOST_KEPT]])
        return [self.place.files.version(self.request.layer_id, number) for number in numbers]

    def _make(self, staging: Path, common: str, keys: dict[str, str], kept: list[Kept]) -> Product:
        """Build, join and check a version in staging.

        Raises:
            CheckError: it did not pass its own checks.
        """
        staging.mkdir(parents=True, exist_ok=True)
        job = Job(self.reader, self.plan, self.request, staging)
        with closing(self.place.crew) as crew:
            works = Works(job, crew, kept, self.watch, self.report)
            built = works.build_all(common, keys)
        _drop_other_stagings(staging)
        self.watch.stage("finish and check", 2)
        product = self.reader.finish(self.plan, built, self.request, staging)
        self.watch.step("finished")
        _note_product(self.report, product)
        self.request.city.require_inside(product.extent, self.request.paths[0])
        self.report.checks = list(self.reader.check(product, self.request, staging))
        self.watch.step("checked")
        _require_clean(self.report, staging)
        return product


def _entries(engine: Engine) -> list[Entry]:
    with ready(engine) as connection:
        return registry.entries(connection)


def _require_unmoved(before: Entry | None, based_on: int | None, layer_id: str) -> None:
    """Refuse to publish over what was published meanwhile: it would be gone from sight."""
    served = None if before is None or before.current is None else before.current.version
    if based_on is not None and served != based_on:
        raise ConflictError(
            f"{layer_id} served version {based_on} when this began, and serves {served} now",
            remedy="start it again",
        )


def _require_options(request: Request, reader: Source) -> None:
    """Refuse an option that the reader does not have, before anything is read."""
    options: type[Options] = reader.options
    options.of(request)


def _require_kind(request: Request, reader: Source) -> None:
    if request.layer is not None and request.layer.kind is not reader.kind:
        raise InputError(
            f"the layer {request.layer_id} holds {request.layer.kind}, the delivery is "
            f"{reader.kind} ({reader.name})",
            path=request.paths[0],
            remedy="choose another --layer",
        )


@contextmanager
def _alone(engine: Engine, layer_id: str) -> Iterator[None]:
    """Hold the layer for this run; the lock dies with the process."""
    with ready(engine) as connection:
        number = int.from_bytes(hashlib.sha256(layer_id.encode()).digest()[:7], "big")
        got = connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar_one()
        connection.commit()
        if not got:
            raise ConflictError(
                f"another ingest into {layer_id} is running", remedy="wait until it has ended"
            )
        try:
            yield
        finally:
            with suppress(DBAPIError):  # a database that went down has let go of it already
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
                connection.commit()


def _note_plan(report: Report, plan: Plan) -> None:
    report.crs = plan.crs
    report.read = len(plan.parcels) + len(plan.refused)
    report.refused.extend(plan.refused)
    report.warnings.extend(plan.warnings)
    if plan.crs is not None:
        for text in plan.crs.warnings:
            where = str(plan.extra_inputs[0]) if plan.extra_inputs else ""
            report.warnings.append(Problem(path=where, reason=text))


def _require_parts(plan: Plan, request: Request) -> None:
    if plan.extent is not None:
        request.city.require_touching(plan.extent, request.paths[0])
    if not plan.parcels:
        nothing(plan.refused, request.paths[0])


def _drop_other_stagings(staging: Path) -> None:
    """What an earlier delivery left behind has been taken over; keep one staging per layer."""
    if staging.parent.is_dir():
        for other in staging.parent.iterdir():
            if other != staging:
                shutil.rmtree(other, ignore_errors=True)


def _note_product(report: Report, product: Product) -> None:
    report.extent = product.extent
    report.refused.extend(product.refused)
    report.warnings.extend(product.warnings)
    report.count(product.counts)


def _require_clean(report: Report, staging: Path) -> None:
    failed = [check for check in report.checks if check.errors]
    if failed:
        raise CheckError(
            f"the built version did not pass {failed[0].name}: {failed[0].errors[0]}"
            + (f" (and {len(failed[0].errors) - 1} more)" if len(failed[0].errors) > 1 else ""),
            path=staging,
            remedy="nothing was published; please report this with the file",
        )
