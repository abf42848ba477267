"""The rim of a patch of deeper tiles: it ends in the straight lines of the coarser tiles beside.

Where a tile has no neighbour of its own level, clients draw an ancestor of the missing one. So
each post there takes the height that lies on the ancestor's border: at every other post its own
decoded height, in the middle the mean. No step is left, and no skirt has to hide one.

A border post of level z is settled by the tiles of level z around it, two on a side, four at a
corner: if one of them is missing, the post's height is that of level z - 1 in the same place, which
is settled likewise. All tiles that share a post ask the same question of the same tiles, so they
stay as equal as they were.

A parent with some of its children, but not all, is written with its ``cross``: all posts of its
middle lines are in its mesh, so that the children's inner sides can end there just as exactly.

Exactly means: as long as the tile's 15 bits reach from its lowest to its highest height in steps of
half (two levels down a quarter) of the coarser level's: 256 m with steps of 1/64 m and one level
between. In a higher cliff half a quantum may be left at every other post.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cim.tiles.terrain.place import STEPS, Place

Floats = npt.NDArray[np.float64]
HALF = STEPS // 2
WEST, SOUTH, EAST, NORTH = range(4)
_BESIDE = ((-1, 0), (0, -1), (1, 0), (0, 1))


def rim(
    place: Place,
    exists: Callable[[Place], bool],
    sample: Callable[[Place], Floats],
    step: Callable[[int], float],
) -> Floats | None:
    """Heights of a tile's border where coarser tiles lie beside it.

    Args:
        place: The tile.
        exists: Whether a tile is written.
        sample: Heights of a tile as its own writer samples them, (67, 67), m; asked of the tile
            and, where needed, of its ancestors.
        step: Height step of a level, m; deeper levels must not have larger ones.

    Returns:
        (4, 65) heights on the west, south, east and north side, each from its south or west end,
        for ``encode``; None where neighbours of the tile's level stand all around.
    """
    sides, corners = _open(place, exists)
    if not (any(sides) or corners):
        return None
    return _settled(place, exists, sample, step)


def lines(posts: Floats) -> Floats:
    """The border of a tile's posts, (65, 65), as (4, 65): west, south, east, north."""
    return np.stack([posts[:, 0], posts[0], posts[:, -1], posts[-1]])


def _settled(
    place: Place,
    exists: Callable[[Place], bool],
    sample: Callable[[Place], Floats],
    step: Callable[[int], float],
) -> Floats:
    """The border of a tile, (4, 65), as it is written."""
    quantum = step(place.z)
    own = lines(np.round(sample(place)[1:-1, 1:-1] / quantum) * quantum)
    sides, corners = _open(place, exists)
    if place.z == 0 or not (any(sides) or corners):
        return own
    parent = Place(place.z - 1, place.x // 2, place.y // 2)
    above, z = _settled(parent, exists, sample, step), parent.z
    middle = _cross(above, np.round(sample(parent)[1:-1, 1:-1] / step(z)) * step(z))
    for side in range(4):
        upright = side in (WEST, EAST)
        turned, along = (place.x, place.y) if upright else (place.y, place.x)
        line = above[side] if (turned % 2 == 1) == (side in (EAST, NORTH)) else middle[side % 2]
        begin = HALF * (along % 2)
        coarse = line[begin : begin + HALF + 1]
        if sides[side]:
            own[side, ::2] = coarse
            own[side, 1::2] = (coarse[:-1] + coarse[1:]) / 2
        for end, value in ((0, coarse[0]), (1, coarse[-1])):
            corner = (side // 2, end) if upright else (end, side // 2)
            if corner in corners:
                _set_corner(own, corner, value)
    return own


def _cross(border: Floats, posts: Floats) -> tuple[Floats, Floats]:
    """Heights of a tile's middle column and middle row, from side to side."""
    column, row = posts[:, HALF].copy(), posts[HALF].copy()
    column[0], column[-1] = border[SOUTH, HALF], border[NORTH, HALF]
    row[0], row[-1] = border[WEST, HALF], border[EAST, HALF]
    return column, row


def _set_corner(border: Floats, corner: tuple[int, int], value: float) -> None:
    """Set the end of the two sides that meet at a corner (east?, north?)."""
    east, north = corner
    border[EAST if east else WEST, STEPS * north] = value
    border[NORTH if north else SOUTH, STEPS * east] = value


def _open(place: Place, exists: Callable[[Place], bool]) -> tuple[list[bool], set[tuple[int, int]]]:
    """Sides without a neighbour, and corners (east?, north?) where a tile around is missing."""

    def missing(dx: int, dy: int) -> bool:
        y = place.y + dy
        if not 0 <= y < 2**place.z:
            return False  # beyond the pole nothing lies beside
        return not exists(Place(place.z, (place.x + dx) % 2 ** (place.z + 1), y))

    sides = [missing(dx, dy) for dx, dy in _BESIDE]
    corners = {
        (east, north)
        for east in (0, 1)
        for north in (0, 1)
        for dx, dy in [(2 * east - 1, 2 * north - 1)]
        if missing(dx, 0) or missing(0, dy) or missing(dx, dy)
    }
    return sides, corners
