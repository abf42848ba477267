"""How values are written for people who read Chinese or English, side by side."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

BEIJING = timezone(timedelta(hours=8))
UNVERIFIED = "未核实 unverified"
NOTHING = "—"
VERDICTS = {
    "PASS": "合格 pass",
    "FAIL": "不合格 fail",
    "UNKNOWN": "无法判定 unknown",
    "NEEDS_REVIEW": "待复核 needs review",
}
_UNITS = {
    "deg": "°", "m2": "m²", "m3": "m³", "km2": "km²", "hm2": "hm²", "1": "", "m2/m2": "",
    "a": "年 a", "d": "天 d", "h": "h", "{person}": "人 persons", "{storey}": "层 storeys",
    "{floor}": "层 floors", "{household}": "户 households",
}  # fmt: skip
_LONG = re.compile(r"[!-~]{28}(?=[!-~])")  # a word that no line has room for


def plain(text: object) -> str:
    r"""Text without what no page can show: control characters, halves of characters.

    Example:
        >>> plain("a\x00b\ud800\n")
        'ab '
    """
    whole = str(text).encode("utf-8", "ignore").decode()
    return "".join(c if c.isprintable() else " " * c.isspace() for c in whole)


def breakable(text: object) -> str:
    """Plain text in which endless words may be broken."""
    return _LONG.sub(lambda found: found.group() + "\u200b", plain(text))


def unit(code: str | None) -> str:
    """A UCUM code as people write it."""
    return "" if not code else _UNITS.get(code, plain(code).replace("{", "").replace("}", ""))


def value(given: Any, code: str | None = "") -> str:
    """A value of a figure or a cell.

    Example:
        >>> value(12345.67891), value(None), value(35.21860012, "deg"), value(2011, "a")
        ('12,345.679', '—', '35.2186', '2011')
    """
    if given is None or given == "":
        return NOTHING
    if isinstance(given, bool):
        return "是 yes" if given else "否 no"
    if isinstance(given, int | float) and code != "a":
        digits = 6 if code == "deg" else 3
        return f"{round(given, digits):,.{digits}f}".rstrip("0").rstrip(".") or "0"
    if isinstance(given, str):
        return VERDICTS.get(given, breakable(given))
    return breakable(json.dumps(given, ensure_ascii=False))


def moment(text: str) -> str:
    """An instant in the city's time, as far as it is one."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return breakable(text)
    local = at.astimezone(BEIJING) if at.tzinfo else at
    return f"{local:%Y-%m-%d %H:%M:%S} 北京时间 (UTC+8)"


def both(zh: str, en: str) -> str:
    """A title in both languages, once where they are the same."""
    return breakable(" ".join(dict.fromkeys(part for part in (zh, en) if part)))
