"""Pictures of walls: windows, balconies, shop fronts, by the look of the building."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample_city.canvas import SUN_AZIMUTH, Colour

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

FINE = 10  # pixels per metre while painting

WALLS: dict[str, tuple[Colour, ...]] = {
    "slab": ((206, 190, 162), (196, 176, 150), (210, 202, 188), (186, 158, 136), (200, 196, 184)),
    "tower": ((208, 200, 186), (196, 186, 172), (190, 166, 144)),
    "shop": ((204, 196, 182), (190, 178, 160), (210, 200, 186), (178, 160, 146)),
    "villa": ((206, 200, 188), (188, 150, 128), (196, 188, 172)),
    "house": ((172, 132, 108), (186, 170, 146), (194, 184, 166), (164, 124, 104)),
    "wing": ((176, 140, 116), (182, 166, 142)),
    "office": ((196, 192, 184), (186, 178, 166), (176, 180, 184)),
    "mall": ((202, 196, 186),),
    "market": ((196, 196, 190),),
    "school": ((190, 132, 108), (206, 196, 176)),
    "hospital": ((214, 212, 206),),
    "hall": ((186, 190, 190),),
    "plant": ((168, 178, 186),),
    "shed": ((158, 172, 184), (184, 186, 184)),
    "fire": ((186, 84, 70),),
    "chimney": ((206, 200, 192),),
    "bridge": ((178, 174, 166),),
}


@dataclass
class Wall:
    """A wall being painted, row 0 at the foot.

    Args:
        rgb: (rows, columns, 3) at ``FINE`` pixels per metre.
        rng: Its own random numbers.
        floors: Storeys.
        storey: m.
        front: Whether it looks south, to the sun and the balconies.
    """

    rgb: Floats
    rng: np.random.Generator
    floors: int
    storey: float
    front: bool
    short: bool

    @property
    def length(self) -> float:
        """Length of the wall, m."""
        return float(self.rgb.shape[1] / FINE)

    def fill(
        self, left: float, low: float, right: float, high: float, colour: Colour | Floats
    ) -> None:
        """Paint a rectangle given in metres."""
        rows = slice(max(round(low * FINE), 0), max(round(high * FINE), 0))
        columns = slice(max(round(left * FINE), 0), max(round(right * FINE), 0))
        self.rgb[rows, columns] = colour

    def window(self, left: float, low: float, width: float, tall: float, panes: int = 2) -> None:
        """A window: frame, panes that mirror a little sky, a sill."""
        self.fill(left - 0.1, low - 0.1, left + width + 0.1, low + tall + 0.1, (222, 220, 214))
        lot = float(self.rng.random())
        top = np.array((104.0, 118.0, 130.0)) * (0.75 + 0.5 * lot)
        bottom = np.array((56.0, 64.0, 72.0)) * (0.8 + 0.5 * lot)
        middle = low + tall * 0.45
        self.fill(left, low, left + width, middle, bottom)
        self.fill(left, middle, left + width, low + tall, 0.6 * bottom + 0.4 * top)
        if lot > 0.72:  # a curtain
            cover = width * (0.3 + 0.4 * float(self.rng.random()))
            self.fill(left, low, left + cover, low + tall, (176.0, 166.0, 150.0))
        for pane in range(1, panes):
            x = left + width * pane / panes
            self.fill(x - 0.05, low, x + 0.05, low + tall, (214, 212, 206))
        self.fill(left - 0.2, low - 0.25, left + width + 0.2, low - 0.1, (176, 170, 160))


def paint(
    look: str, number: int, side: tuple[float, float, float], floors: int, storey: float
) -> Floats:
    """A wall's colours (rows from the top, columns, 3) at ``FINE`` pixels per metre.

    Args:
        look: Look of the building.
        number: Number of the building.
        side: Length and height of the wall from the ground (m), azimuth it looks to (radians).
        floors: Storeys.
        storey: Height of a storey, m.
    """
    length, tall, azimuth = side
    rng = np.random.default_rng([number, round(length * 100), round(azimuth * 10) + 100])
    shade = np.random.default_rng(number)
    colours = WALLS[look]
    base = np.array(colours[int(shade.integers(len(colours)))], dtype=np.float64)
    rgb = np.empty((max(round(tall * FINE), 4), max(round(length * FINE), 4), 3))
    rgb[...] = base
    front = np.cos(azimuth - np.pi) > 0.6
    wall = Wall(rgb, rng, floors, storey, bool(front), length < 9.5)
    _LOOK.get(look, _plain)(wall, base)
    return _finish(wall, azimuth)[::-1]


def _finish(wall: Wall, azimuth: float) -> Floats:
    """Sun on the side, dirt at the foot and below the eaves, streaks of rain."""
    rgb = wall.rgb
    up = (np.arange(rgb.shape[0]) + 0.5) / FINE
    foot = 1.0 - 0.22 * np.exp(-up / 0.9)
    eaves = 1.0 - 0.16 * np.exp(-(rgb.shape[0] / FINE - up) / 0.5)
    light = 0.90 + 0.15 * np.cos(azimuth - SUN_AZIMUTH)
    streaks = 1.0 + 0.025 * (
        np.repeat(wall.rng.random(rgb.shape[1] // 4 + 1), 4)[: rgb.shape[1]] - 0.5
    )
    rgb *= (foot * eaves * light)[:, None, None] * streaks[None, :, None]
    return np.clip(rgb, 0.0, 255.0)


def _bays(wall: Wall, width: float, margin: float = 1.0) -> list[float]:
    """Left edges of bays of about ``width`` m."""
    usable = wall.length - 2 * margin
    count = max(int(usable / width), 0)
    return [] if count == 0 else [margin + usable * i / count for i in range(count)]


def _pitch(wall: Wall, width: float, margin: float = 1.0) -> float:
    usable = wall.length - 2 * margin
    return usable / max(int(usable / width), 1)


def _bands(wall: Wall, colour: Floats) -> None:
    for floor in range(1, wall.floors):
        z = floor * wall.storey
        wall.fill(0, z - 0.12, wall.length, z + 0.08, colour)


def _unit(wall: Wall, left: float, low: float) -> None:
    """An air conditioner with its shadow."""
    wall.fill(left + 0.05, low - 0.15, left + 0.95, low, (120, 114, 106))
    wall.fill(left, low, left + 0.85, low + 0.6, (218, 218, 214))
    wall.fill(left + 0.15, low + 0.12, left + 0.5, low + 0.48, (160, 160, 158))


def _dwelling(wall: Wall, base: Floats) -> None:
    """Flats: glazed balconies to the south, small windows to the north, few on the gables."""
    _bands(wall, base * 0.9)
    wall.fill(0, 0, wall.length, 0.6, base * 0.66)
    pitch = _pitch(wall, 3.5)
    for index, left in enumerate(_bays(wall, 3.5)):
        stairs = not wall.front and not wall.short and index % 6 == 2
        for floor in range(wall.floors):
            z = floor * wall.storey
            if wall.short:
                if index == 1 and wall.length > 9.0:
                    wall.window(left + 0.9, z + 1.0, 1.1, 1.4)
            elif wall.front and index % 3 != 1:
                _balcony(wall, left + 0.15, z, pitch - 0.3, base)
            elif stairs:
                wall.window(left + 1.0, z + (2.2 if floor + 1 < wall.floors else 1.0), 1.3, 1.2)
            else:
                wall.window(left + (pitch - 1.6) / 2, z + 0.95, 1.6, 1.55)
                if wall.rng.random() < 0.45:
                    _unit(wall, left + (pitch + 1.6) / 2 + 0.2, z + 0.5)
        if stairs:
            wall.fill(left + 0.8, 0, left + 2.6, 2.2, (92, 74, 64))
            wall.fill(left + 0.5, 2.3, left + 2.9, 2.5, (170, 164, 156))


def _balcony(wall: Wall, left: float, z: float, width: float, base: Floats) -> None:
    wall.fill(left, z, left + width, z + 1.0, np.minimum(base * 1.07, 235))
    wall.window(left + 0.1, z + 1.05, width - 0.2, 1.55, 4)
    wall.fill(left, z - 0.08, left + width, z + 0.04, base * 0.72)
    if wall.rng.random() < 0.35:  # washing
        for index in range(int(wall.rng.integers(2, 5))):
            x = left + 0.4 + 0.55 * index
            tone = np.array([(186, 178, 170), (150, 92, 84), (92, 108, 138), (196, 186, 150)])
            wall.fill(x, z + 1.3, x + 0.4, z + 2.2, tone[int(wall.rng.integers(4))] * 0.85)


def _shop(wall: Wall, base: Floats) -> None:
    """Shop fronts under painted signs, windows above."""
    _bands(wall, base * 0.88)
    signs = np.array([(150, 62, 52), (58, 88, 128), (62, 110, 82), (176, 132, 66), (120, 76, 110),
                      (186, 178, 164), (70, 110, 122)], dtype=np.float64)  # fmt: skip
    pitch = _pitch(wall, 4.2, 0.4)
    for left in _bays(wall, 4.2, 0.4):
        wall.fill(left + 0.15, 0.25, left + pitch - 0.15, 2.7, (74, 82, 88))
        wall.fill(left + 0.25, 0.35, left + pitch * 0.5, 2.6, (96, 106, 112))
        if wall.rng.random() < 0.25:
            wall.fill(left + 0.15, 0.1, left + pitch - 0.15, 2.7, (168, 168, 164))  # shutter
        sign = signs[int(wall.rng.integers(len(signs)))]
        wall.fill(left + 0.05, 2.8, left + pitch - 0.05, 3.5, sign)
        for mark in np.arange(left + 0.7, left + pitch - 0.8, 0.62):
            wall.fill(float(mark), 2.98, float(mark) + 0.4, 3.34, np.minimum(sign * 1.5 + 40, 235))
        for floor in range(1, wall.floors):
            wall.window(left + 0.7, floor * wall.storey + 1.0, pitch - 1.4, 1.7, 3)


def _office(wall: Wall, base: Floats) -> None:
    """Piers and bands of glass."""
    pitch = _pitch(wall, 3.9, 0.6)
    wall.fill(0, 0, wall.length, 0.9, base * 0.72)
    for index, left in enumerate(_bays(wall, 3.9, 0.6)):
        for floor in range(wall.floors):
            wall.window(left + 0.45, floor * wall.storey + 0.95, pitch - 0.9, wall.storey - 1.75, 3)
        wall.fill(
            left - 0.2, 0, left + 0.2, wall.floors * wall.storey, np.minimum(base * 1.06, 232)
        )
        if wall.front and abs(left + pitch / 2 - wall.length / 2) < 5.0 and index:
            wall.fill(left + 0.2, 0, left + pitch - 0.2, 3.0, (70, 80, 88))
            wall.fill(left, 3.1, left + pitch, 3.5, (196, 190, 180))


def _school(wall: Wall, base: Floats) -> None:
    """White bands, wide classroom windows, corridors."""
    _bands(wall, base * 0.85)
    pitch = _pitch(wall, 4.5)
    for floor in range(wall.floors):
        z = floor * wall.storey
        wall.fill(0, z + wall.storey - 0.7, wall.length, z + wall.storey - 0.15, (214, 206, 192))
        for left in _bays(wall, 4.5):
            wall.window(left + 0.4, z + 1.0, pitch - 0.8, 1.8, 4)


def _hospital(wall: Wall, _base: Floats) -> None:
    """White with blue-green bands below the windows."""
    pitch = _pitch(wall, 3.6)
    for floor in range(wall.floors):
        z = floor * wall.storey
        wall.fill(0, z + 0.25, wall.length, z + 0.75, (132, 172, 166))
        for left in _bays(wall, 3.6):
            wall.window(left + 0.5, z + 1.0, pitch - 1.0, 1.75, 3)
    if wall.front and wall.length > 30.0:
        m, z = wall.length / 2, wall.floors * wall.storey - 0.6
        wall.fill(m - 0.45, z - 1.6, m + 0.45, z + 1.2, (178, 58, 52))
        wall.fill(m - 1.4, z - 0.65, m + 1.4, z + 0.25, (178, 58, 52))


def _house(wall: Wall, base: Floats) -> None:
    """A door and windows to the yard, bare walls elsewhere."""
    wall.fill(0, 0, wall.length, 0.5, base * 0.72)
    for course in np.arange(0.6, wall.rgb.shape[0] / FINE, 0.4):
        wall.fill(0, float(course), wall.length, float(course) + 0.1, base * 0.95)
    if not wall.front and wall.length > 5.0 and not wall.rng.random() < 0.4:
        return
    pitch = _pitch(wall, 3.3)
    for index, left in enumerate(_bays(wall, 3.3)):
        for floor in range(wall.floors):
            if floor == 0 and index % 3 == 1:
                wall.fill(left + 0.9, 0.1, left + 2.1, 2.2, (118, 74, 56))
                wall.fill(left + 1.45, 0.2, left + 1.55, 2.1, (88, 56, 44))
            else:
                wall.window(left + (pitch - 1.7) / 2, floor * wall.storey + 0.95, 1.7, 1.4, 3)


def _metal(wall: Wall, base: Floats) -> None:
    """Ribbed sheet, a strip of windows below the eaves, a gate."""
    tall = wall.rgb.shape[0] / FINE
    for x in np.arange(0, wall.length, 0.8):
        wall.fill(float(x), 0, float(x) + 0.2, tall, base * 0.93)
    wall.fill(0, 0, wall.length, 1.1, (166, 160, 152))
    eaves = wall.floors * wall.storey
    for left in _bays(wall, 6.0):
        wall.window(left + 0.8, eaves - 2.4, 4.2, 1.3, 4)
        if eaves > 12.0:
            wall.window(left + 0.8, eaves * 0.5, 4.2, 1.6, 4)
    if wall.length > 12.0:
        m = wall.length / 2
        wall.fill(m - 2.3, 0, m + 2.3, 4.4, (96, 112, 128))
        wall.fill(m - 0.06, 0, m + 0.06, 4.4, (70, 82, 94))


def _fire(wall: Wall, base: Floats) -> None:
    """Red, with the doors of the engines along the front."""
    _office(wall, base)
    if wall.front:
        pitch = _pitch(wall, 5.4, 2.0)
        for left in _bays(wall, 5.4, 2.0):
            wall.fill(left, 0, left + pitch, 4.2, (196, 190, 180))
            wall.fill(left + 0.5, 0, left + pitch - 0.5, 3.9, (164, 58, 48))
            wall.fill(left + 0.9, 2.2, left + pitch - 0.9, 3.0, (70, 78, 86))


def _chimney(wall: Wall, base: Floats) -> None:
    """Red and white bands near the top."""
    tall = wall.rgb.shape[0] / FINE
    for index in range(5):
        top = tall - index * 5.0
        wall.fill(
            0, top - 5.0, wall.length, top, (172, 66, 56) if index % 2 == 0 else (214, 210, 204)
        )
    for z in np.arange(2.5, tall - 25.0, 2.5):
        wall.fill(0, float(z), wall.length, float(z) + 0.1, base * 0.92)


def _plain(wall: Wall, base: Floats) -> None:
    """One colour with a railing at the top."""
    tall = wall.rgb.shape[0] / FINE
    wall.fill(0, tall - 0.3, wall.length, tall, np.minimum(base * 1.1, 235))


_LOOK: dict[str, Callable[[Wall, Floats], None]] = {
    "slab": _dwelling, "tower": _dwelling, "shop": _shop, "villa": _house, "house": _house,
    "wing": _house, "office": _office, "mall": _office, "market": _metal, "school": _school,
    "hospital": _hospital, "hall": _metal, "plant": _metal, "shed": _metal, "fire": _fire,
    "chimney": _chimney,
}  # fmt: skip
