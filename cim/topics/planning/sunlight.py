"""日照分析: does every window get its sun, before and after a scheme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from pyproj import CRS

from cim.drawn import collection, feature, listed
from cim.errors import ParameterError
from cim.evidence import figure, ground_around
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.massing import Walls, lit
from cim.geo.sun import Sun, sun_at, true_solar
from cim.geo.visibility import Eye, skyline
from cim.question import Point, english, number_field, point_field
from cim.topic import Analysis, Axis, Context, Figure, Result, Series, Table, Verdict
from cim.topics.planning.analysis.facade import Ints, Spans, Windows, in_front, spans, windows
from cim.topics.planning.asked import convergence_at, datum
from cim.topics.planning.rules import SunRule, sun_rule
from cim.topics.planning.town import MASSING, PARCEL, SCHEME, STOREY, InTown, Town, massing, town

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

REACH = 600.0  # m: a block 100 m high shades so far when the sun stands 9.5 degrees high
SLOT = 5 / 60  # h
BEFORE, PANE = 0.4, 1.5  # m: how far before its wall a window is drawn, and how tall
_COLOURS = ("#b71c1c", "#ef6c00", "#fdd835", "#9ccc65", "#2e7d32")


class SunlightParameters(InTown):
    """What sunlight asks for."""

    building: Point = point_field(
        "受检建筑",
        "点选要检验日照的建筑。",
        "Building",
        "The building whose windows are looked at.",
    )
    day: date | None = Field(
        default=None, title="日期", description="不给时取规范的标准日。",
        json_schema_extra=english("Day", "Without one, that of the rule."),
    )  # fmt: skip
    step: float = number_field(
        1.0, "时间步长", "每步取中点时刻的太阳位置。", "Step", "The sun's place is that of its "
                                              "middle.",
        "min", 0.5, 15,
        advanced=True,
    )  # fmt: skip
    sill: float = number_field(
        0.9,
        "窗台高度",
        "距楼面高度。",
        "Sill",
        "Above the floor.",
        "m",
        0,
        3,
        advanced=True,
    )
    width: float = number_field(1.5, "窗宽", "满窗：窗台两端都有日照才计。", "Window width",
                                "A window counts as sunny when both ends of its sill are.", "m",
                                0.3, 10,
        advanced=True,
    )  # fmt: skip
    apart: float = number_field(
        3.6,
        "窗间距",
        "窗中到窗中。",
        "Distance of windows",
        "From middle to middle.",
        "m",
        0.5,
        30,
        advanced=True,
    )
    terrain: str | None = Field(
        default="base.dem", title="地形图层", description="计入山体遮挡；不给则不计。",
        json_schema_extra=english("Terrain", "Its hills hide the sun too; none without.",
                                  widget="layer", kind="terrain"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """The sun's places over a span of true solar time.

    Args:
        azimuths: (k,) from grid north, degrees.
        elevations: (k,) degrees.
        step: Hours.
    """

    azimuths: Floats
    elevations: Floats
    step: float


def day_of(
    when: date, begin: float, end: float, minutes: float, place: tuple[float, float],
    convergence: float,
) -> Day:  # fmt: skip
    """The sun in the middle of each step of a span of local true solar time."""
    count = max(1, round((end - begin) * 60 / minutes))
    step = (end - begin) / count
    suns: list[Sun] = [
        sun_at(true_solar(when, begin + (i + 0.5) * step, place[0]), *place) for i in range(count)
    ]
    return Day(
        azimuths=np.array([s.azimuth - convergence for s in suns]),
        elevations=np.array([s.elevation for s in suns]), step=step,
    )  # fmt: skip


def hours(seen: Windows, around: Walls, day: Day, hills: Floats) -> Spans:
    """Sun of windows between blocks whose tops are all known.

    Args:
        seen: The windows.
        around: The blocks.
        day: The sun's places.
        hills: (k,) elevation of the ground's horizon in the sun's directions, degrees.
    """
    up = day.elevations > np.maximum(hills, 0.0)
    tangents = np.tan(np.radians(day.elevations))
    sunny = in_front(seen.facing, day.azimuths) & up
    for end in (seen.left, seen.right):
        sunny &= lit(end, day.azimuths, tangents, around)
    return spans(sunny, day.step, SLOT)


def sunlight(asked: SunlightParameters, context: Context) -> Result:
    """Sun of one building's windows."""
    crs = context.city.compute_crs
    x, y = transformer(CGCS2000, crs).transform(*asked.building)
    standing = town(context, asked, (x, y, x, y), REACH)
    row = standing.at(x, y, 30.0)
    use = str(standing.frame["use"].iloc[row] or "")
    rule = sun_rule(context.city.climate_zone, context.city.population, use)
    when, begin, end = _span(asked, rule)
    convergence = convergence_at(crs, x, y)
    day = day_of(when, begin, end, asked.step, asked.building, convergence)
    seen = _windows(standing, row, asked)
    hills, more = _hills(asked, context, (x, y), day)
    unseen = np.isnan(hills)  # once as if hills hid the sun there, once as if none did
    both = [
        hours(seen, standing.walls.known(top), day, np.where(unseen, edge, hills))
        for top, edge in ((np.inf, 90.0), (-np.inf, -90.0))
    ]
    return Result(
        summary=_figures(both, rule, when, standing, row, seen, float(unseen.mean())),
        features=collection(_features(standing, row, seen, both[0], crs), _legend(asked)),
        series=(_by_floor(seen, both[0]),),
        tables=(_table(seen, both, rule, crs),),
        provenance={
            "inputs": [*standing.inputs, *more], **datum(context), "day": str(when),
            "true_solar_hours": [begin, end], "step_minutes": asked.step,
            "convergence_deg": convergence, "least_slot_minutes": SLOT * 60,
            "rule": None if rule is None else rule.clause,
            "applicability": "建筑为等高体块，不含挑檐、阳台与树木；门窗位置按间距推定 blocks "
                             "with flat "
            "tops, no eaves, balconies or trees; windows are placed evenly, not surveyed",
        },
    )  # fmt: skip


def _span(asked: SunlightParameters, rule: SunRule | None) -> tuple[date, float, float]:
    if rule is None:
        return asked.day or date(2026, 1, 20), 8.0, 16.0
    return asked.day or date(2026, *rule.day), rule.begin, rule.end


def _windows(standing: Town, row: int, asked: SunlightParameters) -> Windows:
    building = standing.frame.iloc[row]
    if np.isnan(building["ground"]) or not building["floors"] >= 1:
        raise ParameterError(
            f"the building {building['id']} has no ground elevation or no floors",
            remedy="complete its attributes, then ask again",
        )
    found = windows(
        building.geometry, float(building["ground"]), int(building["floors"]), storey=STOREY,
        sill=asked.sill, width=asked.width, apart=asked.apart,
    )  # fmt: skip
    if not len(found.floor):
        raise ParameterError(
            f"no wall of the building {building['id']} is as wide as a window",
            remedy="make the windows narrower",
        )
    return found


def _hills(
    asked: SunlightParameters, context: Context, place: tuple[float, float], day: Day
) -> tuple[Floats, list[dict[str, Any]]]:  # fmt: skip
    """Elevation of the ground's horizon towards the sun, as seen from the building's foot.

    NaN where the ground in that direction is not known.
    """
    if asked.terrain is None:
        return np.full(day.azimuths.shape, -90.0), []
    ground = ground_around(context, asked.terrain, (asked.building,), 6000.0)
    if ground.grid.crs != context.city.compute_crs:
        place = transformer(context.city.compute_crs, ground.grid.crs).transform(*place)
    eye = Eye(x=place[0], y=place[1], height=asked.sill)
    line = skyline(ground.grid, eye, count=720, reach=6000.0, bend=0.0)
    found = np.interp(day.azimuths % 360, line.azimuths, line.elevations, period=360.0)
    version = ground.version
    return found, [{"layer": version.layer.id, "version": version.version, "key": version.key}]


def _verdict(least: float, most: float, rule: SunRule) -> Verdict:
    """Of a window that gets at least and at most so many hours, as heights are unknown."""
    if least < rule.hours - 1e-9 <= most:
        return Verdict.UNKNOWN
    if rule.evidence != "cited":
        return Verdict.NEEDS_REVIEW
    return Verdict.PASS if least >= rule.hours - 1e-9 else Verdict.FAIL


def of_worst_floor(total: Floats, floor: Ints) -> float:
    """Hours of the best window of the floor that fares worst: a sunny roof lights no ground floor.

    Flats are not surveyed; a floor that has no window with enough sun has no flat with enough.
    """
    return float(min(total[floor == f].max() for f in np.unique(floor)))


def _figures(
    both: list[Spans], rule: SunRule | None, when: date, standing: Town, row: int,
    seen: Windows, unseen: float,
) -> tuple[Figure, ...]:  # fmt: skip
    worst, best = both[0].total, both[1].total
    lowest, highest = (of_worst_floor(total, seen.floor) for total in (worst, best))
    dark = None if rule is None else sum(
        bool(worst[seen.floor == f].max() < rule.hours - 1e-9) for f in np.unique(seen.floor)
    )  # fmt: skip
    source = f"{standing.source}，{when} 真太阳时 true solar time"
    building = standing.frame.iloc[row]
    short = None if rule is None else int((worst < rule.hours - 1e-9).sum())
    margin = None if rule is None else lowest - rule.hours
    return (
        figure("building", "受检建筑", "Building", str(building["name"] or building["id"]), "",
               standing.source),
        figure("windows", "窗数", "Windows", len(worst), "1", source),
        figure("least", "最少日照（满窗累计）", "Least sun", float(worst.min()), "h", source),
        figure("most", "最多日照（满窗累计）", "Most sun", float(worst.max()), "h", source),
        figure("required", "标准日照时数", "Hours required", None if rule is None else rule.hours,
               "h", "" if rule is None else f"{rule.clause}（{rule.evidence}）",
               verdict=Verdict.UNKNOWN if rule is None else
               _verdict(lowest, highest, rule)),
        figure("margin", "最不利楼层最佳窗与标准之差", "Best window of the worst floor beyond it",
               margin, "h", source),
        figure("dark_floors", "无一窗达标的楼层", "Floors without a window that has it", dark, "1",
               source),
        figure("short", "不足标准的窗数", "Windows below it", short, "1", source),
        figure("hills_unknown", "山体遮挡不明的时段占比", "Share of the time with hills unknown",
               100 * unseen, "%", source, verdict=Verdict.UNKNOWN if unseen > 0 else None),
        figure("doubtful", "因周边高度或山体不明而不定的窗数", "Windows in doubt",
               int((np.abs(worst - best) > 1e-9).sum()), "1", source),
        figure("unknown_blocks", "周边缺高度的建筑", "Blocks without a height", standing.unknown,
               "1", standing.source),
    )  # fmt: skip


def _legend(asked: SunlightParameters) -> list[tuple[str, str, str]]:
    """The colours of windows by their hours, and of the scheme."""
    last = len(_COLOURS) - 1
    rows = [
        (color, f"{n}–{n + 1} 小时" if n < last else f"≥{n} 小时",
         f"{n} to {n + 1} h" if n < last else f"{n} h and more")
        for n, color in enumerate(_COLOURS)
    ]  # fmt: skip
    return [*rows, (MASSING, f"方案 {asked.scheme}", f"Scheme {asked.scheme}")] if (
        asked.scheme) else rows  # fmt: skip


def _colour(value: float) -> str:
    return _COLOURS[min(int(value), len(_COLOURS) - 1)]


def _features(
    standing: Town, row: int, seen: Windows, found: Spans, crs: CRS
) -> list[dict[str, Any]]:
    building = standing.frame.iloc[row]
    # around the roof: an outline on the ground would be smeared down the walls
    roof = shapely.force_3d(shapely.boundary(building.geometry), float(np.nan_to_num(
        building["top"], nan=building["ground"])) + BEFORE)  # fmt: skip
    drawn = [feature(roof, "受检建筑", "Building", crs=crs, color="#ffffff", width=3,
                     at_height=True)]  # fmt: skip
    drawn += massing(standing, crs)
    # on the wall, and a little before it: in the wall itself the mesh would hide them
    turn = np.radians(seen.facing)
    before = BEFORE * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    ends = zip(seen.left[:, :2] + before, seen.right[:, :2] + before, strict=True)
    for wall, sill, value, floor in zip(ends, seen.left[:, 2], found.total, seen.floor,
                                        strict=True):  # fmt: skip
        drawn.append(feature(
            shapely.LineString(wall), f"{floor} 层窗 {value:.2f} h",
            f"Floor {floor}: {value:.2f} h",
            crs=crs, color=_colour(float(value)), bottom=round(float(sill), 2),
            top=round(float(sill) + PANE, 2),
            properties={"hours": round(float(value), 3), "floor": int(floor)},
        ))  # fmt: skip
    return drawn


def _by_floor(seen: Windows, found: Spans) -> Series:
    floors = np.unique(seen.floor)
    least = np.array([found.total[seen.floor == f].min() for f in floors])
    most = np.array([found.total[seen.floor == f].max() for f in floors])
    return Series(
        title="各层日照", title_en="Sun by floor",
        x=Axis(title="楼层", title_en="Floor", unit="1", values=[float(f) for f in floors]),
        y=(Axis(title="最少", title_en="Least", unit="h", values=listed(least, 3)),
           Axis(title="最多", title_en="Most", unit="h", values=listed(most, 3))),
    )  # fmt: skip


def _table(seen: Windows, both: list[Spans], rule: SunRule | None, crs: CRS) -> Table:
    places = to_lonlat(crs, seen.middle[:, :2]).round(7).tolist()
    rows = []
    for i in np.lexsort((both[0].total, seen.floor)).tolist():
        verdict = Verdict.UNKNOWN if rule is None else _verdict(
            float(both[0].total[i]), float(both[1].total[i]), rule)  # fmt: skip
        rows.append({
            "floor": int(seen.floor[i]), "facing": round(float(seen.facing[i]), 1),
            "sill": round(float(seen.left[i, 2]), 2),
            "hours": round(float(both[0].total[i]), 3),
            "longest": round(float(both[0].longest[i]), 3), "verdict": verdict.value,
            "place": places[i],
        })  # fmt: skip
    return Table(
        title="逐窗日照", title_en="Windows",
        columns=(("floor", "楼层", "Floor", "1"), ("facing", "朝向（网格北）", "Facing", "deg"),
                 ("sill", "窗台高程", "Sill", "m"), ("hours", "日照时数", "Sun", "h"),
                 ("longest", "最长连续", "Longest stretch", "h"),
                 ("verdict", "结论", "Verdict", "")),
        rows=rows[:2000],
    )  # fmt: skip


SUNLIGHT = Analysis(
    id="planning.sunlight",
    guide="planning.md",
    title="这栋楼的窗户够不够日照（方案前后）",
    title_en="Do this building's windows get their sun",
    summary=(
        "按真太阳时逐分钟判断每扇窗（满窗）是否有日照，计入周边建筑、方案体块与山体，按城市气候区和规模取标准；"
        "未核实的条款只给待复核，周边缺高度时给无法判定。"
    ),
    summary_en=(
        "Minute by minute of true solar time, whether the sun reaches both ends of each window's "
        "sill past the buildings around, a scheme's massing and the hills; the rule is that of the "
        "city's climate zone and size. Unverified clauses give a review, unknown heights UNKNOWN."
    ),
    parameters=SunlightParameters,
    run=sunlight,
    version=2,
    example={"building": [106.64684, 35.22066], "scheme": "A"},
    reads=lambda a: tuple(x for x in (a.buildings, a.terrain, a.scheme and SCHEME,
                                      a.scheme and PARCEL) if x),
    references=(
        "GB 50180-2018 表 4.0.9（未核对原文 unverified）",
        "GB/T 50947-2014 建筑日照计算参数标准（未核对原文 unverified）",
        "Meeus (1998), Astronomical Algorithms, 2nd ed., chapters 22, 25, 28",
    ),
)  # fmt: skip
