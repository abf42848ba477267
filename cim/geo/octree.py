"""Octrees over points: Morton codes, and at which level of detail each point belongs.

Sorted by Morton code, the points of one cube of any size stand together. A point that is the first
of its cube at level L, but not at L - 1, shows something new at L: the length of the prefix that
it shares with the point before says which level that is. So one sort gives all levels of detail,
each point in exactly one of them.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint64]

DIGITS = 20  # levels of a code: 60 bits; a cube of 1 km is told apart to a millimetre


@numba.njit(cache=True)
def _spread(value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put two zero bits after each of the lowest 21 bits."""
    v = value & np.uint64(0x1FFFFF)
    v = (v | (v << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
    v = (v | (v << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
    v = (v | (v << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
    v = (v | (v << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
    return (v | (v << np.uint64(2))) & np.uint64(0x1249249249249249)


@numba.njit(cache=True)
def _codes(x, y, z, low, step, top, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(x)):
        a = min(max(np.int64((x[i] - low[0]) / step), 0), top)
        b = min(max(np.int64((y[i] - low[1]) / step), 0), top)
        c = min(max(np.int64((z[i] - low[2]) / step), 0), top)
        out[i] = (
            _spread(np.uint64(a))
            | (_spread(np.uint64(b)) << np.uint64(1))
            | (_spread(np.uint64(c)) << np.uint64(2))
        )


def morton(x: Floats, y: Floats, z: Floats, low: Floats, side: float) -> Codes:
    """Morton codes of points in a cube: 20 octal digits, the coarsest first.

    Args:
        x: (n,) m.
        y: (n,) m.
        z: (n,) m.
        low: (3,) lowest corner of the cube, m.
        side: Of the cube, m.
    """
    out = np.empty(len(x), np.uint64)
    _codes(x, y, z, np.asarray(low, np.float64), side / 2**DIGITS, 2**DIGITS - 1, out)
    return out


@numba.njit(cache=True)
def _levels(codes, digits, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out[0] = 0
    for i in range(1, len(codes)):
        differ = codes[i] ^ codes[i - 1]
        shared = digits
        while differ:
            differ >>= np.uint64(3)
            shared -= 1
        out[i] = shared + 1


def levels(codes: Codes) -> npt.NDArray[np.uint8]:
    """The coarsest level at which each point is the first of its cube, 0..21.

    Args:
        codes: (n,) sorted; the first point belongs to level 0, an exact double to level 21.
    """
    out = np.empty(len(codes), np.uint8)
    if len(codes):
        _levels(codes, DIGITS, out)
    return out
