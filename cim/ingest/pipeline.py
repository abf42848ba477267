"""The way of every delivery: plan → build (many workers) → finish → check → publish.

Nothing half-built is ever served: a version grows in staging and becomes visible in one
transaction. A killed run leaves its finished parts in staging, and the next run with the same
inputs goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from cim import __version__
from cim.catalog import registry
from cim.city import Bounds
from cim.errors import CheckError, CimError, ConflictError, FormatError, InputError, StorageError
from cim.ingest.progress import Silent, Watcher
from cim.ingest.publish import publish
from cim.ingest.report import Input, Report, checksums
from cim.ingest.source import MARKS, Built, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources import SOURCES
from cim.layers import Kind
from cim.store.database import ready
from cim.store.files import Files, disk_errors, write_json


def detect(paths: Sequence[Path], kind: Kind | None = None) -> Source:
    """The source that reads all of the paths; one of the layer's kind, if the layer is known.

    Raises:
        InputError: a path is missing, nobody reads it, or the paths are of several kinds.
    """
    found: dict[str, Source] = {}
    for path in paths:
        if not path.exists():
            raise InputError("there is no such file or folder", path=path)
        readers = [s for s in SOURCES if s.supports(path)]
        source = next((s for s in readers if s.kind is kind), next(iter(readers), None))
        if source is None:
            raise FormatError(
                "no reader knows this format",
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


def ingest(
    request: Request,
    *,
    engine: Engine,
    files: Files,
    workers: int = 1,
    force: bool = False,
    watcher: Watcher | None = None,
    source: Source | None = None,
) -> Report:
    """Ingest a delivery and publish it as the layer's next version.

    Args:
        request: What, where to, and how to read it.
        engine: The installation's database.
        files: The installation's folders.
        workers: Processes; 1 builds in this process.
        force: Publish again even if the current version holds exactly this.
        watcher: Is told of the progress.
        source: Reader; None detects it.

    Returns:
        The report; ``report.exit`` says whether all, part or nothing was published.

    Raises:
        CimError: nothing was published; the last publication is served as before.
    """
    watch = watcher or Silent()
    began = time.monotonic()
    reader = source or detect(request.paths, request.layer.kind if request.layer else None)
    _require_kind(request, reader)
    report = Report(
        layer=request.layer_id,
        source=reader.name,
        code_version=__version__,
        heights=str(request.heights),
        geoid=request.city.geoid_source,
    )
    with _alone(engine, request.layer_id), disk_errors(files.root):
        plan = reader.plan(request)
        _note_plan(report, plan)
        _require_parts(plan, request)
        report.inputs = checksums(
            [*plan.extra_inputs, *(path for p in plan.parcels for path in p.inputs)]
        )
        key = _key(reader, plan, request, report.inputs)
        if not force and (version := _current_with(engine, request, key)) is not None:
            report.version, report.unchanged = version.version, True
            report.extent, report.published = version.extent, report.read
            report.seconds = time.monotonic() - began
            watch.say(f"{request.layer_id} version {version.version} already holds exactly this")
            return report
        staging = files.staging(request.layer_id, key)
        _drop_other_stagings(staging)
        staging.mkdir(parents=True, exist_ok=True)
        built = _build_all(reader, plan, request, staging, workers, watch, report)
        watch.stage("join and check", 2)
        product = reader.finish(plan, built, request, staging)
        watch.step("joined")
        _note_product(report, product)
        request.city.require_inside(product.extent, request.paths[0])
        report.checks = list(reader.check(product, request, staging))
        watch.step("checked")
        _require_clean(report, staging)
        report.seconds = time.monotonic() - began
        layer = request.layer or product.proposed
        if layer is None:
            raise CheckError(f"the reader {reader.name} proposed no declaration")
        report.version = publish(engine, files, layer, key, product, report, staging)
    return report


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
        _nothing(plan.refused, request.paths[0])


def _nothing(refused: Sequence[Problem], path: Path) -> None:
    if not refused:
        raise InputError("nothing to publish was found in it", path=path)
    first = refused[0]
    more = f" (and {len(refused) - 1} more like it)" if len(refused) > 1 else ""
    raise InputError(f"{first.reason}{more}", path=first.path, remedy=first.remedy)


def _key(reader: Source, plan: Plan, request: Request, inputs: Sequence[Input]) -> str:
    """Digest of all that decides the result."""
    city = request.city
    decides = {
        "code": __version__,
        "source": reader.name,
        "inputs": [(i.path, i.sha256) for i in inputs],
        "parameters": dict(plan.parameters),
        "crs": request.crs,
        "heights": str(request.heights),
        "origin": request.origin,
        "city": [list(city.bounds), city.compute_crs.to_wkt(), city.geoid_source],
        "layer": None if request.layer is None else asdict(request.layer),
        "id": request.layer_id,
    }
    text = json.dumps(decides, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _current_with(engine: Engine, request: Request, key: str) -> registry.Version | None:
    with ready(engine) as connection:
        for entry in registry.entries(connection):
            if entry.layer.id == request.layer_id and entry.current and entry.current.key == key:
                return entry.current
    return None


def _drop_other_stagings(staging: Path) -> None:
    """A changed delivery cannot go on where another stopped; keep one staging per layer."""
    if staging.parent.is_dir():
        for other in staging.parent.iterdir():
            if other != staging:
                shutil.rmtree(other, ignore_errors=True)


def _build_all(
    reader: Source,
    plan: Plan,
    request: Request,
    staging: Path,
    workers: int,
    watch: Watcher,
    report: Report,
) -> list[Built]:
    """Build what an earlier run has not, the biggest parts first; the results in plan's order."""
    done: dict[str, Built] = {}
    waiting: list[Parcel] = []
    for parcel in plan.parcels:
        mark = _read_mark(staging, parcel)
        if mark is None:
            waiting.append(parcel)
        else:
            done[parcel.id] = mark
    report.resumed = len(done)
    if done:
        watch.say(f"{len(done)} of {len(plan.parcels)} parts were finished by an earlier run")
    waiting.sort(key=lambda p: (-p.bytes, p.id))
    watch.stage("build", len(waiting))
    lost: list[Problem] = []
    for parcel, outcome in _outcomes(reader, plan, request, staging, waiting, workers):
        watch.step(parcel.path.name, parcel.bytes)
        if isinstance(outcome, Problem):
            lost.append(outcome)
        else:
            done[parcel.id] = outcome
    report.refused.extend(sorted(lost, key=lambda p: p.path))
    built = [done[p.id] for p in plan.parcels if p.id in done]
    for part in built:
        report.refused.extend(part.refused)
        report.warnings.extend(part.warnings)
        report.count(part.counts)
    report.published = len(built)
    if not built:
        _nothing(report.refused, request.paths[0])
    return built


def _outcomes(
    reader: Source, plan: Plan, request: Request, staging: Path, parcels: list[Parcel], workers: int
) -> Iterator[tuple[Parcel, Built | Problem]]:
    if workers <= 1 or len(parcels) <= 1:
        for parcel in parcels:
            yield parcel, _build_one(reader, parcel, plan, request, staging)
        return
    # Workers start afresh: a forked child would share the parent's database connections.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(parcels)), mp_context=context) as pool:
        yield from _collect(pool, reader, plan, request, staging, parcels)


def _collect(
    pool: Executor, reader: Source, plan: Plan, request: Request, staging: Path,
    parcels: list[Parcel],
) -> Iterator[tuple[Parcel, Built | Problem]]:  # fmt: skip
    running: dict[Future[Built | Problem], Parcel] = {
        pool.submit(_build_one, reader, parcel, plan, request, staging): parcel
        for parcel in parcels
    }
    try:
        for future in as_completed(running):
            yield running[future], future.result()
    except BrokenProcessPool as error:
        raise StorageError(
            "a worker process was killed, most likely for want of memory",
            remedy="give fewer --workers; the next run goes on where this one stopped",
        ) from error
    finally:
        for future in running:
            future.cancel()


def _build_one(
    reader: Source, parcel: Parcel, plan: Plan, request: Request, staging: Path
) -> Built | Problem:
    """Build one part and leave a mark that it is done; an unusable part is a ``Problem``."""
    try:
        with disk_errors(staging):
            built = reader.build(parcel, plan, request, staging)
            if built.extent is not None:
                request.city.require_inside(built.extent, parcel.path)
            _write_mark(staging, built)
    except StorageError:
        raise  # the disk is full for all parts alike
    except CimError as error:
        return Problem(
            path=error.path or str(parcel.path), reason=error.reason, remedy=error.remedy
        )
    return built


def _write_mark(staging: Path, built: Built) -> None:
    write_json(staging / MARKS / f"{built.parcel}.json", asdict(built))


def _read_mark(staging: Path, parcel: Parcel) -> Built | None:
    path = staging / MARKS / f"{parcel.id}.json"
    if not path.exists():
        return None
    data = json.loads(path.read_text())
    return Built(
        parcel=data["parcel"],
        facts=data["facts"],
        counts=data["counts"],
        extent=None if data["extent"] is None else Bounds(*data["extent"]),
        refused=tuple(Problem(**p) for p in data["refused"]),
        warnings=tuple(Problem(**p) for p in data["warnings"]),
    )


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
