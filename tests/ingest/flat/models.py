"""Small models as drone pilots and modellers deliver them, and how they are taken in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cim.city import City
from cim.errors import CimError
from cim.ingest.source import Built, Request
from cim.ingest.sources.flat import FlatSource
from tests.ingest.buildings.run import Run

Array = npt.NDArray[Any]
ORIGIN = (377_000.0, 3_899_000.0, 1_400.0)
SIDE = 120.0


def take(
    paths: Path | Sequence[Path], city: City, staging: Path, *,
    crs: str | None = "EPSG:4545", origin: tuple[float, float, float] | None = ORIGIN,
    keep: bool = False, **options: Any,
) -> Run:  # fmt: skip
    """Take a delivery all the way, parts made from parts too; losses are collected.

    ``keep``: leave what coarser tiles are made from.
    """
    source = FlatSource()
    staging.mkdir(parents=True, exist_ok=True)
    given = (paths,) if isinstance(paths, Path) else tuple(paths)
    request = Request(
        paths=given, layer_id="my.mesh", layer=None, city=city, crs=crs, origin=origin,
        options=options,
    )  # fmt: skip
    plan = source.plan(request)
    built: list[Built] = []
    lost: list[CimError] = []
    parcels = plan.parcels
    while parcels:
        for parcel in parcels:
            try:
                made = source.build(parcel, plan, request, staging)
                if made.extent is not None:
                    city.require_inside(made.extent, parcel.path)
                built.append(made)
            except CimError as error:
                lost.append(error)
        tried = {parcel.id for parcel in parcels}
        known = {b.parcel for b in built} | tried
        parcels = tuple(
            p for p in source.further(plan, built, request, staging) if p.id not in known
        )
    if not built:
        raise lost[0]
    kept = {p: p.read_bytes() for p in staging.rglob("piece.npz")} if keep else {}
    product = source.finish(plan, built, request, staging)
    for path, data in kept.items():
        path.write_bytes(data)
    return Run(plan, built, lost, product, source.check(product, request, staging), staging)


def hills(steps: int = 60, seed: int = 1) -> tuple[Array, Array, Array]:
    """Uneven ground with a few houses: (n, 3) places, (n, 2) uv, (m, 3) triangles."""
    random = np.random.default_rng(seed)
    line = np.linspace(0, SIDE, steps + 1)
    x, y = np.meshgrid(line, line)
    z = 4 * np.sin(x / 17) + 3 * np.cos(y / 11) + random.uniform(0, 0.2, x.shape)
    for _ in range(6):
        left, low = random.uniform(10, 90, 2)
        z[(x > left) & (x < left + 14) & (y > low) & (y < low + 10)] += random.uniform(6, 20)
    places = np.column_stack([x.ravel(), y.ravel(), z.ravel()])
    uv = np.column_stack([x.ravel() / SIDE, y.ravel() / SIDE])
    at = np.arange((steps + 1) ** 2).reshape(steps + 1, steps + 1)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]
    triangles = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    )
    return places, uv, triangles


def photo(path: Path, width: int = 512, height: int = 384, seed: int = 1) -> Path:
    """A picture whose colour tells the place."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack(
        [
            255 * x / width,
            255 * y / height,
            127 + 100 * np.sin(x / 23) * np.cos(y / 19 + seed),
        ],
        axis=-1,
    )
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=95)
    return path


def obj(
    path: Path, places: Array, uv: Array, triangles: Array, *,
    picture: str | None = "photo.jpg", library: str = "model.mtl", tail: str = "",
) -> Path:  # fmt: skip
    """Write an OBJ with one material."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# a model\nmtllib {library}\n")
        np.savetxt(file, places, "v %.6f %.6f %.6f")
        np.savetxt(file, uv, "vt %.7f %.7f")
        file.write("usemtl one\n")
        corners = np.repeat(triangles + 1, 2, axis=1)
        np.savetxt(file, corners, "f %d/%d %d/%d %d/%d")
        file.write(tail)
    if picture is not None:
        text = f"newmtl one\nKd 1 1 1\nmap_Kd {picture}\n"
        (path.parent / library).write_text(text, encoding="utf-8")
    return path


def standard(folder: Path, steps: int = 60) -> Path:
    """The usual model: one OBJ, one material, one photograph."""
    photo(folder / "photo.jpg")
    return obj(folder / "model.obj", *hills(steps))
