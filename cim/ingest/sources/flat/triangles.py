"""Sound triangles out of a model's columns: polygons taken apart, broken faces left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mapbox_earcut  # type: ignore[import-not-found]
import numba
import numpy as np
import numpy.typing as npt

from cim.ingest.sources.flat.raw import Raw, parts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

BATCH = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some triangles.

    Args:
        corners: (n, 3, 3) places in z-up axes, m.
        at: (n, 3, 3) vertex, uv and normal of each corner; negative for none.
        material: (n,).
    """

    corners: Floats
    at: Ints
    material: Ints


def batches(raw: Raw, up: str, *, counting: bool = False) -> Iterator[Batch]:
    """All sound triangles of a model.

    Args:
        raw: The model.
        up: ``z`` or ``y``: the axis that points up in the file.
        counting: Whether to note in the model what is left out: once is enough.
    """
    positions = raw.column("positions")
    for at, material in _faces(raw):
        yield _sound(raw, positions, at, material, up, counting)


def _faces(raw: Raw) -> Iterator[tuple[Ints, Ints]]:
    for part in parts(raw.lengths.get("triangles", 0), BATCH):
        yield raw.rows("triangles", part), raw.rows("materials", part)
    sizes = raw.column("sizes")
    if not len(sizes):
        return
    ends = np.cumsum(sizes, dtype=np.int64)
    polygons, named = raw.column("polygons"), raw.column("polygon_materials")
    positions = raw.column("positions")
    for part in parts(len(sizes), BATCH // 4):
        start = int(ends[part.start] - sizes[part.start])
        corners = np.array(polygons[start : int(ends[part.stop - 1])])
        yield _taken_apart(positions, corners, np.array(sizes[part]), np.array(named[part]))


def _sound(raw: Raw, positions: Floats, at: Ints, material: Ints, up: str, counting: bool) -> Batch:
    inside = np.asarray(((at[..., 0] >= 0) & (at[..., 0] < len(positions))).all(axis=1))
    corners = positions[np.where(inside[:, None], at[..., 0], 0)]
    finite = np.isfinite(corners).all(axis=(1, 2)) & (np.abs(corners) < 1e9).all(axis=(1, 2))
    across = np.zeros((len(at), 3))
    fine = inside & finite
    across[fine] = np.cross(
        corners[fine, 1] - corners[fine, 0], corners[fine, 2] - corners[fine, 0]
    )
    flat = ~across.any(axis=1)
    if counting:
        raw.count("indices_out_of_range", int((~inside).sum()))
        raw.count("vertices_not_finite", int((inside & ~finite).sum()))
        raw.count("faces_without_area", int((fine & flat).sum()))
    keep = fine & ~flat
    at, corners = at[keep], corners[keep]
    for k, column in ((1, "uv"), (2, "normals")):
        beyond = (at[..., k] >= raw.lengths.get(column, 0)) | (at[..., k] < -1)
        if beyond.any():
            if counting and k == 1:
                raw.count("faces_with_wrong_uv", int(beyond.any(axis=1).sum()))
            at[..., k][beyond] = -1
    if up == "y":
        corners = np.stack([corners[..., 0], -corners[..., 2], corners[..., 1]], axis=-1)
    known = np.where(material[keep] < len(raw.materials), material[keep], 0)
    return Batch(np.ascontiguousarray(corners), at, known.astype(np.int32))


def _taken_apart(
    positions: Floats, corners: Ints, sizes: Ints, materials: Ints
) -> tuple[Ints, Ints]:
    """Triangles of polygons: fans of convex ones, the others by earcut."""
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    here = np.clip(corners[:, 0], 0, len(positions) - 1)
    places = np.asarray(positions[here], np.float64)
    convex = np.empty(len(sizes), np.bool_)
    axes = np.empty(len(sizes), np.int64)
    _convex(places, starts, sizes, convex, axes)
    fans = _fans(starts[convex], sizes[convex])
    found = [corners[fans]]
    named = [np.repeat(materials[convex], sizes[convex] - 2)]
    for i in np.flatnonzero(~convex):
        own = slice(int(starts[i]), int(starts[i] + sizes[i]))
        plane = np.ascontiguousarray(np.delete(places[own], axes[i], axis=1))
        if not np.isfinite(plane).all():
            plane = np.zeros_like(plane)  # each of its triangles is found unsound
            ears = _fans(np.zeros(1, np.int64), sizes[i : i + 1])
        else:
            ears = mapbox_earcut.triangulate_float64(plane, np.array([len(plane)], np.uint32))
            ears = _turned(ears.reshape(-1, 3).astype(np.int64), plane)
        found.append(corners[own][ears])
        named.append(np.full(len(ears), materials[i], np.int32))
    return np.concatenate(found), np.concatenate(named)


def _turned(ears: npt.NDArray[np.int64], plane: Floats) -> npt.NDArray[np.int64]:
    """Ears turned the way the polygon runs; earcut turns them its own way."""

    def twice(ring: npt.NDArray[np.int64]) -> float:
        x, y = plane[ring].T
        return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))

    if len(ears) and (sum(twice(e) for e in ears) > 0) != (twice(np.arange(len(plane))) > 0):
        return np.ascontiguousarray(ears[:, ::-1])
    return ears


def _fans(starts: npt.NDArray[np.int64], sizes: Ints) -> npt.NDArray[np.int64]:
    """(n, 3) corners of the fans around each polygon's first corner."""
    count = sizes - 2
    ends = np.cumsum(count, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    step = np.arange(total) - np.repeat(ends - count, count)
    first = np.repeat(starts, count)
    return np.stack([first, first + step + 1, first + step + 2], axis=1)


@numba.njit(cache=True)
def _convex(places, starts, sizes, convex, axes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Whether each polygon turns one way only, and the axis that its plane faces most."""
    for i in range(len(sizes)):
        ring, n = places[starts[i] : starts[i] + sizes[i]], sizes[i]
        normal = np.zeros(3)
        for j in range(n):
            normal += np.cross(ring[j] - ring[0], ring[(j + 1) % n] - ring[0])
        axes[i] = np.argmax(np.abs(normal))
        convex[i] = True
        for j in range(n):
            turn = np.cross(ring[(j + 1) % n] - ring[j], ring[(j + 2) % n] - ring[(j + 1) % n])
            if np.dot(turn, normal) < 0:
                convex[i] = False
                break
