"""A file of polygons becomes one area of degrees, or is refused in words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import ezdxf.filemanagement
import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from cim.errors import CimError, CrsError, FormatError, TooLargeError
from cim.question import Area as AreaParameter
from cim.question import area_field, shape_of
from cim.shapes import read_shape
from cim.topic import Parameters
from tests.delivered import NORTH, WEST


class Question(Parameters):
    area: AreaParameter = area_field("范围", "范围。", "Area", "Area.")


X, Y = WEST + 500.0, NORTH - 900.0
HOLE = [(X + 20, Y + 20), (X + 40, Y + 20), (X + 40, Y + 40), (X + 20, Y + 40)]
SQUARES = [
    Polygon([(X, Y), (X + 100, Y), (X + 100, Y + 100), (X, Y + 100)], [HOLE]),
    Polygon([(X + 200, Y), (X + 250, Y), (X + 250, Y + 50), (X + 200, Y + 50)]),
]
AREA = 100 * 100 - 20 * 20 + 50 * 50


def frame(crs: str | None = "EPSG:4545") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": ["甲", "乙"]}, geometry=SQUARES, crs=crs)


def written(folder: Path, name: str, crs: str | None = "EPSG:4545") -> Path:
    path = folder / name
    if name.endswith(".zip"):
        frame(crs).to_file(folder / "plan.shp")
        with zipfile.ZipFile(path, "w") as archive:
            for part in folder.glob("plan.*"):
                if part != path:
                    archive.write(part, f"规划/{part.name}")
    elif name.endswith(".kml"):
        frame(crs).to_crs(4326).to_file(path, driver="KML")
    elif name.endswith(".dxf"):
        gpd.GeoDataFrame(geometry=[*frame().geometry]).to_file(path, driver="DXF", engine="pyogrio")
    else:
        frame(crs).to_file(path)
    return path


@pytest.mark.parametrize("name", ["plan.zip", "plan.gpkg", "plan.kml", "plan.geojson"])
def test_each_format_gives_the_same_area_of_degrees(name: str, tmp_path: Path) -> None:
    found = read_shape(written(tmp_path, name))
    expected = frame().to_crs(4490).union_all()
    shape = shape_of(Question.model_validate({"area": found.geometry}).area)
    assert found.polygons == 2
    assert shape.symmetric_difference(expected).area < 1e-6 * expected.area  # a micrometre aside
    assert found.area == pytest.approx(AREA, rel=5e-4)  # the plane's scale is not the ellipsoid's


def test_closed_polylines_of_a_drawing_are_an_area(tmp_path: Path) -> None:
    drawing = ezdxf.filemanagement.new()
    space = drawing.modelspace()
    space.add_lwpolyline([(X, Y), (X + 100, Y), (X + 100, Y + 100), (X, Y + 100)], close=True)
    space.add_line((X, Y), (X + 5, Y))
    drawing.saveas(tmp_path / "plan.dxf")
    with pytest.raises(CrsError, match="does not say"):
        read_shape(tmp_path / "plan.dxf")
    found = read_shape(tmp_path / "plan.dxf", "EPSG:4545")
    assert found.polygons == 1
    assert found.area == pytest.approx(100 * 100, rel=5e-4)
    assert found.notes == ("1 geometries that are no polygons were set aside",)


def test_a_given_crs_goes_before_the_files_own(tmp_path: Path) -> None:
    path = written(tmp_path, "plan.gpkg", "EPSG:4544")
    assert shapely.geometry.shape(read_shape(path).geometry).bounds[0] < 104.5
    found = shapely.geometry.shape(read_shape(path, "EPSG:4545").geometry)
    assert found.distance(frame().to_crs(4490).union_all()) == 0


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_shapefile_without_prj_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, "plan.zip", None)
    with pytest.raises(CrsError, match=r"does not say.*crs=EPSG"):
        read_shape(path)
    assert read_shape(path, "EPSG:4545").polygons == 2


def test_geojson_of_metres_that_says_nothing_is_no_degrees(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(shapely.geometry.mapping(SQUARES[0])))
    with pytest.raises(CrsError, match="no degrees"):
        read_shape(path)
    assert read_shape(path, "EPSG:4545").polygons == 1


def test_a_long_straight_edge_of_a_plane_stays_where_it_is(tmp_path: Path) -> None:
    long = Polygon([(X, Y), (X + 20_000, Y), (X + 20_000, Y + 100), (X, Y + 100)])
    gpd.GeoDataFrame(geometry=[long], crs=4545).to_file(tmp_path / "a.gpkg")
    shape = shapely.geometry.shape(read_shape(tmp_path / "a.gpkg").geometry)
    middle = gpd.GeoSeries([shapely.Point(X + 10_050, Y)] * 2, crs=4545).to_crs(4490)[0]
    assert shape.boundary.distance(middle) * 111_000 < 0.001


def test_what_crosses_itself_is_mended_and_said(tmp_path: Path) -> None:
    bow = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    gpd.GeoDataFrame(geometry=[bow], crs=4545).to_file(tmp_path / "a.gpkg")
    found = read_shape(tmp_path / "a.gpkg")
    assert found.area == pytest.approx(5000, rel=5e-4)
    assert found.notes == ("1 outlines that crossed themselves were mended",)


VRT = '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.geojson", "{"), ("a.geojson", "[]"), ("a.geojson", "[" * 5000), ("a.json", '"x"'),
        ("a.geojson", '{"type": "FeatureCollection"}'), ("a.geojson", '{"type": "Point"}'),
        ("a.geojson", '{"type": "FeatureCollection", "features": [3]}'),
        ("a.geojson", '{"type": "Point", "coordinates": [106.6, 35.2]}'),
        ("a.geojson", '{"type": "Polygon", "coordinates": [[[1, 1], [1, 1], [1, 1], [1, 1]]]}'),
        ("a.geojson", '{"type": "Polygon", "coordinates": [[[NaN, 1], [2, 1], [2, 2], [NaN, 1]]]}'),
        ("a.geojson", VRT), ("a.gpkg", VRT), ("a.kml", VRT), ("a.dxf", VRT), ("a.zip", VRT),
        ("a.kml", "<kml/>"), ("a.dxf", "0\nSECTION\n"), ("a.gpkg", "SQLite format 3\x00"),
        ("a.kml", "<x/>"), ("a.kml", "<!--"), ("a.dxf", ""), ("a.exe", "x"), ("noending", "x"),
    ],
)  # fmt: skip
def test_what_is_no_polygon_file_is_refused(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CimError) as caught:
        read_shape(path, "EPSG:4326")
    assert isinstance(caught.value, FormatError | CrsError)
    assert caught.value.remedy
    assert str(tmp_path) not in str(caught.value)


def test_endless_corners_are_refused(tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 120_000)
    disc = Polygon(np.column_stack([106.6 + 0.01 * np.cos(turn), 35.2 + 0.01 * np.sin(turn)]))
    (tmp_path / "a.geojson").write_text(json.dumps(shapely.geometry.mapping(disc)))
    with pytest.raises(TooLargeError, match="simplify"):
        read_shape(tmp_path / "a.geojson")


corner = st.tuples(st.floats(106.5, 106.6), st.floats(35.1, 35.2))


@given(rings=st.lists(st.lists(corner, min_size=3, max_size=8), min_size=1, max_size=4))
def test_whatever_is_drawn_is_an_area_that_questions_take_or_a_refusal(
    rings: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.geojson"
    drawn = MultiPolygon([Polygon(ring) for ring in rings])
    path.write_text(json.dumps(shapely.geometry.mapping(drawn)))
    try:
        found = read_shape(path)
    except FormatError:
        return
    Question.model_validate({"area": found.geometry})
