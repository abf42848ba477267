"""Textures as raw pixels on disk, so that a part of a huge one costs only that part."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from cim.errors import FormatError

Pixels = npt.NDArray[np.uint8]

AT_ONCE = 64_000_000  # pixels that are decoded in one go; larger files go by strips
STRIP = 256  # rows
LARGEST = 1 << 32  # pixels: 12 GB of disk
REMEDY = "copy the texture again, or export the model anew"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded texture.

    Args:
        path: (height, width, 3) bytes, sRGB.
        width: Pixels.
        height: Pixels.
    """

    path: Path
    width: int
    height: int

    def pixels(self) -> npt.NDArray[Any]:
        """All pixels; only those that are looked at are read."""
        return np.memmap(self.path, np.uint8, "r", shape=(self.height, self.width, 3))


def decode(source: Path, target: Path) -> Picture:
    """Decode a texture to disk; transparency is left out.

    Raises:
        FormatError: it is damaged, or no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            with Pillow.open(source) as image:
                width, height = image.size
                if width * height <= AT_ONCE:
                    np.asarray(image.convert("RGB")).tofile(target)
                    return Picture(target, width, height)
    except Pillow.DecompressionBombError:
        pass  # larger than Pillow will look at: by strips
    except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError) as error:
        raise FormatError(f"not to be decoded: {error}", path=source, remedy=REMEDY) from error
    return _by_strips(source, target)


def _by_strips(source: Path, target: Path) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(source) as image, target.open("wb") as out:
                width, height = int(image.width), int(image.height)
                if width * height > LARGEST or image.dtypes[0] != "uint8":
                    raise FormatError(
                        f"{width} × {height} pixels of {image.dtypes[0]} are not read",
                        path=source,
                        remedy="split it, or make it smaller",
                    )
                bands = [1, 2, 3] if image.count >= 3 else [1, 1, 1]
                for row in range(0, height, STRIP):
                    window = Window(0, row, width, min(STRIP, height - row))
                    strip = np.moveaxis(image.read(bands, window=window), 0, -1)
                    out.write(np.ascontiguousarray(strip).data)
    except (RasterioError, OSError) as error:
        raise FormatError(f"not to be decoded: {error}", path=source, remedy=REMEDY) from error
    return Picture(target, width, height)
