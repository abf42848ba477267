"""The parts of a delivery, built by many workers; a killed run finds its finished ones again."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path

from cim.city import Bounds
from cim.errors import CimError, StorageError
from cim.ingest.progress import Watcher
from cim.ingest.report import Report, nothing
from cim.ingest.source import MARKS, Built, Parcel, Plan, Problem, Request, Source
from cim.store.files import disk_errors, write_json


def build_all(
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
        nothing(report.refused, request.paths[0])
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
