"""Small deliveries in Huating and how to run the source over them, without the pipeline."""

from __future__ import annotations

import io
import json
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cim.city import Bounds, City
from cim.errors import CimError
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid, Heights
from cim.ingest.source import Built, Check, Plan, Problem, Product, Request
from cim.ingest.sources.osgb import OsgbSource
from tests.ingest.osgb.writer import Draw, Geode, Paged, Picture, Shape, Writer

ORIGIN = (377000.0, 3900000.0, 1400.0)  # in EPSG:4545, near 106.65E 35.22N
METADATA = """<?xml version="1.0" encoding="utf-8"?>
<ModelMetadata version="1">
  <!-- Spatial Reference System -->
  <SRS>{srs}</SRS>
  <SRSOrigin>{origin}</SRSOrigin>
</ModelMetadata>
"""


HUATING = Bounds(106.5, 35.1, 106.82, 35.34)


def city(bounds: Bounds = HUATING, geoid: float = -36.0) -> City:
    return City(
        name="试验城",
        name_en="Test city",
        bounds=bounds,
        compute_crs=resolve("EPSG:4545").crs,
        geoid=ConstantGeoid(geoid),
    )


def jpeg(colour: tuple[int, int, int] = (200, 90, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def sheet(
    west: float = 0.0,
    south: float = 0.0,
    size: float = 10.0,
    picture: Picture | None = None,
    height: float = 0.0,
) -> Shape:
    """Two triangles over a square, textured if a picture is given."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    vertices = np.full((4, 3), height, np.float32)
    vertices[:, :2] = corners * size + (west, south)
    uv = corners.copy() if picture is not None else None
    return Shape(vertices, [Draw(indices=[0, 1, 2, 0, 2, 3])], uv, picture)


def paged(files: Sequence[str], *shapes: Shape, **more: Any) -> Paged:
    return Paged([Geode(shapes)] if shapes else [], files, **more)


def metadata(folder: Path, srs: str = "EPSG:4545", origin: str | None = None) -> Path:
    text = METADATA.format(srs=srs, origin=origin or ",".join(map(str, ORIGIN)))
    path = folder / "metadata.xml"
    path.write_text(text, encoding="utf-8")
    return path


def delivery(folder: Path, files: dict[str, Any], writer: Writer | None = None) -> Path:
    """Write a delivery: paths below Data, and the root object of each file."""
    for name, root in files.items():
        settings = writer or Writer()
        fresh = Writer(settings.version, settings.brackets, settings.compressor)
        fresh.write(folder / "Data" / name, root)
    metadata(folder)
    return folder


@dataclass(frozen=True)
class Run:
    """Everything that came of one run."""

    plan: Plan
    built: list[Built]
    product: Product
    checks: tuple[Check, ...]
    lost: list[CimError]
    staging: Path

    @property
    def errors(self) -> list[str]:
        return [error for check in self.checks for error in check.errors]

    @property
    def counts(self) -> Counter[str]:
        total: Counter[str] = Counter(self.product.counts)
        for part in self.built:
            total.update(part.counts)
        return total

    @property
    def warnings(self) -> list[Problem]:
        inner = [w for b in self.built for w in b.warnings]
        resolved = self.plan.crs.warnings if self.plan.crs is not None else ()
        own = [Problem(path="", reason=text) for text in resolved]
        return [*own, *self.plan.warnings, *inner, *self.product.warnings]

    @property
    def refused(self) -> list[Problem]:
        return [*self.plan.refused, *(r for b in self.built for r in b.refused)]

    def tileset(self, index: int = 0) -> dict[str, Any]:
        """Root tile of the index-th folder."""
        facts = [b.facts for b in self.built if "heads" in b.facts][index]
        document = json.loads((self.staging / facts["heads"][0]["uri"]).read_bytes())
        root: dict[str, Any] = document["root"]
        return root

    def files(self) -> list[Path]:
        return sorted(self.staging.rglob("*.glb"))


def request(*paths: Path, where: City | None = None, **more: Any) -> Request:
    return Request(paths=paths, layer_id="demo.mesh", layer=None, city=where or city(), **more)


def run(
    *paths: Path,
    staging: Path,
    where: City | None = None,
    crs: str | None = None,
    origin: tuple[float, float, float] | None = None,
    heights: Heights = Heights.ORTHOMETRIC,
    top: bool = False,
    **options: Any,
) -> Run:
    """Plan, build, finish and check, as the pipeline does; parts that fail are kept in ``lost``."""
    source = OsgbSource()
    asked = request(
        *paths,
        where=where,
        crs=crs,
        origin=origin,
        heights=heights,
        options={"top": top, **options},
    )
    assert all(source.supports(path) for path in paths)
    plan = source.plan(asked)
    staging.mkdir(parents=True, exist_ok=True)
    built: list[Built] = []
    lost: list[CimError] = []
    for parcel in plan.parcels:
        try:
            built.append(source.build(parcel, plan, asked, staging))
        except CimError as error:
            lost.append(error)
    while more := source.further(plan, built, asked, staging):
        built += [source.build(parcel, plan, asked, staging) for parcel in more]
    product = source.finish(plan, built, asked, staging)
    return Run(plan, built, product, source.check(product, asked, staging), lost, staging)


def mesh(path: Path) -> list[dict[str, Any]]:
    """Primitives of a glb: positions (as stored, y-up), uv, triangles and image bytes."""
    raw = path.read_bytes()
    (length,) = struct.unpack_from("<I", raw, 12)
    document = json.loads(raw[20 : 20 + length])
    binary = raw[28 + length :]

    def view(index: int) -> bytes:
        v = document["bufferViews"][index]
        return binary[v["byteOffset"] : v["byteOffset"] + v["byteLength"]]

    def array(index: int, dtype: str, width: int) -> Any:
        accessor = document["accessors"][index]
        return np.frombuffer(view(accessor["bufferView"]), dtype).reshape(-1, width)

    found = []
    for primitive in document["meshes"][0]["primitives"]:
        kind = document["accessors"][primitive["indices"]]["componentType"]
        attributes = primitive["attributes"]
        material = document["materials"][primitive["material"]]
        look = material["pbrMetallicRoughness"].get("baseColorTexture")
        image = None
        if look is not None:
            source = document["images"][document["textures"][look["index"]]["source"]]
            image = view(source["bufferView"])
        found.append(
            {
                "positions": array(attributes["POSITION"], "<f4", 3),
                "uv": array(attributes["TEXCOORD_0"], "<f4", 2)
                if "TEXCOORD_0" in attributes
                else None,
                "triangles": array(primitive["indices"], "<u2" if kind == 5123 else "<u4", 3),
                "image": image,
            }
        )
    return found


def triangles(path: Path) -> int:
    return sum(len(p["triangles"]) for p in mesh(path))
