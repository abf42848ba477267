"""An installation of its own: a compressed mesh without labels, as a county would send it."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser
from shapely.geometry import shape

from tests import home, outside
from tests.browser.driver import HEIGHT, WIDTH, Viewer, new_viewer
from tests.commands import cim, command

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

MESH, FOOTPRINTS = "demo.packed", "base.building"


@pytest.fixture(scope="module")
def packed(
    sample: Path, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Viewer]:
    """The sample's mesh with meshopt and WebP, beside its DEM and its footprints."""
    environment = os.environ | {
        "CIM_DATABASE_URL": home.clone(home.server(), "packed"),
        "CIM_DATA_DIR": str(tmp_path_factory.mktemp("packed") / "data"),
        "PYTHONUNBUFFERED": "1",
    }
    encoding = ("-o", "geometry=meshopt", "-o", "texture=webp")
    for path, layer, *more in (
        ("dem", "base.dem"),
        ("vector/buildings.shp", FOOTPRINTS),
        ("oblique", MESH, *encoding),
    ):
        done = cim(environment, "ingest", sample / path, "--layer", layer, *more)
        assert done.returncode == 0, done.stderr
    process = subprocess.Popen(
        command("serve", "--port", "0"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=outside.PROJECT,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    viewer = new_viewer(chromium, line[line.index("http://") :].strip())
    viewer.open()
    viewer.show({MESH: True})
    yield viewer
    viewer.page.close()
    process.terminate()
    process.wait(20)
    process.stdout.close()


def test_a_mesh_of_meshopt_and_webp_is_drawn(packed: Viewer) -> None:
    packed.ask("cim => cim.home()")
    packed.idle()
    whole = packed.picture()
    assert packed.state()["layers"][MESH]["status"] == "on"
    packed.show({MESH: False})
    assert packed.changed(whole) > 0.2
    packed.show({MESH: True})
    assert packed.changed(whole) < 0.01


def test_a_building_is_lit_in_a_mesh_that_has_no_labels(packed: Viewer) -> None:
    mesh = packed.layer(lambda layer: layer["id"] == MESH)
    west, south, east, north = mesh["published"]["extent"]
    page = packed.get(f"api/layers/{FOOTPRINTS}/features", limit=2000)
    inside = [
        f for f in page["features"]
        if west < shape(f["geometry"]).bounds[0] and shape(f["geometry"]).bounds[2] < east
        and south < shape(f["geometry"]).bounds[1] and shape(f["geometry"]).bounds[3] < north
    ]  # fmt: skip
    feature = max(inside, key=lambda f: shape(f["geometry"]).area)
    middle = shape(feature["geometry"]).representative_point()
    ground = packed.get("api/elevation", lon=middle.x, lat=middle.y)["ellipsoidal"]
    packed.look(middle.x + 0.0008, middle.y, ground + 220, 0, -90)
    top = ground + feature["properties"]["height"]
    pixel = packed.ask("(cim, at) => cim.toPixel(...at)", [middle.x, middle.y, top])
    before = _around(packed, pixel)
    packed.page.mouse.click(*pixel)
    packed.part("attributes").wait_for()
    assert feature["properties"]["building_id"] in packed.part("attributes").inner_text()
    packed.page.wait_for_timeout(800)  # the height of the ground is asked for
    packed.idle()
    lit = _around(packed, pixel)
    assert (lit[..., 0] - lit[..., 2]).mean() > (before[..., 0] - before[..., 2]).mean() + 30


def test_nothing_went_wrong_and_nothing_came_from_elsewhere(packed: Viewer) -> None:
    assert packed.complaints == []
    assert packed.foreign == []
    assert packed.ask("cim => cim.errors") == []


def _around(
    viewer: Viewer, pixel: list[float]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The 9 × 9 pixels around one."""
    x, y = (min(max(v, 5), most - 5) for v, most in zip(pixel, (WIDTH, HEIGHT), strict=True))
    clip = {"x": x - 4, "y": y - 4, "width": 9.0, "height": 9.0}
    shot = Image.open(io.BytesIO(viewer.page.screenshot(clip=clip)))  # type: ignore[arg-type]
    return np.asarray(shot.convert("RGB"), dtype=np.float64)
