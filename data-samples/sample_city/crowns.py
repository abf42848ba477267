"""Paint of tree crowns and their shadows, seen from straight above."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city.canvas import SUN, Canvas
from sample_city.noise import Window, over
from sample_city.trees import Tree

Floats = npt.NDArray[np.float64]

COLOURS = np.array([(92, 108, 66), (112, 124, 80), (98, 114, 72), (66, 86, 60)], dtype=np.float64)


def shade(canvas: Canvas, trees: list[Tree]) -> None:
    """Darken the ground under and beside each tree."""
    for tree in trees:
        lift = tree.tall * 0.55
        x, y = tree.x - SUN[0] * lift * 0.8, tree.y - SUN[1] * lift * 0.8
        r = tree.radius
        patch = canvas.cut(
            (min(x, tree.x) - r, min(y, tree.y) - r, max(x, tree.x) + r, max(y, tree.y) + r)
        )
        if patch is None:
            continue
        cast = 1.0 - np.hypot(patch.x - x, patch.y - y) / r
        foot = 1.0 - np.hypot(patch.x - tree.x, patch.y - tree.y) / r
        patch.shade(1.0 - 0.38 * np.clip(cast * 3.0, 0, 1) - 0.12 * np.clip(foot * 2.0, 0, 1))


def cover(canvas: Canvas, trees: list[Tree]) -> None:
    """Paint the crowns, lower ones first."""
    clumps = over(canvas.window, 1.3, 91) if canvas.window.gsd < 0.9 else None
    w = canvas.window
    for tree in sorted(trees, key=lambda t: (t.ground + t.tall, t.x)):
        r = tree.radius
        patch = canvas.cut((tree.x - r, tree.y - r, tree.x + r, tree.y + r))
        if patch is None:
            continue
        noise: Floats | float = 0.0
        if clumps is not None:
            row = round((w.north - float(patch.y[0, 0])) / w.gsd - 0.5)
            column = round((float(patch.x[0, 0]) - w.west) / w.gsd - 0.5)
            noise = clumps[row : row + patch.rgb.shape[0], column : column + patch.rgb.shape[1]]
        p, q = (patch.x - tree.x) / r, (patch.y - tree.y) / r
        colour = crown(p, q, noise, tree.kind)
        inside = (1.0 - np.hypot(p, q) + 0.16 * noise) * r
        patch.lay(patch.edge(inside), colour)


def crown(p: Floats, q: Floats, noise: Floats | float, kind: int) -> Floats:
    """Colours of a crown at places given in radii from its middle."""
    toward = (p * SUN[0] + q * SUN[1]) / np.hypot(*SUN)
    light = 0.93 + 0.24 * toward - 0.16 * (p * p + q * q) + 0.15 * noise
    result: Floats = COLOURS[kind] * np.asarray(light)[..., None]
    return result


def swatch(kind: int, size: int) -> Floats:
    """A square picture of a crown, (size, size, 3), for the mesh."""
    grid = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    p, q = np.meshgrid(grid, -grid)
    noise = over(Window(kind * 50.0, 0.0, 5.0 / size, size, size), 1.3, 91)
    return crown(p, q, noise, kind)
