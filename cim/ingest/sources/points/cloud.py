"""One file of points: decoded, placed, what is lost counted, written as tiles."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds
from cim.errors import FormatError, InputError, OutsideCityError
from cim.ingest.source import WORK, Built, Parcel, Problem
from cim.ingest.sources.points.cells import POINT, Cloud, Spool
from cim.ingest.sources.points.las_header import COLORED, LasHeader
from cim.ingest.sources.points.place import HIGHEST, LOWEST, Place
from cim.ingest.sources.points.stream import Decoding, Records
from cim.ingest.sources.points.tiles import Octree
from cim.tiles.glb import Encoding

Floats = npt.NDArray[np.float64]

OUTSIDE = "outside the city's bounds or not placeable"
ABSURD = f"heights not within {LOWEST:.0f}..{HIGHEST:.0f} m"


def build_cloud(
    parcel: Parcel, header: LasHeader, place: Place, staging: Path, *, encoding: Encoding,
    memory: int, seconds: int | None,
) -> Built:  # fmt: skip
    """Convert one file; see ``PointSource.build``."""
    _require_room(parcel.path, header.count, staging)
    spool = Spool(staging / WORK / f"points_{parcel.id}")
    lost: Counter[str] = Counter()
    brightest = 0
    spool.close()  # what a killed run left
    try:
        with Decoding(parcel.path, header.count, memory=memory, seconds=seconds) as decoding:
            for chunk in decoding.chunks():
                points = _placed(chunk, header, place, lost)
                brightest = max(brightest, int(chunk["rgb"].max()))
                spool.add(points)
            layout = decoding.layout
        if not spool.count:
            raise _nothing(parcel, header, place, lost)
        shift = None if not layout.colors or not brightest else 8 if brightest > 255 else 0
        facts = Octree(place, spool, staging / str(parcel.folder), encoding, shift).write()
    finally:
        spool.close()
    return _built(parcel, header, place, facts, lost, layout.extra)


def _require_room(path: Path, count: int, staging: Path) -> None:
    """Refuse what cannot be laid out on the disk, before the disk is full for everybody."""
    free = shutil.disk_usage(staging).free
    wanted = 2 * count * POINT.itemsize  # once as they come and once in cells
    if wanted > free:
        raise FormatError(
            f"its {count} points need {wanted / 1e9:.1f} GB to be sorted, the disk has "
            f"{free / 1e9:.1f} GB free",
            path=path,
            remedy="deliver it in sheets, or give the data folder a larger disk",
        )


def _placed(chunk: Records, header: LasHeader, place: Place, lost: Counter[str]) -> Cloud:
    """The points of a chunk that lie in the city, in working coordinates."""
    raw = np.stack([chunk["x"], chunk["y"], chunk["z"]], axis=1)
    xyz = place.metres(raw * header.scale + header.offset)
    level = (xyz[:, 2] >= LOWEST) & (xyz[:, 2] <= HIGHEST)
    inside: npt.NDArray[np.bool_] = np.isfinite(xyz[:, 0]) & np.isfinite(xyz[:, 1])
    inside[inside] = place.inside(xyz[inside])
    lost[OUTSIDE] += int((~inside).sum())
    lost[ABSURD] += int((inside & ~level).sum())
    keep = inside & level
    if not keep.all():
        chunk, xyz = chunk[keep], xyz[keep]
    points = np.zeros(len(chunk), POINT)
    for axis, name in enumerate("xyz"):
        points[name] = xyz[:, axis]
    for name in ("intensity", "classification", "return_number"):
        points[name] = chunk[name]
    if header.point_format in COLORED:
        points["rgb"] = chunk["rgb"]
    return points


def _nothing(parcel: Parcel, header: LasHeader, place: Place, lost: Counter[str]) -> InputError:
    low, high = (v * 1.0 for v in (header.low, header.high))
    if lost[OUTSIDE]:
        return OutsideCityError(
            f"all {header.count} points lie outside {place.city.name} at {place.city.bounds}: "
            f"x {low[0]:.1f}..{high[0]:.1f}, y {low[1]:.1f}..{high[1]:.1f} in {place.crs.name}",
            path=parcel.path,
            remedy="check --crs, or widen `bounds` in city.toml",
        )
    return FormatError(f"none of its {header.count} points can be used", path=parcel.path)


def _built(
    parcel: Parcel, header: LasHeader, place: Place, facts: dict[str, Any], lost: Counter[str],
    extra: tuple[str, ...],
) -> Built:  # fmt: skip
    low, high = facts.pop("place")
    west, south, east, north = place.city.bounds
    extent = Bounds(  # boxes overhang their points by centimetres; the points lie inside
        max(low[0], west), max(low[1], south), min(high[0], east), min(high[1], north)
    )
    middle = place.city.undulation((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    many = {what: n for what, n in lost.items() if n}
    warnings = []
    if extra:
        warnings.append(
            Problem(
                path=str(parcel.path),
                reason=f"extra dimensions are left out: {', '.join(extra)}",
            )
        )
    where = {
        "root": f"{parcel.folder}/{facts['root']}",
        "tileset": f"{parcel.folder}/tileset.json",
        "heights": [low[2] - middle, high[2] - middle],
    }
    return Built(
        parcel=parcel.id,
        facts=facts | where,
        counts={
            "points": facts["points"],
            "points_read": header.count,
            "points_dropped": sum(many.values()),
            "tiles": facts["tiles"],
        },
        extent=extent,
        refused=tuple(
            Problem(path=str(parcel.path), reason=f"{n} points: {what}", remedy="check --crs")
            for what, n in many.items()
        ),
        warnings=tuple(warnings),
    )
