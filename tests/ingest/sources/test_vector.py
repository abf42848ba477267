"""Vector deliveries as they come: any encoding, any geometry, any CRS."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from pyproj import Geod
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from cim.city import City
from cim.errors import InputError, OutsideCityError
from cim.ingest.report import Exit
from cim.installation import Installation
from cim.layers import Field, FieldType, Geometry, Kind, Layer, Style
from cim.store.database import ready
from tests.delivered import ZONE, deliver, refusals, warnings

pytestmark = pytest.mark.db

BUILDING = Layer(
    id="test.building",
    title="建筑",
    kind=Kind.VECTOR,
    geometry=Geometry.POLYGON,
    fields=(
        Field(name="name", title="名称", aliases=("建筑物名称",)),
        Field(name="floors", title="层数", type=FieldType.INTEGER),
        Field(name="height", title="高度", type=FieldType.REAL, unit="m"),
        Field(name="built", title="竣工日期", type=FieldType.DATE),
        Field(name="listed", title="文物", type=FieldType.BOOLEAN),
    ),
    style=Style(label_field="name"),
)
X, Y = 377_000.0, 3_899_000.0


def square(east: float = 0.0, north: float = 0.0, side: float = 20.0) -> Polygon:
    return box(X + east, Y + north, X + east + side, Y + north + side)


def write(path: Path, columns: dict[str, Any], shapes: list[Any], crs: Any = 4545) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


def shapefile(
    path: Path, columns: dict[str, Any], shapes: list[Any], encoding: str, *, cpg: bool
) -> Path:
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=4545)
    frame.to_file(path, encoding=encoding, engine="pyogrio")
    page = path.with_suffix(".cpg")
    if cpg:
        page.write_text(encoding)
    else:
        page.unlink(missing_ok=True)
        with path.with_suffix(".dbf").open("r+b") as table:
            table.seek(29)
            table.write(b"\0")  # what old programs write: no language driver
    return path


def rows(here: Installation, sql: str) -> list[tuple[Any, ...]]:
    with ready(here.engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


NAMES = ["华亭县人民医院", "莲花湖小区3号楼", "Café Öl"]


@pytest.mark.parametrize(
    ("encoding", "cpg", "driver"),
    [("GBK", False, 0), ("GBK", False, 0x4D), ("GBK", True, 0), ("UTF-8", True, 0),
     ("UTF-8", False, 0)],
)  # fmt: skip
def test_chinese_names_come_out_right_whatever_the_shapefile_says(
    encoding: str, cpg: bool, driver: int, installation: Installation, tmp_path: Path
) -> None:
    names = NAMES if encoding == "UTF-8" else NAMES[:2]
    path = shapefile(
        tmp_path / "楼.shp", {"名称": names}, [square(30 * i) for i in range(len(names))],
        encoding, cpg=cpg,
    )  # fmt: skip
    with path.with_suffix(".dbf").open("r+b") as table:
        table.seek(29)
        table.write(bytes([driver]))
    assert deliver(installation, path, "test.building", BUILDING).exit is Exit.PUBLISHED
    assert rows(installation, 'select name from "test".building order by fid') != []
    found = {r[0] for r in rows(installation, 'select name from "test".building')}
    assert found == set(names)


@pytest.mark.parametrize("cut", ["建筑物竣工", "建筑物", "建筑物竣工时间", "BuiltDate"])
def test_a_column_is_found_though_the_table_cut_its_name_to_ten_bytes(
    cut: str, installation: Installation, tmp_path: Path
) -> None:
    layer = Layer(
        id="test.building", title="x", kind=Kind.VECTOR, geometry=Geometry.POLYGON,
        fields=(Field(name="built", title="建筑物竣工时间", title_en="built date"),),
    )  # fmt: skip
    path = write(tmp_path / "a.gpkg", {cut: ["1987"]}, [square()])
    deliver(installation, path, "test.building", layer)
    assert rows(installation, 'select built from "test".building') == [("1987",)]


def test_a_cut_name_that_two_fields_share_is_given_to_neither(
    installation: Installation, tmp_path: Path
) -> None:
    layer = Layer(
        id="test.building", title="x", kind=Kind.VECTOR, geometry=Geometry.POLYGON,
        fields=(Field(name="top", title="起点管顶高程"), Field(name="low", title="起点管底高程")),
    )  # fmt: skip
    path = write(tmp_path / "a.gpkg", {"起点管": ["1"], "起点管底": ["2"]}, [square()])
    deliver(installation, path, "test.building", layer)
    assert rows(installation, 'select top, low from "test".building') == [(None, None)]


def test_values_take_the_declared_types_and_what_is_none_is_counted(
    installation: Installation, tmp_path: Path
) -> None:
    columns = {
        "名称": ["甲", "  ", None],
        "层数": ["6", "六", "7.0"],
        "高度": ["18.5", "inf", "x"],
        "竣工日期": ["2019-05-01", "2020/6/2", "昨天"],
        "文物": ["是", "0", "也许"],
        "备注": ["a", "b", "c"],
    }
    shapes = [square(30 * i) for i in range(3)]
    report = deliver(
        installation, write(tmp_path / "a.gpkg", columns, shapes), "test.building", BUILDING
    )
    sql = 'select name, floors, height, built::text, listed from "test".building order by geom'
    assert sorted(rows(installation, sql), key=str) == sorted(
        [
            ("甲", 6, 18.5, "2019-05-01", True),
            (None, None, None, "2020-06-02", False),
            (None, 7, None, None, None),
        ],
        key=str,
    )
    said = warnings(report)
    assert "1 features: 层数（floors）holds no integer: left empty" in said
    assert "2 features: 高度（height）holds no real: left empty" in said
    assert "columns without a field were left out: 备注" in said


def test_a_bow_tie_is_repaired_to_its_two_triangles(
    installation: Installation, tmp_path: Path
) -> None:
    tie = Polygon([(X, Y), (X + 20, Y + 20), (X + 20, Y), (X, Y + 20)])
    assert not tie.is_valid
    path = write(tmp_path / "tie.gpkg", {"name": ["a", "b"]}, [tie, square(100)])
    report = deliver(installation, path, "test.building", BUILDING)
    assert "1 features: invalid geometry repaired" in warnings(report)
    areas = rows(installation, 'select name, ST_Area(geom) from "test".building order by name')
    assert areas == [("a", pytest.approx(200.0)), ("b", pytest.approx(400.0))]
    assert rows(installation, 'select bool_and(ST_IsValid(geom)) from "test".building') == [(True,)]


def test_mixed_types_keep_what_fits_and_count_what_does_not(
    installation: Installation, tmp_path: Path
) -> None:
    shapes = [
        square(), MultiPolygon([square(50), square(100)]), Point(X, Y),
        LineString([(X, Y), (X + 5, Y)]),
        shapely.GeometryCollection([square(200), Point(X, Y)]),
    ]  # fmt: skip
    path = write(tmp_path / "mixed.geojson", {"name": list("abcde")}, shapes)
    report = deliver(installation, path, "test.building", BUILDING)
    assert report.exit is Exit.PARTLY
    assert "2 features: not of the declared geometry Polygon" in refusals(report)
    found = rows(
        installation,
        'select name, GeometryType(geom), ST_NumGeometries(geom) from "test".building order by 1',
    )
    assert found == [("a", "MULTIPOLYGON", 1), ("b", "MULTIPOLYGON", 2), ("e", "MULTIPOLYGON", 1)]


def test_rows_without_geometry_are_counted_and_the_others_published(
    installation: Installation, tmp_path: Path
) -> None:
    path = write(tmp_path / "n.gpkg", {"name": list("abc")}, [square(), None, Polygon()])
    report = deliver(installation, path, "test.building", BUILDING)
    assert report.exit is Exit.PARTLY
    assert "2 features: without geometry" in refusals(report)
    assert report.counts["features"] == 1


def test_heights_of_lines_are_kept(installation: Installation, tmp_path: Path) -> None:
    pipe = Layer(
        id="test.pipe", title="管线", kind=Kind.VECTOR, geometry=Geometry.LINE,
        fields=(Field(name="dn", title="管径", type=FieldType.INTEGER),),
    )  # fmt: skip
    line = LineString([(X, Y, 1398.25), (X + 30, Y, 1397.75)])
    deliver(installation, write(tmp_path / "p.gpkg", {"dn": [300]}, [line]), "test.pipe", pipe)
    found = rows(installation, 'select ST_AsText(geom), dn from "test".pipe')
    assert found == [("MULTILINESTRING Z ((377000 3899000 1398.25,377030 3899000 1397.75))", 300)]


def test_parts_with_and_without_heights_agree_on_none(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    write(tmp_path / "d" / "a.gpkg", {"n": [1]}, [Point(X, Y, 5)])
    write(tmp_path / "d" / "b.gpkg", {"n": [2]}, [Point(X + 9, Y)])
    report = deliver(installation, tmp_path / "d", "test.well")
    assert "all are stored without" in warnings(report)
    found = rows(installation, 'select n, ST_AsText(geom) from "test".well order by n')
    assert found == [(1, "POINT(377000 3899000)"), (2, "POINT(377009 3899000)")]


def test_degrees_are_stored_in_the_citys_zone(installation: Installation, tmp_path: Path) -> None:
    path = write(tmp_path / "p.geojson", {"n": [1]}, [Point(106.65, 35.22)], crs=4490)
    deliver(installation, path, "test.well")
    ((x, y, srid),) = rows(
        installation, 'select ST_X(geom), ST_Y(geom), ST_SRID(geom) from "test".well'
    )
    from cim.geo.crs import CGCS2000, transformer  # noqa: PLC0415

    assert (x, y) == pytest.approx(transformer(CGCS2000, ZONE).transform(106.65, 35.22), abs=1e-4)
    assert srid == 4545


def test_a_part_outside_the_city_is_counted_and_the_rest_published(
    installation: Installation, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.gpkg", {"name": ["in", "out"]}, [square(), square(500_000)])
    report = deliver(installation, path, "test.building", BUILDING)
    assert report.exit is Exit.PARTLY
    assert "1 features: outside the city's bounds" in refusals(report)


def test_a_delivery_all_outside_names_both_extents(
    installation: Installation, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.gpkg", {"name": ["out"]}, [square(500_000)])
    with pytest.raises(OutsideCityError, match=r"112\.\d+.*106\.50000"):
        deliver(installation, path, "test.building", BUILDING)


def test_a_missing_required_field_is_refused_by_both_its_names(
    installation: Installation, tmp_path: Path
) -> None:
    layer = Layer(
        id="test.building", title="x", kind=Kind.VECTOR, geometry=Geometry.POLYGON,
        fields=(Field(name="code", title="编码", required=True),),
    )  # fmt: skip
    path = write(tmp_path / "a.gpkg", {"other": ["x"]}, [square()])
    with pytest.raises(InputError, match=r"code（编码） are missing; it has other"):
        deliver(installation, path, "test.building", layer)


def test_an_empty_required_value_is_counted(installation: Installation, tmp_path: Path) -> None:
    layer = Layer(
        id="test.building", title="x", kind=Kind.VECTOR, geometry=Geometry.POLYGON,
        fields=(Field(name="code", title="编码", required=True),),
    )  # fmt: skip
    path = write(tmp_path / "a.gpkg", {"code": ["x", None]}, [square(), square(50)])
    report = deliver(installation, path, "test.building", layer)
    assert "1 features: required 编码（code）is empty" in warnings(report)


def test_a_file_without_crs_asks_for_it_and_takes_it(
    installation: Installation, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.shp", {"name": ["x"]}, [square()])
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match=r"does not say its coordinate.*--crs"):
        deliver(installation, path, "test.building", BUILDING)
    report = deliver(installation, path, "test.building", BUILDING, crs="EPSG:4545")
    assert report.exit is Exit.PUBLISHED


def test_a_good_file_is_published_beside_a_bad_one(
    installation: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    write(folder / "good.gpkg", {"name": ["x"]}, [square()])
    (folder / "bad.geojson").write_text('{"type": "FeatureCollection", "features": [')
    (folder / "empty.shp").write_bytes(b"")
    report = deliver(installation, folder, "test.building", BUILDING)
    assert report.exit is Exit.PARTLY
    assert "bad.geojson" in refusals(report)
    assert "empty.shp" in refusals(report)
    assert rows(installation, 'select name from "test".building') == [("x",)]


@pytest.mark.parametrize("keep", [40, 99, 104, 130, 200, 400])
def test_a_truncated_shapefile_is_refused_or_told_of(
    keep: int, installation: Installation, tmp_path: Path
) -> None:
    shapes = [square(30 * i) for i in range(4)]
    path = write(tmp_path / "a.shp", {"name": list("abcd")}, shapes)
    path.write_bytes(path.read_bytes()[:keep])
    told = ""
    try:
        told = refusals(deliver(installation, path, "test.building", BUILDING))
    except InputError as error:
        told = str(error)
    assert "a.shp" in told, "what is lost must be told"


def test_a_file_that_is_no_vector_file_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "a.gpkg").write_bytes(struct.pack("<100I", *range(100)))
    with pytest.raises(InputError, match="GDAL cannot read it"):
        deliver(installation, tmp_path / "a.gpkg", "test.building", BUILDING)


def test_several_layers_of_one_file_are_parts_of_one_delivery(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "two.gpkg"
    for name in ("east", "west"):
        frame = gpd.GeoDataFrame({"name": [name]}, geometry=[square()], crs=4545)
        frame.to_file(path, layer=name)
    report = deliver(installation, path, "test.building", BUILDING)
    assert (report.read, report.published) == (2, 2)
    assert len(rows(installation, 'select 1 from "test".building')) == 2


def test_more_rows_than_a_batch_all_arrive(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cim.ingest.sources.features.BATCH", 10)
    count = 34
    path = write(
        tmp_path / "many.gpkg",
        {"name": [f"n{i}" for i in range(count)]},
        [square(3000 * (i // 10 % 2) * 200 + i * 30) for i in range(count)],
    )
    report = deliver(installation, path, "test.building", BUILDING)
    kept = {r[0] for r in rows(installation, 'select name from "test".building')}
    assert kept == {f"n{i}" for i in range(count) if i // 10 % 2 == 0}
    assert report.counts["features"] == len(kept)
    assert report.counts["features_read"] == count


def test_a_layer_nobody_declared_is_proposed_from_the_file(
    installation: Installation, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "wells.gpkg",
        {"名称": ["a"], "Depth (m)": [3.5], "2nd": [1], "fid2": [True]},
        [Point(X, Y)],
    )
    report = deliver(installation, path, "test.well")
    assert "was not declared" in warnings(report)
    with ready(installation.engine) as connection:
        from cim.catalog import registry  # noqa: PLC0415

        layer = registry.published(connection, "test.well").layer
    assert [(f.name, f.title, str(f.type)) for f in layer.fields] == [
        ("field", "名称", "text"),
        ("depth_m", "Depth (m)", "real"),
        ("field_2nd", "2nd", "integer"),
        ("fid2", "fid2", "boolean"),
    ]
    assert layer.geometry is Geometry.POINT
    assert layer.style.label_field == "field"


@pytest.mark.shared
def test_four_formats_of_one_layer_hold_the_same_footprints(
    installation: Installation, shared_data: Path, city_at: Callable[..., City]
) -> None:
    folder = shared_data / "cityjson/mago-tiler/mago-tiler/src/test/resources"
    files = [
        folder / "sample-geojson/footprint-with-height.geojson",
        folder / "sample-geopackage/footprint.gpkg",
        folder / "sample-shape/footprint.shp",
        folder / "sample-geoparquet/footprint.parquet",
    ]
    first = gpd.read_file(files[0]).to_crs(4326)
    west, south, east, north = first.total_bounds
    city = city_at((west - 0.1, south - 0.1, east + 0.1, north + 0.1), "EPSG:5186")
    geod = Geod(ellps="GRS80")
    wanted = sorted(abs(geod.geometry_area_perimeter(g)[0]) for g in first.geometry)
    assert len(wanted) == 177
    for number, path in enumerate(files):
        report = deliver(installation, path, f"test.footprint{number}", city=city)
        assert report.exit is Exit.PUBLISHED, path
        found = rows(
            installation,
            "select ST_Area(ST_Transform(geom, 4326)::geography) "
            f'from "test".footprint{number} order by 1',
        )
        assert len(found) == 177, path
        assert np.allclose([r[0] for r in found], wanted, rtol=1e-4, atol=0.01), path


def test_an_unreadable_geometry_is_refused_not_raised(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match="cannot read it"):
        deliver(installation, tmp_path / "a.parquet", "test.building", BUILDING)
