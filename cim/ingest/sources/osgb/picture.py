"""Textures of a scene as image files that glTF takes: untouched where they already are."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from cim.errors import FormatError
from cim.ingest.sources.osgb.graph import Image, Texture
from cim.ingest.sources.osgb.links import resolve
from cim.tiles import glb

_WRAPS = {0x2901: glb.REPEAT, 0x8370: glb.MIRRORED_REPEAT}  # all others clamp
_CHANNELS = {0x1903: 1, 0x1909: 1, 0x190A: 2, 0x1907: 3, 0x1908: 4, 0x80E0: 3, 0x80E1: 4}
_COMPRESSED = {
    0x83F0: (b"DXT1", 8),
    0x83F1: (b"DXT1", 8),
    0x83F2: (b"DXT3", 16),
    0x83F3: (b"DXT5", 16),
}
_BGR, _BGRA = 0x80E0, 0x80E1
_UNSIGNED_BYTE = 0x1401
_MOST_PIXELS = 1 << 28


Cache = dict[int, tuple[bytes | memoryview, str]]


def texture(source: Texture, path: Path, root: Path, cache: Cache) -> glb.Texture:
    """The texture ready for a glb.

    Args:
        source: As read.
        path: The file that holds it, for names beside it.
        root: Folder that no name may leave.
        cache: Images of this file by identity, so that a shared one is written once.

    Raises:
        FormatError: no image, or one that cannot be read.
    """
    image = source.image
    if image is None:
        raise FormatError("the texture has no image", path=path)
    if id(image) not in cache:
        cache[id(image)] = _file(image, path, root)
    data, mime = cache[id(image)]
    wrap = (_WRAPS.get(source.wrap[0], glb.CLAMP_TO_EDGE), _WRAPS.get(source.wrap[1], 33071))
    return glb.Texture(data, mime, wrap)


def _file(image: Image, path: Path, root: Path) -> tuple[bytes | memoryview, str]:
    if image.pixels is not None:
        return _from_pixels(image, path), "image/png"
    data: bytes | memoryview
    if image.file is not None:
        data = image.file
    else:
        beside = resolve(image.name, path.parent, root)
        if beside is None:
            raise FormatError(
                f"the texture {image.name!r} is not there",
                path=path,
                remedy="deliver the image beside the .osgb file",
            )
        data = beside.read_bytes()
    mime = glb.sniff(data)
    return (data, mime) if mime else (_reencoded(data, image, path), "image/png")


def _reencoded(data: bytes | memoryview, image: Image, path: Path) -> bytes:
    """Any other image file as PNG."""
    try:
        with Pillow.open(io.BytesIO(data)) as picture:
            return _png(picture.convert("RGBA" if "A" in picture.getbands() else "RGB"))
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise FormatError(
            f"the texture {image.name!r} is no image that we can read: {error}", path=path
        ) from error


def _from_pixels(image: Image, path: Path) -> bytes:
    """Raw pixels as PNG; row 0 of OpenGL is the lowest.

    Raises:
        FormatError: compressed or deep pixels, or fewer than announced.
    """
    if image.format in _COMPRESSED:
        return _from_blocks(image, path)
    width, height = image.shape
    channels = _CHANNELS.get(image.format)
    if channels is None or image.type != _UNSIGNED_BYTE or image.packing not in {1, 2, 4, 8}:
        raise FormatError(
            f"pixels of format 0x{image.format:04x}, type 0x{image.type:04x} are not supported",
            path=path,
            remedy="export with JPEG textures",
        )
    stride = -(-width * channels // image.packing) * image.packing
    fits = width > 0 and height > 0 and width * height <= _MOST_PIXELS
    if image.pixels is None or not fits or len(image.pixels) < stride * (height - 1) + width:
        raise FormatError("a texture holds fewer pixels than it announces", path=path)
    raw = np.zeros(stride * height, dtype=np.uint8)
    given = np.frombuffer(image.pixels, np.uint8, min(len(image.pixels), len(raw)))
    raw[: len(given)] = given
    rows = raw.reshape(height, stride)[::-1, : width * channels]
    pixels: npt.NDArray[Any] = rows.reshape(height, width, channels)
    if image.format in {_BGR, _BGRA}:
        pixels = pixels[:, :, [2, 1, 0, 3][:channels]]
    flat = pixels[:, :, 0] if channels == 1 else pixels
    return _png(Pillow.fromarray(np.ascontiguousarray(flat)))


def _from_blocks(image: Image, path: Path) -> bytes:
    """S3TC blocks as PNG: given a header they are a DDS file, which Pillow reads.

    Raises:
        FormatError: fewer blocks than announced.
    """
    width, height = image.shape
    name, size = _COMPRESSED[image.format]
    needed = -(-width // 4) * -(-height // 4) * size
    fits = width > 0 and height > 0 and width * height <= _MOST_PIXELS
    if image.pixels is None or not fits or len(image.pixels) < needed:
        raise FormatError("a texture holds fewer pixels than it announces", path=path)
    head = struct.pack("<4s7I44x", b"DDS ", 124, 0x81007, height, width, needed, 0, 0)
    form = struct.pack("<2I4s5I", 32, 4, name, 0, 0, 0, 0, 0)
    file = head + form + struct.pack("<5I", 0x1000, 0, 0, 0, 0) + bytes(image.pixels[:needed])
    with Pillow.open(io.BytesIO(file)) as picture:
        flipped = picture.convert("RGBA").transpose(Pillow.Transpose.FLIP_TOP_BOTTOM)
        opaque = np.asarray(flipped)[:, :, 3].min() == 255
        return _png(flipped.convert("RGB") if opaque else flipped)


def _png(picture: Pillow.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
