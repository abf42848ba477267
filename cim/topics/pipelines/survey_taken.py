"""Taking in a survey: its files, its units, its places; what cannot be right is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from pyproj import CRS

from cim.catalog.elevation import Ground, around
from cim.errors import NotFoundError, OutsideCityError, ParameterError
from cim.geo.area import distances_along
from cim.geo.crs import CGCS2000, resolve, to_lonlat, transformer
from cim.question import Upload, english, file_field, layer_field, number_field
from cim.topic import Context, Figure, Parameters, Verdict
from cim.topics.pipelines.analysis.survey import scale_of_lengths
from cim.topics.pipelines.analysis.survey_rows import (
    FOOT,
    PointRecord,
    Reader,
    Survey,
    lines_of,
    placed,
    points_of,
)
from cim.topics.pipelines.survey_file import Sheet, read

Floats = npt.NDArray[np.float64]

ASKED_HEIGHTS = 100
NEAR_FOOT = 0.03
DATUM = 30.0  # m: a survey's ground this far from the DEM is of another datum or place
MARGIN = 0.05  # of the city's bounds, degrees
WIDEST = 40_000.0  # m: heights of a survey wider than this are not compared with the DEM


class SurveyParameters(Parameters):
    """What a check of a survey asks for."""

    points: Upload = file_field(
        "管线点表", "管线点成果表（.xlsx、.csv 或压缩的 shapefile）；同一工作簿可同时含管段表。",
        "Table of points", "Points of the survey (.xlsx, .csv or a zipped shapefile); one workbook "
        "may hold the segments too.", accept=".xlsx,.csv,.txt,.zip",
    )  # fmt: skip
    lines: Upload | None = file_field(
        "管段表", "管线线成果表；若已在同一工作簿中可不填。",
        "Table of segments", "Segments of the survey; none where the workbook holds them.",
        accept=".xlsx,.csv,.txt,.zip", default=None,
    )  # fmt: skip
    crs: str = Field(
        default="", max_length=200, title="坐标系",
        description="坐标的投影坐标系，如 EPSG:4545；空为城市计算坐标系。",
        json_schema_extra=english(
            "CRS", "Projected CRS of the coordinates, such as EPSG:4545; empty: the city's own.",
        ),
    )  # fmt: skip
    units: Literal["m", "ft"] = Field(
        default="m", title="高程与埋深单位", description="高程、埋深的单位；疑似英尺而填米时拒绝。",
        json_schema_extra=english(
            "Unit of heights", "Of elevations and depths; where they look like feet and metres "
            "are stated, it is refused.",
            choices={"m": ["米", "metres"], "ft": ["英尺", "feet"]},
        ),
    )  # fmt: skip
    reference: Literal["column", "top", "invert", "centre"] = Field(
        default="column", title="高程部位",
        description="管线高程是管顶、管底还是中心；column 为按表中列。",
        json_schema_extra=english(
            "Elevations are of", "Top, invert or centre of the pipe, where the table has no "
            "column that says it.",
            choices={"column": ["按表中列", "as its column says"], "top": ["管顶", "top"],
                     "invert": ["管底", "invert"], "centre": ["中心", "centre"]},
        ),
    )  # fmt: skip
    terrain: str = layer_field(
        "base.dem", "地形图层", "与地面高程比对的地形图层；未发布则不比对。",
        "Terrain layer", "Whose heights the ground elevations are compared with.", kind="terrain",
        advanced=True,
    )  # fmt: skip
    longest: float = number_field(
        75.0, "管段最大长度", "超过即提示；依据资料并列 75 与 50 米。",
        "Longest segment", "Longer ones are told; the source gives 75 and 50 m.", "m", 1.0, 1000.0,
        advanced=True,
    )  # fmt: skip
    steepest: float = number_field(
        30.0, "管段最大坡角", "超过即提示；依据资料并列 10 与 30 度。",
        "Steepest segment", "Steeper ones are told; the source gives 10 and 30 degrees.", "deg",
        1.0, 89.0, advanced=True,
    )  # fmt: skip
    balance: float = number_field(
        0.02, "高程较差容差", "地面高程与埋深加管线高程之差的容差，也用于同点埋深。",
        "Tolerance of heights", "Of ground against depth plus elevation, and of depths at one "
        "point.", "m", 0.0, 1.0, advanced=True,
    )  # fmt: skip
    snap: float = number_field(
        1.0, "悬空端点搜索距离", "悬空端点到其他管段的最大距离。",
        "Search of free ends", "Farthest segment that a free end may have missed.", "m", 0.01,
        20.0, advanced=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """A survey as it was taken in."""

    survey: Survey
    sheets: Sequence[Sheet]
    crs: CRS
    axes: str
    notes: tuple[str, ...]


def take(asked: SurveyParameters, context: Context) -> Taken:
    """Read the files; refuse units and coordinates that cannot be what they are said to be."""
    sheets = [s for one in (asked.points, asked.lines) if one for s in read(context.upload(one))]
    points = [sheet for sheet in sheets if sheet.role == "points"]
    lines = [sheet for sheet in sheets if sheet.role == "lines"]
    for found, name in ((points, "points (点号, X, Y)"), (lines, "segments (起点点号, 止点点号)")):
        if not found:
            raise ParameterError(
                f"the files hold no table of {name}",
                remedy="hand in both tables, as two files or as two sheets of one workbook",
            )
    reader = {"points": Reader(_metre(asked)), "lines": Reader(_metre(asked))}
    plane = resolve(asked.crs).crs if asked.crs.strip() else context.city.compute_crs
    if not plane.is_projected:
        raise ParameterError(f"{asked.crs} is in degrees", remedy="name a projected CRS")
    raw = [p for s in points for p in points_of(s.rows, s.first, reader["points"])]
    assumed = "" if asked.reference == "column" else asked.reference
    records = [r for s in lines for r in lines_of(s.rows, s.first, reader["lines"], assumed)]
    placing = placed(raw, lambda at: _inside(at, plane, context))
    if placing is None:
        raise _outside(raw, plane)
    survey = Survey(
        points=placing[0], lines=records,
        unread=[(role, cell) for role in ("points", "lines") for cell in reader[role].unread],
    )  # fmt: skip
    _refuse_feet(survey)
    notes = tuple(dict.fromkeys(note for sheet in sheets for note in sheet.notes))
    return Taken(survey=survey, sheets=sheets, crs=plane, axes=placing[1], notes=notes)


def _metre(asked: SurveyParameters) -> float:
    return FOOT if asked.units == "ft" else 1.0


def _inside(at: Floats, plane: CRS, context: Context) -> npt.NDArray[np.bool_]:
    """Which eastings and northings lie in the city."""
    west, south, east, north = context.city.bounds
    with np.errstate(invalid="ignore"):
        lonlat = to_lonlat(plane, at)
    return np.asarray(
        (lonlat[:, 0] > west - MARGIN) & (lonlat[:, 0] < east + MARGIN)
        & (lonlat[:, 1] > south - MARGIN) & (lonlat[:, 1] < north + MARGIN)
    )  # fmt: skip


def _outside(points: Sequence[PointRecord], plane: CRS) -> OutsideCityError:
    known = [(p.x, p.y) for p in points if p.x is not None and p.y is not None]
    if not known:
        return OutsideCityError("no point has coordinates", remedy="fill the columns X and Y")
    x, y = np.median(np.array(known, np.float64), axis=0)
    return OutsideCityError(
        f"most points lie outside the city, around X {x:,.1f}, Y {y:,.1f} in {plane.name}, "
        "whichever of the two is the northing",
        remedy="name the CRS that the coordinates are in (crs); where they carry a zone number, "
        "the one with it; coordinates in feet must be transformed first",
    )


def _refuse_feet(survey: Survey) -> None:
    scale = scale_of_lengths(survey)
    if scale is None:
        return
    for feet, what in ((scale * FOOT, "coordinates"), (scale / FOOT, "stated lengths")):
        if abs(feet - 1) < NEAR_FOOT:
            raise ParameterError(
                f"between their points the segments are {scale:.3f} times as long as stated: the "
                f"{what} look like feet",
                remedy="transform them to metres, or drop the column of lengths",
            )


def against_ground(
    taken: Taken, asked: SurveyParameters, context: Context
) -> list[Figure]:  # fmt: skip
    """Ground elevations beside the DEM's; feet are refused, another datum told."""
    known = [p for p in taken.survey.points
             if p.x is not None and p.y is not None and p.ground is not None]  # fmt: skip
    known = known[:: max(1, len(known) // ASKED_HEIGHTS)]
    if not known:
        return []
    lonlat = to_lonlat(taken.crs, np.array([(p.x, p.y) for p in known], np.float64))
    try:
        ground = _ground(lonlat, asked, context)
    except (NotFoundError, ParameterError) as error:
        return [_height_figure(None, f"无法比对 not compared: {error.reason}")]
    if ground is None:
        return [_height_figure(None, "范围过大未比对 too wide to compare")]
    x, y = transformer(CGCS2000, ground.grid.crs).transform(lonlat[:, 0], lonlat[:, 1])
    own = ground.grid.bilinear_at(np.asarray(x), np.asarray(y))
    theirs = np.array([p.ground for p in known], np.float64)
    fine = np.isfinite(own)
    if not fine.any():
        return [_height_figure(None, f"{asked.terrain} 在此无高程 knows no height there")]
    ratio = float(np.median(theirs[fine] / own[fine]))
    for feet in (ratio * FOOT, ratio / FOOT):
        if abs(feet - 1) < NEAR_FOOT:
            raise ParameterError(
                f"the ground elevations are {ratio:.3f} times those of {asked.terrain}: one of "
                "them is in feet",
                remedy="say units=ft, or units=m where the file is in metres after all",
            )
    off = float(np.median(theirs[fine] - own[fine]))
    source = f"{ground.version.layer.id} v{ground.version.version}，{int(fine.sum())} 点 points"
    return [_height_figure(round(off, 2), source)]


def _ground(lonlat: Floats, asked: SurveyParameters, context: Context) -> Ground | None:
    low, high = lonlat.min(axis=0), lonlat.max(axis=0)
    reach = float(distances_along(np.stack([low, high]))[-1]) / 2 + 50.0
    if reach > WIDEST:
        return None
    middle = (low + high) / 2
    return around(context.engine, context.files, asked.terrain,
                  (float(middle[0]), float(middle[1])), reach)  # fmt: skip


def _height_figure(value: float | None, evidence: str) -> Figure:
    far = value is not None and abs(value) > DATUM
    return Figure(
        key="ground_offset", title="地面高程减 DEM（中位数）",
        title_en="Ground elevations minus the DEM (median)", value=value, unit="m",
        verdict=Verdict.UNKNOWN if value is None else Verdict.NEEDS_REVIEW if far else None,
        evidence=evidence,
    )  # fmt: skip
