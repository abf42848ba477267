"""Reads the lines of an OBJ file out of bytes: millions of lines a second, one chunk at a time."""

# ruff: noqa: ANN001, ANN202 - numba reads no annotations

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

CHUNK = 1 << 22  # bytes
LEAST_VERTEX, LEAST_CORNER, LEAST_EVENT = 2, 2, 2  # bytes that each needs, at least
_SPACE, _TAB, _LINE, _RETURN = 32, 9, 10, 13
_HASH, _MINUS, _PLUS, _POINT, _SLASH, _ZERO, _NINE = 35, 45, 43, 46, 47, 48, 57
_E, _e = 69, 101
_F, _M, _N, _T, _U, _V = 102, 109, 110, 116, 117, 118
_VERTEX, _UV, _NORMAL, _CORNER, _FACE, _EVENT, _BAD = range(7)
_POWERS = 10.0 ** np.arange(23)  # exact in float64


@dataclass(slots=True, eq=False)
class Found:
    """What the lines of one chunk say; arrays are views that the next chunk overwrites.

    Args:
        positions: (n, 3) of ``v`` lines; NaN where a number cannot be read.
        colors: (n, 3) of ``v`` lines, 0..1 or 0..255; NaN where there is none.
        uv: (n, 2) of ``vt`` lines.
        normals: (n, 3) of ``vn`` lines.
        corners: (n, 3) vertex, uv, normal of each corner, from 0; -1: none; -2: not to be read.
        sizes: (n,) corners of each face.
        events: (n, 3) first byte, end and faces before, of ``usemtl`` and ``mtllib`` lines.
        bad: Faces that are none: fewer than three corners, or no numbers.
    """

    positions: npt.NDArray[np.float64]
    colors: npt.NDArray[np.float64]
    uv: npt.NDArray[np.float64]
    normals: npt.NDArray[np.float64]
    corners: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    events: npt.NDArray[np.int64]
    bad: int


class Scanner:
    """Scans chunk after chunk of one file; negative indices count from what was read so far.

    Args:
        most: Bytes of the largest chunk.
    """

    def __init__(self, most: int = CHUNK) -> None:
        self._points = np.empty((most // LEAST_VERTEX + 2, 6))
        self._uv = np.empty((most // LEAST_VERTEX + 2, 2))
        self._normals = np.empty((most // LEAST_VERTEX + 2, 3))
        self._corners = np.empty((most // LEAST_CORNER + 2, 3), np.int32)
        self._sizes = np.empty(most // LEAST_VERTEX + 2, np.int32)
        self._events = np.empty((most // LEAST_EVENT + 2, 3), np.int64)
        self._before = np.zeros(3, np.int64)

    def scan(self, data: npt.NDArray[np.uint8]) -> Found:
        """Scan whole lines, the last ended by a line feed."""
        counts = np.zeros(7, np.int64)
        _scan(
            data, self._before, counts, _POWERS, self._points, self._uv, self._normals,
            self._corners, self._sizes, self._events,
        )  # fmt: skip
        points = self._points[: counts[_VERTEX]]
        self._before += counts[:3]
        return Found(
            points[:, :3],
            points[:, 3:],
            self._uv[: counts[_UV]],
            self._normals[: counts[_NORMAL]],
            self._corners[: counts[_CORNER]],
            self._sizes[: counts[_FACE]],
            self._events[: counts[_EVENT]],
            int(counts[_BAD]),
        )


@numba.njit(cache=True)
def _skip(data, i):  # type: ignore[no-untyped-def]
    """Past blanks, but not past the line."""
    while data[i] == _SPACE or data[i] == _TAB or data[i] == _RETURN:
        i += 1
    return i


@numba.njit(cache=True)
def _digits(data, i, value, count):  # type: ignore[no-untyped-def]
    """Digits appended to a number: it, how many count, how many were too many, where they end."""
    lost = 0
    while _ZERO <= data[i] <= _NINE:
        if count < 18:
            value = value * 10 + (np.int64(data[i]) - _ZERO)
            count += value > 0
        else:
            lost += 1
        i += 1
    return value, count, lost, i


@numba.njit(cache=True)
def _scaled(value, power, powers):  # type: ignore[no-untyped-def]
    """Value · 10^power, exact to the last bit for what people write."""
    result = float(value)
    while power > 22:
        result *= powers[22]
        power -= 22
        if result > 1e300:
            return np.inf
    while power < -22:
        result /= powers[22]
        power += 22
        if result < 1e-300:
            return 0.0
    return result * powers[power] if power >= 0 else result / powers[-power]


@numba.njit(cache=True)
def _exponent(data, i):  # type: ignore[no-untyped-def]
    """The power of ten behind an E, and where it ends; where there is none, as if it were not."""
    if data[i] != _E and data[i] != _e:
        return 0, i
    j = i + 1
    negative = data[j] == _MINUS
    j += negative or data[j] == _PLUS
    value, _, lost, end = _digits(data, j, np.int64(0), 0)
    if end == j:
        return 0, i
    value = 9999 if lost or value > 9999 else value
    return (-value if negative else value), end


@numba.njit(cache=True)
def _number(data, i, powers):  # type: ignore[no-untyped-def]
    """A decimal number and where it ends; NaN at the same place where there is none."""
    start = i
    negative = data[i] == _MINUS
    i += negative or data[i] == _PLUS
    first = i
    value, count, power, i = _digits(data, i, np.int64(0), 0)
    seen = i - first
    if data[i] == _POINT:
        first = i + 1
        value, _, lost, i = _digits(data, first, value, count)
        power -= i - first - lost
        seen += i - first
    if seen == 0:
        return np.nan, start
    more, i = _exponent(data, i)
    result = _scaled(value, power + more, powers)
    return (-result if negative else result), i


@numba.njit(cache=True)
def _numbers(data, i, powers, out):  # type: ignore[no-untyped-def]
    """Numbers up to the end of the line or what is none; how many, and where they end."""
    n = 0
    while n < len(out):
        i = _skip(data, i)
        out[n], end = _number(data, i, powers)
        if end == i:
            break
        i = end
        n += 1
    return n


@numba.njit(cache=True)
def _index(data, i):  # type: ignore[no-untyped-def]
    """A signed whole number and where it ends."""
    negative = data[i] == _MINUS
    value, _, lost, end = _digits(data, i + negative, np.int64(0), 0)
    if end == i + negative:
        return 0, i
    value = 1 << 40 if lost else value
    return (-value if negative else value), end


@numba.njit(cache=True)
def _resolved(value, known):  # type: ignore[no-untyped-def]
    """An index from 0; -2 where it can mean nothing."""
    at = value - 1 if value > 0 else known + value
    return at if value != 0 and 0 <= at < 2**31 - 1 else -2


@numba.njit(cache=True)
def _corner(data, i, known, out):  # type: ignore[no-untyped-def]
    """One corner, v, v/vt, v//vn or v/vt/vn, and where it ends; at the same place: none."""
    value, end = _index(data, i)
    if end == i:
        return i
    out[0] = _resolved(value, known[0])
    out[1] = out[2] = -1
    for k in range(1, 3):
        if data[end] != _SLASH:
            break
        value, after = _index(data, end + 1)
        if after > end + 1:
            out[k] = _resolved(value, known[k])
        end = after
    return end


@numba.njit(cache=True)
def _face(data, i, known, counts, corners, sizes):  # type: ignore[no-untyped-def]
    first = counts[_CORNER]
    n = 0
    while True:
        i = _skip(data, i)
        end = _corner(data, i, known, corners[first + n])
        if end == i:
            break
        i = end
        n += 1
    if n < 3 or (data[i] != _LINE and data[i] != _HASH):
        counts[_BAD] += 1
        return
    sizes[counts[_FACE]] = n
    counts[_FACE] += 1
    counts[_CORNER] += n


@numba.njit(cache=True)
def _vertex(data, i, powers, line, counts, points):  # type: ignore[no-untyped-def]
    n = _numbers(data, i, powers, line)
    point = points[counts[_VERTEX]]
    point[:] = np.nan
    if n >= 3:
        point[:3] = line[:3]
    if n >= 6:
        point[3:] = line[3:6]
    counts[_VERTEX] += 1


@numba.njit(cache=True)
def _row(data, i, powers, line, out, width):  # type: ignore[no-untyped-def]
    """A vt or vn line; what is missing is 0."""
    n = _numbers(data, i, powers, line)
    for k in range(width):
        out[k] = line[k] if k < n else 0.0


@numba.njit(cache=True)
def _scan(  # type: ignore[no-untyped-def]
    data,
    before,
    counts,
    powers,
    points,
    uv,
    normals,
    corners,
    sizes,
    events,
):
    line, known = np.empty(8), np.empty(3, np.int64)
    i, size = 0, len(data)
    while i < size:
        i = _skip(data, i)
        kind = data[i]
        blank = kind != _LINE and data[i + 1] in (_SPACE, _TAB, _RETURN, _LINE)
        if kind == _V and blank:
            _vertex(data, i + 1, powers, line, counts, points)
        elif kind == _F and blank:
            known[:] = before + counts[:3]
            _face(data, i + 1, known, counts, corners, sizes)
        elif kind == _V and data[i + 1] == _T:
            _row(data, i + 2, powers, line, uv[counts[_UV]], 2)
            counts[_UV] += 1
        elif kind == _V and data[i + 1] == _N:
            _row(data, i + 2, powers, line, normals[counts[_NORMAL]], 3)
            counts[_NORMAL] += 1
        elif kind in (_U, _M):
            events[counts[_EVENT], 0] = i
            events[counts[_EVENT], 2] = counts[_FACE]
            counts[_EVENT] += 1
        while data[i] != _LINE:
            i += 1
        if kind in (_U, _M):
            events[counts[_EVENT] - 1, 1] = i
        i += 1
