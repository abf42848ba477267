"""The scene seen from straight above, without perspective: orthophoto and ground texture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city import countryside, crowns, paving, roofs
from sample_city.canvas import Canvas
from sample_city.noise import Window
from sample_city.scene import Scene

Bytes = npt.NDArray[np.uint8]

SHADE = 62.0  # the longest shadow that is looked for, m
PIECE = 128.0  # side of what is painted at once, m: few streets touch it


def picture(scene: Scene, window: Window, *, crowned: bool = True, sharper: int = 1) -> Bytes:
    """Colours (rows, columns, 3) of a window of the scene.

    Args:
        scene: What is there.
        window: The pixels wanted.
        crowned: With the crowns of trees, as in an orthophoto; else their shadows only.
        sharper: Pixels painted per pixel wanted, each way.
    """
    result = np.empty((window.rows, window.columns, 3), dtype=np.uint8)
    side = max(int(PIECE / window.gsd), 64)
    for row in range(0, window.rows, side):
        for column in range(0, window.columns, side):
            piece = Window(
                window.west + column * window.gsd,
                window.north - row * window.gsd,
                window.gsd,
                min(side, window.columns - column),
                min(side, window.rows - row),
            )
            painted = _piece(scene, piece, sharper)[1 if crowned else 0]
            result[row : row + piece.rows, column : column + piece.columns] = painted
    return result


def both(scene: Scene, window: Window) -> tuple[Bytes, Bytes]:
    """The picture without and with the crowns of trees, of a window of one tile."""
    return _piece(scene, window, 1)


def _piece(scene: Scene, window: Window, sharper: int) -> tuple[Bytes, Bytes]:
    canvas = Canvas(window.finer(sharper))
    box = window.bounds
    countryside.paint(canvas)
    paving.paint(canvas, scene.blocks_near(box, 4.0), scene.streets)
    trees = scene.trees_near(box, 12.0)
    crowns.shade(canvas, trees)
    buildings = scene.buildings_near(box, SHADE)
    roofs.cast(canvas, buildings)
    roofs.cover(canvas, buildings)
    bare = reduced(canvas, sharper)
    crowns.cover(canvas, trees)
    return bare, reduced(canvas, sharper)


def reduced(canvas: Canvas, sharper: int) -> Bytes:
    """The canvas in pixels ``sharper`` times as large."""
    rows, columns = canvas.window.rows // sharper, canvas.window.columns // sharper
    mean = canvas.rgb.reshape(rows, sharper, columns, sharper, 3).mean(axis=(1, 3))
    result: Bytes = np.clip(mean + 0.5, 0, 255).astype(np.uint8)
    return result
