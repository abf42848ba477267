"""Orthophotos → one web-mercator COG whose blocks are the tiles, and an archive of the sheets.

Sheets are the parts of the plan; squares of the tile grid are made from them, so that a changed
sheet rebuilds only the squares it reaches into, and memory does not grow with the delivery.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import ClassVar

import numpy as np

from cim.city import Bounds
from cim.errors import CimError, FormatError
from cim.ingest.source import Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources import raster
from cim.ingest.sources.ortho import archive, square
from cim.ingest.sources.ortho.account import Account, dates_of
from cim.ingest.sources.ortho.check import check_cog
from cim.ingest.sources.ortho.options import OrthoOptions
from cim.ingest.sources.ortho.sheet import Sheet, Window4, look, placed_sheet, window, zoom_of
from cim.ingest.sources.ortho.square import Square
from cim.ingest.sources.ortho.stretch import NOTHING, Floats, sample, stretched
from cim.layers import CimLevel, Kind, Layer, Style
from cim.tiles.imagery import joining, pack, zoom_resolution
from cim.tiles.imagery.block import Coding
from cim.tiles.imagery.pack import DEPTH, SIDE

COG = "ortho.tif"
MOST_SQUARES = 100_000  # 1.7 · 10^12 pixels: a county at 3 cm
_MUCH_COARSER = 2.0


class OrthoSource(Source):
    """Orthophotos; each sheet is one part."""

    name: ClassVar[str] = "ortho"
    kind: ClassVar[Kind] = Kind.IMAGERY
    reads: ClassVar[str] = "an orthophoto GeoTIFF or a folder of its sheets"
    options: ClassVar[type[OrthoOptions]] = OrthoOptions
    edition: ClassVar[int] = 2
    archived: ClassVar[bool] = True  # whether the sheets are worth a copy of their own

    def supports(self, path: Path) -> bool:
        """Any raster that is not a height model; a folder counts when it holds one."""
        if path.is_dir():
            return any(map(raster.is_picture, raster.files([path])))
        return path.is_file() and raster.is_picture(path)

    def coding(self, options: OrthoOptions) -> Coding:
        """How the picture is kept: as a photograph."""
        return Coding(options.quality)

    def plan(self, request: Request) -> Plan:
        """One part for each sheet that can be placed; the zoom follows the finest of them."""
        options = OrthoOptions.of(request)
        sheets: list[Sheet] = []
        refused: list[Problem] = []
        samples: dict[tuple[str, tuple[int, int, int]], list[Floats]] = {}
        for name, path in _named(raster.files(request.paths)):
            try:
                with raster.opened(path) as image:
                    sheet = look(image, name, path, request, options)
                    stretch = sheet.stretch
                    if stretch.dtype != "uint8" and stretch.low is None:
                        values = sample(image, stretch)
                        samples.setdefault(stretch.family, []).append(values)
            except CimError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            sheets.append(sheet)
        sheets, blank = _all_stretched(sheets, samples)
        return _plan(sheets, [*refused, *blank])

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Look at one sheet, draw one square, or write one archive."""
        if isinstance(parcel.payload, Square):
            return square.build(parcel, staging)
        if isinstance(parcel.payload, archive.Group):
            return archive.build(parcel, staging)
        return placed_sheet(parcel, plan.shared, request)

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """The squares that the usable sheets reach into, and their archives."""
        options = OrthoOptions.of(request)
        usable = {part.parcel for part in built}
        sheets = [p.payload for p in plan.parcels if p.id in usable]
        ordered = _ordered(sheets, options)
        squares = _squares(ordered, plan.shared, self.coding(options))
        if options.archive == "none" or not self.archived:
            return squares
        groups = archive.groups(ordered, lossless=options.archive == "lossless")
        return (*map(archive.parcel, groups), *squares)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Join the squares and give account of the sheets."""
        options = OrthoOptions.of(request)
        sheets = {p.id: p.payload for p in plan.parcels}
        account = Account(sheets, built)
        squares = [part for part in built if "x" in part.facts]
        packs = [
            pack.read(square.file_of(part, staging), part.facts["x"], part.facts["y"])
            for part in squares
        ]
        if not any(len(p.records) for p in packs):
            raise account.nothing(request.paths[0])
        overviews = joining.join(packs, plan.shared, self.coding(options), staging / COG)
        extent = reduce(Bounds.union, (p.extent for p in built if p.extent is not None))
        middle = math.radians((extent.south + extent.north) / 2)
        return Product(
            extent=extent,
            media={
                "cog": COG,
                "minzoom": max(0, plan.shared - overviews - 6),
                "maxzoom": plan.shared,
                "format": "auto",
                "resolution": zoom_resolution(plan.shared) * math.cos(middle),
                "archive": [part.facts["archive"] for part in built if "archive" in part.facts],
                **dates_of([sheets[p.parcel] for p in built if p.parcel in sheets]),
            },
            proposed=_proposed(request),
            counts={"bytes": (staging / COG).stat().st_size},
            refused=account.refused,
            warnings=account.warnings,
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Read the COG back: grid, overviews, mask, and blocks that decode as tiles."""
        return (check_cog(staging / COG, int(product.media["maxzoom"])),)


def _named(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each file with an id that stays when other files come or go; a legal file name."""
    seen: Counter[str] = Counter()
    for path in paths:
        digest = hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        name = f"{re.sub(r'[^A-Za-z0-9-]', '_', path.stem)[:60]}-{digest}"
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}", path


def _all_stretched(
    sheets: Sequence[Sheet], samples: dict[tuple[str, tuple[int, int, int]], list[Floats]]
) -> tuple[list[Sheet], list[Problem]]:
    """Give all sheets of a family the same limits; a family without a value is refused."""
    known = {family: np.concatenate(values, axis=1) for family, values in samples.items()}
    found: list[Sheet] = []
    blank: list[Problem] = []
    for sheet in sheets:
        values = known.get(sheet.stretch.family)
        if sheet.stretch.low is None and values is not None and values.shape[1] == 0:
            blank.append(
                Problem(path=str(sheet.path), reason="it is nothing but nodata", remedy=NOTHING)
            )
            continue
        found.append(replace(sheet, stretch=stretched(sheet.stretch, known)))
    return found, blank


def _plan(sheets: Sequence[Sheet], refused: Sequence[Problem]) -> Plan:
    if not sheets:
        return Plan(parcels=(), refused=tuple(refused))
    finest = min(sheets, key=lambda s: s.mercator_cell)
    # A square is one tile at DEPTH zooms above: the grid must have begun there.
    zoom = max(zoom_of(finest.mercator_cell, finest.path), DEPTH)
    return Plan(
        parcels=tuple(
            Parcel(
                id=sheet.id,
                path=sheet.path,
                inputs=_with_mask(sheet.path),
                bytes=sheet.path.stat().st_size,
                payload=sheet,
            )
            for sheet in sheets
        ),
        refused=tuple(refused),
        warnings=tuple(_coarse(sheets, finest)),
        crs=sheets[0].crs,
        extent=reduce(Bounds.union, (sheet.box for sheet in sheets)),
        shared=zoom,
        parameters={"zoom": zoom},
    )


def _coarse(sheets: Sequence[Sheet], finest: Sheet) -> Iterator[Problem]:
    for sheet in sheets:
        if sheet.mercator_cell > _MUCH_COARSER * finest.mercator_cell:
            yield Problem(
                path=str(sheet.path),
                reason=f"its cells of {sheet.cell:.3g} m are drawn as fine as those of "
                f"{finest.path.name}, {finest.cell:.3g} m, which takes room for nothing",
                remedy="ingest it into a layer of its own",
            )


def _with_mask(path: Path) -> tuple[Path, ...]:
    mask = path.with_name(path.name + ".msk")
    return (path, mask) if mask.is_file() else (path,)


def _ordered(sheets: Sequence[Sheet], options: OrthoOptions) -> list[Sheet]:
    """The topmost first."""
    by_name = list(sheets) if options.priority == "first" else list(sheets)[::-1]
    if options.priority == "newest":
        by_name.sort(key=lambda s: "" if s.date is None else s.date.isoformat(), reverse=True)
    return by_name


def _squares(sheets: Sequence[Sheet], zoom: int, coding: Coding) -> tuple[Parcel, ...]:
    over: dict[tuple[int, int], list[tuple[Sheet, Window4]]] = {}
    for sheet in sheets:
        with raster.opened(sheet.path) as image:
            place = window(image, sheet.crs.crs, zoom, sheet.path)
        left, top, width, height = place
        columns = range(left // SIDE, (left + width - 1) // SIDE + 1)
        rows = range(top // SIDE, (top + height - 1) // SIDE + 1)
        if len(over) + len(columns) * len(rows) > MOST_SQUARES:
            raise FormatError(
                f"the delivery covers more than {MOST_SQUARES} squares of {SIDE} × {SIDE} pixels",
                path=sheet.path,
                remedy="check the cell sizes, or ingest it in parts into layers of their own",
            )
        for y in rows:
            for x in columns:
                over.setdefault((x, y), []).append((sheet, place))
    return tuple(
        square.parcel(
            Square(zoom, x, y, tuple(s for s, _ in members), tuple(w for _, w in members), coding)
        )
        for (x, y), members in sorted(over.items(), key=lambda item: (item[0][1], item[0][0]))
    )


def _proposed(request: Request) -> Layer:
    return Layer(
        id=request.layer_id,
        title=request.paths[0].stem,
        kind=Kind.IMAGERY,
        cim_level=CimLevel.SURFACE,
        style=Style(visible=True),
    )
