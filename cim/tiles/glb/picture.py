"""Textures written anew where that makes them smaller."""

from __future__ import annotations

import io

from PIL import Image as Pillow

from cim.tiles.glb.model import Encoding, Texture

WEBP_METHOD = 2  # of 0..6: the next ones cost twice the time for 3 % of the size


def recode(texture: Texture, encoding: Encoding) -> Texture:
    """The texture in the wanted form, or itself where it is no larger or cannot be told.

    JPEG knows no transparency: an image that has some stays as it is.
    """
    if encoding.texture == "keep":
        return texture
    try:
        data = _encoded(texture, encoding)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        return texture  # what the viewer makes of it, it makes of the delivered file too
    if data is None or len(data) >= len(texture.data):
        return texture
    return Texture(data, f"image/{encoding.texture}", texture.wrap)


def _encoded(texture: Texture, encoding: Encoding) -> bytes | None:
    buffer = io.BytesIO()
    with Pillow.open(io.BytesIO(texture.data)) as image:
        clear = _is_clear(image)
        if encoding.texture == "jpeg":
            if clear:
                return None
            image.convert("RGB").save(buffer, "JPEG", quality=encoding.quality, optimize=True)
        else:
            image.convert("RGBA" if clear else "RGB").save(
                buffer, "WEBP", quality=encoding.quality, method=WEBP_METHOD
            )
    return buffer.getvalue()


def _is_clear(image: Pillow.Image) -> bool:
    """Whether anything shows through."""
    if not image.has_transparency_data:
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return float(lowest) < 255  # type: ignore[arg-type]
