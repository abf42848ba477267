"""Reads quantized-mesh tiles: for checks and tests, sharing no code with the writer."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FULL = 32767


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
    triangles = _unwater(source.take(kind, 3 * int(source.take("<u4", 1)[0]))).reshape(-1, 3)
    west, south, east, north = (source.take(kind, int(source.take("<u4", 1)[0])) for _ in range(4))
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


def _unwater(codes: Ints) -> Ints:
    """Indices from high-water-mark codes: each zero is the next new vertex."""
    fresh = codes == 0
    highest = np.cumsum(fresh) - fresh
    indices: Ints = highest - codes
    return indices


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
    for name, edge, border in zip(
        ("west", "south", "east", "north"), tile.edges, borders, strict=True
    ):
        if set(edge.tolist()) != set(np.flatnonzero(border).tolist()):
            found.append(f"the {name} edge list is not the {name} border")
    if len(tile.extensions.get(1, b"")) != 2 * count:
        found.append("normals are missing or of the wrong length")
    if not np.isfinite([*tile.centre, *tile.occlusion, tile.radius, tile.low, tile.high]).all():
        found.append("the header is not finite")
    return found


def gap(tile: DecodedTile, other: DecodedTile, side: str) -> float:
    """Largest height difference along the border to the ``east`` or ``north`` neighbour, m.

    Both borders are taken as lines between their vertices; infinite where one of them has none.
    """
    if side == "east":
        mine, theirs = tile.edges[2], other.edges[0]
        at, other_at = tile.v[mine], other.v[theirs]
    else:
        mine, theirs = tile.edges[3], other.edges[1]
        at, other_at = tile.u[mine], other.u[theirs]
    if len(at) == 0 or len(other_at) == 0:
        return float("inf")
    order, other_order = np.argsort(at), np.argsort(other_at)
    posts = np.union1d(at, other_at).astype(np.float64)
    first = np.interp(posts, at[order], tile.heights[mine][order])
    second = np.interp(posts, other_at[other_order], other.heights[theirs][other_order])
    return float(np.abs(first - second).max())
