"""The codec of EXT_meshopt_compression: what the extension fixes, and nothing more.

The extension knows version 0 of the vertex codec and version 1 of the index codec; the library's
own default has moved on, so both are set here, once for the process.
"""

from __future__ import annotations

from typing import Any

import meshoptimizer as codec  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

Array = npt.NDArray[Any]
Triangles = npt.NDArray[np.uint32]

NAME = "EXT_meshopt_compression"
VERTEX_HEAD, INDEX_HEAD = 0xA0, 0xE1
MOST_BYTES = 1 << 28  # of one decoded view: more is a bomb, not a tile

codec.encode_vertex_version(0)
codec.encode_index_version(1)


def encode_vertices(rows: Array) -> bytes:
    """Compress an (n, k) contiguous array whose rows are multiples of four bytes."""
    return bytes(codec.encode_vertex_buffer(rows))


def encode_triangles(triangles: Triangles) -> bytes:
    """Compress (m, 3) corners."""
    return bytes(codec.encode_index_buffer(np.ascontiguousarray(triangles.ravel(), np.uint32)))


def ordered(triangles: Array, count: int) -> tuple[Triangles, npt.NDArray[np.int64]]:
    """Triangles and vertices in the order in which a graphics card wants them.

    Args:
        triangles: (m, 3) corners.
        count: Number of vertices.

    Returns:
        The triangles with new corners, and for each new vertex the old one. Vertices that no
        triangle uses are gone; each triangle keeps its winding.
    """
    corners = np.ascontiguousarray(triangles.ravel(), dtype=np.uint32)
    cached = np.empty_like(corners)
    codec.optimize_vertex_cache(cached, corners, len(corners), count)
    remap = np.empty(count, dtype=np.uint32)
    used = int(codec.optimize_vertex_fetch_remap(remap, cached, len(cached), count))
    kept = np.flatnonzero(remap != np.uint32(0xFFFFFFFF))
    source = np.empty(used, dtype=np.int64)
    source[remap[kept]] = kept
    return remap[cached].reshape(-1, 3), source


def decode(data: bytes | memoryview, extension: dict[str, Any]) -> bytes:
    """Unpack what a buffer view's extension describes.

    Raises:
        FormatError: data or description do not fit the codec.
    """
    mode, count, stride = extension["mode"], extension["count"], extension["byteStride"]
    if count < 0 or stride <= 0 or count * max(stride, 4) > MOST_BYTES:
        raise FormatError(f"{count} compressed elements of {stride} bytes are beyond all measure")
    raw = bytes(data)
    try:
        if mode == "ATTRIBUTES":
            if raw[:1] != bytes([VERTEX_HEAD]):
                raise FormatError(f"compressed vertices begin with {raw[:1].hex()}, not with a0")
            rows = codec.decode_vertex_buffer(count, stride, raw, np.dtype(f"V{stride}"))
            return _filtered(rows.view(np.uint8), count, stride, extension.get("filter", "NONE"))
        if mode == "TRIANGLES":
            wide = codec.decode_index_buffer(count, 4, raw)
        elif mode == "INDICES":
            wide = codec.decode_index_sequence(count, 4, raw)
        else:
            raise FormatError(f"{mode!r} is no mode of {NAME}")
    except (RuntimeError, ValueError) as error:
        raise FormatError(f"compressed data do not unpack: {error}") from error
    if stride not in {2, 4} or (stride == 2 and len(wide) and int(wide.max()) > 0xFFFF):
        raise FormatError(f"indices do not fit into {stride} bytes")
    return bytes(wide.astype("<u2" if stride == 2 else "<u4").tobytes())


_FILTERS = {
    "OCTAHEDRAL": codec.decode_filter_oct,
    "QUATERNION": codec.decode_filter_quat,
    "EXPONENTIAL": codec.decode_filter_exp,
}


def _filtered(rows: Array, count: int, stride: int, name: str) -> bytes:
    if name == "NONE":
        return rows.tobytes()
    legal = {"OCTAHEDRAL": stride in {4, 8}, "QUATERNION": stride == 8, "EXPONENTIAL": True}
    if name not in _FILTERS or not legal[name]:
        raise FormatError(f"{name!r} is no filter for rows of {stride} bytes")
    return bytes(_FILTERS[name](rows, count, stride).tobytes())
