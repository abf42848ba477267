"""The sample city's deliveries, and the way to its generator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests import outside

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "data-samples"))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """What OpenSceneGraph saw in a file: vertices per geometry, triangles in all, links."""

    vertices: list[Floats]
    triangles: int
    links: list[str]


@pytest.fixture(scope="session")
def huating() -> Path:
    return ROOT / "data-samples" / "huating"


@pytest.fixture(scope="session")
def osgconv(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Seen]:
    """Read a file with OpenSceneGraph's own tool."""
    outside.program("osgconv")
    target = tmp_path_factory.mktemp("osgt") / "out.osgt"

    def read(path: Path) -> Seen:
        target.unlink(missing_ok=True)
        done = subprocess.run(
            ["osgconv", "-O", "precision 9", str(path), str(target)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "OSG_OPTIMIZER": "OFF"},
        )
        assert target.exists(), f"{path.name}: {done.stdout}{done.stderr}"
        text = target.read_text(encoding="utf-8", errors="replace")
        arrays = re.findall(r"osg::Vec3Array \{.*?vector (\d+) \{([^}]*)\}", text, re.DOTALL)
        vertices = [np.array(body.split(), dtype=np.float64).reshape(-1, 3) for _, body in arrays]
        assert [len(v) for v in vertices] == [int(count) for count, _ in arrays]
        indices = re.findall(r"osg::DrawElementsUInt \{.*?vector (\d+) \{", text, re.DOTALL)
        links = re.findall(r'"([^"\n]+\.osgb)"', text)
        return Seen(vertices, sum(map(int, indices)) // 3, links)

    return read
