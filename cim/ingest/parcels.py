"""The parts of a delivery: built by a crew, unless a killed run or the served version has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cim.errors import OutsideCityError
from cim.ingest.crew import Crew, Job
from cim.ingest.keys import part_keys
from cim.ingest.marks import Kept, read_mark
from cim.ingest.progress import Watcher
from cim.ingest.report import Input, Report, nothing
from cim.ingest.source import Built, Parcel, Problem


class Works:
    """One run's parts.

    Args:
        job: What all parts share.
        crew: Who builds them.
        kept: Earlier versions and stagings whose parts may be taken over.
        watch: Is told of the progress.
        report: Is told of losses, faults and figures.
    """

    def __init__(
        self, job: Job, crew: Crew, kept: Sequence[Kept], watch: Watcher, report: Report
    ) -> None:
        self.job = job
        self.crew = crew
        self.kept = kept
        self.watch = watch
        self.report = report

    def build_all(self, common: str, keys: Mapping[str, str]) -> list[Built]:
        """Build all parts of the plan, then the parts that are made from them.

        Args:
            common: Digest of what decides every part.
            keys: Keys of the plan's parts by id.

        Returns:
            The parts of the plan in its order, then those made from parts.

        Raises:
            InputError: no part of the plan could be built.
        """
        plan, report = self.job.plan, self.report
        built = self._build("build", plan.parcels, keys)
        report.published = len(built)
        if not built:
            nothing(report.refused, self.job.request.paths[0])
        known, ids = dict(keys), {part.parcel for part in built}
        while True:
            asked = self.job.reader.further(plan, built, self.job.request, self.job.staging)
            more = [p for p in asked if p.id not in ids]
            if not more:
                return built
            read: Mapping[str, Input] = {i.path: i for i in report.inputs}
            known |= part_keys(common, more, read, known)
            made = self._build("join", more, known)
            report.joined += len(made)
            if not made:  # what cannot be made would be asked for again, for ever
                return built
            built += made
            ids |= {parcel.id for parcel in more}  # the lost ones too: they are told once

    def _build(self, name: str, parcels: Sequence[Parcel], keys: Mapping[str, str]) -> list[Built]:
        done: dict[str, Built] = {}
        waiting: list[tuple[Parcel, str]] = []
        resumed = reused = 0
        for parcel in parcels:
            key = keys[parcel.id]
            mark = read_mark(self.job.staging, parcel, key)
            taken = None if mark is not None else self._take(parcel, key)
            resumed += mark is not None
            reused += taken is not None
            if (found := mark or taken) is not None:
                done[parcel.id] = found
            else:
                waiting.append((parcel, key))
        self.report.resumed += resumed
        self.report.reused += reused
        if resumed:
            self.watch.say(f"{resumed} of {len(parcels)} parts were finished by an earlier run")
        if reused:
            self.watch.say(f"{reused} of {len(parcels)} parts have not changed and are kept")
        lost = self._make(name, waiting, done)
        self.report.refused.extend(sorted(lost, key=lambda p: p.path))
        built = [done[p.id] for p in parcels if p.id in done]
        for part in built:
            self.report.refused.extend(part.refused)
            self.report.warnings.extend(part.warnings)
            self.report.count(part.counts)
        return built

    def _take(self, parcel: Parcel, key: str) -> Built | None:
        for kept in self.kept:
            taken = kept.take(self.job.staging, parcel, key)
            if taken is not None and self._inside(taken, parcel):
                return taken
        return None

    def _inside(self, built: Built, parcel: Parcel) -> bool:
        """Whether a part that is kept still lies inside: the city may have been drawn anew."""
        try:
            if built.extent is not None:
                self.job.request.city.require_inside(built.extent, parcel.path)
        except OutsideCityError:
            return False
        return True

    def _make(
        self, name: str, waiting: list[tuple[Parcel, str]], done: dict[str, Built]
    ) -> list[Problem]:
        """Build what is missing, the biggest parts first; the losses."""
        waiting.sort(key=lambda both: (-both[0].bytes, both[0].id))
        self.watch.stage(name, len(waiting), sum(parcel.bytes for parcel, _ in waiting))
        lost: list[Problem] = []
        if waiting:
            for parcel, outcome in self.crew.outcomes(self.job, waiting):
                self.watch.step(parcel.path.name, parcel.bytes)
                if isinstance(outcome, Problem):
                    lost.append(outcome)
                else:
                    done[parcel.id] = outcome
        return lost
