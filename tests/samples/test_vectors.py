"""The vector delivery is coherent: networks connect, sewers fall, attributes fit the layers."""

from __future__ import annotations

import importlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pandas import concat, isna
from sample_city import vector
from sample_city.scene import Scene

from cim.layers import Layer

FILES = {
    "base.building": "buildings.shp",
    "base.road": "roads.geojson",
    "base.water": "water.gpkg",
    "base.land_use": "landuse.gpkg",
    "base.admin_area": "admin.geojson",
    "base.facility": "facilities.geojson",
    "geohazards.hazard_point": "geohazards.geojson",
    "planning.control_line": "control_lines.geojson",
    "planning.parcel": "parcels.geojson",
    "planning.land_use_past": "landuse_2020.geojson",
    "planning.scheme": "schemes.geojson",
    "geohazards.landslide": "landslides.geojson",
    "geohazards.rain": "rain.geojson",
    "geohazards.displacement": "displacement.geojson",
    "forest_fire.tower": "fire_towers.gpkg",
    "forest_fire.camera": "fire_cameras.gpkg",
    "pipelines.water_pipe": "water_pipe.gpkg",
    "pipelines.sewage_pipe": "sewage_pipe.gpkg",
    "pipelines.gas_pipe": "gas_pipe.gpkg",
    "pipelines.manhole": "manhole.gpkg",
    "pipelines.valve": "valve.gpkg",
    "pipelines.hydrant": "hydrant.gpkg",
    "pipelines.water_source": "water_source.geojson",
    "pipelines.water_user": "water_user.geojson",
}


def layer(identifier: str) -> Layer:
    module = importlib.import_module(f"cim.topics.{identifier.split('.', maxsplit=1)[0]}.layers")
    found: Layer = next(one for one in module.LAYERS if one.id == identifier)
    return found


@pytest.mark.parametrize("identifier", FILES)
def test_every_column_has_a_field_and_every_field_a_column(huating: Path, identifier: str) -> None:
    declared = layer(identifier)
    delivered = gpd.read_file(huating / "vector" / FILES[identifier])
    columns = {c.lower() for c in delivered.columns} - {"geometry"}
    names = [{f.name, *f.aliases} & columns for f in declared.fields]
    assert all(len(found) == 1 for found in names)
    assert set().union(*names) == columns
    assert delivered.crs.to_epsg() in (4545, 4490)
    assert delivered.geometry.is_valid.all()


@pytest.mark.parametrize("identifier", ["base.building", "base.land_use", "base.facility"])
def test_every_value_of_a_styled_field_has_a_class(huating: Path, identifier: str) -> None:
    style = layer(identifier).style
    field = next(f for f in layer(identifier).fields if f.name == style.field)
    delivered = gpd.read_file(huating / "vector" / FILES[identifier])
    column = next(c for c in delivered.columns if c.lower() in {field.name, *field.aliases})
    assert set(delivered[column]) <= {item.value for item in style.legend}


def test_buildings_do_not_overlap_and_the_shapefile_is_gbk(huating: Path) -> None:
    buildings = gpd.read_file(huating / "vector" / "buildings.shp")
    tree = shapely.STRtree(buildings.geometry)
    one, other = tree.query(buildings.geometry, predicate="overlaps")
    shared = shapely.area(
        shapely.intersection(buildings.geometry.array[one], buildings.geometry.array[other])
    )
    assert shared.max(initial=0.0) < 0.01
    assert "住宅".encode("gbk") in (huating / "vector" / "buildings.dbf").read_bytes()
    assert len(buildings) >= 150


@pytest.mark.parametrize("noun", ["water_pipe", "sewage_pipe", "gas_pipe"])
def test_pipes_meet_at_their_points_and_form_one_network(huating: Path, noun: str) -> None:
    pipes = gpd.read_file(huating / "vector" / f"{noun}.gpkg")
    places: dict[str, tuple[float, ...]] = {}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for pipe in pipes.itertuples():
        ends = (pipe.geometry.coords[0], pipe.geometry.coords[-1])
        for name, place in zip((pipe.from_no, pipe.to_no), ends, strict=True):
            np.testing.assert_allclose(places.setdefault(name, place), place, atol=1e-3)
        parent[root(pipe.from_no)] = root(pipe.to_no)
    assert len({root(name) for name in places}) == 1
    assert len(set(places.values())) == len(places)


def test_sewers_fall_to_one_outlet_at_the_treatment_plant(huating: Path) -> None:
    pipes = gpd.read_file(huating / "vector" / "sewage_pipe.gpkg")
    slope = (pipes.start_elev - pipes.end_elev) / pipes.length
    assert slope.min() > 0.0025
    assert pipes[["start_dep", "end_dep"]].min().min() > 1.0
    assert pipes[["start_dep", "end_dep"]].max().max() < 9.0
    outlets = set(pipes.to_no) - set(pipes.from_no)
    assert len(outlets) == 1
    end = pipes[pipes.to_no == outlets.pop()].geometry.iloc[0].coords[-1]
    facilities = gpd.read_file(huating / "vector" / "facilities.geojson").to_crs(4545)
    plant = facilities[facilities.name == "污水处理厂综合楼"].geometry.iloc[0]
    assert plant.distance(shapely.Point(end)) < 150.0


def test_valves_stand_on_all_branches_of_a_junction_but_one(huating: Path) -> None:
    valves = gpd.read_file(huating / "vector" / "valve.gpkg")
    shut_off: set[str] = set()
    for noun in ("water_pipe", "gas_pipe"):
        pipes = gpd.read_file(huating / "vector" / f"{noun}.gpkg").set_index("seg_id")
        ends = concat([pipes.from_no, pipes.to_no])
        here = valves[valves.seg_id.isin(pipes.index)]
        away = here.geometry.distance(pipes.loc[here.seg_id].geometry, align=False)
        assert away.max() < 0.001
        for junction, degree in ends.value_counts().items():
            branches = here[here.point_no.str.split("F").str[0] == junction]
            assert len(branches) == (degree - 1 if degree > 2 else 0)
            shut_off |= set(branches.point_no)
    assert shut_off == set(valves.point_no)
    assert {"是", "否", None} == {None if isna(v) else v for v in valves.operable}


def test_users_and_sources_name_what_they_are_connected_to(huating: Path) -> None:
    pipes = gpd.read_file(huating / "vector" / "water_pipe.gpkg")
    users = gpd.read_file(huating / "vector" / "water_user.geojson").to_crs(4545)
    sources = gpd.read_file(huating / "vector" / "water_source.geojson")
    assert set(sources.point_no) <= {*pipes.from_no, *pipes.to_no}
    named = users[users.seg_id.notna()]
    assert 10 < len(users) - len(named) < len(named)
    nearest = pipes.set_index("seg_id").loc[named.seg_id].geometry
    assert named.geometry.distance(nearest, align=False).max() < 110.0
    assert {"医院", "学校", "消防站"} <= set(users.critical.dropna())
    assert users.demand.isna().any()


def test_every_run_writes_the_same_bytes(tmp_path: Path) -> None:
    for run in ("first", "second"):
        vector.deliver(Scene(), tmp_path / run)
    names = sorted(p.name for p in (tmp_path / "first").iterdir())
    assert len(names) >= 19
    for name in names:
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second, name
