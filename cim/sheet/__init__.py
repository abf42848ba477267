"""Drawings to take away: a sheet of lines, ellipses and words in mm, as SVG, PDF and DXF."""

from cim.sheet.dxf import write_dxf
from cim.sheet.frame import SMALLEST, framed
from cim.sheet.model import Ellipse, Item, Line, Pen, Sheet, Text
from cim.sheet.pdf import write_pdf
from cim.sheet.svg import write_svg

__all__ = [
    "SMALLEST",
    "Ellipse",
    "Item",
    "Line",
    "Pen",
    "Sheet",
    "Text",
    "framed",
    "write_dxf",
    "write_pdf",
    "write_svg",
]
