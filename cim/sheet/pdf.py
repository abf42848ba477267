"""A sheet as PDF: its SVG set on a page of its own size by Typst, lines and words as such."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typst

from cim.sheet.model import Sheet
from cim.sheet.svg import write_svg


def write_pdf(sheet: Sheet, target: Path) -> None:
    """Write a sheet; Chinese needs a Chinese font on the machine (fonts-noto-cjk)."""
    with tempfile.TemporaryDirectory(prefix="cim-sheet-") as name:
        folder = Path(name)
        write_svg(sheet, folder / "sheet.svg")
        page = folder / "sheet.typ"
        title = sheet.title.replace("\\", "").replace('"', "")
        page.write_text(
            f'#set document(title: "{title}", date: none)\n'
            f"#set page(width: {sheet.width:g}mm, height: {sheet.height:g}mm, margin: 0pt)\n"
            '#image("sheet.svg", width: 100%, height: 100%)\n',
            "utf-8",
        )
        typst.compile(str(page), output=str(target), root=name)
