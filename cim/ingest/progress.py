"""Progress of a long run: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Watcher(Protocol):
    """Is told how far a run has come."""

    def stage(self, name: str, total: int, size: int = 0) -> None:
        """A stage of ``total`` steps begins, of ``size`` bytes in all."""

    def step(self, what: str, size: int = 0) -> None:
        """One step is done, of ``size`` bytes."""

    def say(self, line: str) -> None:
        """Tell the user a sentence."""


def remaining(took: float, steps: tuple[int, int], sizes: tuple[int, int]) -> str:
    """How long a stage will take yet, in words: by its bytes where they are known, else by steps.

    Args:
        took: Seconds so far.
        steps: Done and in all.
        sizes: Bytes done and in all; the biggest parts come first, so bytes foretell better.

    Example:
        >>> remaining(10.0, (1, 100), (500, 1000))
        ', 10 s left'
    """
    done, whole = sizes if sizes[0] and sizes[1] else steps
    if not 0 < done < whole:
        return ""
    seconds = took * (whole - done) / done
    if seconds < 90:
        return f", {seconds:.0f} s left"
    return f", {seconds / 60:.0f} min left" if seconds < 5400 else f", {seconds / 3600:.1f} h left"


class Silent:
    """Tells nobody."""

    def stage(self, name: str, total: int, size: int = 0) -> None:
        """Not told."""

    def step(self, what: str, size: int = 0) -> None:
        """Not told."""

    def say(self, line: str) -> None:
        """Not told."""


class Lines:
    """Plain lines on stderr, one every two seconds of a stage and one at a long stage's end."""

    def __init__(self) -> None:
        self._name, self._total, self._done, self._bytes = "", 0, 0, 0
        self._size = 0
        self._began = self._told = 0.0

    def stage(self, name: str, total: int, size: int = 0) -> None:
        """Begin a stage."""
        self._name, self._total, self._done, self._bytes = name, total, 0, 0
        self._size = size
        self._began = self._told = time.monotonic()

    def step(self, what: str, size: int = 0) -> None:
        """Count a step."""
        self._done += 1
        self._bytes += size
        now = time.monotonic()
        ended = self._done == self._total and now - self._began >= 2.0
        if now - self._told >= 2.0 or ended:
            self._told = now
            took = max(now - self._began, 1e-3)
            speed = f", {self._bytes / 1e6 / took:.1f} MB/s" if self._bytes else ""
            left = remaining(took, (self._done, self._total), (self._bytes, self._size))
            self.say(f"{self._name}: {self._done}/{self._total}{speed}{left} ({what})")

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
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[what]}"),
            console=Console(stderr=True),
        )
        self._bytes, self._began = 0, 0.0
        self._sized = False
        self._task = self._progress.add_task("", total=None, what="", speed="")

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

    def stage(self, name: str, total: int, size: int = 0) -> None:
        """Begin a stage."""
        self._bytes, self._began, self._sized = 0, time.monotonic(), size > 0
        self._progress.reset(self._task, description=name, total=size or total, what="", speed="")

    def step(self, what: str, size: int = 0) -> None:
        """Move the bar: by bytes where the stage has any."""
        self._bytes += size
        took = max(time.monotonic() - self._began, 1e-3)
        speed = f"{self._bytes / 1e6 / took:.1f} MB/s" if self._bytes else ""
        advance = size if self._sized else 1
        self._progress.update(self._task, advance=advance, what=what, speed=speed)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(line)
