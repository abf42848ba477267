"""Pipes and manholes as tubes: in place, of the right width, with attributes, valid for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cim.catalog import registry
from cim.errors import InputError, NotFoundError, ParameterError
from cim.geo.crs import resolve, transformer
from cim.geo.frames import lonlat_height
from cim.ingest.report import Exit, Report
from cim.ingest.sources.published import contents
from cim.ingest.tubing import sweep
from cim.installation import Installation
from cim.layers import Kind
from cim.store.database import ready
from cim.tiles import glb
from tests.commands import cim
from tests.delivered import ZONE
from tests.tiles.validator import gltf_errors
from tests.topics.pipelines.beds import ground, publish, segments, street
from tests.topics.pipelines.towns import at

pytestmark = pytest.mark.db
LAYERS = ("pipelines.water_pipe", "pipelines.sewage_pipe", "pipelines.gas_pipe",
          "pipelines.manhole")  # fmt: skip
GEOID = -36.0
Floats = npt.NDArray[np.float64]


def make(here: Installation, *layers: str, **more: Any) -> Report:
    return sweep(layers or LAYERS, "pipelines.pipe_tube", city=here.city, engine=here.engine,
                 files=here.files, **more)  # fmt: skip


def served(here: Installation) -> tuple[registry.Version, Path]:
    with ready(here.engine) as connection:
        version = registry.published(connection, "pipelines.pipe_tube")
    return version, here.files.whole("pipelines.pipe_tube", version.version)


def pieces(folder: Path) -> dict[str, tuple[dict[str, Any], Floats, list[int]]]:
    """Of each number its attributes, places (x, y, 1985 height, m) and colour."""
    back = transformer(resolve("EPSG:4490").crs, ZONE)
    found = {}
    for content in contents(folder, "tileset.json"):
        model = glb.read(folder / content.path)
        assert model.table is not None
        columns = {c.name: c.values for c in model.table.columns}
        (part,) = model.primitives
        assert part.features is not None
        assert part.colors is not None
        world = part.positions @ content.matrix[:3, :3].T + content.matrix[:3, 3]
        lon, lat, height = lonlat_height(world).T
        x, y = back.transform(lon, lat)
        places = np.column_stack([x, y, height - GEOID])
        for row in range(model.table.count):
            mine = part.features == row
            values = {name: column[row] for name, column in columns.items()}
            color = part.colors[mine][0][:3].tolist()
            found[values["number"]] = (values, places[mine], color)
    return found


def test_each_pipe_has_its_width_its_place_and_its_attributes(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, street())
    report = make(installation, options={"sides": 16})
    assert report.exit is Exit.PUBLISHED
    version, folder = served(installation)
    assert version.layer.kind is Kind.MESH
    assert [o["layer"] for o in version.media["of"]] == list(LAYERS)
    assert version.media["volume_misfit"] < 1e-4
    found = pieces(folder)
    assert set(found) == {"W1", "W2", "W4", "S1", "S2", "G1", "G2", "P", "Q", "R"}
    values, places, color = found["W1"]
    assert (values["dn"], values["outer"], values["network"]) == (300, 0.3, "给水管线")
    assert values["length"] == pytest.approx(60, abs=1e-3)
    assert color == [0, 255, 255]
    axis = np.array([*at(0, 0), 1398.0 - 0.15])
    off = np.hypot(*(places - axis)[:, 1:].T)
    assert off == pytest.approx(np.full(len(off), 0.15), abs=2e-3)
    assert np.ptp(places[:, 0]) == pytest.approx(60, abs=2e-3)
    assert found["S1"][2] == [0x4C, 0x39, 0x26]
    assert found["S1"][1][:, 2].min() == pytest.approx(1396.5, abs=2e-3)  # the invert, no wall
    assert found["W4"][1][:, 2].max() == pytest.approx(ground(60) - 1.5, abs=5e-3)
    chamber, wall, _ = found["P"]
    assert (chamber["depth"], chamber["what"]) == (3.5, "检查井")
    assert (wall[:, 2].max(), wall[:, 2].min()) == pytest.approx((1400.05, 1396.55), abs=2e-3)
    assert chamber["size_by"].startswith("未记录")
    told = "\n".join(p.reason for p in report.warnings)
    assert "1 not drawn: 缺管径" in told
    assert "1 not drawn: 缺高程且缺埋深" in told


def test_others_find_the_tileset_valid_and_the_same_again_publishes_nothing(
    installation: Installation, tmp_path: Path, environment: dict[str, str]
) -> None:
    publish(installation, tmp_path, street())
    make(installation, options={"geometry": "meshopt"})
    _, folder = served(installation)
    assert gltf_errors(sorted(folder.rglob("*.glb"))) == []
    done = cim(environment, "check", folder)
    assert done.returncode == 0, done.stdout
    assert make(installation, options={"geometry": "meshopt"}).unchanged
    water = street()["pipelines.water_pipe"]
    water["dn"] = 500.0
    publish(installation, tmp_path / "new", {"pipelines.water_pipe": water}, dem=False)
    again = make(installation, options={"geometry": "meshopt"})
    assert again.exit is Exit.PUBLISHED
    version, folder = served(installation)
    assert version.version == 2
    assert {v["outer"] for v, _, _ in pieces(folder).values() if v["network"] == "给水管线"} == {
        0.5
    }


def test_pipes_joined_by_two_meet_in_one_ring(installation: Installation, tmp_path: Path) -> None:
    level = {"start_elev": 1398.0, "end_elev": 1398.0, "dn": 400}
    bent = segments([
        {"seg_id": "A", "from_no": "1", "to_no": "2", "line": [(0, 0), (30, 0)], **level},
        {"seg_id": "B", "from_no": "3", "to_no": "2", "line": [(54, 18), (30, 0)], **level},
        {"seg_id": "T", "from_no": "3", "to_no": "4", "line": [(54, 18), (54, 60)], **level},
        {"seg_id": "U", "from_no": "3", "to_no": "5", "line": [(54, 18), (80, 18)], **level},
    ])  # fmt: skip
    publish(installation, tmp_path, {"pipelines.water_pipe": bent}, dem=False)
    make(installation, "pipelines.water_pipe")
    found = pieces(served(installation)[1])
    east = np.array(at(30, 0))

    def ring(number: str) -> Floats:
        places = found[number][1]
        near = places[np.hypot(*(places[:, :2] - east).T) < 0.4]
        return np.unique(near.round(2), axis=0)

    np.testing.assert_allclose(ring("A"), ring("B"), atol=0.011)
    plane = np.array([1 + 0.8, 0.6])
    across = (ring("A")[:, :2] - east) @ plane / np.linalg.norm(plane)
    assert np.abs(across).max() < 0.02  # in the plane that halves their angle
    ends = found["T"][1]
    square = ends[np.abs(ends[:, 1] - at(54, 18)[1]) < 0.3]
    assert np.ptp(square[:, 1]) < 5e-3  # where three meet, each ends square


def test_what_cannot_be_swept_is_refused_with_the_reason(
    installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=r"pipelines\.water_pipe"):
        make(installation)
    nothing = segments([{"seg_id": "A", "line": [(0, 0), (9, 0)], "dn": 100}])
    frames = {**street(), "pipelines.water_pipe": nothing}
    publish(installation, tmp_path, frames, dem=False)
    with pytest.raises(InputError, match=r"nothing of pipelines\.water_pipe can be drawn: 1 × "):
        make(installation, "pipelines.water_pipe")
    partly = make(installation, "pipelines.water_pipe", "pipelines.gas_pipe")
    assert partly.exit is Exit.PARTLY
    with pytest.raises(ParameterError, match="is neither a layer of pipe segments"):
        make(installation, "base.building")
    with pytest.raises(ParameterError, match="hold no pipes"):
        make(installation, "pipelines.manhole")
    with pytest.raises(ParameterError, match="no layer of pipes is named"):
        sweep((), "test.tube", city=installation.city, engine=installation.engine,
              files=installation.files)  # fmt: skip
    with pytest.raises(ParameterError, match="sides"):
        make(installation, "pipelines.gas_pipe", options={"sides": 2})
