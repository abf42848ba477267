"""A sheet as SVG, in millimetres."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from cim.sheet.model import Ellipse, Item, Line, Sheet, Text

FONT = "Noto Sans CJK SC, Microsoft YaHei, SimHei, sans-serif"
_CAPITAL = 0.73  # of the font's size: height of a capital letter


def write_svg(sheet: Sheet, target: Path) -> None:
    """Write a sheet; each layer is named by the class of its items."""
    body = "\n".join(_item(item, sheet.height) for item in sheet.items)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:g}mm" '
        f'height="{sheet.height:g}mm" viewBox="0 0 {sheet.width:g} {sheet.height:g}">\n'
        f"<title>{escape(sheet.title)}</title>\n"
        f'<rect width="{sheet.width:g}" height="{sheet.height:g}" fill="#ffffff"/>\n'
        f'<g font-family="{FONT}" stroke-linejoin="round">\n{body}\n</g>\n</svg>\n',
        "utf-8",
    )


def _item(item: Item, height: float) -> str:
    name = quoteattr(item.pen.name)
    if isinstance(item, Text):
        x, y = item.at[0], height - item.at[1]
        turn = f' transform="rotate({-item.turn:g} {x:.3f} {y:.3f})"' if item.turn else ""
        return (
            f'<text data-layer={name} x="{x:.3f}" y="{y:.3f}" fill="{item.pen.color}" '
            f'font-size="{item.height / _CAPITAL:.3f}" text-anchor="{item.anchor}"{turn}>'
            f"{escape(item.words)}</text>"
        )
    dash = f' stroke-dasharray="{" ".join(f"{d:g}" for d in item.pen.dash)}"' if item.pen.dash \
        else ""  # fmt: skip
    style = (
        f'fill="{item.fill or "none"}" stroke="{item.pen.color}" '
        f'stroke-width="{item.pen.width:g}"{dash}'
    )
    if isinstance(item, Ellipse):
        x, y = item.centre[0], height - item.centre[1]
        return (
            f'<ellipse data-layer={name} cx="{x:.3f}" cy="{y:.3f}" rx="{item.axes[0]:.4f}" '
            f'ry="{item.axes[1]:.4f}" transform="rotate({-item.tilt:.4f} {x:.3f} {y:.3f})" '
            f"{style}/>"
        )
    return _line(item, height, name, style)


def _line(item: Line, height: float, name: str, style: str) -> str:
    points = " ".join(f"{x:.3f},{height - y:.3f}" for x, y in item.points.tolist())
    kind = "polygon" if item.closed else "polyline"
    return f'<{kind} data-layer={name} points="{points}" {style}/>'
