"""Solids of many features → an additive tileset of glb with a table of their attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim import __version__
from cim.city import Bounds
from cim.errors import FormatError
from cim.geo.solids import volumes
from cim.ingest.source import Built, Check, Plan, Product, Request
from cim.ingest.sources.buildings.attributes import Attributes, merged
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import CimLevel, DataClass, Kind, Layer
from cim.tiles.glb import Encoding, Primitive, write
from cim.tiles.nested import Branch, Node, frame_at, into, share_out, write_nested
from cim.tiles.origin import origin
from cim.tiles.tileset import Box, Entry, join
from cim.tiles.tileset import write as write_tileset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIDEST = 8000.0  # m: float32 keeps 0.25 mm at 4 km from a tile's middle
WALL = (0.86, 0.85, 0.82, 1.0)  # where no style says otherwise
RIM = 0.0005  # degrees that the corners of a box may overhang what it holds
MISFIT = 1e-3  # share by which a solid's written volume may miss area × height


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Faces of some features.

    Args:
        positions: (n, 3) ECEF, m.
        normals: (n, 3) outward unit vectors in ECEF.
        triangles: (m, 3).
        owner: (n,) 0..k-1: row of the feature among those asked for.
        volume: (k,) what each must enclose, m³; NaN where nothing is promised.
        colors: (n, 3) or None.
    """

    positions: Floats
    normals: Floats
    triangles: Ints
    owner: Ints
    volume: Floats
    colors: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """Features to be shared out over tiles.

    Args:
        centres: (n, 2) m in the city's compute CRS.
        sizes: (n,) longest extent of each, m.
        attributes: Of all.
        surface: Gives the faces of some.
        extent: Of all, degrees.
        heights: Lowest and highest orthometric height, m.
    """

    centres: Floats
    sizes: Floats
    attributes: Attributes
    surface: Callable[[Ints], Surface]
    extent: Bounds
    heights: tuple[float, float]


@dataclass(slots=True)
class _Sums:
    tiles: int = 0
    triangles: int = 0
    bytes: int = 0
    volume: float = 0.0
    misfit: float = 0.0


def write_tiles(stock: Stock, folder: Path, encoding: Encoding, most: int) -> dict[str, Any]:
    """Write the tiles of one part and its tileset.json.

    Returns:
        What ``finish`` joins it by, JSON values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = share_out(stock.centres, stock.sizes, most, WIDEST)
    sums = _Sums()
    root = _node(plan, stock, folder, encoding, sums)
    missing = float(stock.sizes.max())
    box = write_nested(folder / "tileset.json", root, missing)
    return {
        "matrix": root.matrix.tolist(),
        "low": box.low.tolist(),
        "high": box.high.tolist(),
        "error": max(missing, root.error),
        "heights": list(stock.heights),
        "attributes": stock.attributes.summary(),
        "features": len(stock.sizes),
        "tiles": sums.tiles,
        "triangles": sums.triangles,
        "bytes": sums.bytes,
        "volume": sums.volume,
        "misfit": sums.misfit,
    }


def _node(branch: Branch, stock: Stock, folder: Path, encoding: Encoding, sums: _Sums) -> Node:
    children = [_node(child, stock, folder, encoding, sums) for child in branch.children]
    if not len(branch.members):
        return Node(children[0].matrix, error=branch.error, children=children)
    surface = stock.surface(branch.members)
    matrix = frame_at(surface.positions)
    positions = into(matrix, surface.positions).astype(np.float32)
    name = f"{sums.tiles}.glb"
    part = Primitive(
        positions=positions,
        triangles=surface.triangles.astype(np.uint32),
        uv=None,
        texture=None,
        normals=(surface.normals @ matrix[:3, :3]).astype(np.float32),
        colors=surface.colors,
        features=surface.owner.astype(np.uint32),
        base_color=None if surface.colors is not None else WALL,
    )
    table = stock.attributes.table(branch.members)
    sums.bytes += write(folder / name, [part], table=table, encoding=encoding)
    sums.tiles += 1
    sums.triangles += len(surface.triangles)
    _measure(positions, surface, sums)
    return Node(matrix, Box.around(positions), branch.error, name, children)


def _measure(positions: npt.NDArray[np.float32], surface: Surface, sums: _Sums) -> None:
    """Hold the volume of what was written against what was promised."""
    count = len(surface.volume)
    real = volumes(positions.astype(np.float64), surface.triangles, surface.owner, count)
    sums.volume += float(np.abs(real).sum())
    promised = surface.volume > 1.0
    if promised.any():
        off = np.abs(real[promised] / surface.volume[promised] - 1.0)
        sums.misfit = max(sums.misfit, float(off.max()))


def join_parts(
    plan: Plan,
    built: Sequence[Built],
    request: Request,
    staging: Path,
    source: str,
    *,
    colored: bool,
) -> Product:
    """Write the root tileset.json over the parts, each below ``tiles/<id>``.

    Raises:
        FormatError: no part holds a building.
    """
    parts = [b for b in built if b.facts]
    if not parts:
        raise FormatError(
            "no part holds a building", path=request.paths[0], remedy="see the report"
        )
    entries = [_entry(part) for part in parts]
    root, error = join(entries)
    extent = parts[0].extent
    assert extent is not None  # noqa: S101 - every part with facts has one
    for part in parts[1:]:
        extent = extent.union(part.extent or extent)
    extras = {"generator": f"cim {__version__}", "source": source}
    extras |= origin(request.city, plan.crs, request.heights, extent)
    write_tileset(staging / "tileset.json", root, error, extras)
    attributes = merged([part.facts["attributes"] for part in parts])
    return Product(
        extent=extent,
        media={
            "tileset": "tileset.json",
            "features": True,
            "id": parts[0].facts["id"],
            "attributes": attributes,
            "colored": colored,
            "volume_m3": sum(p.facts["volume"] for p in parts),
            "volume_misfit": max(p.facts["misfit"] for p in parts),
        },
        heights=(
            min(p.facts["heights"][0] for p in parts),
            max(p.facts["heights"][1] for p in parts),
        ),
        proposed=None if request.layer is not None else proposed(request.layer_id),
    )


def _entry(part: Built) -> Entry:
    facts: Mapping[str, Any] = part.facts
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    uri = f"tiles/{part.parcel}/tileset.json"
    return Entry(uri, box, np.array(facts["matrix"]), facts["error"])


def proposed(layer_id: str) -> Layer:
    """A declaration for buildings that had none."""
    return Layer(
        id=layer_id,
        title="建筑白模",
        title_en="Building models",
        kind=Kind.MESH,
        data_class=DataClass.SPATIOTEMPORAL,
        cim_level=CimLevel.FRAME,
    )


def look_at(product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
    """The checks of every tileset, and whether volumes came through."""
    misfit = float(product.media["volume_misfit"])
    errors = () if misfit <= MISFIT else (f"a solid's volume is {misfit:.1%} off area × height",)
    conserved = Check(
        name="volume against area × height",
        looked_at=1,
        errors=errors,
        figures={
            "worst_share": misfit,
            "volume_m3": float(product.media["volume_m3"]),
        },
    )
    return (
        conserved,
        *look_at_tileset(product, request, staging, RIM),
    )


def spans(begins: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The whole numbers of many spans in a row, and which span each is from.

    Example:
        >>> spans(np.array([5, 0]), np.array([7, 1]))
        (array([5, 6, 0]), array([0, 0, 1]))
    """
    sizes = ends - begins
    owner = np.repeat(np.arange(len(sizes)), sizes)
    shift = begins - (np.cumsum(sizes) - sizes)
    return np.arange(int(sizes.sum())) + shift[owner], owner
