"""Content of 3D Tiles 1.0: taken apart where it is sound, named where it is not."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.tiles import glb
from cim.tiles.content_check import look_at_content
from cim.tiles.legacy import pieces

TRIANGLE = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 3]], np.float32)
MODEL = b"".join(glb.encode([glb.Primitive(TRIANGLE, np.array([[0, 1, 2]], np.uint32))]))


def content(
    magic: bytes,
    features: dict[str, Any],
    binary: bytes = b"",
    batches: dict[str, Any] | None = None,
    tail: bytes = b"",
) -> bytes:
    feature, batch = (json.dumps(d).encode() if d else b"" for d in (features, batches or {}))
    sizes = struct.pack("<4I", len(feature), len(binary), len(batch), 0)
    more = struct.pack("<I", 1) if magic == b"i3dm" else b""
    body = sizes + more + feature + binary + batch + tail
    return struct.pack("<4sII", magic, 1, 12 + len(body)) + body


def b3dm(**features: Any) -> bytes:
    return content(b"b3dm", {"BATCH_LENGTH": 0} | features, tail=MODEL)


def points(**features: Any) -> bytes:
    binary = np.array([[1, 2, 3], [4, 5, 6]], "<f4").tobytes()
    told = {"POINTS_LENGTH": 2, "POSITION": {"byteOffset": 0}} | features
    return content(b"pnts", told, binary)


def composite(*parts: bytes) -> bytes:
    body = struct.pack("<I", len(parts)) + b"".join(parts)
    return struct.pack("<4sII", b"cmpt", 1, 12 + len(body)) + body


def test_the_model_of_a_b3dm_is_moved_by_its_centre(tmp_path: Path) -> None:
    (tmp_path / "a.b3dm").write_bytes(b3dm(RTC_CENTER=[100.0, 200.0, 300.0]))
    facts = look_at_content(tmp_path / "a.b3dm")
    assert facts.errors == []
    assert facts.triangles == 1
    np.testing.assert_allclose(facts.positions[0], TRIANGLE + np.array([100.0, 200.0, 300.0]))


def test_a_model_with_z_up_is_not_turned(tmp_path: Path) -> None:
    (tmp_path / "a.b3dm").write_bytes(b3dm())
    stored = TRIANGLE[:, [0, 2, 1]] * (1, 1, -1)  # the bytes as they stand in the file
    (found,) = look_at_content(tmp_path / "a.b3dm", up="Z").positions
    np.testing.assert_allclose(found, stored)


def test_points_stand_where_floats_or_steps_put_them() -> None:
    (piece,) = pieces(memoryview(points(RTC_CENTER=[10, 0, 0])))
    assert piece.points is not None
    np.testing.assert_allclose(piece.points, [[11, 2, 3], [14, 5, 6]])
    steps = np.array([[0, 0, 0], [65535, 65535, 65535]], "<u2").tobytes()
    told = {
        "POINTS_LENGTH": 2,
        "POSITION_QUANTIZED": {"byteOffset": 0},
        "QUANTIZED_VOLUME_SCALE": [2, 4, 8],
        "QUANTIZED_VOLUME_OFFSET": [1, 1, 1],
    }
    (piece,) = pieces(memoryview(content(b"pnts", told, steps)))
    assert piece.points is not None
    np.testing.assert_allclose(piece.points, [[1, 1, 1], [3, 5, 9]])


def test_a_composite_gives_all_that_it_holds(tmp_path: Path) -> None:
    told = {"INSTANCES_LENGTH": 1, "POSITION": {"byteOffset": 0}}
    trees = content(b"i3dm", told, np.array([7, 8, 9], "<f4").tobytes(), tail=MODEL)
    path = tmp_path / "a.cmpt"
    path.write_bytes(composite(b3dm(), composite(points(), trees)))
    facts = look_at_content(path)
    assert facts.errors == []
    assert (facts.triangles, facts.points) == (2, 2)
    assert [len(p) for p in facts.positions] == [3, 2, 1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"what", "content begins with"),
        (b"b3dm", "requires a buffer"),
        (b3dm()[:-5], "bytes, in"),
        (b3dm().replace(MODEL, MODEL[:-4]), "announces|bytes, in"),
        (content(b"b3dm", {}, tail=MODEL), "lacks BATCH_LENGTH"),
        (points(POINTS_LENGTH=3), "POSITION reaches beyond"),
        (points(POSITION=None), "no positions"),
        (points(RTC_CENTER=[1, 2]), "three finite"),
        (content(b"pnts", {"POINTS_LENGTH": 1, "POSITION": 3}), "no positions"),
        (content(b"b3dm", {"BATCH_LENGTH": 2}, b"", {"a": [1]}, MODEL), "a has 1 values, 2"),
        (
            content(
                b"b3dm",
                {"BATCH_LENGTH": 2},
                b"",
                {"a": {"byteOffset": 0, "componentType": "FLOAT", "type": "SCALAR"}},
                MODEL,
            ),
            "a reaches beyond",
        ),
        (composite(b3dm())[:16] + b"\0" * 20, "bytes, in|content 0"),
        (composite(points(), b"b3dm" + b"\0" * 12), "content 1"),
        (b"\x1f\x8b" + b"\0" * 9, "gzipped"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "a.b3dm").write_bytes(raw)
    found = look_at_content(tmp_path / "a.b3dm").errors
    assert any(word in error for error in found for word in message.split("|")), found


def test_composites_too_deep_end() -> None:
    raw = points()
    for _ in range(30):
        raw = composite(raw)
    assert any("too deep" in e for piece in pieces(memoryview(raw)) for e in piece.errors)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b3dm(), points(), composite(b3dm(), points())]), st.data())
def test_flipped_bytes_are_findings_at_most(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.b3dm"
    path.write_bytes(damaged)
    assert all(isinstance(error, str) for error in look_at_content(path).errors)
