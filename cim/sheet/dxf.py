"""A sheet as DXF: layers by pen, one unit a millimetre on paper, words in a Chinese style."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ezdxf.colors
import ezdxf.filemanagement
import ezdxf.units
from ezdxf.enums import TextEntityAlignment

from cim.sheet.model import Ellipse, Item, Line, Pen, Sheet, Text

STYLE = "CJK"
_ALIGN = {
    "start": TextEntityAlignment.LEFT, "middle": TextEntityAlignment.CENTER,
    "end": TextEntityAlignment.RIGHT,
}  # fmt: skip
_WEIGHTS = (0, 5, 9, 13, 15, 18, 20, 25, 30, 35, 40, 50, 53, 60, 70, 80, 90, 100)  # 0.01 mm


def write_dxf(sheet: Sheet, target: Path) -> None:
    """Write a sheet as DXF of AutoCAD 2004 in the code page that Chinese programs expect.

    Words are GBK and the file says so (ANSI_936); what GBK lacks is escaped as DXF does it.
    """
    drawing = ezdxf.filemanagement.new("R2004")
    drawing.encoding = "gbk"
    drawing.units = ezdxf.units.MM
    drawing.styles.add(STYLE, font="simhei.ttf")
    model = drawing.modelspace()
    for pen in {item.pen.name: item.pen for item in sheet.items}.values():
        _layer(drawing, pen)
    for item in sheet.items:
        _draw(model, item)
    drawing.saveas(target)


def _layer(drawing: Any, pen: Pen) -> None:
    if pen.name in drawing.layers:
        layer = drawing.layers.get(pen.name)
    else:
        layer = drawing.layers.add(pen.name)
    layer.rgb = ezdxf.colors.RGB.from_hex(pen.color)
    layer.dxf.lineweight = min(_WEIGHTS, key=lambda w: abs(w - 100 * pen.width))
    if pen.dash:
        name = f"DASH_{'_'.join(f'{d:g}' for d in pen.dash)}".replace(".", "P")
        if name not in drawing.linetypes:
            signed = [d if i % 2 == 0 else -d for i, d in enumerate(pen.dash)]
            drawing.linetypes.add(name, [sum(pen.dash), *signed], description=name)
        layer.dxf.linetype = name


def _draw(model: Any, item: Item) -> None:
    attributes = {"layer": item.pen.name}
    if isinstance(item, Text):
        text = model.add_text(item.words, height=item.height, rotation=item.turn,
                              dxfattribs={**attributes, "style": STYLE})  # fmt: skip
        text.set_placement(item.at, align=_ALIGN[item.anchor])
    elif isinstance(item, Ellipse):
        _ellipse(model, item, attributes)
    else:
        _line(model, item, attributes)


def _line(model: Any, item: Line, attributes: dict[str, Any]) -> None:
    model.add_lwpolyline(item.points.tolist(), close=item.closed, dxfattribs=attributes)


def _ellipse(model: Any, item: Ellipse, attributes: dict[str, Any]) -> None:
    """DXF wants the longer axis as the major one."""
    (first, second), tilt = item.axes, item.tilt
    if math.isclose(first, second, rel_tol=1e-9):
        model.add_circle(item.centre, first, dxfattribs=attributes)
        return
    if second > first:
        first, second, tilt = second, first, tilt + 90
    angle = math.radians(tilt)
    major = (first * math.cos(angle), first * math.sin(angle))
    model.add_ellipse(item.centre, major_axis=major, ratio=max(second / first, 1e-6),
                      dxfattribs=attributes)  # fmt: skip
