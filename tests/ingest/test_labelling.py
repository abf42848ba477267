"""Buildings told apart in a mesh, from published data alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from cim.catalog import registry
from cim.errors import CheckError, NotFoundError, ParameterError
from cim.geo.heights import ConstantGeoid
from cim.ingest.labelling import label_mesh
from cim.ingest.sources.published import contents
from cim.store.database import ready
from cim.tiles import glb
from tests.delivered import deliver
from tests.ingest.town import BLOCKS, Town, column, labelled
from tests.tiles.validator import gltf_errors

pytestmark = pytest.mark.db
Floats = npt.NDArray[np.float64]


def test_buildings_are_told_apart_at_every_level_with_their_attributes(town: Town) -> None:
    report = town.label()
    assert report.exit == 0, report.refused
    assert [c for c in report.checks if c.errors] == []
    models = labelled(town.folder(2))
    assert len({Path(name).parent for name in models}) >= len(BLOCKS)
    real = gpd.read_file(town.buildings).set_index("编号")
    for (model,) in models.values():
        for number, name, height in zip(
            column(model, "building_id"), column(model, "use"), column(model, "height"),
            strict=True,
        ):  # fmt: skip
            assert name == real.loc[number, "用途"]
            assert height == pytest.approx(real.loc[number, "建筑高度"])
    media = town.media()
    assert media["features"]["key"] == "building_id"
    assert media["features"]["found"] == report.counts["buildings"] > 10
    assert {a["name"] for a in media["attributes"]} >= {"building_id", "height", "use", "row"}
    assert gltf_errors(sorted(town.folder(2).rglob("*.glb"))) == []


def test_the_surface_is_what_it_was(town: Town) -> None:
    town.label()
    for content in contents(town.folder(1), "tileset.json"):
        before, after = (glb.read(town.folder(n) / content.path) for n in (1, 2))
        exact = content.path.parts[0] == "tiles"  # the overview's nodes are written to a grid
        assert _area(after) == pytest.approx(_area(before), rel=1e-6 if exact else 1e-4)
        if not exact:
            continue
        for old, new in zip(before.primitives, after.primitives, strict=True):
            assert np.isin(_rounded(old.positions), _rounded(new.positions)).all()
            if old.texture is not None and new.texture is not None:
                assert bytes(old.texture.data) == bytes(new.texture.data)


def _rounded(points: Any) -> Any:
    return np.ascontiguousarray(np.round(np.asarray(points, float), 3)).view("f8,f8,f8").ravel()


def _area(model: glb.Model) -> float:
    total = 0.0
    for p in model.primitives:
        assert p.triangles is not None
        a, b, c = (np.asarray(p.positions, float)[p.triangles[:, i]] for i in range(3))
        total += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return total


def test_a_changed_footprint_labels_only_the_folders_it_stands_in(town: Town) -> None:
    first = town.label()
    frame = gpd.read_file(town.buildings)
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    inside = frame.to_crs(4490).geometry.within(shapely.box(*extent))
    chosen = frame.index[inside][0]
    frame.loc[chosen, "建筑高度"] = 99.5
    frame.to_file(town.buildings)
    with ready(town.here.engine) as connection:
        layer = registry.declaration(connection, "base.building")
    deliver(town.here, town.buildings, "base.building", layer)
    again = town.label()
    assert (again.version, again.published) == (3, first.published)
    assert 0 < first.published - again.reused < first.published
    heights = {
        number: height
        for (model,) in labelled(town.folder(3)).values()
        for number, height in zip(
            column(model, "building_id"), column(model, "height"), strict=True
        )
    }
    assert heights[frame.loc[chosen, "编号"]] == 99.5
    assert town.label().unchanged


def test_layers_that_do_not_fit_are_named(town: Town) -> None:
    with pytest.raises(NotFoundError, match=r"base\.road is not published"):
        label_mesh("base.oblique", "base.road", **town.place)
    with pytest.raises(ParameterError, match=r"base\.dem is no mesh layer"):
        label_mesh("base.dem", "base.building", **town.place)
    with pytest.raises(ParameterError, match=r"base\.oblique is no vector layer"):
        label_mesh("base.oblique", "base.oblique", **town.place)
    with pytest.raises(ParameterError, match=r"base\.building has no field colour"):
        town.label(key="colour")
    with pytest.raises(ParameterError, match="option eaves"):
        town.label(options={"eaves": "-1"})


def test_a_mesh_made_with_another_geoid_is_not_labelled(town: Town) -> None:
    here = replace(town.here, city=replace(town.here.city, geoid=ConstantGeoid(-30.0)))
    with pytest.raises(CheckError, match=r"made with a geoid -6\.00 m from the city's"):
        replace(town, here=here).label()
