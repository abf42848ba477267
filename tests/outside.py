"""Programs and data from outside: missing in CI they are a failure, elsewhere a skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT / ".." / "shared" / "data"


def installed(folder: Path, **topics: str) -> Path:
    """A folder that, on PYTHONPATH, stands for an installed package with topics.

    Args:
        folder: Made if missing.
        topics: Where each lies, such as ``tests.browser.showcase:TOPIC``, by entry point.
    """
    metadata = folder / "showcase-1.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: showcase\nVersion: 1\n")
    points = "".join(f"{name} = {where}\n" for name, where in topics.items())
    (metadata / "entry_points.txt").write_text(f"[cim.topics]\n{points}")
    return folder


def missing(what: str) -> NoReturn:
    """Skip a test for want of something from outside; in CI its lack is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing")


def program(name: str) -> Path:
    """An independent program."""
    found = shutil.which(name)
    if found is None:
        missing(f"the program {name}")
    return Path(found)


def run(name: str, *arguments: object, env: dict[str, str] | None = None) -> str:
    """Run an independent program; its words."""
    command: Sequence[str] = [str(program(name)), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
