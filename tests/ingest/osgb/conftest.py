"""Fixtures of outside data and programs: missing in CI they are a failure, elsewhere a skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside import missing

Osgconv = Callable[[Path, Path], Path]


@pytest.fixture
def osgconv() -> Osgconv:
    """OpenSceneGraph's own converter, its optimiser off: (source, target) -> target."""
    program = shutil.which("osgconv")
    if program is None:
        missing("osgconv of the package openscenegraph")

    def convert(source: Path, target: Path) -> Path:
        subprocess.run(
            [str(program), "-O", "precision 9", str(source), str(target)],
            check=True,
            capture_output=True,
            env=os.environ | {"OSG_OPTIMIZER": "OFF"},
            timeout=120,
        )
        return target

    return convert
