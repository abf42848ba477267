"""A small survey of pipes as a crew hands it in, with faults that a check must find.

A street of water mains and a street of sewers in the invented town: first all is right, then the
faults are planted one by one, each of one rule (``FAULTS``).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl

from sample_city.frame import place
from sample_city.terrain import height_at

POINTS = (
    "管线点号",
    "X坐标(m)",
    "Y坐标(m)",
    "地面高程(m)",
    "管线种类",
    "特征",
    "附属物",
    "井深(m)",
)
LINES = (
    "管段编号", "起点点号", "止点点号", "起点埋深(m)", "止点埋深(m)", "起点高程(m)", "止点高程(m)",
    "高程部位", "管径", "材质", "流向", "管线种类",
)  # fmt: skip
FAULTS = {  # rule: how many findings the planted faults make
    "point_missing": 1, "point_unused": 1, "point_twice": 1, "segment_twice": 1,
    "segment_self": 1, "attribute": 2, "unreadable": 2, "elev_ref": 1, "balance": 1,
    "same_depth": 1, "too_long": 1, "degree": 2, "uphill": 1, "code": 1, "near_points": 1,
    "loose_end": 1,
}  # fmt: skip
_DATED = dt.datetime(2026, 1, 1)  # noqa: DTZ001 a workbook's dates have no zone
STEP = 40.0


def deliver(folder: Path) -> None:
    """Write the workbook, and the table of points as the GBK text that older programs save."""
    folder.mkdir(parents=True, exist_ok=True)
    points, lines = tables()
    _workbook(folder / "survey.xlsx", points, lines)
    for name, heads, rows in (("points", POINTS, points), ("lines", LINES, lines)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows([heads, *rows])
        (folder / f"{name}.csv").write_bytes(text.getvalue().encode("gbk"))


def clean() -> tuple[list[list[Any]], list[list[Any]]]:
    """Rows of both tables without a fault."""
    points: list[list[Any]] = []
    lines: list[list[Any]] = []
    _mains(points, lines)
    _sewers(points, lines)
    return points, lines


def tables() -> tuple[list[list[Any]], list[list[Any]]]:
    """Rows of both tables with the planted faults."""
    points, lines = clean()
    row = {p[0]: p for p in points}
    pipe = {line[0]: line for line in lines}
    pipe["JSX005"][2] = "JSO6"  # the letter O: point_missing, and degree of the true one
    points.append(["JS90", *row["JS03"][1:3], row["JS03"][3], "JS", "起止点", "", 1.7])
    points[-1][1] = round(points[-1][1] + 25.0, 3)  # point_unused
    points.append([*row["WS02"]])  # point_twice
    lines.append(["JSX090", "JS02", "JS01", *pipe["JSX001"][3:]])  # segment_twice
    lines[-1][3:7] = [pipe["JSX001"][k] for k in (4, 3, 6, 5)]
    lines.append(["JSX091", "JS04", "JS04", *pipe["JSX004"][3:]])  # segment_self
    lines[-1][4], lines[-1][6] = lines[-1][3], lines[-1][5]
    pipe["JSX002"][8] = None  # attribute: no diameter
    pipe["JSX003"][9] = ""  # attribute: no material
    row["JS05"][7] = _DATED  # unreadable: a date in a column of depths
    row["WS03"][7] = "约1.8"  # unreadable
    pipe["JSX004"][7] = ""  # elev_ref
    pipe["JSX006"][5] = round(pipe["JSX006"][5] + 0.5, 3)  # balance
    pipe["WSX003"][3] = round(pipe["WSX003"][3] - 0.3, 3)  # same_depth; heights follow
    pipe["WSX003"][5] = round(pipe["WSX003"][5] + 0.3, 3)
    pipe["WSX005"][10] = -1  # uphill
    row["JS08"][4] = "KK"  # code
    return points, lines


def _point(
    points: list[list[Any]], no: str, u: float, v: float, feature: str, kind: str
) -> float:  # fmt: skip
    x, y = place(u, v)
    ground = round(height_at(x, y), 3)
    fitting = "检查井" if kind == "WS" else ""
    # A survey's X is the northing.
    points.append([no, round(y, 3), round(x, 3), ground, kind, feature, fitting, 1.7])
    return ground


def _mains(points: list[list[Any]], lines: list[list[Any]]) -> None:
    """JS01 to JS08 along a street, a tee at JS03 with a branch, and a free end beside it."""
    grounds = {}
    for i in range(1, 9):
        feature = {1: "起止点", 3: "三通", 8: "起止点"}.get(i, "直线点")
        grounds[i] = _point(points, f"JS{i:02d}", -400.0 + STEP * i, 2.2, feature, "JS")
    for i in range(1, 8):
        both = (grounds[i], grounds[i + 1])
        _line(lines, f"JSX{i:03d}", f"JS{i:02d}", f"JS{i + 1:02d}", both, (1.4, 1.4), "管顶",
              "DN200", "球墨铸铁", 0, "JS")  # fmt: skip
    end = _point(points, "JS20", -400.0 + 3 * STEP, 92.2, "起止点", "JS")  # 90 m: too_long
    _line(lines, "JSX020", "JS03", "JS20", (grounds[3], end), (1.4, 1.4), "管顶", "DN150", "PE",
          0, "JS")  # fmt: skip
    near = _point(points, "JS30", -400.0 + 4.5 * STEP, 2.9, "弯头", "JS")  # loose_end, degree
    far = _point(points, "JS31", -400.0 + 4.5 * STEP, 40.0, "起止点", "JS")
    _line(lines, "JSX030", "JS30", "JS31", (near, far), (1.4, 1.4), "管顶", "DN100", "PE", 0, "JS")
    twin = _point(points, "JS41", -400.0 + 8 * STEP + 0.05, 2.2, "起止点", "JS")  # near_points
    last = _point(points, "JS42", -400.0 + 9 * STEP, 2.2, "起止点", "JS")
    _line(lines, "JSX041", "JS41", "JS42", (twin, last), (1.4, 1.4), "管顶", "DN200", "球墨铸铁",
          0, "JS")  # fmt: skip


def _sewers(points: list[list[Any]], lines: list[list[Any]]) -> None:
    """WS01 to WS06 with falling inverts."""
    grounds: dict[int, float] = {}
    inverts: dict[int, float] = {}
    for i in range(1, 7):
        feature = {1: "起止点", 6: "出水口"}.get(i, "直线点")
        grounds[i] = _point(points, f"WS{i:02d}", -400.0 + 35.0 * i, -0.8, feature, "WS")
        low = grounds[i] - 1.8 if i == 1 else min(grounds[i] - 1.8, inverts[i - 1] - 0.12)
        inverts[i] = round(low, 3)
    for i in range(1, 6):
        depths = tuple(round(grounds[k] - inverts[k], 3) for k in (i, i + 1))
        _line(lines, f"WSX{i:03d}", f"WS{i:02d}", f"WS{i + 1:02d}", (grounds[i], grounds[i + 1]),
              (depths[0], depths[1]), "管底", "400", "HDPE双壁波纹管", 1, "WS")  # fmt: skip


def _line(
    lines: list[list[Any]], no: str, start: str, end: str, grounds: tuple[float, float],
    depths: tuple[float, float], reference: str, size: str, material: str, flow: int, kind: str,
) -> None:  # fmt: skip
    levels = [round(g - d, 3) for g, d in zip(grounds, depths, strict=True)]
    lines.append([no, start, end, *depths, *levels, reference, size, material, flow, kind])


def _workbook(path: Path, points: Sequence[Any], lines: Sequence[Any]) -> None:
    """Two sheets under a merged title; zipped anew with one date, so that every run is alike."""
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("管线线表")
    first.title = "管线点表"
    for sheet, title, heads, rows in ((first, "管线点成果表", POINTS, points),
                                      (second, "管线线成果表", LINES, lines)):  # fmt: skip
        sheet.append([f"华亭示范城 {title}（虚构）"])
        sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(heads))
        sheet.append(heads)
        for row in rows:
            sheet.append(row)
    book.properties.created = book.properties.modified = _DATED
    raw = io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in made.namelist():
            data = made.read(name)
            if name == "docProps/core.xml":  # saving dates it anew
                now = data.split(b"<dcterms:modified")[1].split(b">")[1].split(b"<")[0]
                data = data.replace(now, b"2026-01-01T00:00:00Z")
            kept.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data,
                          zipfile.ZIP_DEFLATED)  # fmt: skip
