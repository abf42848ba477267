"""A picture of the ground seen from straight above, being painted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sample_city.frame import to_uv
from sample_city.noise import Window

Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]

SUN_AZIMUTH = np.radians(148.0)  # from north, clockwise
SUN_HEIGHT = np.radians(47.0)
# Metres toward the sun per metre of height.
SUN = (
    float(np.sin(SUN_AZIMUTH) / np.tan(SUN_HEIGHT)),
    float(np.cos(SUN_AZIMUTH) / np.tan(SUN_HEIGHT)),
)


@dataclass
class Canvas:
    """Colours 0..255, (rows, columns, 3), over a window."""

    window: Window
    rgb: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.rgb = np.zeros((self.window.rows, self.window.columns, 3))

    @cached_property
    def uv(self) -> tuple[Floats, Floats]:
        """Town coordinates of every pixel."""
        return to_uv(self.window.x[None, :], self.window.y[:, None])

    def lay(self, mask: Floats, colour: Colour | Floats) -> None:
        """Paint with a mask of 0..1."""
        self.rgb += mask[..., None] * (np.asarray(colour, dtype=np.float64) - self.rgb)

    def shade(self, factor: Floats) -> None:
        """Darken or lighten by a factor per pixel."""
        self.rgb *= factor[..., None]

    def edge(self, inside: Floats) -> Floats:
        """A mask of 0..1 from metres inside an outline, smooth over one pixel."""
        result: Floats = np.clip(inside / self.window.gsd + 0.5, 0.0, 1.0)
        return result

    def cut(self, box: tuple[float, float, float, float]) -> Patch | None:
        """The part of the canvas that a box (m) touches, None if it lies outside."""
        w = self.window
        left = max(int(np.floor((box[0] - w.west) / w.gsd)), 0)
        right = min(int(np.ceil((box[2] - w.west) / w.gsd)), w.columns)
        upper = max(int(np.floor((w.north - box[3]) / w.gsd)), 0)
        lower = min(int(np.ceil((w.north - box[1]) / w.gsd)), w.rows)
        if left >= right or upper >= lower:
            return None
        return Patch(self, slice(upper, lower), slice(left, right))


class Patch:
    """A rectangular part of a canvas; painting it paints the canvas."""

    def __init__(self, canvas: Canvas, rows: slice, columns: slice) -> None:
        self.canvas = canvas
        self.rgb = canvas.rgb[rows, columns]
        self.x = canvas.window.x[None, columns]
        self.y = canvas.window.y[rows, None]

    def lay(self, mask: Floats, colour: Colour | Floats) -> None:
        """Paint with a mask of 0..1."""
        self.rgb += mask[..., None] * (np.asarray(colour, dtype=np.float64) - self.rgb)

    def shade(self, factor: Floats) -> None:
        """Darken or lighten by a factor per pixel."""
        self.rgb *= factor[..., None]

    def edge(self, inside: Floats) -> Floats:
        """As ``Canvas.edge``."""
        return self.canvas.edge(inside)
