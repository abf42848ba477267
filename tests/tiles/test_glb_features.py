"""Features, their attributes, colours, normals and points in glb files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.layers import FieldType
from cim.tiles import glb, gltf_check
from cim.tiles.gltf_document import Gltf, chunks
from tests.tiles.test_glb_encodings import document, hill
from tests.tiles.validator import gltf_errors

TEXTS = ["政府大楼", None, "b"]
TABLE = glb.Table(
    "building",
    (
        glb.Column("name", FieldType.TEXT, TEXTS, "名称"),
        glb.Column("height", FieldType.REAL, [12.5, None, float("nan")], "高度", "m"),
        glb.Column("floors", FieldType.INTEGER, [4, None, -1]),
        glb.Column("code", FieldType.INTEGER, [6208240000000001, 2, None]),
        glb.Column("row", FieldType.INTEGER, [1 << 60, None, 2]),
        glb.Column("listed", FieldType.BOOLEAN, [True, None, False]),
        glb.Column("built", FieldType.DATE, [dt.date(1999, 5, 4), None, "2001-01-01"]),
        glb.Column("nothing", FieldType.REAL, [None, None, None]),
    ),
    3,
)
IDS = np.where(np.arange(400) < 40, glb.NULL_FEATURE, np.arange(400) % 3).astype(np.uint32)


def written(tmp_path: Path, geometry: Any = "float32", table: glb.Table = TABLE) -> Path:
    path = tmp_path / f"{geometry}.glb"
    glb.write(path, [hill(features=IDS)], table=table, encoding=glb.Encoding(geometry))
    return path


@pytest.mark.parametrize("geometry", ["float32", "quantized", "meshopt"])
def test_attributes_of_every_type_come_back(tmp_path: Path, geometry: str) -> None:
    table = glb.read(written(tmp_path, geometry)).table
    assert table is not None
    assert (table.name, table.count) == ("building", 3)
    found = {c.name: c for c in table.columns}
    assert found["name"].values == TEXTS
    assert found["name"].title == "名称"
    assert found["height"].values == [12.5, None, None]
    assert found["height"].unit == "m"
    assert found["floors"].values == [4, None, -1]
    assert found["code"].values == [6208240000000001, 2, None]
    assert found["row"].values == [1 << 60, None, 2]
    assert found["listed"].values == [True, None, False]
    assert found["built"].values == ["1999-05-04", None, "2001-01-01"]
    assert found["nothing"].values == [None, None, None]
    assert [found[c.name].type for c in TABLE.columns] == [c.type for c in TABLE.columns]


@pytest.mark.parametrize("geometry", ["float32", "quantized", "meshopt"])
def test_each_vertex_keeps_its_feature_or_none(tmp_path: Path, geometry: str) -> None:
    (found,) = glb.read(written(tmp_path, geometry)).primitives
    assert found.features is not None
    given_ = hill(features=IDS)
    for at, feature in ((0, glb.NULL_FEATURE), (41, 2), (399, 0)):
        nearest = np.linalg.norm(found.positions - given_.positions[at], axis=1).argmin()
        assert found.features[nearest] == feature == IDS[at]


def test_views_of_a_table_begin_at_multiples_of_eight_in_the_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    told = document(path)
    start = path.read_bytes().index(b"BIN\0") + 4
    table = told["extensions"]["EXT_structural_metadata"]["propertyTables"][0]
    views = [v for place in table["properties"].values() for v in place.values()]
    assert len(views) == 9
    assert {(start + told["bufferViews"][v]["byteOffset"]) % 8 for v in views} == {0}


def test_the_count_of_features_is_that_of_those_that_occur(tmp_path: Path) -> None:
    primitive = document(written(tmp_path))["meshes"][0]["primitives"][0]
    assert primitive["extensions"]["EXT_mesh_features"]["featureIds"] == [
        {"featureCount": 3, "attribute": 0, "propertyTable": 0, "nullFeatureId": glb.NULL_FEATURE}
    ]


def test_a_mesh_of_no_feature_says_nothing_of_features(tmp_path: Path) -> None:
    none = np.full(400, glb.NULL_FEATURE, np.uint32)
    glb.write(tmp_path / "a.glb", [hill(features=none)])
    assert "extensions" not in document(tmp_path / "a.glb")["meshes"][0]["primitives"][0]


@pytest.mark.parametrize(
    ("table", "ids", "message"),
    [
        (TABLE, np.full(400, 3), "feature 3 where there are 3"),
        (glb.Table("x", (glb.Column("a", FieldType.TEXT, ["b"]),), 3), IDS, "1 values, 3"),
        (glb.Table("x", (glb.Column("高", FieldType.TEXT, [""] * 3),), 3), IDS, "is no id"),
    ],
)
def test_what_does_not_fit_together_is_refused(table: glb.Table, ids: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        glb.encode([hill(features=ids.astype(np.uint32))], table=table)


@pytest.mark.oracle
def test_the_validator_of_khronos_takes_tables(tmp_path: Path) -> None:
    paths = [written(tmp_path, g) for g in ("float32", "quantized", "meshopt")]
    assert [e for p in paths for e in gltf_check.look(p).errors] == []
    assert gltf_errors(paths) == []


_values: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    FieldType.INTEGER: st.integers(-(1 << 62), 1 << 62),
    FieldType.REAL: st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates().map(str),
}


@settings(max_examples=80, deadline=None)
@given(data=st.data(), count=st.integers(1, 12))
def test_any_table_comes_back(data: st.DataObject, count: int) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(_values)), max_size=4))
    columns = tuple(
        glb.Column(
            f"c{i}",
            kind,
            data.draw(st.lists(st.none() | _values[kind], min_size=count, max_size=count)),
        )
        for i, kind in enumerate(kinds)
    )
    raw = b"".join(glb.encode([hill()], table=glb.Table("t", columns, count)))
    assert gltf_check.look(raw).errors == []
    table = glb.parse(raw).table
    assert table is not None
    assert [list(c.values) for c in table.columns] == [list(c.values) for c in columns]
    assert [c.type for c in table.columns] == kinds


def test_normals_make_a_mesh_lit(tmp_path: Path) -> None:
    up = np.tile([0.0, 0.0, 1.0], (400, 1))
    glb.write(tmp_path / "a.glb", [hill(normals=up), hill()])
    told = document(tmp_path / "a.glb")
    lit, flat = (
        told["materials"][p["material"]].get("extensions", {})
        for p in told["meshes"][0]["primitives"]
    )
    assert lit == {}
    assert flat == {"KHR_materials_unlit": {}}
    normals = glb.read(tmp_path / "a.glb").primitives[0].normals
    np.testing.assert_array_equal(normals, up)


def test_all_256_steps_of_colour_come_back_and_are_stored_linear(tmp_path: Path) -> None:
    steps = np.arange(256, dtype=np.uint8)
    colors = np.stack([steps, steps[::-1], np.roll(steps, 7)], axis=1)
    cloud = glb.Primitive(np.random.default_rng(1).random((256, 3)), None, colors=colors)
    glb.write(tmp_path / "a.glb", [cloud])
    (found,) = glb.read(tmp_path / "a.glb").primitives
    assert found.colors is not None
    np.testing.assert_array_equal(found.colors, np.column_stack([colors, np.full(256, 255)]))
    facts = Gltf(*chunks((tmp_path / "a.glb").read_bytes()))
    told = document(tmp_path / "a.glb")["meshes"][0]["primitives"][0]
    stored = facts.real(told["attributes"]["COLOR_0"])
    assert stored is not None
    assert stored[128, 0] == pytest.approx(0.2158605, abs=1e-5)  # IEC 61966-2-1, 128 of 255


def test_points_declare_their_attributes(tmp_path: Path) -> None:
    cloud = glb.Primitive(
        np.random.default_rng(1).random((5, 3)),
        None,
        attributes={
            "intensity": np.array([0, 1, 2, 3, 65535], np.uint16),
            "classification": np.array([2, 2, 6, 6, 255], np.uint8),
            "gps_time": np.array([0.5, 1, 2, 3, 4]),
        },
    )
    glb.write(tmp_path / "a.glb", [cloud, cloud])
    told = document(tmp_path / "a.glb")
    extension = told["extensions"]["EXT_structural_metadata"]
    kinds = extension["schema"]["classes"]["point"]["properties"]
    assert {n: k["componentType"] for n, k in kinds.items()} == {
        "intensity": "UINT16",
        "classification": "UINT8",
        "gps_time": "FLOAT32",
    }
    assert told["meshes"][0]["primitives"][1]["mode"] == 0
    assert gltf_check.look(tmp_path / "a.glb").points == 10
    for found in glb.read(tmp_path / "a.glb").primitives:
        for name, values in cloud.attributes.items():
            np.testing.assert_array_equal(found.attributes[name], values)


def test_points_of_different_attributes_do_not_share_a_file() -> None:
    one = np.zeros((2, 3))
    with pytest.raises(ValueError, match="different attributes"):
        glb.encode(
            [
                glb.Primitive(one, None, attributes={"a": np.zeros(2, np.uint8)}),
                glb.Primitive(one, None, attributes={"b": np.zeros(2, np.uint8)}),
            ]
        )


def test_a_base_colour_with_transparency_blends(tmp_path: Path) -> None:
    glb.write(tmp_path / "a.glb", [hill(base_color=(0.1, 0.2, 0.3, 0.5))])
    material = document(tmp_path / "a.glb")["materials"][0]
    assert material["alphaMode"] == "BLEND"
    assert glb.read(tmp_path / "a.glb").primitives[0].base_color == (0.1, 0.2, 0.3, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"class":"building","count":3', b'"class":"building","count":2', "has 2 rows"),
        (b'"class":"building","count":3', b'"class":"building","count":9', "do not fit"),
        (b'"class":"building","count"', b'"class":"bullding","count"', "undeclared class"),
        (b'"featureCount":3', b'"featureCount":2', "3 features where featureCount is 2"),
        (b'"propertyTable":0', b'"propertyTable":7', "missing property table 7"),
        (b'"componentType":"INT32"', b'"componentType":"INT33"', "no component type"),
        (b'"enumType":"boolean"', b'"enumType":"boolesn"', "no enum"),
        (b'"type":"STRING"', b'"type":"STRONG"', "no type"),
        ("政".encode(), b"\xff\xfe\xfd", "not UTF-8"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = written(tmp_path)
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))
    assert message in gltf_check.look(path).errors[0]


def test_offsets_of_texts_that_fall_are_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    raw = path.read_bytes()
    ends = np.array([0, 12, 12, 13], "<u4").tobytes()
    assert ends in raw
    path.write_bytes(raw.replace(ends, np.array([0, 14, 12, 13], "<u4").tobytes()))
    assert "fall" in gltf_check.look(path).errors[0]
