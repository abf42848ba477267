"""Pressures and flows over time as CZML, for the viewer's time bar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import City
from cim.geo.crs import to_lonlat
from cim.topics.pipelines.analysis.hydraulic import DAY
from cim.topics.pipelines.solved import Solved

Floats = npt.NDArray[np.float64]

MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001 hours of an invented day; CZML wants a date
MOST_LINKS = 6000
MOST_SAMPLES = 120_000
ABOVE = 1.0  # of the ground, m: pipes lie below it and could not be seen
ZONE = "+08:00"
RAMP = np.array([  # of a share 0..1: red, orange, yellow, green, blue
    (229, 57, 53), (251, 140, 0), (253, 216, 53), (67, 160, 71), (30, 136, 229)
], np.float64)  # fmt: skip
SPEEDS = (0.05, 1.5)  # m/s, of the two ends of the ramp


def colours(share: Floats) -> npt.NDArray[np.int64]:
    """(..., 3) colours of shares; beyond 0 and 1 those of the ends."""
    at = np.clip(np.nan_to_num(share), 0.0, 1.0) * (len(RAMP) - 1)
    low = np.minimum(at.astype(np.int64), len(RAMP) - 2)
    part = (at - low)[..., None]
    return np.asarray(np.rint(RAMP[low] * (1 - part) + RAMP[low + 1] * part), np.int64)


def legend(service: float, top: float) -> list[tuple[str, str, str]]:
    """What the colours of points, and of pipes as they are played, mean.

    Args:
        service: Pressure, m, half of which is red.
        top: Pressure that is blue, m.
    """
    heads = np.linspace(service / 2, top, len(RAMP))
    words = [f"≤ {heads[0]:.0f} m", *(f"{head:.0f} m" for head in heads[1:-1]),
             f"≥ {heads[-1]:.0f} m"]  # fmt: skip
    colors = ["#" + "".join(f"{int(v):02x}" for v in color) for color in RAMP]
    slow, fast = SPEEDS
    return [
        *((color, f"压力 {word}", f"pressure {word}")
          for color, word in zip(colors, words, strict=True)),
        (colors[0], f"播放时管段流速 ≥ {fast:g} m/s", f"played pipes: {fast:g} m/s or faster"),
        (colors[-1], f"播放时管段流速 ≤ {slow:g} m/s", f"played pipes: {slow:g} m/s or slower"),
    ]  # fmt: skip


def frames(count: int, objects: int) -> list[int]:
    """Which of so many times are shown, so that the whole stays small."""
    most = max(2, min(count, MOST_SAMPLES // max(objects, 1)))
    return sorted({int(i) for i in np.linspace(0, count - 1, most).round()})


def timeline(solved: Solved, city: City, service: float) -> list[dict[str, Any]] | None:
    """CZML: pipes coloured by velocity, points by pressure; None where there is nothing to play.

    Args:
        solved: With a CRS.
        city: Whose geoid makes ellipsoidal heights of orthometric ones.
        service: Pressure at which the ramp begins to be red, m.
    """
    times = solved.simulation.times
    if solved.crs is None or len(times) < 2 or len(solved.links) > MOST_LINKS:
        return None
    shown = frames(len(times), len(solved.links) + len(solved.nodes))
    start, end = _iso(0.0), _iso(float(times[-1]))
    clock = {"interval": f"{start}/{end}", "currentTime": start, "multiplier": 1800,
             "range": "LOOP_STOP", "step": "SYSTEM_CLOCK_MULTIPLIER"}  # fmt: skip
    places = _places(solved, city)
    seconds = times[shown]
    top = max(2 * service, float(np.percentile(solved.pressure, 95)))
    by_pressure = colours((solved.pressure[shown] - service / 2) / (top - service / 2))
    low, high = SPEEDS
    by_speed = colours(1 - (np.abs(solved.velocity[shown]) - low) / (high - low))
    packets = [{"id": "document", "version": "1.0", "name": "管网水力 Hydraulics", "clock": clock}]
    for k, i in enumerate(solved.link_numbers):
        link = solved.network.links[i]
        ends = [places[link.tail], places[link.head]]
        packets.append({
            "id": f"link/{link.no}", "name": link.no,
            "polyline": {"positions": {"cartographicDegrees": _way(solved, i, ends)}, "width": 4,
                         "material": {"solidColor": {"color": _colour(start, seconds,
                                                                      by_speed[:, k])}}},
        })  # fmt: skip
    for k, i in enumerate(solved.node_numbers):
        node = solved.network.nodes[i]
        packets.append({
            "id": f"node/{node.no}", "name": node.no,
            "position": {"cartographicDegrees": places[i]},
            "point": {"pixelSize": 7, "color": _colour(start, seconds, by_pressure[:, k])},
            "properties": {"pressure_m": _sampled(start, seconds, solved.pressure[shown, k])},
        })  # fmt: skip
    return packets


def _places(solved: Solved, city: City) -> list[list[float]]:
    """Degrees and ellipsoidal heights of all nodes."""
    assert solved.crs is not None  # noqa: S101 the caller has asked
    nodes = solved.network.nodes
    lonlat = to_lonlat(solved.crs, np.array([(n.x, n.y) for n in nodes]).reshape(-1, 2))
    lift = city.geoid.undulation(lonlat[:, 0], lonlat[:, 1])
    levels = np.array([n.elevation if n.ground is None else n.ground for n in nodes], np.float64)
    heights = np.nan_to_num(levels) + ABOVE + lift
    return [[round(float(x), 8), round(float(y), 8), round(float(h), 2)]
            for (x, y), h in zip(lonlat, heights, strict=True)]  # fmt: skip


def _way(solved: Solved, link: int, ends: Sequence[list[float]]) -> list[float]:
    """The line of a link, its heights between those of its ends."""
    assert solved.crs is not None  # noqa: S101 the caller has asked
    line = solved.network.links[link].line
    lonlat = to_lonlat(solved.crs, line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    heights = np.interp(along, [0.0, max(along[-1], 1e-9)], [ends[0][2], ends[1][2]])
    return [
        round(float(v), 8 if k < 2 else 2)
        for (x, y), h in zip(lonlat, heights, strict=True) for k, v in enumerate((x, y, h))
    ]  # fmt: skip


def _colour(start: str, seconds: Floats, values: npt.NDArray[np.int64]) -> dict[str, Any]:
    if (values == values[0]).all():
        return {"rgba": [*values[0].tolist(), 255]}
    return {"epoch": start, "interpolationAlgorithm": "LINEAR", "rgba": [
        v for t, rgb in zip(seconds, values, strict=True) for v in (int(t), *rgb.tolist(), 255)
    ]}  # fmt: skip


def _sampled(start: str, seconds: Floats, values: Floats) -> dict[str, Any]:
    return {"epoch": start, "number": [
        v for t, value in zip(seconds, values, strict=True)
        for v in (int(t), round(float(value), 2))
    ]}  # fmt: skip


def _iso(seconds: float) -> str:
    return f"{(MIDNIGHT + timedelta(seconds=seconds)).isoformat()}{ZONE}"


PATTERNS = {"town": DAY, "constant": (1.0,)}
