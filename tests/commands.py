"""The command line as a user types it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests import outside


def cim(
    environment: dict[str, str], *arguments: object, timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run ``cim`` and wait for it."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
        cwd=outside.PROJECT,
        check=False,
    )


def command(*arguments: object) -> list[str]:
    """The words that start ``cim``."""
    return [sys.executable, "-m", "cim.cli", *map(str, arguments)]


def last_line(words: str) -> str:
    """The last line a user sees."""
    return words.strip().splitlines()[-1]
