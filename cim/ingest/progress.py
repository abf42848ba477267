"""Progress of a long run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Watcher(Protocol):
    """Is told how far a run has come."""

    def stage(self, name: str, total: int) -> None:
        """A stage of ``total`` steps begins."""

    def step(self, what: str, size: int = 0) -> None:
        """One step is done, of ``size`` bytes."""

    def say(self, line: str) -> None:
        """Tell the user a sentence."""


class Silent:
    """Tells nobody."""

    def stage(self, name: str, total: int) -> None:
        """Not told."""

    def step(self, what: str, size: int = 0) -> None:
        """Not told."""

    def say(self, line: str) -> None:
        """Not told."""


class Lines:
    """Plain lines on stderr, one every two seconds of a stage and one at a long stage's end."""

    def __init__(self) -> None:
        self._name, self._total, self._done, self._bytes = "", 0, 0, 0
        self._began = self._told = 0.0

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._name, self._total, self._done, self._bytes = name, total, 0, 0
        self._began = self._told = time.monotonic()

    def step(self, what: str, size: int = 0) -> None:
        """Count a step."""
        self._done += 1
        self._bytes += size
        now = time.monotonic()
        ended = self._done == self._total and now - self._began >= 2.0
        if now - self._told >= 2.0 or ended:
            self._told = now
            rate = self._bytes / 1e6 / max(now - self._began, 1e-3)
            speed = f", {rate:.1f} MB/s" if self._bytes else ""
            self.say(f"{self._name}: {self._done}/{self._total}{speed} ({what})")

    def say(self, line: str) -> None:
        """Print a line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class Bar:
    """A bar with time remaining, on a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[what]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=None, what="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._progress.reset(self._task, description=name, total=total, what="")

    def step(self, what: str, size: int = 0) -> None:
        """Move the bar."""
        self._progress.update(self._task, advance=1, what=what)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(line)
