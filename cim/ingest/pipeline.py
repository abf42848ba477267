"""The way of every delivery: plan → build (many workers) → finish → check → publish.

Nothing half-built is ever served: a version grows in staging and becomes visible in one
transaction. A killed run leaves its finished parts in staging, and the next run with the same
inputs goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cim import __version__
from cim.catalog import registry
from cim.errors import CheckError, ConflictError, FormatError, InputError
from cim.ingest.parcels import build_all
from cim.ingest.progress import Silent, Watcher
from cim.ingest.publish import publish
from cim.ingest.report import Input, Report, checksums, nothing
from cim.ingest.source import Plan, Problem, Product, Request, Source
from cim.ingest.sources import SOURCES
from cim.layers import Kind, require_id
from cim.store.database import ready
from cim.store.files import Files, disk_errors


def detect(paths: Sequence[Path], kind: Kind | None = None) -> Source:
    """The source that reads all of the paths; one of the layer's kind, if the layer is known.

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
    require_id(request.layer_id)
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
        if not force and _is_published(engine, reader, plan, request, report):
            report.seconds = time.monotonic() - began
            watch.say(f"{report.layer} version {report.version} already holds exactly this")
            return report
        staging = files.staging(request.layer_id, key)
        product = _make(reader, plan, request, staging, workers, watch, report)
        report.seconds = time.monotonic() - began
        layer = request.layer or product.proposed
        if layer is None:
            raise CheckError(f"the reader {reader.name} proposed no declaration")
        lasting = _key(reader, plan, replace(request, layer=layer), report.inputs)
        report.version = publish(engine, files, layer, lasting, product, report, staging)
    report.seconds = time.monotonic() - began
    return report


def _make(
    reader: Source,
    plan: Plan,
    request: Request,
    staging: Path,
    workers: int,
    watch: Watcher,
    report: Report,
) -> Product:
    """Build, join and check a version in staging.

    Raises:
        CheckError: it did not pass its own checks.
    """
    _drop_other_stagings(staging)
    staging.mkdir(parents=True, exist_ok=True)
    built = build_all(reader, plan, request, staging, workers, watch, report)
    watch.stage("join and check", 2)
    product = reader.finish(plan, built, request, staging)
    watch.step("joined")
    _note_product(report, product)
    request.city.require_inside(product.extent, request.paths[0])
    report.checks = list(reader.check(product, request, staging))
    watch.step("checked")
    _require_clean(report, staging)
    return product


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


def _is_published(
    engine: Engine, reader: Source, plan: Plan, request: Request, report: Report
) -> bool:
    """Whether the current version is what this run would build; the report then tells of it.

    A layer that nobody had declared is declared by its first publication: the same delivery is
    the same then, so a version is known by the declaration that it was published under.
    """
    with ready(engine) as connection:
        entry = next((e for e in registry.entries(connection) if e.layer.id == report.layer), None)
    if entry is None or entry.current is None:
        return False
    current = entry.current
    asked = replace(request, layer=request.layer or entry.layer)
    if current.key != _key(reader, plan, asked, report.inputs):
        return False
    report.version, report.unchanged = current.version, True
    report.extent = current.extent
    report.recall(current.report, tuple(str(p.path) for p in plan.parcels))
    return True


def _drop_other_stagings(staging: Path) -> None:
    """A changed delivery cannot go on where another stopped; keep one staging per layer."""
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
