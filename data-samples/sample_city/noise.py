"""Noise that is a pure function of place: the same at every scale, window and order of work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Uints = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Window:
    """A north-up raster of square pixels in EPSG:4545.

    Args:
        west: Left edge, m.
        north: Upper edge, m.
        gsd: Size of a pixel, m.
        columns: Pixels across.
        rows: Pixels down.
    """

    west: float
    north: float
    gsd: float
    columns: int
    rows: int

    @cached_property
    def x(self) -> Floats:
        """Eastings of the pixel centres, (columns,)."""
        x: Floats = self.west + (np.arange(self.columns, dtype=np.float64) + 0.5) * self.gsd
        return x

    @cached_property
    def y(self) -> Floats:
        """Northings of the pixel centres, (rows,), from the north."""
        y: Floats = self.north - (np.arange(self.rows, dtype=np.float64) + 0.5) * self.gsd
        return y

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, m."""
        return (
            self.west,
            self.north - self.rows * self.gsd,
            self.west + self.columns * self.gsd,
            self.north,
        )

    def finer(self, factor: int) -> Window:
        """The same ground in smaller pixels."""
        return Window(
            self.west, self.north, self.gsd / factor, self.columns * factor, self.rows * factor
        )


def hashed(ix: npt.ArrayLike, iy: npt.ArrayLike, seed: int) -> Floats:
    """Random numbers in [0, 1), one for each pair of integers (arrays that broadcast)."""
    a = np.atleast_1d(np.asarray(ix, dtype=np.int64)).astype(np.uint32)
    b = np.atleast_1d(np.asarray(iy, dtype=np.int64)).astype(np.uint32)
    mixed: Uints = a * np.uint32(0x8DA6B343) + b * np.uint32(0xD8163841)
    mixed = mixed + np.uint32((seed * 0xCB1AB31F) & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # the finalizer "lowbias32"
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    mixed = mixed ^ (mixed >> np.uint32(16))
    return mixed.astype(np.float64) / 4294967296.0


def chance(seed: int, *numbers: int) -> float:
    """One random number in [0, 1) for some integers."""
    for number in numbers[1:]:
        seed = (seed * 1000003 + number) & 0x7FFFFFFF
    return float(hashed(numbers[0] if numbers else 0, seed & 0xFFFF, seed)[0])


def fade(t: Floats) -> Floats:
    """The quintic step, 0 to 1 with two flat derivatives at both ends."""
    result: Floats = t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
    return result


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between; also downwards if low > high."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    result: Floats = t * t * (3.0 - 2.0 * t)
    return result


def at(x: Floats, y: Floats, wavelength: float, seed: int) -> Floats:
    """Value noise in [-1, 1] at places (m) in EPSG:4545."""
    gx, gy = np.asarray(x) / wavelength, np.asarray(y) / wavelength
    ix, iy = np.floor(gx).astype(np.int64), np.floor(gy).astype(np.int64)
    fx, fy = fade(gx - ix), fade(gy - iy)
    south = hashed(ix, iy, seed) * (1 - fx) + hashed(ix + 1, iy, seed) * fx
    north = hashed(ix, iy + 1, seed) * (1 - fx) + hashed(ix + 1, iy + 1, seed) * fx
    result: Floats = 2.0 * (south * (1 - fy) + north * fy) - 1.0
    return result.reshape(np.broadcast(gx, gy).shape)


def gradient(x: Floats, y: Floats, wavelength: float, seed: int) -> Floats:
    """Gradient noise, about [-1, 1], on a lattice turned by the seed so that none shows."""
    angle = 0.7 + 1.9 * seed
    c, s = np.cos(angle) / wavelength, np.sin(angle) / wavelength
    x, y = np.asarray(x) - 377000.0, np.asarray(y) - 3899000.0
    gx, gy = x * c - y * s, x * s + y * c
    ix, iy = np.floor(gx).astype(np.int64), np.floor(gy).astype(np.int64)
    fx, fy = gx - ix, gy - iy
    total = np.zeros(np.broadcast(gx, gy).shape)
    for dx in (0, 1):
        for dy in (0, 1):
            turn = hashed(ix + dx, iy + dy, seed).reshape(total.shape) * (2.0 * np.pi)
            slope = np.cos(turn) * (fx - dx) + np.sin(turn) * (fy - dy)
            total += fade(1.0 - np.abs(fx - dx)) * fade(1.0 - np.abs(fy - dy)) * slope
    return 1.5 * total


def over(window: Window, wavelength: float, seed: int) -> Floats:
    """The same noise as ``at`` over a raster, (rows, columns): two thin matrix products."""
    wx, first_x = _weights(window.x / wavelength)
    wy, first_y = _weights(window.y / wavelength)
    ix = first_x + np.arange(wx.shape[1])
    iy = first_y + np.arange(wy.shape[1])
    lattice = hashed(ix[None, :], iy[:, None], seed)
    result: Floats = 2.0 * (wy @ lattice @ wx.T) - 1.0
    return result


def _weights(g: Floats) -> tuple[Floats, int]:
    index = np.floor(g).astype(np.int64)
    first = int(index.min())
    f = fade(g - index)
    weights = np.zeros((len(g), int(index.max()) - first + 2))
    rows = np.arange(len(g))
    weights[rows, index - first] = 1.0 - f
    weights[rows, index - first + 1] = f
    return weights, first


def fractal(window: Window, wavelength: float, seed: int, octaves: int = 3) -> Floats:
    """Octaves of noise over a raster, about [-1, 1]; those finer than a pixel are left out."""
    total = np.zeros((window.rows, window.columns))
    size, amplitude = wavelength, 0.55
    for octave in range(octaves):
        if size < 1.5 * window.gsd:
            break
        total += amplitude * over(window, size, seed + octave)
        size, amplitude = size / 2.17, amplitude * 0.55
    return total


def spread(window: Window, step: float) -> tuple[Window, Floats, Floats]:
    """A coarser raster around a window, and the weights that bring its values back to pixels.

    Args:
        window: The pixels.
        step: Pixel of the coarser raster, m; its lattice is the same for every window.

    Returns:
        The coarse raster, and row and column weights: ``fine = rows @ coarse @ columns.T``.
    """
    west, south, east, north = window.bounds
    first, last = np.floor(west / step) - 1, np.ceil(east / step) + 1
    low, high = np.floor(south / step) - 1, np.ceil(north / step) + 1
    coarse = Window(first * step, high * step, step, int(last - first), int(high - low))
    columns = _linear((window.x - coarse.x[0]) / step, coarse.columns)
    rows = _linear((coarse.y[0] - window.y) / step, coarse.rows)
    return coarse, rows, columns


def _linear(g: Floats, count: int) -> Floats:
    index = np.clip(np.floor(g).astype(np.int64), 0, count - 2)
    f = g - index
    weights = np.zeros((len(g), count))
    rows = np.arange(len(g))
    weights[rows, index] = 1.0 - f
    weights[rows, index + 1] = f
    return weights
