"""What came of an ingest: everything a data office must be able to show afterwards."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

from cim.city import Bounds
from cim.errors import InputError
from cim.geo.crs import ResolvedCrs
from cim.ingest.source import Check, Problem

KILLED = "the worker that built it was killed, most likely for want of memory"
STUMBLED = "the program failed on it"
BY_CHANCE = (KILLED, STUMBLED)  # how reasons begin that a second run may not meet
MOST_LISTED = 20  # refusals that one message names


class Exit(IntEnum):
    """Exit codes of ``cim ingest``."""

    PUBLISHED = 0
    NOTHING = 2
    PARTLY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file that was read."""

    path: str
    sha256: str
    bytes: int


@dataclass(slots=True, kw_only=True)
class Report:
    """Grows while an ingest runs; ``to_json`` is what ``--report`` writes."""

    layer: str
    source: str
    code_version: str
    version: int | None = None
    inputs: Sequence[Input] = ()
    read: int = 0
    published: int = 0
    resumed: int = 0
    reused: int = 0
    joined: int = 0
    refused: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    crs: ResolvedCrs | None = None
    heights: str = ""
    geoid: str = ""
    extent: Bounds | None = None
    counts: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0.0
    unchanged: bool = False

    @property
    def exit(self) -> Exit:
        """How the run ended."""
        if self.version is None:
            return Exit.NOTHING
        return Exit.PARTLY if self.refused else Exit.PUBLISHED

    def count(self, figures: Mapping[str, int]) -> None:
        """Add a part's figures to the sums."""
        for key, value in figures.items():
            self.counts[key] = self.counts.get(key, 0) + int(value)

    def recall(self, before: Mapping[str, Any], parts: tuple[str, ...]) -> None:
        """Tell again what the run told that published this: what it refused stays refused.

        Args:
            before: The report of the version that is served.
            parts: The parts of this run's plan; what the plan refused is noted already.
        """
        self.published = before["parts"]["published"]
        for told, kind in (
            (self.refused, before["parts"]["refused"]),
            (self.warnings, before["warnings"]),
        ):
            again = [Problem(**p) for p in kind if p["path"].startswith(parts)]
            told.extend(p for p in again if p not in told)
        self.counts = dict(before["counts"])
        self.checks = [
            Check(
                name=c["name"],
                looked_at=c["looked_at"],
                errors=tuple(c["errors"]),
                figures=c["figures"],
            )
            for c in before["checks"]
        ]

    @staticmethod
    def lost_by_chance(before: Mapping[str, Any]) -> bool:
        """Whether a run lost a part to what may not happen again, such as a killed worker."""
        return any(p["reason"].startswith(BY_CHANCE) for p in before["parts"]["refused"])

    def to_json(self) -> dict[str, Any]:
        """The contract of ``--report``; see docs/ingest.md."""
        return {
            "layer": self.layer,
            "version": self.version,
            "source": self.source,
            "code_version": self.code_version,
            "unchanged": self.unchanged,
            "inputs": [asdict(i) for i in self.inputs],
            "parts": {
                "read": self.read,
                "published": self.published,
                "resumed": self.resumed,
                "reused": self.reused,
                "joined": self.joined,
                "refused": [asdict(p) for p in self.refused],
            },
            "warnings": [asdict(p) for p in self.warnings],
            "crs": None
            if self.crs is None
            else {
                "given": self.crs.given,
                "resolved": self.crs.crs.name,
                "epsg": self.crs.crs.to_epsg(),
                "wkt": self.crs.crs.to_wkt(),
                "how": self.crs.how,
            },
            "heights": {"given": self.heights, "geoid": self.geoid},
            "extent": None if self.extent is None else list(self.extent),
            "counts": self.counts,
            "checks": [{**asdict(c), "errors": list(c.errors[:20]), "failed": len(c.errors)}
                       for c in self.checks],
            "seconds": round(self.seconds, 3),
            "peak_memory_bytes": peak_memory(),
        }  # fmt: skip


def peak_memory() -> int:
    """Peak resident memory of this process or its biggest finished child, bytes."""
    return 1024 * max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def checksum(path: Path) -> Input:
    """Digest and size of one file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Input(path=str(path), sha256=digest, bytes=path.stat().st_size)


def checksums(paths: Iterable[Path], workers: int = 1) -> list[Input]:
    """Digests of files, each once, by name; a file that vanished meanwhile is left out.

    Threads are enough: the digest works without the interpreter's lock.
    """
    there = [path for path in sorted(set(paths)) if path.is_file()]
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        return list(pool.map(checksum, there))


def nothing(refused: Sequence[Problem], path: Path) -> NoReturn:
    """Say why nothing at all is left to publish.

    Raises:
        InputError: always, with the first refusal and how many more there are.
    """
    if not refused:
        raise InputError("nothing to publish was found in it", path=path)
    first = refused[0]
    if len(refused) == 1:
        raise InputError(first.reason, path=first.path, remedy=first.remedy)
    listed = "".join(f"\n  {p.path}: {p.reason}" for p in refused[:MOST_LISTED])
    more = len(refused) - MOST_LISTED
    raise InputError(
        f"none of its {len(refused)} parts can be used:{listed}"
        + (f"\n  and {more} more" if more > 0 else ""),
        path=path,
        remedy=first.remedy,
    )
