"""Footprints become solids: closed, outward, on the ground, with the volume that they claim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from cim.city import City
from cim.errors import CrsError, FormatError, OutsideCityError, ParameterError
from cim.geo.frames import lonlat_height
from cim.geo.solids import open_edges, outline, prisms, volumes
from cim.ingest.sources.buildings import FootprintSource
from cim.layers import Field, FieldType, Kind, Layer
from tests.delivered import hills, lonlat, raster
from tests.ingest.buildings.run import Run, corners, owners, rows, run
from tests.tiles.validator import gltf_errors

X, Y = 377_000.0, 3_899_000.0
FLAT = {"base": "zero"}
MAGO = "cityjson/mago-tiler/mago-tiler/src/test/resources"
FORMATS = (
    "sample-shape/footprint.shp",
    "sample-geopackage/footprint.gpkg",
    "sample-geoparquet/footprint.parquet",
    "sample-geojson/footprint-with-height.geojson",
)


def square(east: float = 0.0, north: float = 0.0, side: float = 20.0) -> Polygon:
    return box(X + east, Y + north, X + east + side, Y + north + side)


def write(path: Path, columns: dict[str, Any], shapes: list[Any], crs: Any = 4545) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


def go(path: Path, city: City, **more: Any) -> Run:
    options = more.pop("options", FLAT)
    return run(FootprintSource(), path, city, path.parent / "staging", options, **more)


@pytest.fixture
def courtyards(tmp_path: Path) -> Path:
    ell = Polygon([(X, Y + 50), (X + 30, Y + 50), (X + 30, Y + 60), (X + 12, Y + 60),
                   (X + 12, Y + 80), (X, Y + 80)])  # fmt: skip
    yard = square(60, 0, 30).difference(square(70, 10, 8))
    pair = MultiPolygon([square(120), square(150)])
    corner = shapely.segmentize(square(200), 7.0)  # with corners on straight walls
    return write(
        tmp_path / "楼.gpkg",
        {"编号": ["甲", "乙", "丙", "丁", "戊"], "高度": [12.0, 30.5, 6.0, 3.0, 99.0],
         "层数": [4, 10, 2, 1, 33]},
        [square(), ell, yard, pair, corner],
    )  # fmt: skip


def test_solids_are_closed_point_outward_and_hold_area_times_height(
    courtyards: Path, city: City
) -> None:
    done = go(courtyards, city)
    assert done.errors == []
    shapes = gpd.read_file(courtyards)
    (model,) = done.models()
    (part,) = model.primitives
    assert open_edges(part.positions, corners(part), owners(part)) == 0
    found = volumes(np.asarray(part.positions), corners(part), owners(part), 5)
    expected = {row["编号"]: row.geometry.area * row["高度"] for _, row in shapes.iterrows()}
    table = rows(model)
    # the city's projection stretches areas by up to 1e-3 and 1.6 km above its plane
    for row, volume in zip(table, found, strict=True):
        assert volume == pytest.approx(expected[row["field"]], rel=1e-3), row
    a, b, c = (np.asarray(part.positions)[corners(part)[:, i]] for i in range(3))
    faced = np.cross(b - a, c - a)
    assert part.normals is not None
    lit = np.asarray(part.normals)[corners(part)[:, 0]]
    turned = np.einsum("ij,ij->i", faced, lit) / np.linalg.norm(faced, axis=1)
    assert turned.min() > 0.999
    assert gltf_errors(done.glbs()) == []


def test_every_building_keeps_its_own_name_and_attributes(courtyards: Path, city: City) -> None:
    done = go(courtyards, city)
    table = {row["field"]: row for row in rows(done.models()[0])}
    assert table["丙"]["field_2"] == 6.0
    assert table["丙"]["model_height_by"] == "height"
    assert table["戊"]["model_height"] == 99.0
    assert done.product.media["id"] == "field"
    attributes = {a["title"]: a for a in done.product.media["attributes"]}
    assert (attributes["高度"]["min"], attributes["高度"]["max"]) == (3.0, 99.0)
    assert attributes["编号"]["values"] == sorted("甲乙丙丁戊")


def test_each_vertex_stands_within_a_millimetre_of_where_proj_puts_it(
    courtyards: Path, city: City
) -> None:
    done = go(courtyards, city)
    (part,) = done.models()[0].primitives
    root = next((done.staging / "tiles").rglob("tileset.json"))
    matrix = np.array(json.loads(root.read_text())["root"]["transform"]).reshape(4, 4).T
    ecef = np.asarray(part.positions) @ matrix[:3, :3].T + matrix[:3, 3]
    places = lonlat_height(ecef)
    shapes = gpd.read_file(courtyards)
    known = shapely.get_coordinates(shapes.geometry)
    lon, lat = lonlat(known[:, 0], known[:, 1])
    tree = shapely.STRtree(shapely.points(lon, lat))
    _, distance = tree.query_nearest(shapely.points(places[:, :2]), return_distance=True)
    assert distance.max() * 111_000 < 0.001
    levels = np.unique(np.round(places[:, 2] + 36.0, 3))  # the test city's geoid lies at -36 m
    assert levels.tolist() == [0.0, 3.0, 6.0, 12.0, 30.5, 99.0]


def test_buildings_stand_on_the_lowest_ground_under_them(tmp_path: Path, city: City) -> None:
    heights = hills(rows=200, columns=200)
    dem = raster(tmp_path / "dem.tif", heights)
    shapes = [square(100.0 * i, 900.0 + 70.0 * i, 45.0) for i in range(12)]
    path = write(tmp_path / "a.gpkg", {"height": [10.0] * 12}, shapes)
    done = go(path, city, options={"skirt": 2.0}, elevation=[dem])
    posts = np.linspace(0.0, 45.0, 181)
    table = {row["row_number"]: row for row in rows(done.models()[0])}
    for number, shape in enumerate(shapes, start=1):
        west, south, _, _ = shape.bounds
        x, y = (v.ravel() for v in np.meshgrid(west + posts, south + posts))
        column, row = (x - 376_000.0) / 15.0 - 0.5, (3_902_000.0 - y) / 15.0 - 0.5
        left, top = column.astype(int), row.astype(int)
        fx, fy = column - left, row - top
        ground = (
            heights[top, left] * (1 - fx) * (1 - fy) + heights[top, left + 1] * fx * (1 - fy)
            + heights[top + 1, left] * (1 - fx) * fy + heights[top + 1, left + 1] * fx * fy
        )  # fmt: skip
        assert table[number]["model_ground"] == pytest.approx(ground.min(), abs=0.02)
        assert table[number]["model_height"] == pytest.approx(10.0)
    assert done.product.heights is not None
    lowest = min(row["model_ground"] for row in table.values())
    assert done.product.heights[0] == pytest.approx(lowest - 2.0)


def test_the_finest_elevation_model_decides_and_the_next_fills_in(
    tmp_path: Path, city: City
) -> None:
    fine = raster(tmp_path / "fine.tif", np.full((60, 60), 50.0, np.float32), cell=1.0,
                  west=X - 10, north=Y + 40)  # fmt: skip
    coarse = raster(tmp_path / "coarse.tif", np.full((200, 200), 7.0, np.float32))
    path = write(tmp_path / "a.gpkg", {"height": [5.0, 5.0, 5.0]},
                 [square(), square(300), square(4_000)])  # fmt: skip
    done = go(path, city, options={}, elevation=[fine, coarse])
    grounds = {r["row_number"]: r["model_ground"] for r in rows(done.models()[0])}
    assert grounds == {1: 50.0, 2: 7.0}
    assert "1 features: no ground height is known there" in done.told


def test_without_an_elevation_model_the_way_out_is_told(courtyards: Path, city: City) -> None:
    with pytest.raises(ParameterError, match="ingest the DEM first"):
        go(courtyards, city, options={})


def test_heights_that_nobody_can_believe_leave_a_slab_and_are_counted(
    tmp_path: Path, city: City
) -> None:
    path = write(
        tmp_path / "a.gpkg",
        {"height": [12.0, None, -3.0, 1e6, None], "floors": [None, 6, 2, None, None]},
        [square(40.0 * i) for i in range(5)],
    )
    done = go(path, city, options=FLAT | {"storey": 2.9})
    table = {r["row_number"]: r for r in rows(done.models()[0])}
    assert [table[i]["model_height_by"] for i in range(1, 6)] == [
        "height", "floors", "floors", "unknown", "unknown"]  # fmt: skip
    assert [round(table[i]["model_height"], 6) for i in range(1, 6)] == [12.0, 17.4, 5.8, 0.2, 0.2]
    assert "2 features: height not within 0..1000 m" in done.told
    assert "2 features: no usable height or floors: shown as a slab of 0.2 m" in done.told
    assert table[4]["height"] == 1e6  # what was delivered is kept


def test_absolute_roofs_reach_their_own_height_above_a_base_from_a_column(
    tmp_path: Path, city: City
) -> None:
    path = write(tmp_path / "a.gpkg", {"roof_top": [1520.0], "ground": [1500.0]}, [square()])
    done = go(path, city, options={"height": "roof_top", "roof": "absolute", "base": "ground"})
    assert done.product.heights == (1500.0, 1520.0)
    assert rows(done.models()[0])[0]["model_height"] == 20.0


def test_an_hourglass_is_repaired_and_overlaps_and_doubles_are_told(
    tmp_path: Path, city: City
) -> None:
    hourglass = Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    path = write(
        tmp_path / "a.gpkg",
        {"id": ["a", "b", "c", "c"], "height": [5.0] * 4},
        [hourglass, square(50), square(60), square(200)],
    )
    done = go(path, city)
    assert done.errors == []
    assert "1 features: invalid geometry repaired" in done.told
    assert "1 pairs of footprints overlap by more than 1 m²: b and c" in done.told
    assert "1 values of id name several buildings: c" in done.told
    (part,) = done.models()[0].primitives
    assert open_edges(part.positions, corners(part), owners(part)) == 0


def test_a_heap_of_doubles_is_told_without_comparing_each_with_each(
    tmp_path: Path, city: City
) -> None:
    shapes = [square(), square(10)] + [square(100)] * 900
    done = go(write(tmp_path / "a.gpkg", {"height": [5.0] * 902}, shapes), city)
    assert done.built[0].counts["features"] == 902
    assert "more than 500 footprints lie upon each other" in done.told


def test_a_vertex_that_is_no_number_costs_its_building_and_is_told(
    tmp_path: Path, city: City
) -> None:
    with np.errstate(invalid="ignore"):
        broken = [Polygon([(X, Y), (X + 9, Y), (X + 9, bad), (X, Y + 9)])
                  for bad in (float("nan"), float("inf"))]  # fmt: skip
        path = write(tmp_path / "a.gpkg", {"height": [5.0] * 3}, [*broken, square(40)], crs=4545)
    done = go(path, city)
    assert done.built[0].counts["features"] == 1
    assert "2 features: with coordinates that are no numbers" in done.told
    assert done.errors == []


def test_what_is_no_polygon_or_lies_outside_is_left_out_by_count(
    tmp_path: Path, city: City
) -> None:
    shapes = [square(), shapely.Point(X, Y), square(500_000), Polygon()]
    path = write(tmp_path / "a.geojson", {"height": [5.0] * 4}, shapes)
    done = go(path, city)
    assert done.built[0].counts["features"] == 1
    assert "1 features: not of the declared geometry Polygon" in done.told
    assert "1 features: outside the city" in done.told


def test_all_outside_no_crs_and_no_heights_are_refused_with_the_reason(
    tmp_path: Path, city: City
) -> None:
    far = write(tmp_path / "far.gpkg", {"height": [5.0]}, [square(500_000)])
    with pytest.raises(OutsideCityError, match="all 1 features lie outside"):
        go(far, city)
    bare = write(tmp_path / "bare.shp", {"height": [5.0]}, [square()])
    bare.with_suffix(".prj").unlink()
    with pytest.raises(CrsError, match="coordinate reference system"):
        go(bare, city)
    flat = write(tmp_path / "flat.gpkg", {"name": ["甲"]}, [square()])
    with pytest.raises(FormatError, match="no column tells of heights or storeys; it has name"):
        go(flat, city)
    with pytest.raises(FormatError, match="it has no column hight"):
        go(flat, city, options=FLAT | {"height": "hight"})
    with pytest.raises(ParameterError, match="option storey"):
        go(flat, city, options=FLAT | {"storey": -1})


def test_a_bad_file_does_not_stop_the_others(courtyards: Path, city: City) -> None:
    (courtyards.parent / "broken.gpkg").write_bytes(b"nothing of the kind")
    done = run(FootprintSource(), courtyards.parent, city, courtyards.parent / "staging", FLAT)
    assert [Path(p.path).name for p in done.plan.refused] == ["broken.gpkg"]
    assert done.built[0].counts["features"] == 5


def test_declared_fields_alone_are_kept_with_their_titles(courtyards: Path, city: City) -> None:
    layer = Layer(
        id="base.building_model", title="白模", kind=Kind.MESH,
        fields=(Field(name="number", title="编号"),
                Field(name="storeys", title="层数", type=FieldType.INTEGER)),
    )  # fmt: skip
    done = go(courtyards, city, layer=layer)
    assert set(rows(done.models()[0])[0]) == {
        "number", "storeys", "model_height", "model_height_by", "model_ground"}  # fmt: skip
    assert done.product.media["id"] == "number"


def test_asked_attributes_alone_are_kept_beside_the_name(courtyards: Path, city: City) -> None:
    done = go(courtyards, city, options=FLAT | {"attributes": "层数"})
    titles = {a["title"] for a in done.product.media["attributes"]}
    assert titles == {"编号", "层数", "建模高度", "高度依据", "建模地面高程"}


def test_a_projection_of_the_citys_own_is_as_good_as_one_with_a_code(
    courtyards: Path, city: City, city_at: Callable[..., City]
) -> None:
    own = "+proj=tmerc +lat_0=0 +lon_0=106.65 +k=1 +x_0=50000 +y_0=-3800000 +ellps=GRS80 +units=m"
    here = city_at(tuple(city.bounds), own, -36.0)
    assert here.compute_crs.to_epsg() is None
    one, other = go(courtyards, city), run(
        FootprintSource(), courtyards, here, courtyards.parent / "own", FLAT)  # fmt: skip
    assert other.errors == []
    volumes_ = [r.product.media["volume_m3"] for r in (one, other)]
    assert volumes_[0] == pytest.approx(volumes_[1], rel=1e-6)
    assert "overlap" not in other.told


def test_many_buildings_stand_in_exactly_one_tile_each_the_large_ones_first(
    tmp_path: Path, city: City
) -> None:
    random = np.random.default_rng(3)
    shapes = [square(60.0 * (i % 25), 60.0 * (i // 25), s)
              for i, s in enumerate(random.uniform(5, 50, 500))]  # fmt: skip
    path = write(tmp_path / "a.gpkg", {"height": random.uniform(3, 90, 500)}, shapes)
    done = go(path, city, options=FLAT | {"tile_features": 40})
    assert done.errors == []
    models = done.models()
    assert len(models) > 10
    seen = [row["row_number"] for model in models for row in rows(model)]
    assert sorted(seen) == list(range(1, 501))
    assert max(m.table.count for m in models if m.table) <= 50


@pytest.mark.shared
def test_one_data_set_in_four_formats_gives_the_same_result(
    shared_data: Path, tmp_path: Path, city_at: Callable[..., City]
) -> None:
    korea = city_at((127.1, 37.5, 127.3, 37.7), "EPSG:32652", 24.0)
    done = [
        run(FootprintSource(), shared_data / MAGO / name, korea, tmp_path / str(i), FLAT)
        for i, name in enumerate(FORMATS)
    ]
    first = done[0].models()[0]
    assert first.table is not None
    assert first.table.count == 177
    (one,) = first.primitives
    assert open_edges(one.positions, corners(one), owners(one)) == 0
    for other in done:
        assert other.errors == []
        (model,) = other.models()
        (part,) = model.primitives
        assert np.array_equal(corners(part), corners(one))
        assert np.array_equal(owners(part), owners(one))
        assert np.abs(np.asarray(part.positions) - one.positions).max() < 1e-3
        assert rows(model) == rows(first)
        assert "36 features: height not within 0..1000 m" in other.told
    assert gltf_errors([path for d in done for path in d.glbs()]) == []


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 360), st.floats(0.2, 1.0)), min_size=3, max_size=12,
             unique_by=lambda p: round(p[0])),
    st.floats(1, 50),
    st.floats(0.5, 200),
)  # fmt: skip
def test_any_star_raised_is_closed_and_holds_its_volume(
    rays: list[tuple[float, float]], size: float, height: float
) -> None:
    angle, reach = np.radians([r[0] for r in rays]), np.array([r[1] for r in rays])
    order = np.argsort(angle)
    points = size * np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)[order]
    shape = shapely.make_valid(Polygon(points), method="structure", keep_collapsed=False)
    if shape.is_empty or shape.area < 1e-3:
        return
    plan = outline(np.array([shape], object))
    assert len(plan.failed) == 0
    low = np.column_stack([plan.xy, np.zeros(len(plan.xy))])
    solid = prisms(low, low + np.array([0, 0, height]), plan.following, plan.owner, plan.triangles)
    assert open_edges(solid.positions, solid.triangles, solid.owner) == 0
    (found,) = volumes(solid.positions, solid.triangles, solid.owner, 1)
    assert found == pytest.approx(shape.area * height, rel=1e-9)
