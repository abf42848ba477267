"""Who builds the parts: this process, a pool of processes, or the workers of a Dask scheduler.

One bad part never stops the others: what a reader refuses, what the program stumbles over, and a
worker that is killed all end as the ``Problem`` of one part. Only a full disk stops everything.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from cim import __version__
from cim.errors import CimError, InputError, StorageError
from cim.ingest.marks import begin, end, write_mark
from cim.ingest.report import KILLED, STUMBLED
from cim.ingest.source import Built, Parcel, Plan, Problem, Request, Source
from cim.store.files import disk_errors

Outcome = Built | Problem
CONNECT_SECONDS = 10
_KILLED_REMEDY = "give fewer --workers; the next run builds only what is missing"


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts of one run share."""

    reader: Source
    plan: Plan
    request: Request
    staging: Path

    def slim(self) -> Job:
        """The same without the list of parts, to be sent to workers."""
        return Job(self.reader, replace(self.plan, parcels=()), self.request, self.staging)

    def build(self, parcel: Parcel, key: str) -> Outcome:
        """Build one part and leave a mark that it is done; an unusable part is a ``Problem``."""
        try:
            with disk_errors(self.staging):
                begin(self.staging, parcel)
                built = self.reader.build(parcel, self.plan, self.request, self.staging)
                if built.extent is not None:
                    self.request.city.require_inside(built.extent, parcel.path)
                write_mark(self.staging, built, key)
        except StorageError:
            raise  # the disk is full for all parts alike
        except CimError as error:
            return Problem(
                path=error.path or str(parcel.path), reason=error.reason, remedy=error.remedy
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts shall land
            return Problem(
                path=str(parcel.path),
                reason=f"{STUMBLED}: {type(error).__name__}: {error}",
                remedy="please report this with the file; everything else goes on",
            )
        finally:
            end(self.staging, parcel)
        return built


class Crew(Protocol):
    """Builds parts in any order."""

    def outcomes(
        self, job: Job, parcels: Sequence[tuple[Parcel, str]]
    ) -> Iterator[tuple[Parcel, Outcome]]:
        """Each part with what came of it, as soon as it is known.

        Raises:
            StorageError: the disk is full.
        """

    def close(self) -> None:
        """Let the workers go."""


class Alone:
    """Builds in this process."""

    def outcomes(
        self, job: Job, parcels: Sequence[tuple[Parcel, str]]
    ) -> Iterator[tuple[Parcel, Outcome]]:
        """One after the other."""
        for parcel, key in parcels:
            yield parcel, job.build(parcel, key)

    def close(self) -> None:
        """There is nobody to let go."""


class _Shared:
    """The job of a worker process: sent once, not with every part."""

    job: Job


def _receive(job: Job) -> None:
    _Shared.job = job
    threading.Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    """End with the process that asked for the work.

    A parent that is killed (no memory left) closes no queue: its workers would wait for ever with
    all they hold, and one amid a part would write into the staging of the next run.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(parcel: Parcel, key: str) -> Outcome:
    return _Shared.job.build(parcel, key)


class Pool:
    """Builds in processes of this machine, which stay for all rounds of one job.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def outcomes(
        self, job: Job, parcels: Sequence[tuple[Parcel, str]]
    ) -> Iterator[tuple[Parcel, Outcome]]:
        """In parallel; after a worker's death, its part once more and alone, then the rest."""
        if len(parcels) <= 1 and self._executor is None:
            yield from Alone().outcomes(job, parcels)
            return
        waiting = {parcel.id: (parcel, key) for parcel, key in parcels}
        while waiting:
            for parcel, outcome in self._round(job, list(waiting.values())):
                del waiting[parcel.id]
                yield parcel, outcome
            begun = [both for both in waiting.values() if end(job.staging, both[0])]
            for suspect in begun or list(waiting.values())[:1]:
                del waiting[suspect[0].id]
                with closing(Pool(1)) as other:
                    found = list(other._round(job, [suspect]))  # noqa: SLF001 - its own
                yield found[0] if found else (suspect[0], _killed(suspect[0]))

    def _round(
        self, job: Job, parcels: list[tuple[Parcel, str]]
    ) -> Iterator[tuple[Parcel, Outcome]]:
        """Outcomes until the end, or until a worker dies."""
        running: dict[Future[Outcome], Parcel] = {}
        try:
            for parcel, key in parcels:
                running[self._pool(job).submit(_work, parcel, key)] = parcel
            for future in as_completed(running):
                yield running[future], future.result()
        except BrokenProcessPool:
            self.close()
        finally:
            for future in running:
                future.cancel()

    def _pool(self, job: Job) -> ProcessPoolExecutor:
        if self._executor is None:
            # Workers start afresh: a forked child would share the parent's database connections.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self.workers, context, _receive, (job.slim(),))
        return self._executor

    def close(self) -> None:
        """Let the processes go."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


def _killed(parcel: Parcel) -> Problem:
    return Problem(path=str(parcel.path), reason=KILLED, remedy=_KILLED_REMEDY)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Builds on the workers of a Dask scheduler, on any number of machines that share a disk.

    Args:
        address: Of the scheduler: ``tcp://host:port``.
    """

    address: str

    def outcomes(
        self, job: Job, parcels: Sequence[tuple[Parcel, str]]
    ) -> Iterator[tuple[Parcel, Outcome]]:
        """In parallel, wherever there is room.

        Raises:
            InputError: nobody answers there, the workers run another version of the program, or
                do not see the staging folder.
        """
        from distributed import Client, as_completed  # noqa: PLC0415 - two seconds, for clusters only

        try:
            client = Client(self.address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers at {self.address}",
                remedy="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
            ) from error
        with client:
            self._require_workers(client, job.staging)
            slim = job.slim()  # with every part: what is scattered dies with the workers
            running = {
                client.submit(_build, slim, parcel, key, pure=False): parcel
                for parcel, key in parcels
            }
            for future in as_completed(list(running)):
                yield running[future], _result(future, running[future])

    def close(self) -> None:
        """The cluster stays; each round has its own connection."""

    def _require_workers(self, client: Any, staging: Path) -> None:
        """Every worker runs this program and sees what this one writes."""
        token = secrets.token_hex(8)
        probe = staging / ".probe"
        staging.mkdir(parents=True, exist_ok=True)
        probe.write_text(token)
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)  # one may just be starting again
            answers = client.run(_probe, str(probe))
        except TimeoutError as error:
            raise InputError(
                f"the scheduler at {self.address} has no worker",
                remedy=f"start some with `dask worker {self.address}`",
            ) from error
        finally:
            probe.unlink(missing_ok=True)
        for worker, (seen, version) in answers.items():
            if version != __version__:
                raise InputError(
                    f"the worker {worker} runs version {version}, this is {__version__}",
                    remedy="install the same version everywhere",
                )
            if seen != token:
                raise InputError(
                    f"the worker {worker} does not see {staging}",
                    remedy="all machines must share the data folder (and the delivery) under the "
                    "same path",
                )


def _probe(path: str) -> tuple[str | None, str]:
    try:
        return Path(path).read_text("utf-8"), __version__
    except OSError:
        return None, __version__


def _build(job: Job, parcel: Parcel, key: str) -> Outcome:
    return job.build(parcel, key)


def _result(future: Any, parcel: Parcel) -> Outcome:
    from distributed.scheduler import KilledWorker  # noqa: PLC0415 - as above

    try:
        outcome: Outcome = future.result()
    except KilledWorker:
        return _killed(parcel)
    return outcome


def crew_for(workers: int, scheduler: str | None) -> Crew:
    """The crew for ``--workers`` and ``--scheduler``."""
    if scheduler is not None:
        return Cluster(scheduler)
    return Alone() if workers <= 1 else Pool(workers)
