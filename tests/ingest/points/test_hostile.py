"""Hostile clouds: headers that lie, bombs, decoders that hang or die. Others land all the same."""

from __future__ import annotations

import json
import struct
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.city import City
from cim.errors import FormatError
from cim.ingest.sources.points import PointSource
from cim.ingest.sources.points import stream as streaming
from cim.ingest.sources.points.las_header import read_header
from cim.ingest.sources.points.stream import Decoding
from tests.ingest.buildings.run import run
from tests.ingest.points.las import patch, surface, write

COUNT_14, VLRS, BEGIN, FORMAT, SCALE = 247, 100, 96, 104, 131


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    return write(tmp_path / "a.las", surface(500))


LIES: dict[str, tuple[int, str, tuple[Any, ...], str]] = {
    "count": (COUNT_14, "<Q", (10**9,), "announces 1000000000 points, its"),
    "begin": (BEGIN, "<I", (10**9,), "puts the points at byte 1000000000"),
    "records": (VLRS, "<I", (2**31,), "2147483648 variable length records"),
    "format": (FORMAT, "<B", (77 & 0x3F,), "point format 13"),
    "record_length": (FORMAT + 1, "<H", (4,), "with 4 bytes a point is none"),
    "scale": (SCALE, "<3d", (float("nan"), 1.0, 1.0), "make no coordinates"),
    "no_scale": (SCALE, "<3d", (0.0, 1.0, 1.0), "make no coordinates"),
    "magic": (0, "<4s", (b"LASX",), "it is no LAS file"),
    "version": (24, "<BB", (2, 0), "LAS 2.0 is not read"),
    "evlrs": (235, "<QI", (300, 2**31), "2147483648 variable length records"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused_before_anything_is_decoded(name: str, cloud: Path) -> None:
    at, layout, values, reason = LIES[name]
    with pytest.raises(FormatError, match=reason):
        read_header(patch(cloud, at, layout, *values))


@pytest.mark.parametrize("told", [0, 300])
def test_points_that_the_header_keeps_silent_about_are_not_lost_in_silence(
    told: int, tmp_path: Path
) -> None:
    cloud = write(tmp_path / "b.las", surface(5_000))
    with pytest.raises(FormatError, match=f"announces {told} points and holds 5000"):
        read_header(patch(cloud, COUNT_14, "<Q", told))


def test_a_packed_file_with_more_chunks_than_its_points_fill_is_refused(tmp_path: Path) -> None:
    cloud = write(tmp_path / "b.laz", surface(120_000))
    assert read_header(cloud).count == 120_000
    with pytest.raises(FormatError, match="announces 700 points and holds 100001 to 150000"):
        read_header(patch(cloud, COUNT_14, "<Q", 700))


def test_a_few_bytes_after_the_points_are_no_points(cloud: Path) -> None:
    cloud.write_bytes(cloud.read_bytes() + bytes(100))
    assert read_header(cloud).count == 500


def test_an_absurd_box_leaves_the_place_to_the_points(cloud: Path, city: City) -> None:
    patch(cloud, 179, "<2d", 1e300, -1e300)
    done = run(PointSource(), cloud, city, cloud.parent / "staging")
    assert done.plan.extent is None
    assert done.product.media["points"] == 500


def test_a_record_that_announces_more_than_the_file_is_refused(cloud: Path) -> None:
    length = struct.unpack_from("<H", cloud.read_bytes(), 94)[0]
    with pytest.raises(FormatError, match="record 0 announces 65535 bytes"):
        read_header(patch(cloud, length + 20, "<H", 65535))


def test_a_long_record_bomb_is_refused(cloud: Path) -> None:
    raw = bytearray(cloud.read_bytes())
    struct.pack_into("<QI", raw, 235, len(raw), 1)
    raw += struct.pack("<2x16sHQ32x", b"copc", 1000, 2**62)
    cloud.write_bytes(bytes(raw))
    with pytest.raises(FormatError, match="announces 4611686018427387904 bytes"):
        read_header(cloud)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 374), st.integers(0, 255)), min_size=1, max_size=12))
def test_any_scrambled_header_is_read_or_refused_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, bytes_: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("scrambled")
    path = write(folder / "a.las", surface(20))
    raw = bytearray(path.read_bytes())
    for at, value in bytes_:
        raw[at] = value
    path.write_bytes(bytes(raw))
    with suppress(FormatError):  # nothing else may come out
        header = read_header(path)
        assert 0 < header.count * 20 <= len(raw) or header.packed


@pytest.mark.parametrize("name", ["truncated", "garbage", "fewer"])
def test_a_packed_file_that_cannot_be_decoded_is_named_and_others_land(
    name: str, tmp_path: Path, city: City
) -> None:
    bad = write(tmp_path / "bad.laz", surface(20_000))
    raw = bad.read_bytes()
    if name == "truncated":
        bad.write_bytes(raw[: len(raw) // 2])
    elif name == "garbage":
        noise = np.random.default_rng(0).integers(0, 256, len(raw) - 3_000, "u1").tobytes()
        bad.write_bytes(raw[:2_500] + noise[: len(raw) - 3_000] + raw[-500:])
    else:
        patch(bad, COUNT_14, "<Q", 45_000)  # its one chunk has room for 50,000
    good = write(tmp_path / "good.laz", surface(400))
    done = run(PointSource(), [bad, good], city, tmp_path / "staging")
    assert [e.path for e in done.lost] == [str(bad)]
    assert "bad.laz" in str(done.lost[0])
    assert done.lost[0].remedy
    assert done.product.media["points"] == 400


def decoder(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Put a program in the decoder's place that does as its files would have it do."""
    script = folder / "decoder.py"
    script.write_text("import os, sys, time, json, resource\n" + body)
    monkeypatch.setattr(streaming, "DECODER", script)


HELLO = "sys.stdout.write(json.dumps({'colors': False, 'extra': []}) + '\\n'); sys.stdout.flush(); "
FAILURES = {
    "os.abort()": "its decoder died of signal 6",
    "time.sleep(60)": "took more than 2 s",
    "sys.stderr.write('panicked at x.rs'); sys.exit(101)": "after 0 points: panicked at x.rs",
    HELLO + "sys.stdout.buffer.write(bytes(44))": "announces 500 points and holds 2",
    HELLO + "sys.stdout.buffer.write(bytes(22 * 501))": "more than the 500 points",
}


@pytest.mark.parametrize(("body", "reason"), FAILURES.items())
def test_a_decoder_that_fails_takes_only_its_own_file_with_it(
    body: str, reason: str, cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder(monkeypatch, tmp_path, body)
    began = time.monotonic()
    with pytest.raises(FormatError, match=reason), Decoding(cloud, 500, seconds=2) as decoding:
        for _ in decoding.chunks():
            pass
    assert time.monotonic() - began < 20
    assert decoding.process.poll() is not None


def test_a_decoder_gets_no_more_memory_than_it_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.laz", surface(300_000))
    with (
        pytest.raises(FormatError, match=r"memory|signal|MemoryError|allocate"),
        Decoding(path, 300_000, memory=150 << 20, seconds=60) as decoding,
    ):
        for _ in decoding.chunks():
            pass


def test_a_consumer_that_gives_up_leaves_no_decoder_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "a.las", surface(600_000))
    with Decoding(path, 600_000) as decoding:
        next(decoding.chunks())
    assert decoding.process.poll() is not None


def test_a_cloud_that_no_disk_holds_is_refused_before_it_fills_one(
    cloud: Path, city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(free=30_000)
    monkeypatch.setattr("cim.ingest.sources.points.cloud.shutil.disk_usage", lambda _: free)
    with pytest.raises(FormatError, match="its 500 points need"):
        run(PointSource(), cloud, city, tmp_path / "staging")


def test_a_small_file_that_announces_an_ocean_of_points_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.laz", np.tile([[377_000.0, 3_899_000.0, 1_400.0]], (50_000, 1)))
    assert read_header(path).count == 50_000  # doubles pack well, and may
    with pytest.raises(FormatError, match="announces 4000000000 points"):
        read_header(patch(path, COUNT_14, "<Q", 4_000_000_000))


def test_a_header_without_a_box_leaves_the_place_to_the_points(
    cloud: Path, city: City, tmp_path: Path
) -> None:
    other = write(tmp_path / "b.las", surface(20))
    patch(cloud, 179, "<6d", *[float("nan")] * 6)
    done = run(PointSource(), [cloud, other], city, tmp_path / "staging")
    assert done.plan.extent is None
    assert done.product.media["points"] == 520


def test_extra_dimensions_are_told(tmp_path: Path, city: City) -> None:
    import laspy  # noqa: PLC0415

    path = write(tmp_path / "a.las", surface(50))
    points = laspy.read(path)
    points.add_extra_dim(laspy.ExtraBytesParams("Deviation", "f4"))
    points.write(str(path))
    done = run(PointSource(), path, city, tmp_path / "staging")
    assert "extra dimensions are left out: Deviation" in done.told
    assert json.dumps(done.product.media)
