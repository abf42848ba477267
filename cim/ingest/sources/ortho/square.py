"""One square of the tile grid: the sheets over it, warped and laid on each other, then packed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from cim.ingest.source import Built, Parcel
from cim.ingest.sources import raster
from cim.ingest.sources.ortho.sheet import Sheet, Window4
from cim.ingest.sources.ortho.stretch import Stretch
from cim.tiles.imagery import HALF, pack, zoom_resolution
from cim.tiles.imagery.block import Coding
from cim.tiles.imagery.pack import SIDE

CHUNK = 1024  # pixels warped at once: the fastest of 512 to 4096, and little memory
_SMALLEST = 128  # pixels along the smallest piece that damage is told in
_FOLDER = "squares"
Pixels = npt.NDArray[np.uint8]
Seen = npt.NDArray[np.bool_]
Piece = tuple[Pixels, Seen]


@dataclass(frozen=True, slots=True)
class Square:
    """What a square is made from.

    Args:
        zoom: Of the finest level.
        x: Column among the squares of the zoom.
        y: Row.
        sheets: Those that reach into it, the topmost first.
        windows: Left, top, width, height of each sheet in pixels of the grid.
        coding: Of the blocks.
    """

    zoom: int
    x: int
    y: int
    sheets: tuple[Sheet, ...]
    windows: tuple[Window4, ...]
    coding: Coding

    def chunks(self, sheet: Window4) -> Iterator[Window]:
        """The chunks that a sheet reaches into."""
        left, top = sheet[0] - self.x * SIDE, sheet[1] - self.y * SIDE
        for row in range(max(0, top // CHUNK), min(SIDE, top + sheet[3] - 1) // CHUNK + 1):
            for column in range(max(0, left // CHUNK), min(SIDE, left + sheet[2] - 1) // CHUNK + 1):
                if row < SIDE // CHUNK and column < SIDE // CHUNK:
                    yield Window(column * CHUNK, row * CHUNK, CHUNK, CHUNK)


@dataclass(slots=True)
class _Overlap:
    """How two sheets differ where both show something: sums over pixels of upper minus lower."""

    pixels: int = 0
    differences: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    amounts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))

    def add(self, upper: Pixels, lower: Pixels, both: Seen) -> None:
        """Take in what two sheets show of one place."""
        difference = upper[both].astype(np.int64) - lower[both]
        self.pixels += int(both.sum())
        self.differences += difference.sum(axis=0)
        self.amounts += np.abs(difference).sum(axis=0)


def parcel(square: Square) -> Parcel:
    """The part that a square is."""
    name = f"{square.zoom:02d}-{square.y:07d}-{square.x:07d}"
    order = [
        [s.id, list(s.stretch.bands), s.stretch.low, s.stretch.high] for s in square.sheets
    ]  # fmt: skip
    return Parcel(
        id=f"square-{name}",
        path=square.sheets[0].path,
        inputs=(),
        bytes=SIDE * SIDE,
        payload=square,
        folder=f"{_FOLDER}/{name}",
        needs=tuple(s.id for s in square.sheets),
        decides=order,
    )


def file_of(part: Built, staging: Path) -> Path:
    """The packed blocks of a finished square."""
    return staging / str(part.facts["file"])


def build(part: Parcel, staging: Path) -> Built:
    """Warp, lay over each other, halve, encode."""
    square: Square = part.payload
    drawing = _Drawing(square)
    with rasterio.Env(GDAL_CACHEMAX=raster.CACHE):
        for rank, sheet in enumerate(square.sheets):
            with raster.opened(sheet.path) as image, _warped(image, sheet, square) as warped:
                drawing.lay(rank, warped)
    name = f"{part.folder}/blocks.pack"
    pack.write(staging / name, drawing.colours, drawing.seen, square.coding)
    return Built(
        parcel=part.id,
        facts={"file": name, "x": square.x, "y": square.y, **drawing.facts()},
        counts={"pixels_with_picture": int(drawing.seen.sum())},
    )


class _Drawing:
    """The picture of a square as it grows, the topmost sheet first.

    Args:
        square: What is drawn.
    """

    def __init__(self, square: Square) -> None:
        self.colours = np.zeros((SIDE, SIDE, 3), np.uint8)
        self.seen = np.zeros((SIDE, SIDE), bool)
        self._square = square
        self._owner = np.zeros((SIDE, SIDE), np.uint16) if len(square.sheets) > 1 else None
        self._overlaps: dict[tuple[str, str], _Overlap] = {}
        self._damage: dict[str, tuple[int, str]] = {}
        self._shown: dict[str, int] = {}

    def facts(self) -> dict[str, Any]:
        """What the report wants to know, JSON values."""
        return {
            "shown": self._shown,
            "damage": {k: list(v) for k, v in self._damage.items()},
            "overlaps": [
                [*pair, o.pixels, *map(int, o.differences), *map(int, o.amounts)]
                for pair, o in sorted(self._overlaps.items())
            ],
        }

    def lay(self, rank: int, warped: WarpedVRT) -> None:
        """Lay the next sheet under those that are there already."""
        sheet = self._square.sheets[rank]
        for index, window in enumerate(self._square.chunks(self._square.windows[rank])):
            inner = window.toslices()
            covered = bool(self.seen[inner].all())
            if covered and index % 5:
                continue  # what nobody will see is compared by a sample
            for part, piece in self._pieces(sheet, warped, window):
                self._lay_piece(rank, part.toslices(), piece)

    def _lay_piece(self, rank: int, inner: tuple[slice, ...], piece: Piece) -> None:
        colours, seen = piece
        there = self.seen[inner]
        new = seen & ~there
        sheet = self._square.sheets[rank]
        if rank and (seen & there).any():
            self._compare(sheet, inner, piece)
        if new.all():
            self.colours[inner] = colours
        else:
            np.copyto(self.colours[inner], colours, where=new[..., None])
        self.seen[inner] |= new
        if self._owner is not None:
            self._owner[inner][new] = rank
        # Counted where it could be seen: a sheet wholly under another one is not an empty one.
        self._shown[sheet.id] = self._shown.get(sheet.id, 0) + int(seen.sum())

    def _compare(self, sheet: Sheet, inner: tuple[slice, ...], piece: Piece) -> None:
        colours, seen = piece
        if self._owner is None:
            return
        owner, shared = self._owner[inner], seen & self.seen[inner]
        for rank in np.unique(owner[shared]):
            pair = (self._square.sheets[int(rank)].id, sheet.id)
            both = shared & (owner == rank)
            self._overlaps.setdefault(pair, _Overlap()).add(self.colours[inner], colours, both)

    def _pieces(
        self, sheet: Sheet, warped: WarpedVRT, window: Window
    ) -> Iterator[tuple[Window, Piece]]:
        """What a sheet shows of a window; around damage in smaller pieces, without the damage."""
        try:
            piece = _read(warped, window, sheet.stretch)
        except RasterioError as error:
            half = int(window.width) // 2
            if half < _SMALLEST:
                self._note_damage(sheet, window, error)
                return
            for top in (0, half):
                for left in (0, half):
                    part = Window(window.col_off + left, window.row_off + top, half, half)
                    yield from self._pieces(sheet, warped, part)
            return
        if piece is not None:
            yield window, piece

    def _note_damage(self, sheet: Sheet, window: Window, error: RasterioError) -> None:
        pixels, reason = self._damage.get(sheet.id, (0, str(error).splitlines()[0][:200]))
        self._damage[sheet.id] = (pixels + int(window.width * window.height), reason)


def _warped(image: rasterio.DatasetReader, sheet: Sheet, square: Square) -> WarpedVRT:
    size = zoom_resolution(square.zoom)
    stretch = sheet.stretch
    has_mask = (
        stretch.alpha is not None
        or image.nodata is not None
        or MaskFlags.per_dataset in image.mask_flag_enums[0]
    )
    return WarpedVRT(
        image,
        src_crs=sheet.crs.crs.to_wkt(),
        crs="EPSG:3857",
        transform=Affine(
            size, 0, square.x * SIDE * size - HALF, 0, -size, HALF - square.y * SIDE * size
        ),
        width=SIDE,
        height=SIDE,
        resampling=(
            Resampling.nearest if stretch.palette or square.coding.classed else Resampling.bilinear
        ),
        add_alpha=stretch.alpha is None,
        nodata=image.nodata if has_mask and stretch.alpha is None else None,
        warp_mem_limit=256,
        tolerance=0.01,
        UNIFIED_SRC_NODATA="YES",  # black in one band alone is a colour
    )


def _read(warped: WarpedVRT, window: Window, stretch: Stretch) -> Piece | None:
    """Colours (rows, columns, 3) and where they are; None where there is nothing.

    Raises:
        RasterioError: a part of it cannot be read.
    """
    alpha = warped.count if stretch.alpha is None else stretch.alpha
    grey = len(set(stretch.bands)) == 1
    bands = [stretch.bands[0]] if grey else list(stretch.bands)
    values = warped.read([*bands, alpha], window=window)
    colours, seen = values[:-1], values[-1] > 0
    if not seen.any():
        return None
    if stretch.palette is not None:
        return _resolved(colours[0], seen, stretch)
    if stretch.low is not None and stretch.high is not None:
        low = np.array(stretch.low, np.float32)[: len(colours), None, None]
        high = np.array(stretch.high, np.float32)[: len(colours), None, None]
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (colours.astype(np.float32) - low) * (255 / (high - low))
        seen = seen & np.isfinite(scaled).all(axis=0)
        colours = np.where(seen, scaled, 0).clip(0, 255).round().astype(np.uint8)
    shown = np.repeat(colours, 3, axis=0) if grey else colours
    return np.moveaxis(shown, 0, -1), seen


def _resolved(values: npt.NDArray[Any], seen: Seen, stretch: Stretch) -> Piece:
    table = np.array(stretch.palette, np.uint8)
    found = table[np.minimum(values, 255).astype(np.intp)]
    return found[..., :3], seen & (found[..., 3] > 0)
