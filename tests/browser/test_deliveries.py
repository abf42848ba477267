"""Real deliveries, each in a city of its own, from the disk to the picture by the real commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests import home, outside
from tests.browser.driver import Viewer, new_viewer
from tests.commands import cim, command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.shared,
    pytest.mark.timeout(600),
]

FIXTURES = "ortho/rio-tiler/tests/fixtures"
AERIAL = "my-bucket/hro_sources/colorado/201404_13SED190110_201404_0x1500m_CL_1.tif"
SHEETS = "dem/mago-terrainer/mago-terrainer/src/test/resources/multi-sample/input"


@dataclass(frozen=True)
class Served:
    """A delivery, ingested into an installation of its own and served."""

    layer: str
    viewer: Viewer


def serve(environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """Start a server; it and its address."""
    process = subprocess.Popen(
        command("serve", "--port", "0"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        cwd=outside.PROJECT,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, line[line.index("http://") :].strip()


def published(delivery: Path, layer: str, folder: Path) -> dict[str, str]:
    """Make a city around a delivery and ingest it; the environment of that installation."""
    environment = os.environ | {
        "CIM_DATABASE_URL": home.clone(home.server(), layer.replace(".", "_")),
        "CIM_DATA_DIR": str(folder / "data"),
        "CIM_CITY": str(folder / "city.toml"),
    }
    made = cim(environment, "city", "init", "--from", delivery, "--out", folder / "city.toml")
    assert made.returncode == 0, made.stderr
    done = cim(environment, "ingest", delivery, "--layer", layer)
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(
    scope="module",
    params=[
        ("demo.mesh", "osgb/production_5_two_tiles"),
        ("demo.mountains", "dem/topotoolbox"),
        ("demo.sheets", SHEETS),
        ("demo.aerial", f"{FIXTURES}/{AERIAL}"),
        ("demo.drone", f"{FIXTURES}/my-bucket/pix4d/pix4d_alpha_nodata.tif"),
    ],
    ids=lambda given: given[0],
)
def served(
    request: pytest.FixtureRequest,
    shared_data: Path,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    layer, path = request.param
    environment = published(shared_data / path, layer, tmp_path_factory.mktemp("elsewhere"))
    process, address = serve(environment)
    viewer = new_viewer(chromium, address)
    viewer.open()
    yield Served(layer, viewer)
    viewer.page.close()
    process.terminate()
    process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


def test_it_is_drawn_where_the_camera_looks_first(served: Served) -> None:
    viewer = served.viewer
    viewer.show({served.layer: True})
    whole = viewer.picture()
    kinds = np.unique(whole.reshape(-1, 3).astype(int) // 8, axis=0)
    assert len(kinds) > 25  # bare terrain has but one colour, lit
    assert viewer.state()["layers"][served.layer]["status"] == "on"


def test_hiding_it_changes_the_picture(served: Served) -> None:
    viewer = served.viewer
    viewer.show({served.layer: True})
    whole = viewer.picture()
    viewer.show({served.layer: False})
    assert viewer.changed(whole) > 0.02  # low hills without a picture differ little
    viewer.show({served.layer: True})


def test_terrain_stands_at_the_heights_of_its_model(served: Served) -> None:
    viewer = served.viewer
    layer = viewer.layer(lambda layer: layer["id"] == served.layer)
    if layer["kind"] != "terrain":
        # A mesh or a picture has no ground of its own: nothing may pretend to know its height.
        west, south, east, north = layer["published"]["extent"]
        answer = viewer.page.request.get(
            f"{viewer.base}api/elevation?lon={(west + east) / 2}&lat={(south + north) / 2}"
        )
        assert answer.status == 422
        return
    west, south, east, north = layer["published"]["extent"]
    places = [
        (west + (east - west) * u / 7, south + (north - south) * v / 7)
        for u in range(2, 6)
        for v in range(2, 6)
    ]
    drawn = viewer.ask("(cim, places) => cim.sampleTerrain(places)", places)
    bound = layer["published"]["media"]["height_bound"]
    for (lon, lat), height in zip(places, drawn, strict=True):
        model = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
        assert height == pytest.approx(model, abs=bound), f"at {lon:.5f}, {lat:.5f}"


def test_nothing_went_wrong_and_nothing_came_from_elsewhere(served: Served) -> None:
    assert served.viewer.complaints == []
    assert served.viewer.foreign == []
    assert served.viewer.ask("cim => cim.errors") == []
