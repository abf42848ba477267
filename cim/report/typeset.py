"""From an answer to pages: gathers what a report needs and has it typeset, offline."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst
from PIL import Image, UnidentifiedImageError
from sqlalchemy import Connection, Engine

from cim.catalog import registry
from cim.catalog.registry import Version
from cim.city import City
from cim.errors import MissingError, NotFoundError, ParameterError
from cim.layers import Kind
from cim.report.chart import chart
from cim.report.content import Source, as_json, content
from cim.report.map import draw
from cim.report.words import BEIJING, both
from cim.store.database import ready
from cim.store.files import Files
from cim.topic import Analysis

TEMPLATE = Path(__file__).with_name("template.typ")
FONTS = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Noto Serif CJK SC",
)  # fmt: skip
MOST_PIXELS = 40_000_000
MOST_BYTES = 40_000_000
_SEEN = "屏幕所见的三维视图 the 3D view as it was on the screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Makes reports of an installation's answers.

    Args:
        city: Where we are.
        engine: The catalogue: which versions an answer was read from, and when they were published.
        files: Published imagery, to draw the map on.
    """

    city: City
    engine: Engine
    files: Files

    def pdf(
        self, answer: Mapping[str, Any], analysis: Analysis, folder: Path, printed: str,
        picture: bytes | None = None,
    ) -> bytes:  # fmt: skip
        """The report of an answer.

        Args:
            answer: As ``cim.answer`` gives it.
            analysis: Its declaration.
            folder: Of the answer's files.
            printed: When it is printed, as text; nothing else in it depends on the clock.
            picture: Of the map as somebody saw it, PNG or JPEG; without, the server draws one.

        Raises:
            ParameterError: the picture is none, or too large.
            MissingError: no font of this machine has Chinese letters.
        """
        family = _family()
        with ready(self.engine) as connection:
            sources = _sources(connection, answer)
            pictures = _pictures(connection, self.files) if picture is None else []
        said = content(answer, analysis, sources, self.city.name, printed)
        with tempfile.TemporaryDirectory(prefix="cim-report-") as made:
            work = Path(made)
            said["map"], said["map_note"] = "", ""
            if picture is not None:
                said["map"], said["map_note"] = _checked(picture, work), _SEEN
            elif drawn := draw(answer, folder, pictures, self.city.compute_crs, family):
                said["map"], said["map_note"] = "map.svg", drawn.note
                (work / "map.svg").write_text(drawn.svg, "utf-8")
            said["charts"] = _charts(answer, work, family)
            said["family"] = family
            (work / "data.json").write_text(as_json(said), "utf-8")
            (work / "main.typ").write_bytes(TEMPLATE.read_bytes())
            return bytes(typst.compile(str(work / "main.typ"), root=str(work), format="pdf"))


@lru_cache(maxsize=1)
def _family() -> str:
    """A font of this machine that has Chinese letters.

    Raises:
        MissingError: there is none.
    """
    have = set(typst.Fonts(include_embedded_fonts=False).families())
    found = next((name for name in FONTS if name in have), None)
    if found is None:
        raise MissingError(
            "no font of this machine has Chinese letters, so no report can be typeset",
            remedy="install one: apt-get install fonts-noto-cjk (or fonts-droid-fallback)",
        )
    return found


def _checked(picture: bytes, work: Path) -> str:
    """Keep a picture that somebody sent, as what it is; its file's name."""
    try:
        with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ParameterError(
                    f"the picture has {image.width} × {image.height} pixels",
                    remedy=f"send one of at most {MOST_PIXELS // 1_000_000} megapixels",
                )
            image.convert("RGB").save(work / "map.jpg", "JPEG", quality=90)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise ParameterError(
            f"the picture of the map cannot be read: {error}", remedy="send PNG or JPEG"
        ) from error
    return "map.jpg"


def _charts(answer: Mapping[str, Any], work: Path, family: str) -> list[dict[str, str]]:
    out = []
    for n, series in enumerate(answer["series"] or ()):
        (work / f"chart{n}.svg").write_text(chart(series, family), "utf-8")
        out.append({"file": f"chart{n}.svg", "title": both(series["title"], series["title_en"])})
    return out


def _sources(connection: Connection, answer: Mapping[str, Any]) -> list[Source]:
    """The versions that the answer names, also those that the catalogue has no more."""
    out = []
    for given in answer["provenance"].get("inputs", ()):
        layer, number = str(given.get("layer", "")), given.get("version")
        if not layer:
            continue
        try:
            found = registry.published(connection, layer, number)
        except NotFoundError:
            out.append(Source(title=layer, layer=f"{layer} v{number}", surveyed="", published=""))
            continue
        out.append(
            Source(
                title=both(found.layer.title, found.layer.title_en),
                layer=f"{layer} v{found.version} ({found.key[:8]})",
                surveyed=str(found.media.get("date") or ""),
                published=f"{found.published_at.astimezone(BEIJING):%Y-%m-%d %H:%M}",
            )
        )
    return out


def _pictures(connection: Connection, files: Files) -> list[tuple[Path, str]]:
    """Published photographs, the coarsest first, as the viewer stacks them."""
    found = [
        (entry.current, entry.layer.title)
        for entry in registry.entries(connection)
        if entry.current is not None
        and entry.layer.kind is Kind.IMAGERY
        and entry.layer.style.visible
        and "cog" in entry.current.media
    ]
    return [
        (files.file(v.layer.id, v.version, str(v.media["cog"])), title)
        for v, title in sorted(found, key=lambda one: _cell(one[0]), reverse=True)
    ]


def _cell(version: Version) -> float:
    return float(version.media.get("resolution") or 0.0)
