"""What a viewer asks of an oblique city: ``python -m tests.bench.bench_top TILESET``.

Walks a tileset by Cesium's rule (refine while error · f / distance exceeds 16 pixels, all children
of a refined tile are loaded) for 1920 × 1080 and a camera that sees the whole extent; prints what
must be fetched until the first view stands. With a delivery in place of a tileset, converts it
first and prints time and memory too.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.frames import enu_matrix, lonlat_height
from cim.geo.heights import ConstantGeoid
from cim.ingest.source import Request
from cim.ingest.sources.osgb import OsgbSource
from cim.tiles.volume import volume

Floats = npt.NDArray[np.float64]

FOCAL = 1663.0  # pixels: Cesium's 60° over the longer side of 1920 × 1080
SCREEN_ERROR = 16.0
SHORT_SIDE = math.atan(540 / FOCAL)  # half the field of view along the shorter side


@dataclass
class View:
    """What one camera needs.

    Args:
        eye: Place in ECEF, m.
        files: Bytes of every file fetched, by path.
    """

    eye: Floats
    files: dict[Path, int] = field(default_factory=dict)

    def document(self, path: Path, matrix: Floats) -> None:
        """Fetch a tileset and walk it."""
        self.files[path] = path.stat().st_size
        self.tile(json.loads(path.read_bytes())["root"], path.parent, matrix)

    def tile(self, tile: dict[str, Any], folder: Path, above: Floats) -> None:
        """Fetch a tile's content, and its children where it is too coarse."""
        matrix = above
        if "transform" in tile:
            matrix = above @ np.array(tile["transform"]).reshape(4, 4).T
        uri = tile.get("content", {}).get("uri")
        if uri is not None and uri.endswith(".json"):
            self.document((folder / uri).resolve(), matrix)
        elif uri is not None:
            path = (folder / uri).resolve()
            self.files[path] = path.stat().st_size
        distance = self.distance(tile, matrix)
        error = tile["geometricError"]
        if distance <= 0 or error * FOCAL / distance > SCREEN_ERROR:
            for child in tile.get("children", []):
                self.tile(child, folder, matrix)

    def distance(self, tile: dict[str, Any], matrix: Floats) -> float:
        """From the eye to the tile's box, m."""
        numbers = np.array(tile["boundingVolume"]["box"])
        centre = matrix[:3, :3] @ numbers[:3] + matrix[:3, 3]
        axes = (matrix[:3, :3] @ numbers[3:].reshape(3, 3).T).T
        lengths = np.linalg.norm(axes, axis=1)
        along = axes / lengths[:, None] @ (self.eye - centre)
        return float(np.linalg.norm(np.maximum(np.abs(along) - lengths, 0)))


def home(tileset: Path, pitch: float = 45.0) -> Floats:
    """The eye that sees the whole tileset: its bounding sphere just fits, m in ECEF."""
    root = json.loads(tileset.read_bytes())["root"]
    matrix = np.array(root.get("transform", np.eye(4).ravel())).reshape(4, 4).T
    corners = volume(root["boundingVolume"], matrix).corners()
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = float(np.linalg.norm(corners - centre, axis=1).max())
    lon, lat, _ = lonlat_height(centre[None])[0]
    up = enu_matrix(float(lon), float(lat))[:3, :3]
    away = radius / math.sin(SHORT_SIDE)
    angle = math.radians(pitch)
    back: Floats = centre + up @ np.array([0, -math.cos(angle), math.sin(angle)]) * away
    return back


def first_view(tileset: Path) -> View:
    """Everything the home camera needs."""
    view = View(home(tileset))
    view.document(tileset.resolve(), np.eye(4))
    return view


def convert(path: Path, staging: Path) -> dict[str, float]:
    """Convert a delivery in this process; CPU seconds of each stage."""
    source = OsgbSource()
    asked = Request(
        paths=(path,),
        layer_id="demo.mesh",
        layer=None,
        city=City(
            name="",
            name_en="",
            bounds=Bounds(-180, -90, 180, 90),
            compute_crs=resolve("EPSG:4545").crs,
            geoid=ConstantGeoid(-36.0),
        ),
    )
    spent: dict[str, float] = {}

    def mark(name: str, began: float) -> None:
        spent[name] = spent.get(name, 0.0) + time.process_time() - began

    began = time.process_time()
    plan = source.plan(asked)
    mark("plan", began)
    began = time.process_time()
    built = [source.build(parcel, plan, asked, staging) for parcel in plan.parcels]
    mark("tiles", began)
    began = time.process_time()
    while more := source.further(plan, built, asked, staging):
        built += [source.build(parcel, plan, asked, staging) for parcel in more]
    mark("overview", began)
    began = time.process_time()
    product = source.finish(plan, built, asked, staging)
    mark("join", began)
    began = time.process_time()
    for check in source.check(product, asked, staging):
        if check.errors:
            raise SystemExit(f"{check.name}: {check.errors[0]}")
    mark("check", began)
    return spent


def show(tileset: Path) -> None:
    """Print the first view's figures."""
    files = first_view(tileset).files
    glbs = [size for path, size in files.items() if path.suffix == ".glb"]
    documents = [size for path, size in files.items() if path.suffix == ".json"]
    own = json.loads(tileset.read_bytes())["root"].get("content", {}).get("uri")
    root = (tileset.parent / own).stat().st_size if own else 0
    print(f"root content      {root / 1e3:8.1f} kB")  # noqa: T201
    print(f"first view        {sum(files.values()) / 1e6:8.2f} MB")  # noqa: T201
    print(f"  requests        {len(files):8d}")  # noqa: T201
    print(f"  glb             {len(glbs):8d} {sum(glbs) / 1e6:8.2f} MB")  # noqa: T201
    print(f"  tileset.json    {len(documents):8d} {sum(documents) / 1e6:8.2f} MB")  # noqa: T201


def main() -> None:
    """Print the figures of a tileset, or of a delivery after converting it."""
    parser = argparse.ArgumentParser(description=__doc__)
    sample = Path(__file__).resolve().parents[2] / "data-samples" / "huating" / "oblique"
    parser.add_argument("path", nargs="?", type=Path, default=sample)
    path = parser.parse_args().path
    if path.suffix == ".json":
        show(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        for stage, seconds in convert(path, Path(folder)).items():
            print(f"{stage:17} {seconds:8.2f} s CPU")  # noqa: T201
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory       {peak:8.0f} MB")  # noqa: T201
        show(Path(folder) / "tileset.json")


if __name__ == "__main__":
    main()
