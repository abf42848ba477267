"""The town's plan: streets, blocks and what each block is used for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sample_city.noise import chance
from sample_city.terrain import river_axis, valley_axis

SIDEWALK = 3.5  # m
BRIDGE_HALF = 52.0  # of the bridge's length, m
VILLAGE = (-300.0, 260.0, -392.0, -292.0)  # u from, to, v from, to: south of the river


@dataclass(frozen=True)
class Street:
    """A straight street in the town's axes.

    Args:
        name: Chinese name.
        along: Whether it runs along u (else across it).
        at: Its v (or u), m.
        start: First u (or v), m.
        end: Last u (or v), m.
        width: Of the carriageway, m.
        grade: Class of road after CJJ 37.
        lanes: Number of lanes.
    """

    name: str
    along: bool
    at: float
    start: float
    end: float
    width: float
    grade: str
    lanes: int


@dataclass(frozen=True)
class Block:
    """A rectangle between four streets; its edges are the backs of the sidewalks.

    Args:
        key: Column and row, the seed of all that stands on it.
        use: What it is used for.
        west: Smallest u, m; south, east, north likewise.
        opened: Year in which all of it was built, on what had been a field; 0 for long ago.
    """

    key: tuple[int, int]
    use: str
    west: float
    south: float
    east: float
    north: float
    opened: int = 0


_ALONG = (  # v, width, grade, lanes, name
    (-150.0, 12.0, "次干路", 2, "滨河路"),
    (0.0, 22.0, "主干路", 4, "人民路"),
    (150.0, 11.0, "支路", 2, "文化路"),
    (300.0, 14.0, "次干路", 2, "北环路"),
    (450.0, 9.0, "支路", 2, "山前路"),
)
_ACROSS = {  # u: width, grade, lanes, name
    -640.0: (12.0, "次干路", 2, "西环路"),
    -480.0: (9.0, "支路", 2, "安康巷"),
    -340.0: (11.0, "支路", 2, "育才路"),
    -180.0: (10.0, "支路", 2, "东门街"),
    0.0: (18.0, "主干路", 4, "中心大道"),
    170.0: (10.0, "支路", 2, "西门街"),
    330.0: (11.0, "支路", 2, "康复路"),
    480.0: (9.0, "支路", 2, "惠民巷"),
    640.0: (12.0, "次干路", 2, "东环路"),
}
_STEP = 160.0  # between the streets across, beyond the core, m
_USES = {  # column, row of the core: row 0 lies on the river
    (0, 0): "industrial", (1, 0): "old", (2, 0): "old", (3, 0): "commercial",
    (4, 0): "park", (5, 0): "residential", (6, 0): "residential", (7, 0): "treatment",
    (0, 1): "residential", (1, 1): "residential", (2, 1): "school", (3, 1): "residential",
    (4, 1): "government", (5, 1): "hospital", (6, 1): "commercial", (7, 1): "industrial",
    (0, 2): "old", (1, 2): "residential", (2, 2): "tower", (3, 2): "old",
    (4, 2): "residential", (5, 2): "heating", (6, 2): "residential", (7, 2): "industrial",
    (0, 3): "field", (1, 3): "old", (2, 3): "residential", (3, 3): "tower",
    (4, 3): "fire", (5, 3): "residential", (6, 3): "field", (7, 3): "field",
}  # fmt: skip
_OPENED = {(3, 3): 2023}  # column, row: year
_FAR = ("residential", "old", "residential", "commercial", "industrial", "park", "field", "tower")


def columns(reach: float) -> list[float]:
    """U of the streets across the town, out to ``reach`` either side."""
    lines = sorted(_ACROSS)
    while lines[-1] + _STEP <= reach:
        lines = [lines[0] - _STEP, *lines, lines[-1] + _STEP]
    return lines


def streets(reach: float) -> list[Street]:
    """All streets of a town that reaches ``reach`` m either side of its middle (640: the core)."""
    lines = columns(reach)
    found = [
        Street(name, True, v, lines[0], lines[-1], width, grade, lanes)
        for v, width, grade, lanes, name in _ALONG
    ]
    for number, u in enumerate(lines):
        width, grade, lanes, name = _ACROSS.get(u, (10.0, "支路", 2, f"纬{number + 1}街"))
        south = VILLAGE[2] if u == 0.0 else _ALONG[0][0]
        found.append(Street(name, False, u, south, _ALONG[-1][0], width, grade, lanes))
    west, east, south, north = VILLAGE
    found.append(Street("河南村道", True, -342.0, west, east, 5.0, "村道", 1))
    for index, u in enumerate((-150.0, 150.0)):
        found.append(Street(f"河南{index + 1}巷", False, u, south, north, 3.6, "村道", 1))
    return found


def blocks(reach: float) -> list[Block]:
    """All blocks of the town and of the village south of the river."""
    lines = columns(reach)
    first = lines.index(-640.0)
    found = []
    for column, (west, east) in enumerate(pairwise(lines)):
        for row, (south, north) in enumerate(pairwise(_ALONG)):
            key = (column - first, row)
            use = _USES.get(key) or _FAR[int(chance(71, *key) * len(_FAR))]
            box = (
                west + _across_width(west) / 2 + SIDEWALK,
                south[0] + south[1] / 2 + SIDEWALK,
                east - _across_width(east) / 2 - SIDEWALK,
                north[0] - north[1] / 2 - SIDEWALK,
            )
            if _on_floor(box):
                found.append(Block(key, use, *box, opened=_OPENED.get(key, 0)))
    for index, (west, east) in enumerate(((-290.0, -156.0), (-144.0, -12.0), (12.0, 144.0))):
        found.append(Block((index, -2), "village", west, -388.0, east, -347.0))
        found.append(Block((index, -1), "village", west, -337.0, east, -296.0))
    return found


def _across_width(u: float) -> float:
    return _ACROSS[u][0] if u in _ACROSS else 10.0


def _on_floor(box: tuple[float, float, float, float]) -> bool:
    """Whether a block stands on the valley floor, clear of the river and the hills."""
    u = np.array([box[0], box[2]])
    low = box[1] - river_axis(u)
    high = box[3] - valley_axis(u)
    return bool(low.min() > 45.0 and high.max() < 560.0)
