"""A model goes through the whole pipeline: published, kept where nothing changed, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cim.ingest.pipeline import ingest
from cim.ingest.report import Report
from cim.ingest.source import Request
from cim.installation import Installation
from tests.ingest.flat.models import ORIGIN, photo, standard

pytestmark = pytest.mark.db


def publish(here: Installation, path: Path, workers: int = 2, **options: Any) -> Report:
    request = Request(
        paths=(path,), layer_id="my.mesh", layer=None, city=here.city, crs="EPSG:4545",
        origin=ORIGIN, options={"leaf_triangles": 1000, "texture_size": 256, **options},
    )  # fmt: skip
    return ingest(request, engine=here.engine, files=here.files, workers=workers)


def test_a_model_is_published_and_a_new_picture_makes_a_new_version(
    tmp_path: Path, installation: Installation
) -> None:
    model = standard(tmp_path, 40)
    first = publish(installation, model)
    assert first.refused == []
    assert [error for check in first.checks for error in check.errors] == []
    assert first.published == 1
    assert first.joined == 16 + 4 + 1
    again = publish(installation, model)
    assert again.version == first.version
    photo(tmp_path / "photo.jpg", seed=2)
    new = publish(installation, model)
    assert (first.version, new.version) == (1, 2)
