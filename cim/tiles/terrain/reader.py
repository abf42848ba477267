"""Reads quantized-mesh tiles: for checks and tests, sharing no code with the writer."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.errors import FormatError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FULL = 32767
WATER_SIDE = 256
SIDES = ("west", "south", "east", "north")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedTile:
    """A tile as a client sees it.

    Args:
        u: 0 (west) to 32767 (east).
        v: 0 (south) to 32767 (north).
        heights: Ellipsoidal, m.
        triangles: (n, 3).
        edges: West, south, east, north.
        extensions: Id → bytes.
        centre: ECEF, m.
        radius: Of the bounding sphere, m.
        low: Header's minimum.
        high: Header's maximum.
        occlusion: Horizon occlusion point.
    """

    u: Ints
    v: Ints
    heights: Floats
    triangles: Ints
    edges: tuple[Ints, Ints, Ints, Ints]
    extensions: dict[int, bytes]
    centre: tuple[float, float, float]
    radius: float
    low: float
    high: float
    occlusion: tuple[float, float, float]


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, dtype: str, count: int) -> Ints:
        size = np.dtype(dtype).itemsize * count
        if self.at + size > len(self.data):
            raise FormatError(f"the tile ends at byte {len(self.data)}, {self.at + size} needed")
        part = np.frombuffer(self.data, dtype, count, self.at)
        self.at += size
        return part.astype(np.int64)


def decode(data: bytes) -> DecodedTile:
    """Read a tile, gzipped or not.

    Raises:
        FormatError: it ends early or holds bytes that nothing asks for.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise FormatError(f"the tile does not unpack: {error}") from error
    if len(data) < 92:
        raise FormatError(f"{len(data)} bytes are no terrain tile")
    head = struct.unpack_from("<3d2f4d3d", data)
    source = _Bytes(data)
    source.at = 88
    count = int(source.take("<u4", 1)[0])
    u, v, h = (np.cumsum(_unzigzag(source.take("<u2", count))) for _ in range(3))
    kind, size = ("<u4", 4) if count > 65536 else ("<u2", 2)
    source.at += -source.at % size
    codes = source.take(kind, 3 * int(source.take("<u4", 1)[0]))
    triangles = _unwater(codes, 256**size).reshape(-1, 3)
    west, south, east, north = (source.take(kind, int(source.take("<u4", 1)[0])) for _ in range(4))
    if any(edge.size and edge.max() >= count for edge in (west, south, east, north)):
        raise FormatError("a list of an edge names vertices that are not there")
    extensions: dict[int, bytes] = {}
    while source.at < len(data):
        number = int(source.take("u1", 1)[0])
        length = int(source.take("<u4", 1)[0])
        extensions[number] = source.take("u1", length).astype(np.uint8).tobytes()
    low, high = head[3], head[4]
    return DecodedTile(
        u=u, v=v, heights=low + h / FULL * (high - low), triangles=triangles,
        edges=(west, south, east, north), extensions=extensions,
        centre=head[0:3], low=low, high=high, radius=head[8], occlusion=head[9:12],
    )  # fmt: skip


def _unzigzag(values: Ints) -> Ints:
    return (values >> 1) ^ -(values & 1)


def _unwater(codes: Ints, numbers: int) -> Ints:
    """Indices from high-water-mark codes: each zero is the next new vertex.

    Writers that do not number vertices by first use get codes below zero; clients count around
    ``numbers``, as many as the indices' type has, and so do we.
    """
    fresh = codes == 0
    highest = np.cumsum(fresh) - fresh
    indices: Ints = (highest - codes) % numbers
    return indices


def water(tile: DecodedTile) -> npt.NDArray[np.uint8] | None:
    """The water mask, (256, 256), first row north: 0 land to 255 water; None where there is none.

    Raises:
        FormatError: it is neither one byte nor 256 a side.
    """
    data = tile.extensions.get(2)
    if data is None:
        return None
    if len(data) == 1:
        return np.full((WATER_SIDE, WATER_SIDE), data[0], np.uint8)
    if len(data) != WATER_SIDE**2:
        raise FormatError(f"the water mask has {len(data)} bytes, not 1 or {WATER_SIDE**2}")
    return np.frombuffer(data, np.uint8).reshape(WATER_SIDE, WATER_SIDE)


def children(tile: DecodedTile) -> list[list[dict[str, int]]] | None:
    """Rectangles that its metadata announce, of the next level first; None where it has none.

    Raises:
        FormatError: its length is another, it is no JSON, or announces no rectangles.
    """
    data = tile.extensions.get(4)
    if data is None:
        return None
    if len(data) < 4 or struct.unpack_from("<I", data)[0] != len(data) - 4:
        raise FormatError("the metadata are not as long as they say")
    try:
        told = orjson.loads(data[4:])
    except ValueError as error:
        raise FormatError(f"the metadata are no JSON: {error}") from error
    available = told.get("available") if isinstance(told, dict) else None
    if not isinstance(available, list) or not all(map(is_level, available)):
        raise FormatError("the metadata's available is no list of levels with their rectangles")
    return available


def is_level(level: Any) -> bool:
    """Whether something is a list of ``available`` rectangles."""
    keys = ("startX", "startY", "endX", "endY")
    return isinstance(level, list) and all(
        isinstance(r, dict) and all(type(r.get(k)) is int and r[k] >= 0 for k in keys)
        for r in level
    )


def faults(tile: DecodedTile) -> list[str]:
    """What a client would choke on or draw wrongly."""
    found: list[str] = []
    count = len(tile.u)
    for name, values in (("u", tile.u), ("v", tile.v)):
        if values.min() != 0 or values.max() != FULL:
            found.append(f"{name} does not span the tile")
    if tile.triangles.size == 0 or tile.triangles.min() < 0 or tile.triangles.max() >= count:
        return [*found, "an index points beyond the vertices"]
    a, b, c = tile.triangles.T
    turn = (tile.u[b] - tile.u[a]) * (tile.v[c] - tile.v[a]) - (tile.u[c] - tile.u[a]) * (
        tile.v[b] - tile.v[a]
    )
    if (turn <= 0).any():
        found.append(f"{int((turn <= 0).sum())} triangles are flat or look down")
    if int(turn.sum()) != 2 * FULL * FULL:
        found.append("the triangles do not cover the tile exactly once")
    borders = (tile.u == 0, tile.v == 0, tile.u == FULL, tile.v == FULL)
    for name, edge, border in zip(SIDES, tile.edges, borders, strict=True):
        if sorted(edge.tolist()) != np.flatnonzero(border).tolist():
            found.append(f"the {name} edge list is not the {name} border")
    found += _extension_faults(tile)
    if not np.isfinite([*tile.centre, *tile.occlusion, tile.radius, tile.low, tile.high]).all():
        found.append("the header is not finite")
    return found


def _extension_faults(tile: DecodedTile) -> list[str]:
    found: list[str] = []
    if len(tile.extensions.get(1, b"")) != 2 * len(tile.u):
        found.append("normals are missing or of the wrong length")
    for look in (water, children):
        try:
            look(tile)
        except FormatError as error:
            found.append(str(error))
    return found


def border(tile: DecodedTile, side: int) -> tuple[Floats, Floats]:
    """A side's vertices: where they lie on it, 0 to 32767 from south or west, and heights, m."""
    edge = tile.edges[side]
    at = (tile.v if side in (0, 2) else tile.u)[edge].astype(np.float64)
    order = np.argsort(at)
    return at[order], tile.heights[edge][order]


def gap(tile: DecodedTile, other: DecodedTile, side: str) -> float:
    """Largest height difference along the border to the ``east`` or ``north`` neighbour, m.

    Both borders are taken as lines between their vertices; infinite where one of them has none.
    """
    mine = SIDES.index(side)
    at, heights = border(tile, mine)
    other_at, other_heights = border(other, mine - 2)
    if len(at) == 0 or len(other_at) == 0:
        return float("inf")
    posts = np.union1d(at, other_at)
    first = np.interp(posts, at, heights)
    second = np.interp(posts, other_at, other_heights)
    return float(np.abs(first - second).max())


def drop(tile: DecodedTile, parent: DecodedTile, side: int, quarter: tuple[int, int]) -> float:
    """Largest height difference along a side to the parent's surface there, m.

    Vertices lie where 32767 steps a side round them to, twice as coarsely in the parent: what its
    surface reaches within one of its steps counts as equal.

    Args:
        tile: The deeper tile.
        parent: Its parent.
        side: Index in ``SIDES``.
        quarter: Which one it is: 0 or 1 from the west, 0 or 1 from the south.
    """
    at, heights = border(tile, side)
    upright = side in (0, 2)
    turned, along = quarter if upright else quarter[::-1]
    if turned == (side >= 2):
        cuts = [border(parent, side)]
    else:
        cuts = [_section(parent, line, upright=upright) for line in (FULL // 2, FULL // 2 + 1)]
    if len(at) == 0 or not all(len(cut[0]) for cut in cuts):
        return float("inf")
    posts = (at + along * FULL) / 2
    reached = np.array([np.interp(posts + d, *cut) for cut in cuts for d in (-1, 0, 1)])
    away = np.maximum(heights - reached.max(axis=0), reached.min(axis=0) - heights)
    return max(0.0, float(away.max()))


def _section(tile: DecodedTile, line: int, *, upright: bool) -> tuple[Floats, Floats]:
    """Where sides of triangles cross a line of equal u (or v), and the heights there, m."""
    across, along = (tile.u, tile.v) if upright else (tile.v, tile.u)
    a = tile.triangles.ravel()
    b = np.roll(tile.triangles, -1, axis=1).ravel()
    crossing = (across[a] != across[b]) & ((across[a] - line) * (across[b] - line) <= 0)
    a, b = a[crossing], b[crossing]
    part = (line - across[a]) / (across[b] - across[a])
    at, heights = (v[a] * (1 - part) + v[b] * part for v in (along, tile.heights))
    order = np.argsort(at)
    return at[order], heights[order]
