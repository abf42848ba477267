"""Tables of a survey out of the files that surveyors hand in: Excel, CSV, zipped shapefiles."""

from __future__ import annotations

import csv
import io
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyogrio
import shapely
from openpyxl.utils.exceptions import InvalidFileException

from cim.errors import FormatError, TooLargeError
from cim.store.unpack import unpack_shapefile

MOST_ROWS = 200_000
MOST_COLUMNS = 200
MOST_UNPACKED = 400_000_000  # bytes of an xlsx
MOST_CSV = 64_000_000
HEADER_WITHIN = 20  # rows: titles and notes stand above the header
_ERRORS = ("#REF", "#VALUE", "#DIV/0", "#NAME", "#N/A", "#NUM", "#NULL")

POINT_COLUMNS = {  # our name: words of headers, without blanks, brackets and units
    "no": ("点号", "管线点号", "物探点号", "point_no", "pointno", "管点编号", "图上点号"),
    "x": ("x", "x坐标", "纵坐标", "坐标x", "北坐标"),
    "y": ("y", "y坐标", "横坐标", "坐标y", "东坐标"),
    "ground": ("地面高程", "ground_elev", "地面标高", "高程"),
    "kind": ("管线种类", "管类", "kind", "管线类型", "管线代码", "管线类别"),
    "feature": ("特征", "特征点", "feature", "点特征"),
    "appurtenance": ("附属物", "附属物名称", "appurt", "appurtenance"),
    "well_depth": ("井深", "井底深", "well_depth", "井底埋深"),
}  # fmt: skip
LINE_COLUMNS = {
    "no": ("管段编号", "管线编号", "seg_id", "线号"),
    "from": ("起点点号", "起点", "from_no", "起始点号", "起点号", "start_no"),
    "to": ("止点点号", "终点点号", "终点", "to_no", "终止点号", "终点号", "连接点号",
           "连接方向", "止点"),
    "start_depth": ("起点埋深", "start_dep", "start_depth", "起始埋深"),
    "end_depth": ("止点埋深", "终点埋深", "end_dep", "end_depth", "终止埋深"),
    "start_elev": ("起点高程", "start_elev", "起点管线高程", "起始高程", "起点管顶高程"),
    "end_elev": ("止点高程", "终点高程", "end_elev", "终点管线高程", "终止高程", "止点管线高程"),
    "ref": ("高程部位", "高程类型", "elev_ref", "高程位置"),
    "size": ("管径", "管径或断面尺寸", "规格", "断面尺寸", "dn", "管径规格"),
    "kind": ("管线种类", "管类", "kind", "管线类型", "管线代码", "管线类别"),
    "material": ("材质", "管材", "material"),
    "flow": ("流向", "flow_dir", "水流方向"),
    "length": ("长度", "管长", "length", "管段长度"),
}  # fmt: skip
POINT_NEEDS, LINE_NEEDS = ("no", "x", "y"), ("from", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table of a file, under the names that we know.

    Args:
        name: Of the sheet or file.
        role: ``points`` or ``lines``.
        rows: Cells by our names.
        first: Row of the first of them, as a spreadsheet counts.
        columns: Our names and the header each was found under.
        notes: What is odd about the sheet, sentences.
    """

    name: str
    role: str
    rows: Sequence[Mapping[str, Any]]
    first: int
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Grid:
    """Cells of a sheet as they stand there."""

    name: str
    rows: list[Sequence[Any]]
    notes: list[str] = field(default_factory=list)


def read(path: Path) -> list[Sheet]:
    """The tables of points and segments that a file holds.

    Raises:
        FormatError: it is none of the formats, damaged, or holds neither table.
        TooLargeError: it holds more than the bounds.
    """
    ending = path.suffix.lower()
    if ending == ".xlsx":
        grids = _excel(path)
    elif ending in {".csv", ".txt"}:
        grids = [_csv(path)]
    elif ending == ".zip":
        return [_shapefile(path)]
    else:
        raise FormatError(
            f"{ending or 'a file without ending'} is no table of a survey",
            path=path.name,
            remedy="save it as .xlsx or .csv, or zip the shapefile (an .xls must be saved anew)",
        )
    found = [sheet for grid in grids if (sheet := _table(grid)) is not None]
    if not found:
        raise FormatError(
            "no sheet of it has the header of points (点号, X, Y) or segments (起点点号, 止点点号)",
            path=path.name,
            remedy=f"put the header into one of the first {HEADER_WITHIN} rows",
        )
    return found


def _excel(path: Path) -> list[_Grid]:
    _bounded_zip(path)
    grids = []
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                if sheet.sheet_state != "visible":
                    continue
                sheet.reset_dimensions()  # what the file says of its size is not believed
                rows = list(islice(sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True),
                                   MOST_ROWS + 1))  # fmt: skip
                if len(rows) > MOST_ROWS:
                    raise TooLargeError(
                        f"sheet {sheet.title} has more than {MOST_ROWS} rows", path=path.name,
                        remedy="hand in one map sheet or district at a time",
                    )  # fmt: skip
                grids.append(_Grid(sheet.title, rows))
        finally:
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError,
            AttributeError, IndexError, OSError, SyntaxError) as error:  # fmt: skip
        raise FormatError(
            f"it is no Excel workbook that can be read: {str(error)[:120]}", path=path.name,
            remedy="open it in Excel and save it as .xlsx without password",
        ) from error  # fmt: skip
    _note_formulas(path, grids)
    return grids


def _bounded_zip(path: Path) -> None:
    """Refuse a bomb before anything of it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise FormatError(
            "it is called .xlsx but is no Excel workbook", path=path.name,
            remedy="open it in Excel and save it as .xlsx without password",
        ) from error  # fmt: skip
    if size > MOST_UNPACKED:
        raise TooLargeError(
            f"unpacked it holds {size / 1e6:,.0f} MB, more than {MOST_UNPACKED / 1e6:,.0f}",
            path=path.name, remedy="hand in one map sheet or district at a time",
        )  # fmt: skip


def _note_formulas(path: Path, grids: Sequence[_Grid]) -> None:
    """Tell of merged cells and of formulas: their values are read as they were last computed."""
    with zipfile.ZipFile(path) as archive:
        merged = formulas = 0
        for info in archive.infolist():
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", info.filename):
                data = archive.read(info)
                merged += data.count(b"<mergeCell ")
                formulas += data.count(b"<f>") + data.count(b"<f ")
    for grid in grids:
        if merged:
            grid.notes.append(
                f"工作簿有 {merged} 处合并单元格，只有左上角有值 "
                "only the first of merged cells has a value"
            )
        if formulas:
            grid.notes.append(
                f"工作簿有 {formulas} 个公式，采用其最近一次计算值，未计算者视为空 formulas: their "
                "last values are read, those never computed are empty"
            )


def _csv(path: Path) -> _Grid:
    if path.stat().st_size > MOST_CSV:
        raise TooLargeError(
            f"it is larger than {MOST_CSV / 1e6:g} MB", path=path.name,
            remedy="hand in one map sheet or district at a time",
        )  # fmt: skip
    text = _decoded(path)
    head = text[:20_000]
    separator = max(",;\t", key=head.count)
    try:
        rows: list[Sequence[Any]] = list(
            islice(csv.reader(io.StringIO(text), delimiter=separator), MOST_ROWS + 1)
        )
    except csv.Error as error:
        raise FormatError(
            f"it is no CSV that can be read: {error}", path=path.name, remedy="export it again"
        ) from error
    if len(rows) > MOST_ROWS:
        raise TooLargeError(
            f"it has more than {MOST_ROWS} rows", path=path.name,
            remedy="hand in one map sheet or district at a time",
        )  # fmt: skip
    return _Grid(path.stem, [[cell if cell.strip() else None for cell in row] for row in rows])


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FormatError(
        "it is no text: neither UTF-8 nor GBK", path=path.name, remedy="save it as CSV UTF-8"
    )


def _shapefile(path: Path) -> Sheet:
    """A zipped shapefile: points as the table of points, lines as that of segments."""
    with tempfile.TemporaryDirectory(prefix="cim-survey-") as folder:
        file = unpack_shapefile(path, Path(folder))
        try:
            names, shapes, columns = _features(file)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, ValueError) as error:
            raise FormatError(
                f"it cannot be read: {str(error).splitlines()[0][:160]}", path=path.name,
                remedy="open it in the program that made it and export it again",
            ) from error  # fmt: skip
    if len(shapes) > MOST_ROWS:
        raise TooLargeError(f"it has more than {MOST_ROWS} features", path=path.name)
    geometry = shapely.from_wkb(shapes)
    drawn = shapely.get_type_id(geometry)
    points = bool(np.isin(drawn, (0, 4)).all())
    found, headers = _named(names, POINT_COLUMNS if points else LINE_COLUMNS)
    rows = []
    for i, shape in enumerate(geometry):
        cells = {ours: _value(columns[at][i]) for ours, at in found.items()}
        line = shapely.get_coordinates(shape)
        if points and len(line):
            cells |= {"x": float(line[0][1]), "y": float(line[0][0])}  # X is north in a survey
        elif len(line):
            cells["line"] = line
        rows.append(cells)
    needs = POINT_NEEDS[:1] if points else LINE_NEEDS
    if missing := [need for need in needs if need not in found]:
        raise FormatError(
            f"its attributes have no {', '.join(missing)} (they are {', '.join(names)[:200]})",
            path=path.name, remedy="name them 点号, 起点点号, 止点点号, or as in docs/pipelines.md",
        )  # fmt: skip
    return Sheet(name=path.stem, role="points" if points else "lines", rows=rows, first=1,
                 columns=headers)  # fmt: skip


def _features(file: Path) -> tuple[list[str], Any, Any]:
    """Names of attributes, geometries and columns; what is not as declared is read as GBK."""
    for encoding in (None, "GB18030"):
        try:
            meta, _, shapes, columns = pyogrio.raw.read(
                file, max_features=MOST_ROWS + 1, encoding=encoding
            )
        except UnicodeDecodeError:
            continue
        names = [str(name) for name in meta["fields"]]
        if encoding or any(
            need in _named(names, columns_of)[0]
            for need, columns_of in (("no", POINT_COLUMNS), ("from", LINE_COLUMNS))
        ):
            break
    else:
        raise ValueError("its attributes are neither UTF-8 nor GBK")
    return names, shapes, columns


def _value(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def _table(grid: _Grid) -> Sheet | None:
    """The table of a sheet; None where no row looks like a header of ours."""
    for at, row in enumerate(grid.rows[:HEADER_WITHIN]):
        for role, columns, needs in (("lines", LINE_COLUMNS, LINE_NEEDS),
                                     ("points", POINT_COLUMNS, POINT_NEEDS)):  # fmt: skip
            found, headers = _named(row, columns)
            if all(need in found for need in needs):
                rows = [
                    {ours: _cell(cells[i] if i < len(cells) else None)
                     for ours, i in found.items()}
                    for cells in grid.rows[at + 1 :]
                ]  # fmt: skip
                while rows and not any(v not in (None, "") for v in rows[-1].values()):
                    rows.pop()
                return Sheet(name=grid.name, role=role, rows=rows, first=at + 2, columns=headers,
                             notes=tuple(grid.notes))  # fmt: skip
    return None


def _cell(cell: Any) -> Any:
    """An Excel error stands for nothing; it is told by its own name."""
    return cell if not isinstance(cell, str) or not cell.startswith(_ERRORS) else cell[:8]


def _named(
    header: Iterable[Any], columns: Mapping[str, Sequence[str]]
) -> tuple[dict[str, int], dict[str, str]]:
    """Which column holds what, and what it is called."""
    plain = [_plain(cell) for cell in header]
    found: dict[str, int] = {}
    for ours, words in columns.items():
        for word in words:
            if word in plain:
                found[ours] = plain.index(word)
                break
    names = list(header)
    return found, {ours: str(names[at]).strip() for ours, at in found.items()}


def _plain(cell: Any) -> str:
    """A header without blanks, brackets and what stands in them."""
    folded = unicodedata.normalize("NFKC", "" if cell is None else str(cell)).lower()
    return re.sub(r"\s|\(.*?\)|\[.*?\]|【.*?】", "", folded)
