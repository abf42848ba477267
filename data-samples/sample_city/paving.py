"""Paint of the town's ground: blocks by use, sidewalks, carriageways, markings and cars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sample_city import noise
from sample_city.canvas import Canvas, Colour
from sample_city.noise import hashed, smoothstep
from sample_city.terrain import river_axis
from sample_city.town import BRIDGE_HALF, SIDEWALK, Block, Street

Floats = npt.NDArray[np.float64]

PAVED: dict[str, Colour] = {
    "residential": (166, 161, 151), "tower": (170, 165, 156), "old": (158, 146, 126),
    "village": (152, 142, 120), "commercial": (176, 170, 160), "school": (168, 161, 149),
    "government": (182, 175, 163), "hospital": (174, 170, 162), "heating": (122, 118, 112),
    "industrial": (158, 154, 146), "treatment": (150, 148, 136), "fire": (150, 148, 144),
    "park": (120, 128, 86),
}  # fmt: skip
LAWN: Colour = (112.0, 123.0, 82.0)
GREEN = {"residential": 0.42, "tower": 0.5, "hospital": 0.35, "government": 0.35, "school": 0.2,
         "treatment": 0.6, "village": 0.35, "old": 0.12, "industrial": 0.15}  # fmt: skip
SIDE: Colour = (170.0, 163.0, 153.0)
ASPHALT: Colour = (104.0, 103.0, 102.0)
CARS = np.array(
    [(214, 214, 212), (60, 62, 66), (150, 152, 156), (196, 194, 188), (140, 48, 44), (62, 78, 112),
     (228, 228, 226), (92, 88, 84)],
    dtype=np.float64,
)  # fmt: skip


def paint(canvas: Canvas, blocks: list[Block], streets: list[Street]) -> None:
    """Lay the town over the country."""
    rough = noise.fractal(canvas.window, 6.0, 81)
    broad = noise.fractal(canvas.window, 38.0, 83)
    for block in blocks:
        if block.use != "field":
            _block(canvas, block, broad, rough)
    visible = [s for s in streets if _seen(canvas, s)]
    for street in visible:
        if street.width >= 9.0:
            canvas.lay(canvas.edge(_inside(canvas, street, SIDEWALK)), SIDE)
    tone = 1.0 + 0.025 * rough[..., None] + 0.03 * broad[..., None]
    for street in visible:
        paved = ASPHALT if street.width > 4.0 else (164.0, 158.0, 146.0)
        canvas.lay(canvas.edge(_inside(canvas, street, 0.25)), (186.0, 182.0, 174.0))
        canvas.lay(canvas.edge(_inside(canvas, street, 0.0)), np.array(paved) * tone)
    for street in visible:
        if street.width >= 9.0:
            _markings(canvas, street, streets)
            _cars(canvas, street, streets)


def _inside(canvas: Canvas, street: Street, more: float) -> Floats:
    """Metres inside a street's rectangle grown by ``more``."""
    u, v = canvas.uv
    along, across = (u, v) if street.along else (v, u)
    side = street.width / 2 + more - np.abs(across - street.at)
    ends = np.minimum(along - street.start, street.end - along) + street.width / 2 + more
    result: Floats = np.minimum(side, ends)
    if not street.along and street.start < river_axis(np.array([street.at]))[0]:
        wet = np.abs(along - river_axis(u)) - BRIDGE_HALF + 4.0
        result = np.minimum(result, np.where(wet < 0.0, street.width / 2 + 0.5 - np.abs(u), result))
    return result


def _seen(canvas: Canvas, street: Street) -> bool:
    u, v = canvas.uv
    along, across = (u, v) if street.along else (v, u)
    room = street.width / 2 + SIDEWALK + 1.0
    return bool(
        across.min() - room < street.at < across.max() + room
        and along.min() - room < street.end
        and along.max() + room > street.start
    )


def _block(canvas: Canvas, block: Block, broad: Floats, rough: Floats) -> None:
    u, v = canvas.uv
    inside = np.minimum(
        np.minimum(u - block.west, block.east - u), np.minimum(v - block.south, block.north - v)
    )
    if inside.max() < -1.0:
        return
    mask = canvas.edge(inside)
    canvas.lay(mask, np.array(PAVED[block.use]) * (1.0 + 0.03 * rough[..., None]))
    green = GREEN.get(block.use, 0.0)
    if green:
        lawn = smoothstep(0.02, 0.08, broad - (0.55 - green)) * mask
        canvas.lay(0.9 * lawn, np.array(LAWN) * (1.0 + 0.06 * rough[..., None]))
    special = _SPECIAL.get(block.use)
    if special:
        special(canvas, block, mask, rough)


def _school(canvas: Canvas, block: Block, _mask: Floats, _rough: Floats) -> None:
    """A running track round a pitch, and two basketball courts."""
    u, v = canvas.uv
    p, q = v - (block.south + block.north) / 2, u - (block.east - 36.0)
    radius = np.hypot(np.maximum(np.abs(p) - 30.0, 0.0), q)
    canvas.lay(canvas.edge(31.0 - radius), (152.0, 92.0, 76.0))
    lane = np.abs((radius - 22.0) % 1.5 - 0.75) - 0.68
    canvas.lay(0.5 * canvas.edge(lane) * (radius > 21.6) * (radius < 30.6), (206.0, 190.0, 180.0))
    stripe = np.where(np.floor(p / 6.0) % 2 == 0, 1.04, 0.95)
    canvas.lay(canvas.edge(21.8 - radius), np.array((98.0, 124.0, 78.0)) * stripe[..., None])
    for offset in (-1, 1):
        court = np.minimum(7.5 - np.abs(u - block.west - 52.0 - offset * 9.0),
                           14.0 - np.abs(v - block.south - 37.0))  # fmt: skip
        canvas.lay(canvas.edge(court), (96.0, 124.0, 112.0))
        canvas.lay(0.8 * canvas.edge(0.09 - np.abs(court - 0.5)), (220.0, 220.0, 214.0))


def _government(canvas: Canvas, block: Block, mask: Floats, rough: Floats) -> None:
    """A paved square with a grid of slabs, a pool and lawns either side."""
    u, v = canvas.uv
    middle = (block.west + block.east) / 2
    front = canvas.edge(block.south + 66.0 - v) * mask
    canvas.lay(front, np.array((188.0, 181.0, 168.0)) * (1.0 + 0.02 * rough[..., None]))
    joint = np.minimum(np.abs(u % 8.0 - 4.0), np.abs(v % 8.0 - 4.0))
    canvas.lay(0.35 * front * canvas.edge(0.25 - joint), (150.0, 140.0, 128.0))
    for side in (-1, 1):
        lawn = np.minimum(
            9.0 - np.abs(u - middle - side * 24.0), 20.0 - np.abs(v - block.south - 32.0)
        )
        canvas.lay(front * canvas.edge(lawn + 0.4), (200.0, 196.0, 188.0))
        canvas.lay(front * canvas.edge(lawn), np.array(LAWN) * (1.0 + 0.05 * rough[..., None]))
    pool = 6.5 - np.hypot(u - middle, v - block.south - 34.0)
    canvas.lay(canvas.edge(pool + 0.8), (206.0, 202.0, 194.0))
    canvas.lay(canvas.edge(pool), (112.0, 140.0, 142.0))


def _park(canvas: Canvas, block: Block, mask: Floats, rough: Floats) -> None:
    """Lawn, a pond and winding paths."""
    u, v = canvas.uv
    canvas.lay(mask, np.array(LAWN) * (1.02 + 0.06 * rough[..., None]))
    pu, pv = u - (block.west + block.east) / 2, v - (block.south + block.north) / 2
    loop = np.abs(np.hypot(pu / 1.15, pv) - 44.0 - 5.0 * np.sin(np.arctan2(pv, pu) * 5.0))
    path = np.minimum(loop, np.abs(pu - 9.0 * np.sin(pv / 19.0)))
    canvas.lay(mask * canvas.edge(1.5 - path), (184.0, 174.0, 154.0))
    pond = 19.0 - np.hypot((pu - 14.0) / 1.3, pv + 6.0) + 3.0 * np.sin(pu / 6.0)
    canvas.lay(mask * canvas.edge(pond + 1.2), (168.0, 160.0, 142.0))
    canvas.lay(mask * canvas.edge(pond), (94.0, 118.0, 108.0))


def _treatment(canvas: Canvas, block: Block, mask: Floats, rough: Floats) -> None:
    """Round clarifiers and rectangular basins."""
    u, v = canvas.uv
    canvas.lay(mask, np.array((142.0, 142.0, 112.0)) * (1.0 + 0.05 * rough[..., None]))
    for index in range(3):
        radius = np.hypot(u - block.west - 26.0 - 44.0 * index, v - block.south - 36.0)
        canvas.lay(canvas.edge(16.6 - radius), (186.0, 184.0, 178.0))
        canvas.lay(canvas.edge(15.6 - radius), (104.0, 112.0, 92.0))
        canvas.lay(
            canvas.edge(0.8 - np.abs(v - block.south - 36.0)) * (radius < 16.0),
            (178.0, 176.0, 170.0),
        )
    for index in range(4):
        basin = np.minimum(
            14.0 - np.abs(u - block.west - 24.0 - 34.0 * index),
            7.0 - np.abs(v - block.south - 72.0),
        )
        canvas.lay(canvas.edge(basin + 0.6), (184.0, 182.0, 176.0))
        canvas.lay(canvas.edge(basin), (116.0, 112.0, 90.0))


def _heating(canvas: Canvas, block: Block, mask: Floats, rough: Floats) -> None:
    """Coal dust, darkest at the store."""
    u, v = canvas.uv
    heap = 36.0 - np.hypot((u - block.west - 52.0) / 1.4, v - block.south - 34.0)
    canvas.lay(0.6 * mask * smoothstep(-16.0, 12.0, heap + 5.0 * rough), (78.0, 75.0, 73.0))


_SPECIAL: dict[str, Callable[[Canvas, Block, Floats, Floats], None]] = {
    "school": _school,
    "government": _government,
    "park": _park,
    "treatment": _treatment,
    "heating": _heating,
}


def _free(street: Street, along: Floats, streets: list[Street]) -> Floats:
    """Metres along a street to the nearest crossing carriageway; < 0 on a crossing."""
    room = np.minimum(along - street.start, street.end - along) + 1.0
    for other in streets:
        if other.along != street.along and other.start - 1.0 <= street.at <= other.end + 1.0:
            room = np.minimum(room, np.abs(along - other.at) - other.width / 2)
    return room


def _markings(canvas: Canvas, street: Street, streets: list[Street]) -> None:
    """Centre line, lane lines, edge lines and zebra crossings."""
    if canvas.window.gsd > 0.7:
        return
    u, v = canvas.uv
    along, across = (u, v) if street.along else (v, u)
    offset = across - street.at
    room = _free(street, along, streets)
    straight = canvas.edge(room - 6.5)
    white = (208.0, 208.0, 204.0)
    if street.lanes >= 4:
        double = canvas.edge(0.09 - np.abs(np.abs(offset) - 0.16))
        canvas.lay(0.8 * double * straight, (198.0, 170.0, 92.0))
        dash = (along % 10.0 < 4.5) * canvas.edge(0.08 - np.abs(np.abs(offset) - street.width / 4))
        canvas.lay(0.7 * dash * straight, white)
    else:
        dash = (along % 8.0 < 4.0) * canvas.edge(0.08 - np.abs(offset))
        canvas.lay(0.75 * dash * straight, (200.0, 178.0, 110.0))
    rim = canvas.edge(0.07 - np.abs(np.abs(offset) - street.width / 2 + 0.6))
    canvas.lay(0.55 * rim * straight, white)
    zebra = canvas.edge(1.8 - np.abs(room - 3.4)) * (np.abs(offset) < street.width / 2 - 0.7)
    canvas.lay(0.75 * zebra * canvas.edge(0.26 - np.abs(offset % 1.1 - 0.55)), white)


def _cars(canvas: Canvas, street: Street, streets: list[Street]) -> None:
    """Cars in the lanes and along the kerb, one chance in every 11 m."""
    if canvas.window.gsd > 1.1:
        return
    u, v = canvas.uv
    along, across = (u, v) if street.along else (v, u)
    offset = across - street.at
    half = street.width / 2
    for lane, (at, share) in enumerate(((half - 1.3, 0.30), (half * 0.45, 0.12))):
        for side in (-1, 1):
            seed = 900 + lane * 2 + side + (37 if street.along else 0)
            cell = np.floor(along / 11.0)
            lot = hashed(cell, int(street.at), seed).reshape(cell.shape)
            p = along - cell * 11.0 - 4.0 - 3.0 * (lot * 31 % 1)
            q = offset - side * at
            room = _free(street, cell * 11.0 + 5.5, streets)
            body = np.minimum(2.2 - np.abs(p), 0.88 - np.abs(q))
            here = (lot < share) & (room > 9.0) & (body > -1.0)
            if not here.any():
                continue
            colour = CARS[(lot * 97 % 1 * len(CARS)).astype(np.int64)]
            shadow = np.minimum(2.3 - np.abs(p), 1.1 - np.abs(q))
            canvas.lay(0.45 * here * canvas.edge(shadow), (50.0, 50.0, 50.0))
            canvas.lay(here * canvas.edge(body), colour)
            glass = np.minimum(
                np.minimum(0.7 - np.abs(q), 1.35 - np.abs(p)), np.abs(np.abs(p)) - 0.7
            )
            canvas.lay(0.75 * here * canvas.edge(glass), (58.0, 66.0, 74.0))
