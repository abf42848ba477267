"""Real data of others: missing in CI they are a failure, elsewhere a skip."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiles.validator import missing


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    path = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    if not path.is_dir():
        missing("the real data of ../shared/data")
    return path.resolve()
