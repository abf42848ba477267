"""Clusters of a test's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cim.store import cluster
from tests import home

Locate = Callable[[Path], cluster.Cluster]


@pytest.fixture
def walkable() -> Iterator[Path]:
    """A folder that PostgreSQL's account can walk into."""
    folder = Path(tempfile.mkdtemp(dir=home.folder()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def locate() -> Iterator[Locate]:
    """``cluster.locate`` whose clusters are stopped and removed afterwards."""
    found: list[cluster.Cluster] = []

    def remembered(folder: Path) -> cluster.Cluster:
        private = cluster.locate(folder)
        found.append(private)
        return private

    yield remembered
    for private in found:
        home.stop(private)
        shutil.rmtree(private.home, ignore_errors=True)
