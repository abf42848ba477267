"""A few blocks of the sample city, published: what labels and revisions are tried on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window, from_bounds

from cim.catalog import registry
from cim.city import load
from cim.geo.frames import enu_matrix
from cim.ingest.labelling import label_mesh
from cim.ingest.report import Report
from cim.ingest.revising import Revision, revise_mesh
from cim.ingest.sources.published import contents
from cim.installation import Installation
from cim.store.database import ready
from cim.tiles import glb
from tests import outside
from tests.delivered import deliver

SAMPLE = outside.PROJECT / "data-samples"
AROUND = (376_500, 3_899_250, 377_700, 3_900_450)  # EPSG:4545, m
BLOCKS = ("Tile_+001_+001", "Tile_+002_+001", "Tile_+001_+002")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Town:
    """Three blocks of the sample city, published, and how to label them."""

    here: Installation
    buildings: Path

    def label(self, **more: Any) -> Report:
        return label_mesh("base.oblique", "base.building", **self.place, **more)

    def revise(self, revision: Revision) -> list[Report]:
        return revise_mesh("base.oblique", revision, **self.place)

    @property
    def place(self) -> dict[str, Any]:
        return {"city": self.here.city, "engine": self.here.engine, "files": self.here.files}

    def folder(self, version: int) -> Path:
        return self.here.files.version("base.oblique", version)

    def media(self) -> Any:
        with ready(self.here.engine) as connection:
            return registry.published(connection, "base.oblique").media


def publish(installation: Installation, tmp_path: Path, blocks: Sequence[str]) -> Town:
    """The delivery itself is gone once it is published: nothing may ask for it again."""
    here = replace(installation, city=load(SAMPLE / "city.toml"))
    with ready(here.engine) as connection:
        declared = {e.layer.id: e.layer for e in registry.entries(connection)}
    deliver(here, ground(tmp_path), "base.dem", declared["base.dem"])
    folder = survey(tmp_path, blocks)
    deliver(here, folder, "base.oblique", declared["base.oblique"])
    buildings = tmp_path / "buildings.gpkg"
    gpd.read_file(SAMPLE / "huating/vector/buildings.shp").to_file(buildings)
    deliver(here, buildings, "base.building", declared["base.building"])
    shutil.rmtree(folder)
    return Town(here, buildings)


def ground(tmp_path: Path) -> Path:
    """The sample's elevation model around its mesh: the whole would be tiled for nothing."""
    folder = tmp_path / "ground"
    folder.mkdir()
    for sheet in sorted((SAMPLE / "huating/dem").glob("*.tif")):
        with rasterio.open(sheet) as model:
            window = from_bounds(*AROUND, model.transform).round_offsets().round_lengths()
            window = window.intersection(Window(0, 0, model.width, model.height))
            profile = {**model.profile, "width": window.width, "height": window.height,
                       "transform": model.window_transform(window)}  # fmt: skip
            with rasterio.open(folder / sheet.name, "w", **profile) as cut:
                cut.write(model.read(window=window))
    return folder


def survey(tmp_path: Path, blocks: Sequence[str]) -> Path:
    """A delivery of some blocks of the sample."""
    folder = tmp_path / "survey"
    for block in blocks:
        shutil.copytree(SAMPLE / "huating/oblique/Data" / block, folder / "Data" / block)
    shutil.copy(SAMPLE / "huating/oblique/metadata.xml", folder)
    return folder


def labelled(folder: Path) -> dict[str, list[glb.Model]]:
    """Models with features by the path of their file."""
    found: dict[str, list[glb.Model]] = {}
    for path in sorted(folder.rglob("*.glb")):
        model = glb.read(path)
        if model.table is not None:
            found[str(path.relative_to(folder))] = [model]
    return found


def column(model: glb.Model, name: str) -> list[Any]:
    assert model.table is not None
    (values,) = (list(c.values) for c in model.table.columns if c.name == name)
    return values


@dataclass(frozen=True)
class Surface:
    """The finest triangles of a labelled mesh in one plane, and whose they are."""

    corners: Floats
    owner: npt.NDArray[np.object_]
    plane: Floats

    @classmethod
    def of(cls, folder: Path, key: str, lon: float, lat: float) -> Surface:
        plane = enu_matrix(lon, lat, 1350.0)
        inverse = np.linalg.inv(plane)
        corners, owner = [], []
        for content in contents(folder, "tileset.json"):
            if content.error > 0:
                continue
            model = glb.read(folder / content.path)
            names = np.array([*(column(model, key) if model.table else []), None], object)
            step = inverse @ content.matrix
            for p in model.primitives:
                assert p.triangles is not None
                points = p.positions @ step[:3, :3].T + step[:3, 3]
                corners.append(points[p.triangles])
                rows_ = np.full(len(p.triangles), len(names) - 1)
                if p.features is not None:
                    ids = p.features[p.triangles[:, 0]].astype(int)
                    rows_ = np.where(ids == glb.NULL_FEATURE, len(names) - 1, ids)
                owner.append(names[rows_])
        return cls(np.concatenate(corners), np.concatenate(owner), plane)

    def first(self, start: Floats, way: Floats, near: Any) -> tuple[float, Any]:
        """Distance and owner of the first triangle that a ray meets (Möller and Trumbore 1997)."""
        a, b, c = (self.corners[near, i] for i in range(3))
        e, f = b - a, c - a
        p = np.cross(way, f)
        det = (e * p).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = start - a
            u = (t * p).sum(axis=1) / det
            q = np.cross(t, e)
            v = (q @ way) / det
            far = (f * q).sum(axis=1) / det
            hit = (np.abs(det) > 1e-12) & (u >= 0) & (v >= 0) & (u + v <= 1) & (far > 0)
        if not hit.any():
            return np.inf, None
        best = np.flatnonzero(hit)[np.argmin(far[hit])]
        return float(far[best]), self.owner[near[best]]


def box(path: Path, size: tuple[float, float, float]) -> Path:
    """A closed box over the origin."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    v = np.array([[i, j, k] for i in (-x, x) for j in (-y, y) for k in (0, z)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    corners = np.array([t for a, b, c, d in quads for t in ([a, b, c], [a, c, d])], np.uint16)
    glb.write(path, [glb.Primitive(v.astype(np.float32), corners)])
    return path
