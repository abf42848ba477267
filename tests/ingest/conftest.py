"""Fixtures of labels and revisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from cim.installation import Installation
from tests.ingest.town import BLOCKS, Town, publish


@pytest.fixture
def town(installation: Installation, tmp_path: Path) -> Town:
    """Three blocks."""
    return publish(installation, tmp_path, BLOCKS)
