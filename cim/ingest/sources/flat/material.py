"""Material libraries (.mtl), and the files that their names mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath

from cim.ingest.sources.flat.raw import Material

LARGEST = 1 << 26
_OPTIONS = {  # how many words may follow an option of map_Kd; numbers only where there may be fewer
    "-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-texres": 1, "-bm": 1,
    "-boost": 1, "-mm": 2, "-o": 3, "-s": 3, "-t": 3,
}  # fmt: skip


def text_of(raw: bytes) -> str:
    """A name as people read it: UTF-8, else what Chinese Windows writes."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding).strip()
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1").strip()


def find_file(folder: Path, raw: bytes) -> Path | None:
    """The file that a name in a model means: as it is, in another case, or without its folders."""
    for name in dict.fromkeys((text_of(raw), os.fsdecode(raw.strip()))):
        if not name or "\0" in name:
            continue
        spelled = name.replace("\\", "/")
        last = PureWindowsPath(name).name
        for candidate in (folder / spelled, folder / last):
            if _is_file(candidate):
                return candidate
        for candidate in _beside(folder / spelled, folder / last):
            return candidate
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _beside(*wanted: Path) -> Iterator[Path]:
    for path in wanted:
        try:
            entries = sorted(path.parent.iterdir())
        except OSError:
            continue
        yield from (e for e in entries if e.name.lower() == path.name.lower() and e.is_file())


def read_materials(path: Path) -> tuple[dict[bytes, Material], list[bytes]]:
    """Materials by their raw names, and names of textures that are not there."""
    found: dict[bytes, Material] = {}
    missing: list[bytes] = []
    current: Material | None = None
    with path.open("rb") as file:
        lines = file.read(LARGEST).splitlines()
    for line in lines:
        word, _, rest = line.strip().partition(b" ")
        if b"\t" in word:
            word, _, rest = line.strip().partition(b"\t")
        word, rest = word.lower(), rest.strip()
        if word == b"newmtl":
            current = found[rest] = Material(text_of(rest))
        elif current is not None:
            _apply(current, word, rest, path.parent, missing)
    return found, missing


def _apply(
    material: Material, word: bytes, rest: bytes, folder: Path, missing: list[bytes]
) -> None:
    numbers = _floats(rest.split())
    red, green, blue, alpha = material.color
    if word == b"kd" and len(numbers) >= 3:
        red, green, blue = (_linear(v) for v in numbers[:3])
    elif word == b"d" and numbers:
        alpha = min(max(numbers[0], 0.0), 1.0)
    elif word == b"tr" and numbers:
        alpha = min(max(1.0 - numbers[0], 0.0), 1.0)
    elif word == b"map_kd":
        name = _without_options(material, rest)
        material.picture = find_file(folder, name)
        if material.picture is None:
            material.lose()
            missing.append(name)
    material.color = (red, green, blue, alpha)


def _without_options(material: Material, rest: bytes) -> bytes:
    """The name of a texture behind its options; ``-s`` and ``-o`` are kept."""
    while rest.startswith(b"-"):
        option, _, behind = rest.partition(b" ")
        most = _OPTIONS.get(option.decode("latin-1").lower())
        if most is None:
            break
        taken: list[float] = []
        rest = behind.strip()
        for _ in range(most):
            word, _, behind = rest.partition(b" ")
            number = _floats([word])
            if most == 3 and not number:
                break
            taken += number
            rest = behind.strip()
        if taken and option.lower() in (b"-s", b"-o"):
            pair = (taken[0], taken[1] if len(taken) > 1 else (1.0 if option == b"-s" else 0.0))
            if option.lower() == b"-s":
                material.scale = pair
            else:
                material.offset = pair
    return rest


def _floats(words: Sequence[bytes]) -> list[float]:
    result = []
    for word in words:
        try:
            result.append(float(word))
        except ValueError:
            break
    return result


def _linear(value: float) -> float:
    """sRGB, as modellers show colours, to linear, as glTF has them."""
    value = min(max(value, 0.0), 1.0)
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
