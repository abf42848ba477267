"""A refined model may be an OBJ: it stands in the city as the same model in glb does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cim.city import City
from cim.ingest.sources.flat import read_model
from cim.ingest.sources.revision.model import Refined, place
from cim.tiles import glb
from tests.ingest.flat.models import standard
from tests.tiles.validator import gltf_errors


def test_an_obj_is_placed_as_a_glb_is(tmp_path: Path, city: City) -> None:
    model = standard(tmp_path, 12)
    glb.write(tmp_path / "model.glb", read_model(model, tmp_path / "work"))
    one = place("a", Refined(path=model, lon=106.6, lat=35.2, height=1400.0), city, tmp_path / "a")
    two = place(
        "b",
        Refined(path=tmp_path / "model.glb", lon=106.6, lat=35.2, height=1400.0),
        city,
        tmp_path / "b",
    )
    assert one.extent is not None
    assert two.extent is not None
    assert list(one.extent) == pytest.approx(list(two.extent), abs=1e-9)
    assert one.facts["heap"] == pytest.approx(two.facts["heap"], rel=1e-4)
    assert one.facts["heap"] > 0
    assert gltf_errors([tmp_path / "a" / "model.glb"]) == []
