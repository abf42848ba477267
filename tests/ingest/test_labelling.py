"""Buildings told apart in a mesh, and models that take their place: from published data alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from cim.catalog import registry
from cim.city import load
from cim.errors import CheckError, InputError, NotFoundError, ParameterError
from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, transformer
from cim.geo.frames import enu_matrix
from cim.geo.heights import ConstantGeoid
from cim.ingest.labelling import label_mesh
from cim.ingest.report import Report
from cim.ingest.revising import Refined, Revision, revise_mesh
from cim.ingest.sources.published import contents
from cim.installation import Installation
from cim.store.database import ready
from cim.tiles import glb
from tests import outside
from tests.delivered import deliver
from tests.tiles.validator import gltf_errors

pytestmark = pytest.mark.db

SAMPLE = outside.PROJECT / "data-samples"
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


@pytest.fixture
def town(installation: Installation, tmp_path: Path) -> Town:
    """Three blocks."""
    return publish(installation, tmp_path, BLOCKS)


def publish(installation: Installation, tmp_path: Path, blocks: Sequence[str]) -> Town:
    """The delivery itself is gone once it is published: nothing may ask for it again."""
    here = replace(installation, city=load(SAMPLE / "city.toml"))
    survey = tmp_path / "survey"
    for block in blocks:
        shutil.copytree(SAMPLE / "huating/oblique/Data" / block, survey / "Data" / block)
    shutil.copy(SAMPLE / "huating/oblique/metadata.xml", survey)
    with ready(here.engine) as connection:
        declared = {e.layer.id: e.layer for e in registry.entries(connection)}
    deliver(here, SAMPLE / "huating/dem", "base.dem", declared["base.dem"])
    deliver(here, survey, "base.oblique", declared["base.oblique"])
    buildings = tmp_path / "buildings.gpkg"
    gpd.read_file(SAMPLE / "huating/vector/buildings.shp").to_file(buildings)
    deliver(here, buildings, "base.building", declared["base.building"])
    shutil.rmtree(survey)
    return Town(here, buildings)


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


def test_buildings_are_told_apart_at_every_level_with_their_attributes(town: Town) -> None:
    report = town.label()
    assert report.exit == 0, report.refused
    assert [c for c in report.checks if c.errors] == []
    models = labelled(town.folder(2))
    assert len({Path(name).parent for name in models}) >= len(BLOCKS)
    real = gpd.read_file(town.buildings).set_index("编号")
    for (model,) in models.values():
        for number, name, height in zip(
            column(model, "building_id"), column(model, "use"), column(model, "height"),
            strict=True,
        ):  # fmt: skip
            assert name == real.loc[number, "用途"]
            assert height == pytest.approx(real.loc[number, "建筑高度"])
    media = town.media()
    assert media["features"]["key"] == "building_id"
    assert media["features"]["found"] == report.counts["buildings"] > 10
    assert {a["name"] for a in media["attributes"]} >= {"building_id", "height", "use", "row"}
    assert gltf_errors(sorted(town.folder(2).rglob("*.glb"))) == []


def test_the_surface_is_what_it_was(town: Town) -> None:
    town.label()
    for content in contents(town.folder(1), "tileset.json"):
        before, after = (glb.read(town.folder(n) / content.path) for n in (1, 2))
        exact = content.path.parts[0] == "tiles"  # the overview's nodes are written to a grid
        assert _area(after) == pytest.approx(_area(before), rel=1e-6 if exact else 1e-4)
        if not exact:
            continue
        for old, new in zip(before.primitives, after.primitives, strict=True):
            assert np.isin(_rounded(old.positions), _rounded(new.positions)).all()
            if old.texture is not None and new.texture is not None:
                assert bytes(old.texture.data) == bytes(new.texture.data)


def _rounded(points: Any) -> Any:
    return np.ascontiguousarray(np.round(np.asarray(points, float), 3)).view("f8,f8,f8").ravel()


def _area(model: glb.Model) -> float:
    total = 0.0
    for p in model.primitives:
        assert p.triangles is not None
        a, b, c = (np.asarray(p.positions, float)[p.triangles[:, i]] for i in range(3))
        total += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return total


def test_a_changed_footprint_labels_only_the_folders_it_stands_in(town: Town) -> None:
    first = town.label()
    frame = gpd.read_file(town.buildings)
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    inside = frame.to_crs(4490).geometry.within(shapely.box(*extent))
    chosen = frame.index[inside][0]
    frame.loc[chosen, "建筑高度"] = 99.5
    frame.to_file(town.buildings)
    with ready(town.here.engine) as connection:
        layer = registry.declaration(connection, "base.building")
    deliver(town.here, town.buildings, "base.building", layer)
    again = town.label()
    assert (again.version, again.published) == (3, first.published)
    assert 0 < first.published - again.reused < first.published
    heights = {
        number: height
        for (model,) in labelled(town.folder(3)).values()
        for number, height in zip(
            column(model, "building_id"), column(model, "height"), strict=True
        )
    }
    assert heights[frame.loc[chosen, "编号"]] == 99.5
    assert town.label().unchanged


def test_layers_that_do_not_fit_are_named(town: Town) -> None:
    with pytest.raises(NotFoundError, match=r"base\.road is not published"):
        label_mesh("base.oblique", "base.road", **town.place)
    with pytest.raises(ParameterError, match=r"base\.dem is no mesh layer"):
        label_mesh("base.dem", "base.building", **town.place)
    with pytest.raises(ParameterError, match=r"base\.oblique is no vector layer"):
        label_mesh("base.oblique", "base.oblique", **town.place)
    with pytest.raises(ParameterError, match=r"base\.building has no field colour"):
        town.label(key="colour")
    with pytest.raises(ParameterError, match="option eaves"):
        town.label(options={"eaves": "-1"})


# --- what a click meets ---------------------------------------------------------------------------


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


def test_a_click_on_a_roof_or_a_facade_names_its_building(
    installation: Installation, tmp_path: Path
) -> None:
    blocks = [p.name for p in (SAMPLE / "huating/oblique/Data").iterdir()]
    town = publish(installation, tmp_path, blocks)
    town.label()
    frame = gpd.read_file(town.buildings)
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    middle = ((extent.west + extent.east) / 2, (extent.south + extent.north) / 2)
    surface = Surface.of(town.folder(2), "building_id", *middle)
    rights, wrongs = _clicks(surface, frame, town.here.city.undulation(*middle))
    roofs, facades = rights
    assert roofs > 4000
    assert facades > 3000
    assert len(wrongs) <= 0.01 * (roofs + facades + len(wrongs)), wrongs[:20]


def _clicks(surface: Surface, frame: Any, n: float) -> tuple[tuple[int, int], list[Any]]:
    """Rays from above onto roofs, and from the street onto walls, of every whole building."""
    random = np.random.default_rng(7)
    low, high = surface.corners.min(axis=(0, 1)), surface.corners.max(axis=(0, 1))
    inverse = np.linalg.inv(surface.plane)
    shapes = [_in_plane(g, n, inverse, b) for g, b in zip(
        frame.to_crs(4490).geometry, frame["地面高程"], strict=True)]  # fmt: skip
    tree = shapely.STRtree([s for s, _ in shapes])
    boxes = shapely.box(
        *surface.corners.min(axis=1)[:, :2].T, *surface.corners.max(axis=1)[:, :2].T
    )
    triangles = shapely.STRtree(boxes)
    counts = [0, 0]
    wrongs = []
    area = shapely.box(low[0] + 1, low[1] + 1, high[0] - 1, high[1] - 1)
    for (shape, ground), number, height in zip(
        shapes, frame["编号"], frame["建筑高度"], strict=True
    ):
        if not area.contains(shape):
            continue
        near = triangles.query(shape.buffer(6))
        inner = shape.buffer(-0.5)
        places = [] if inner.is_empty else shapely.get_coordinates(_random(inner, 20, random))
        for x, y in places:
            _, owner = surface.first(np.array([x, y, 2000.0]), np.array([0, 0, -1.0]), near)
            counts[0] += owner == number
            if owner != number:
                wrongs.append((number, "roof", owner))
        for point, outward in _walls(shape, random, 20):
            z = ground + random.uniform(1.6, max(height * 0.7, 1.8))
            start = np.array([*(point + outward * 2.0), z])
            if len(tree.query(shapely.Point(start[:2]), predicate="dwithin", distance=0.6)):
                continue  # from inside of a neighbour
            far, owner = surface.first(start, np.array([*-outward, 0.0]), near)
            if not 1.2 < far < 2.3:
                continue  # a tree, a fence, a slope or a porch stands between
            counts[1] += owner == number
            if owner != number:
                wrongs.append((number, "facade", owner))
    return (counts[0], counts[1]), wrongs


def _in_plane(shape: Any, n: float, inverse: Any, ground: float) -> tuple[Any, float]:
    def move(places: Any) -> Any:
        tall = np.column_stack([places, np.full(len(places), ground + n)])
        away = rows(transformer(GEODETIC_3D, GEOCENTRIC), tall)
        return (away @ inverse[:3, :3].T + inverse[:3, 3])[:, :2]

    moved = shapely.transform(shape, move)
    lon, lat = shape.centroid.x, shape.centroid.y
    place = rows(transformer(GEODETIC_3D, GEOCENTRIC), np.array([[lon, lat, ground + n]]))
    return moved, float((place @ inverse[:3, :3].T + inverse[:3, 3])[0, 2])


def _random(shape: Any, count: int, random: np.random.Generator) -> Any:
    west, south, east, north = shape.bounds
    points = shapely.points(random.uniform((west, south), (east, north), (count * 8, 2)))
    return points[shapely.contains(shape, points)][:count]


def _walls(shape: Any, random: np.random.Generator, count: int) -> Iterator[tuple[Floats, Floats]]:
    """Points on walls of at least two metres, with the unit vector that leads outside."""
    polygon = max(shapely.get_parts(shape), key=lambda p: p.area)
    ring = shapely.get_coordinates(shapely.orient_polygons(polygon).exterior)
    sides = [(a, b) for a, b in pairwise(ring) if np.hypot(*(b - a)) > 2]
    for _ in range(count if sides else 0):
        a, b = sides[random.integers(len(sides))]
        along = (b - a) / np.hypot(*(b - a))
        yield a + (b - a) * random.uniform(0.2, 0.8), np.array([along[1], -along[0]])


# --- refined models -------------------------------------------------------------------------------


def box(path: Path, size: tuple[float, float, float]) -> Path:
    """A closed box over the origin."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    v = np.array([[i, j, k] for i in (-x, x) for j in (-y, y) for k in (0, z)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    corners = np.array([t for a, b, c, d in quads for t in ([a, b, c], [a, c, d])], np.uint16)
    glb.write(path, [glb.Primitive(v.astype(np.float32), corners)])
    return path


def test_a_refined_model_takes_a_buildings_place(town: Town, tmp_path: Path) -> None:
    town.label()
    models = labelled(town.folder(2))
    (model,) = models[max(models)]
    gone = column(model, "building_id")[0]
    frame = gpd.read_file(town.buildings).set_index("编号")
    real = frame.loc[[gone]]
    centre = real.to_crs(4490).geometry.iloc[0].centroid
    refined = Refined(
        path=box(tmp_path / "新楼.glb", (12, 10, 20)), lon=centre.x, lat=centre.y, height=1420.0,
        turn=30.0,
    )  # fmt: skip
    revised, again = town.revise(Revision(models=(refined,), buildings=(gone,)))
    assert [c for r in (revised, again) for c in r.checks if c.errors] == []
    figures = next(c.figures for c in revised.checks if c.name == "revision")
    assert figures["added_volume_m3"] == pytest.approx(12 * 10 * 20)
    assert figures["added_footprint_m2"] == pytest.approx(120)
    area = real.to_crs(4545).geometry.iloc[0].area
    assert figures["taken_out_footprint_m2"] == pytest.approx(area, rel=0.25)
    height = figures["taken_out_volume_m3"] / figures["taken_out_footprint_m2"]
    assert 0.4 * real["建筑高度"].iloc[0] < height < 1.1 * real["建筑高度"].iloc[0]
    left = {
        name for name, (m,) in labelled(town.folder(again.version or 0)).items()
        if gone in column(m, "building_id")
    }  # fmt: skip
    assert {name.split("/")[0] for name in left} == {"refined"}, left
    (new_one,) = (
        m for name, (m,) in labelled(town.folder(again.version or 0)).items() if "refined/" in name
    )
    assert column(new_one, "building_id") == [gone]  # a click on it still names the building
    old, new = town.folder(1), town.folder(revised.version or 0)
    same = [p for p in old.rglob("*.glb") if _same(p, new / p.relative_to(old))]
    assert 0 < len(list(old.rglob("*.glb"))) - len(same) < 12
    assert all(p.stat().st_ino == (new / p.relative_to(old)).stat().st_ino for p in same)


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def test_a_block_is_taken_out_whole_and_a_second_revision_keeps_the_first(
    town: Town, tmp_path: Path
) -> None:
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    lon, lat = (extent.west + extent.east) / 2, (extent.south + extent.north) / 2
    model = Refined(path=box(tmp_path / "a.glb", (5, 5, 5)), lon=lon, lat=lat, height=1430.0)
    (first,) = town.revise(Revision(models=(model,)))
    (second,) = town.revise(Revision(blocks=("Tile_001_001",)))
    assert [c for r in (first, second) for c in r.checks if c.errors] == []
    folder = town.folder(second.version or 0)
    assert not list((folder / "tiles/Tile_001_001").glob("*.glb"))
    assert list((folder / "tiles/Tile_002_001").glob("*.glb"))
    root = json.loads((folder / "tileset.json").read_text())["root"]
    assert root["refine"] == "ADD"
    assert len(root["children"]) == 2


def test_an_area_is_taken_out_to_the_ground_and_below(town: Town) -> None:
    with ready(town.here.engine) as connection:
        extent = registry.published(connection, "base.oblique").extent
    lon, lat = (extent.west + extent.east) / 2, (extent.south + extent.north) / 2
    hole = shapely.box(lon - 3e-4, lat - 2e-4, lon + 3e-4, lat + 2e-4)
    (report,) = town.revise(Revision(area=hole))
    assert [c for c in report.checks if c.errors] == []
    surface = Surface.of(town.folder(2), "none", lon, lat)
    middles = surface.corners.mean(axis=1)
    inside = (np.abs(middles[:, 0]) < 25) & (np.abs(middles[:, 1]) < 20)
    assert not inside.any()


def test_what_is_not_there_cannot_be_taken_out(town: Town) -> None:
    with pytest.raises(ParameterError, match="no building nobody"):
        town.revise(Revision(buildings=("nobody",)))
    with pytest.raises(ParameterError, match="no block nowhere"):
        town.revise(Revision(blocks=("nowhere",)))
    with pytest.raises(ParameterError, match="no block 0_0_0") as caught:
        town.revise(Revision(blocks=("0_0_0",)))  # a node of the overview is no block
    assert "such as Tile_001_001" in str(caught.value.remedy)
    with pytest.raises(ParameterError, match="nothing is to be changed"):
        town.revise(Revision())


def test_a_model_that_shows_nothing_is_refused_by_name(town: Town, tmp_path: Path) -> None:
    path = box(tmp_path / "点.glb", (0, 0, 0))
    model = Refined(path=path, lon=106.65, lat=35.22, height=1430.0)
    with pytest.raises(InputError, match="holds nothing to draw") as caught:
        town.revise(Revision(models=(model,)))
    assert caught.value.path == str(path)


def test_a_mesh_made_with_another_geoid_is_not_labelled(town: Town) -> None:
    here = replace(town.here, city=replace(town.here.city, geoid=ConstantGeoid(-30.0)))
    with pytest.raises(CheckError, match=r"made with a geoid -6\.00 m from the city's"):
        replace(town, here=here).label()
