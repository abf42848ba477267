"""In which encoding a shapefile's attributes are written: GBK ones rarely say so."""

from __future__ import annotations

from pathlib import Path

_LANGUAGE_DRIVERS = {0x4D: "GB18030", 0x7A: "GB18030"}
_SAMPLE = 4 << 20


def text_encoding(path: Path) -> str | None:
    """Encoding to force, None where the format knows its own (everything but shapefiles).

    A .cpg is believed if the bytes agree with it. Without one the bytes decide: what is not
    strict UTF-8 is GB18030, the superset of GBK.
    """
    if path.suffix.lower() != ".shp":
        return None
    table = next(
        (p for p in path.parent.glob(f"{path.stem}.*") if p.suffix.lower() == ".dbf"), None
    )
    if table is None:
        return None
    with table.open("rb") as file:
        raw = file.read(_SAMPLE)
    stated = _stated(path)
    if stated and _decodes(raw, stated):
        return stated
    if len(raw) > 29 and raw[29] in _LANGUAGE_DRIVERS:
        return _LANGUAGE_DRIVERS[raw[29]]
    return "UTF-8" if _decodes(_text(raw), "UTF-8") else "GB18030"


def _stated(path: Path) -> str | None:
    for page in path.parent.glob(f"{path.stem}.*"):
        if page.suffix.lower() == ".cpg":
            name = page.read_text("ascii", errors="ignore").strip()
            name = {"936": "GB18030", "GBK": "GB18030", "GB2312": "GB18030"}.get(name, name)
            return name or None
    return None


def _text(raw: bytes) -> bytes:
    """Field names and rows; between them stand binary lengths and flags."""
    if len(raw) < 33:
        return b""
    header = int.from_bytes(raw[8:10], "little")
    names = b"".join(raw[at : at + 11] for at in range(32, min(header - 1, len(raw)), 32))
    rows = raw[header:]
    width = int.from_bytes(raw[10:12], "little") or 1
    return names.replace(b"\0", b" ") + rows[: len(rows) - len(rows) % width]


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        _text(raw).decode(encoding) if raw[:1] in b"\x03\x30\x31\x83" else raw.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True
