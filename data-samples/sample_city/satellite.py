"""The city's whole surroundings as a satellite sees them, in pixels of several metres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city import countryside, overhead, rural
from sample_city.canvas import Canvas
from sample_city.noise import Window
from sample_city.scene import Scene

Bytes = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

SIDE = 64  # of what is painted at once, pixels
NEAR = 4  # pixels painted per pixel wanted, each way, where there are buildings
FAR = 2  # the same in the open country


def picture(scene: Scene, built: Box, window: Window) -> Bytes:
    """Colours (rows, columns, 3) of a window.

    Args:
        scene: What is there.
        built: Where the orthophoto shows every building and tree (m); there the picture is the
            orthophoto's, shrunk.
        window: The pixels wanted.
    """
    result = np.empty((window.rows, window.columns, 3), dtype=np.uint8)
    for row in range(0, window.rows, SIDE):
        for column in range(0, window.columns, SIDE):
            piece = Window(
                window.west + column * window.gsd,
                window.north - row * window.gsd,
                window.gsd,
                min(SIDE, window.columns - column),
                min(SIDE, window.rows - row),
            )
            result[row : row + piece.rows, column : column + piece.columns] = (
                overhead.picture(scene, piece, sharper=NEAR)
                if _meet(piece.bounds, built)
                else _open_country(piece, built)
            )
    return result


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _open_country(window: Window, built: Box) -> Bytes:
    canvas = Canvas(window.finer(FAR))
    countryside.paint(canvas)
    rural.paint(canvas, built)
    return overhead.reduced(canvas, FAR)
