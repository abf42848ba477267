"""Paint of shadows and roofs, seen from straight above."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city.buildings import Building, Rect
from sample_city.canvas import SUN, Canvas, Colour, Patch
from sample_city.noise import chance, hashed

Floats = npt.NDArray[np.float64]

FLAT: dict[str, tuple[Colour, ...]] = {
    "slab": ((158, 153, 144), (148, 144, 138), (166, 158, 146)),
    "tower": ((164, 160, 152), (152, 150, 146)),
    "shop": ((160, 152, 140), (146, 142, 136), (170, 164, 152), (150, 132, 118)),
    "villa": ((168, 160, 148), (158, 138, 122)),
    "wing": ((158, 150, 136), (146, 140, 130)),
    "office": ((172, 167, 158), (160, 158, 152)),
    "mall": ((178, 174, 166),),
    "school": ((166, 156, 144),),
    "hospital": ((182, 180, 174),),
    "hall": ((112, 134, 150),),
    "plant": ((140, 146, 150),),
    "fire": ((170, 160, 150),),
    "chimney": ((150, 146, 140),),
    "bridge": ((104, 103, 102),),
}
GABLE: dict[str, tuple[Colour, ...]] = {
    "house": ((122, 116, 112), (146, 104, 84), (132, 122, 114), (112, 110, 110)),
    "wing": ((138, 110, 92), (124, 118, 112)),
    "shed": ((110, 130, 148), (172, 174, 172), (128, 142, 152)),
    "market": ((120, 138, 152),),
}


def shadow(patch: Patch, part: Rect, above: float) -> Floats:
    """How deep (0..1) each pixel lies in the shadow of a rectangle ``above`` m higher."""
    p, q = part.local(patch.x, patch.y)
    c, s = np.cos(part.angle), np.sin(part.angle)
    toward = (SUN[0] * c + SUN[1] * s, SUN[1] * c - SUN[0] * s)
    enter, leave = np.zeros_like(p), np.full_like(p, above)
    for place, rate, half in ((p, toward[0], part.a), (q, toward[1], part.b)):
        speed = rate if abs(rate) > 1e-6 else 1e-6
        first, second = (-half - place) / speed, (half - place) / speed
        enter = np.maximum(enter, np.minimum(first, second))
        leave = np.minimum(leave, np.maximum(first, second))
    length = (leave - enter) * np.hypot(*SUN)
    soft = max(patch.canvas.window.gsd * 1.2, 0.45)
    result: Floats = np.clip(length / soft, 0.0, 1.0)
    return result


def _body(building: Building) -> float:
    return building.eaves + 0.5 * building.rise


def cast(canvas: Canvas, buildings: list[Building]) -> None:
    """Darken the ground under shadows, and a little along every wall."""
    dark = np.zeros(canvas.rgb.shape[:2])
    close = np.zeros_like(dark)
    for building in buildings:
        above = _body(building)
        for part in building.parts:
            box = _swept(part, above)
            patch = canvas.cut(box)
            if patch is None:
                continue
            rows, columns = _slices(canvas, patch)
            dark[rows, columns] = np.maximum(dark[rows, columns], shadow(patch, part, above))
            p, q = part.local(patch.x, patch.y)
            away = np.hypot(np.maximum(np.abs(p) - part.a, 0), np.maximum(np.abs(q) - part.b, 0))
            close[rows, columns] = np.maximum(close[rows, columns], np.clip(1 - away / 2.6, 0, 1))
    canvas.shade((1.0 - 0.20 * close**2) * (1.0 - 0.44 * dark))
    canvas.rgb += (dark * np.exp(-0.0))[..., None] * np.array((-1.0, 0.5, 4.0))  # sky's blue


def _slices(canvas: Canvas, patch: Patch) -> tuple[slice, slice]:
    w = canvas.window
    row = round((w.north - float(patch.y[0, 0])) / w.gsd - 0.5)
    column = round((float(patch.x[0, 0]) - w.west) / w.gsd - 0.5)
    return (
        slice(row, row + patch.rgb.shape[0]),
        slice(column, column + patch.rgb.shape[1]),
    )


def _swept(part: Rect, above: float) -> tuple[float, float, float, float]:
    """The box of a rectangle, its shadow and 3 m around."""
    x0, y0, x1, y1 = part.polygon.bounds
    dx, dy = -SUN[0] * above, -SUN[1] * above
    return (min(x0, x0 + dx) - 3, min(y0, y0 + dy) - 3, max(x1, x1 + dx) + 3, max(y1, y1 + dy) + 3)


def cover(canvas: Canvas, buildings: list[Building]) -> None:
    """Paint the roofs, lower ones first, each with the shadows of its taller neighbours."""
    tallest = sorted(buildings, key=lambda b: (b.top, b.number))
    for index, building in enumerate(tallest):
        patch = canvas.cut(building.footprint.buffer(0.5).bounds)
        if patch is None:
            continue
        before = patch.rgb.copy()
        mask = _paint(patch, building)
        dark = np.zeros_like(mask)
        for other in tallest[index + 1 :]:
            above = other.ground + _body(other) - building.ground - building.eaves
            if above > 1.0 and _may_shade(other, building, above):
                for part in other.parts:
                    dark = np.maximum(dark, shadow(patch, part, above))
        patch.shade(1.0 - 0.42 * dark)
        patch.rgb[...] = before + mask[..., None] * (patch.rgb - before)


def _may_shade(other: Building, building: Building, above: float) -> bool:
    a, b = other.parts[0], building.parts[0]
    room = above * 1.1 + other.reach() - other.tall + building.reach() - building.tall
    return abs(a.x - b.x) < room and abs(a.y - b.y) < room


def _paint(patch: Patch, building: Building) -> Floats:
    """Paint one roof over the whole patch; returns the mask of the footprint."""
    inside = np.full(patch.rgb.shape[:2], -1e9)
    for part in building.parts:
        p, q = part.local(patch.x, patch.y)
        if building.look == "chimney":
            inside = part.a - np.hypot(p, q)
        else:
            inside = np.maximum(inside, np.minimum(part.a - np.abs(p), part.b - np.abs(q)))
    if building.roof == "gable":
        _gable(patch, building)
    else:
        _flat(patch, building, inside)
    return patch.edge(inside)


def _choose(table: dict[str, tuple[Colour, ...]], building: Building) -> Floats:
    colours = table[building.look]
    return np.array(colours[int(chance(building.number, 5) * len(colours))], dtype=np.float64)


def _gable(patch: Patch, building: Building) -> None:
    """Two slopes of tiles or ribbed metal, lit each after its side."""
    part = building.parts[0]
    p, q = part.local(patch.x, patch.y)
    colour = _choose(GABLE, building)
    normal = np.array([-np.sin(part.angle), np.cos(part.angle)]) * 0.62
    lit = [(1.0 + s * (normal @ np.array(SUN))) / np.sqrt(1.385) for s in (1.0, -1.0)]
    light = np.where(q > 0, 0.45 + 0.55 * lit[0], 0.45 + 0.55 * lit[1])
    rib = 0.9 if building.look in ("shed", "market") else 0.5
    ribs = 1.0 + 0.06 * np.sin(p * (2 * np.pi / rib)) * (patch.canvas.window.gsd < rib / 2)
    worn = hashed(np.floor(p / 1.3), np.floor(q / 0.9), building.number % 9973).reshape(p.shape)
    patch.rgb[...] = colour * (light * ribs * (0.95 + 0.09 * worn))[..., None]
    patch.lay(0.6 * patch.edge(0.22 - np.abs(q)), colour * 0.72)


def _flat(patch: Patch, building: Building, inside: Floats) -> None:
    """A flat roof in its parapet, weathered, with what stands on it."""
    part = building.parts[0]
    p, q = part.local(patch.x, patch.y)
    colour = _choose(FLAT, building)
    seed = building.number % 99991
    sheet = hashed(np.floor(p / 5.5), np.floor(q / 6.0), seed).reshape(p.shape)
    spots = hashed(np.floor(p / 0.8), np.floor(q / 0.8), seed + 1).reshape(p.shape)
    patch.rgb[...] = colour * (0.94 + 0.08 * sheet + 0.05 * spots)[..., None]
    if building.look == "bridge":
        return
    patch.shade(1.0 - 0.14 * np.clip(1.0 - (inside - 0.3) / 1.1, 0.0, 1.0))
    patch.lay(patch.edge(0.32 - inside), np.minimum(colour * 1.16, 235.0))
    _furniture(patch, building, p, q, inside)
    for hut in building.huts:
        patch.shade(1.0 - 0.42 * shadow(patch, hut, 2.6))
        hp, hq = hut.local(patch.x, patch.y)
        body = np.minimum(hut.a - np.abs(hp), hut.b - np.abs(hq))
        patch.lay(patch.edge(body), colour * 1.06)
        patch.lay(0.5 * patch.edge(0.3 - np.abs(body - 0.3)), np.minimum(colour * 1.2, 235.0))


def _furniture(patch: Patch, building: Building, p: Floats, q: Floats, inside: Floats) -> None:
    """Solar water heaters, plant and signs."""
    part = building.parts[0]
    seed = building.number % 9973
    if building.look in ("slab", "villa"):
        step = 3.4
        cell = np.floor(p / step)
        here = hashed(cell, 1, seed).reshape(p.shape) < 0.62
        local = np.abs(p - (cell + 0.5) * step)
        heater = np.minimum(1.05 - local, 0.85 - np.abs(q - 1.2)) * np.where(here, 1.0, -1.0)
        usable = (inside > 1.4) & here & (np.abs(p) < part.a - 3.0)
        patch.lay(0.5 * usable * patch.edge(heater + 0.35), (92.0, 90.0, 88.0))
        patch.lay(usable * patch.edge(heater), (58.0, 64.0, 78.0))
        tank = np.minimum(1.05 - local, 0.22 - np.abs(q - 2.0))
        patch.lay(usable * patch.edge(tank), (214.0, 214.0, 212.0))
    elif building.look in ("office", "mall", "hospital", "tower", "school"):
        cell_p, cell_q = np.floor(p / 7.0), np.floor(q / 7.0)
        here = hashed(cell_p, cell_q, seed).reshape(p.shape) < 0.28
        unit = np.minimum(
            1.7 - np.abs(p - (cell_p + 0.5) * 7.0), 1.2 - np.abs(q - (cell_q + 0.5) * 7.0)
        )
        usable = here & (inside > 2.2)
        patch.lay(0.45 * usable * patch.edge(unit + 0.4), (96.0, 94.0, 92.0))
        patch.lay(usable * patch.edge(unit), (192.0, 192.0, 190.0))
    if building.look == "hospital":
        arm = np.minimum(np.abs(p), np.abs(q))
        cross = np.minimum(1.1 - arm, 3.6 - np.maximum(np.abs(p), np.abs(q)))
        patch.lay(patch.edge(5.2 - np.hypot(p, q)), (206.0, 204.0, 200.0))
        patch.lay(patch.edge(cross), (172.0, 62.0, 56.0))
